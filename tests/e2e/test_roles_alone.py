# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another repository, with the collection only, runs the examples in the READMEs of the roles."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.site_copy import PROJECT, Play, Site, make_site
from tests.support.task_results import changed

pytestmark = pytest.mark.slow

# Each role needs the resources of the roles before it.
ORDER = ("sandbox", "foundation", "registry", "storage", "sql", "image", "app_environment", "mlflow_app", "verify")
# The address range of the sandbox.
OFFICE = {"mlflow_app_allowed_address_ranges": [{"name": "office", "range": "127.0.0.0/8"}]}
# Modules of this collection that change nothing in Azure.
NOT_IN_AZURE = {"mlflow_roundtrip", "container_app_revision"}


def example(role: str) -> list[dict[str, Any]]:
    """Return the plays of the example in the README of a role."""
    text = (PROJECT / "roles" / role / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    plays: list[dict[str, Any]] = yaml.safe_load(block)
    return plays


@dataclass(frozen=True)
class Elsewhere:
    """The other repository, and the sandbox as its Azure."""

    site: Site
    folder: Path

    def play(self, plays: list[dict[str, Any]], settings: dict[str, Any], *options: str) -> Play:
        (self.folder / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
        return self.site.ansible_playbook(
            *("-i", "localhost,", "-c", "local"),
            *("-e", json.dumps({**OFFICE, "ansible_python_interpreter": sys.executable, **settings})),
            *("play.yml", *options),
            folder=self.folder,
            **self.site.sandbox_environment(),
            ANSIBLE_COLLECTIONS_PATH=str(self.site.clone / ".ansible" / "collections"),
            ANSIBLE_HOME=str(self.folder / "home"),
            MLFLOW_CRYPTO_KEK_PASSPHRASE="of-the-examples-0123456789-0123456789",
        )

    def standing(self) -> set[str]:
        """Return the ids of the resource group and of the resources in it."""
        return {key for key, _body in self.site.writes() if "/resourcegroups/rg-vision" in key.lower()}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "repository").mkdir()
    site = make_site(folder)
    site.sandbox("up")
    yield Elsewhere(site, folder / "repository")
    site.sandbox("down", "--purge")


def changed_in_azure(play: Play) -> set[tuple[str, str]]:
    """Return role and module of each task that changed Azure. A message about a planned role assignment counts as one."""
    planned = {(role, "role_assignment" if module == "debug" else module) for role, module in changed(play.results)}
    azure = {result.short_module for result in play.results if result.is_azure} | {"role_assignment"}
    return {(role, module) for role, module in planned if module in azure - NOT_IN_AZURE}


def all_examples(*, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [play for role in ORDER if role not in without for play in example(role)]


def test_each_role_has_an_example() -> None:
    """mlflow_client has its own test, because it needs clients of three versions."""
    assert {path.name for path in (PROJECT / "roles").iterdir()} - {"mlflow_client"} == set(ORDER)


def test_the_examples_plan_create_and_remove_a_deployment(elsewhere: Elsewhere) -> None:
    plan = elsewhere.play(all_examples(), {}, "--check", "--diff")
    assert plan.code == 0, plan.output[-6000:]
    assert elsewhere.standing() == set()

    made = elsewhere.play(all_examples(), {})
    assert made.code == 0, made.output[-6000:]
    assert len(changed_in_azure(made)) >= 10
    assert changed_in_azure(made) <= changed_in_azure(plan), "the plan did not predict it"

    again = elsewhere.play(all_examples(without=("verify",)), {}, "--check", "--diff")
    assert (again.code, changed(again.results)) == (0, set()), again.output[-6000:]

    # Without remove_data, everything is removed except the data and its resource group.
    # The other roles need the facts of the role foundation, so its resources are removed last.
    removal = [play for role in reversed(ORDER[1:-1]) for play in example(role)]
    facts = example("foundation") + removal
    states = {f"{role}_state": "absent" for role in ORDER[2:-1]}
    # The facts of other roles. The removal needs names only.
    names = (
        "sql_backend_store_uri",
        "storage_artifacts_destination",
        "image_reference",
        "image_login_server",
        "app_environment_id",
    )
    others = dict.fromkeys(names, "")
    before = elsewhere.standing()
    gone = elsewhere.play(facts, {**states, **others})
    assert gone.code == 0, gone.output[-6000:]
    assert elsewhere.standing() < before
    identity = elsewhere.play(example("foundation"), {"foundation_state": "absent"})
    assert (identity.code, identity.changed) == (0, 1), identity.output[-6000:]
    left = "\n".join(sorted(elsewhere.standing()))
    for kept in (
        "storageaccounts/stvision",
        "containers/mlflow",
        "servers/sql-vision/databases/mlflow",
        "workspaces/log-vision",
    ):
        assert kept in left, left
    for removed in (
        "containerapps/",
        "managedenvironments/",
        "registries/",
        "firewallrules/",
        "userassignedidentities/",
        "roleassignments/",
    ):
        assert removed not in left, left

    # With remove_data, everything is removed. A second run changes nothing.
    words = {f"{role}_remove_data": True for role in ("storage", "sql", "foundation")}
    without_identity = {
        **others,
        "foundation_state": "absent",
        "foundation_workspace": {"id": "", "customer_id": ""},
        "foundation_identity": {"id": "", "principal_id": "", "client_id": ""},
    }
    everything = elsewhere.play(removal, {**states, **words, **without_identity})
    assert everything.code == 0, everything.output[-6000:]
    assert elsewhere.standing() == set()
    nothing = elsewhere.play(removal, {**states, **words, **without_identity})
    assert (nothing.code, nothing.changed) == (0, 0), nothing.output[-6000:]
