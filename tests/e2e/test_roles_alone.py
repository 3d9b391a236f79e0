# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another repository, which has the collection and nothing else of ours, runs the examples of the roles' READMEs as they are written."""

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

pytestmark = pytest.mark.slow

# Each needs what those before it have made.
ORDER = ("sandbox", "foundation", "registry", "storage", "sql", "image", "app_environment", "mlflow_app", "verify")
# Who runs the sandbox sits in the examples' office.
OFFICE = {"mlflow_app_allowed_address_ranges": [{"name": "office", "range": "127.0.0.0/8"}]}
# Waits and looks; nothing of these is in Azure.
NOTHING_IN_AZURE = re.compile(
    r"Write |Read |Restart |Remove what was written|Make the directory|Put on record|Keep on record"
)


def example(role: str) -> list[dict[str, Any]]:
    """The plays of the example in a role's README."""
    text = (PROJECT / "roles" / role / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    plays: list[dict[str, Any]] = yaml.safe_load(block)
    return plays


@dataclass(frozen=True)
class Elsewhere:
    """The other repository, and the sandbox that stands for its Azure."""

    site: Site
    folder: Path

    def play(self, plays: list[dict[str, Any]], settings: dict[str, Any], *options: str) -> Play:
        (self.folder / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
        done = self.site.run(
            "env",
            "-C",
            self.folder,
            Path(sys.executable).parent / "ansible-playbook",
            "-i",
            "localhost,",
            "-c",
            "local",
            "-e",
            json.dumps({**OFFICE, "ansible_python_interpreter": sys.executable, **settings}),
            "play.yml",
            *options,
            **self.site.sandbox_environment(),
            ANSIBLE_COLLECTIONS_PATH=str(self.site.clone / ".ansible" / "collections"),
            ANSIBLE_HOME=str(self.folder / "home"),
            MLFLOW_CRYPTO_KEK_PASSPHRASE="of-the-examples-0123456789-0123456789",
        )
        return Play(done.returncode, done.stdout)

    def standing(self) -> set[str]:
        """The ids of what the resource group holds, and its own."""
        return {key for key, _body in self.site.writes() if "/resourcegroups/rg-vision" in key.lower()}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "repository").mkdir()
    site = make_site(folder)
    site.sandbox("up")
    yield Elsewhere(site, folder / "repository")
    site.sandbox("down", "--purge")


def changed(play: Play) -> set[str]:
    """The names of the tasks that show as changed, without their roles; a plan for a task counts as the task."""
    names = re.findall(r"^TASK \[(?:\S+ : )?([^]]+)\] \*+\n(?:(?!TASK|PLAY).*\n)*?changed: ", play.output, re.MULTILINE)
    return {re.sub(r"^Plan to (\w)", lambda found: found[1].upper(), name) for name in names}


def all_examples(*, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [play for role in ORDER if role not in without for play in example(role)]


def test_every_role_has_an_example_here() -> None:
    """mlflow_client has its own, which needs clients of three versions."""
    assert {path.name for path in (PROJECT / "roles").iterdir()} - {"mlflow_client"} == set(ORDER)


def test_the_examples_plan_make_and_remove_a_deployment(elsewhere: Elsewhere) -> None:
    plan = elsewhere.play(all_examples(), {}, "--check", "--diff")
    assert plan.code == 0, plan.output[-6000:]
    assert elsewhere.standing() == set()

    made = elsewhere.play(all_examples(), {})
    assert made.code == 0, made.output[-6000:]
    done = {name for name in changed(made) if not NOTHING_IN_AZURE.match(name)}
    assert len(done) >= 10
    assert done <= changed(plan), "the plan did not predict it"

    again = elsewhere.play(all_examples(without=("verify",)), {}, "--check", "--diff")
    assert (again.code, changed(again)) == (0, set()), again.output[-6000:]

    # Without a word about the data: all goes but the data and the group that it lies in.
    # The facts of the role foundation are gone with its identity, so it goes last.
    removal = [play for role in reversed(ORDER[1:-1]) for play in example(role)]
    facts = example("foundation") + removal
    states = {f"{role}_state": "absent" for role in ORDER[2:-1]}
    # What the other roles would give; to remove something, its name is enough.
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

    # And with a word, all of it; a second time there is nothing to do.
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
