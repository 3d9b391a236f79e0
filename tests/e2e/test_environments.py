# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every inventory plans against the sandbox, and two deployments of one inventory stand side by side."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.site_copy import Play, Site, make_site

pytestmark = pytest.mark.slow

# What has to be filled in.
FILLED_IN: dict[str, Any] = {
    "deployment_suffix": "e2e",
    "image_accept_msodbc_eula": True,
    "mlflow_app_allowed_address_ranges": [{"name": "this-machine", "range": "127.0.0.0/8"}],
}
SUBNET = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-network"
    "/providers/Microsoft.Network/virtualNetworks/vnet/subnets/mlflow"
)
# What a plan of an empty subscription has to show, besides the two roles.
PLANNED = (
    "Make the resource group",
    "Make the identity of the app",
    "Make the workspace for logs",
    "Make the registry",
    "Make the storage account",
    "Make the container for artifacts",
    "Make the SQL server",
    "Make the database",
    "Build the image and push it",
    "Make the environment",
    "Run the server",
    "Plan to let the app pull its image",
    "Plan to let the app read and write artifacts",
)
SAFE = (
    "Keep what is deleted for some days",
    "Keep the storage account from being deleted",
    "Keep backups for some days",
    "Keep the database from being deleted",
)
DEPLOYMENTS = ("vision", "speech")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = make_site(tmp_path_factory.mktemp("environments"))
    made.sandbox("up")
    yield made
    made.sandbox("down", "--purge")


def run(site: Site, inventory: str | Path, *options: str, **environment: str) -> Play:
    """site.yml with an inventory, as somebody whose shell has sourced the sandbox's file."""
    playbook = Path(sys.executable).parent / "ansible-playbook"
    given = {
        **site.sandbox_environment(),
        "MLFLOW_CRYPTO_KEK_PASSPHRASE": "of-the-tests-0123456789-0123456789",
        **environment,
    }
    done = site.run(playbook, "-i", inventory, "playbooks/site.yml", *options, **given)
    return Play(done.returncode, done.stdout)


def changed(play: Play) -> set[str]:
    """The names of the tasks that show as changed, without their roles."""
    found = r"^TASK \[(?:\S+ : )?([^]]+)\] \*+\n(?:(?!TASK|PLAY).*\n)*?changed: "
    return set(re.findall(found, play.output, re.MULTILINE))


@pytest.mark.parametrize("environment", ["dev", "staging", "prod", "sandbox"])
def test_every_inventory_plans_a_first_run(site: Site, environment: str) -> None:
    filled_in = {**FILLED_IN, **({"app_environment_infrastructure_subnet_id": SUBNET} if environment == "prod" else {})}
    extra = () if environment == "sandbox" else ("-e", json.dumps(filled_in))
    before = site.writes()
    play = run(site, f"inventories/{environment}", "--check", "--diff", *extra)
    assert play.code == 0, play.output[-6000:]
    assert set(PLANNED) <= changed(play)
    if environment == "prod":
        assert set(SAFE) <= changed(play)
    assert site.writes() == before


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_what_is_not_filled_in_is_named(site: Site, environment: str) -> None:
    play = run(site, f"inventories/{environment}")
    assert play.code != 0
    for option in ("image_accept_msodbc_eula", "mlflow_app_allowed_address_ranges"):
        assert option in play.output
    assert site.resources("Microsoft.Resources/resourceGroups") == []


def test_two_deployments_of_one_inventory_stand_side_by_side(site: Site, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.yml"
    hosts.write_text(yaml.safe_dump({"mlflow": {"hosts": {name: {} for name in DEPLOYMENTS}}}), encoding="utf-8")
    two = ("-i", str(hosts), "--limit", ",".join(DEPLOYMENTS))
    first = run(site, "inventories/sandbox", *two)
    assert first.code == 0, first.output[-6000:]
    groups = {group["id"].rpartition("/")[2] for group in site.resources("Microsoft.Resources/resourceGroups")}
    assert groups == {f"rg-mlflow-{name}" for name in DEPLOYMENTS}
    uris = {site.client_settings(name)["MLFLOW_TRACKING_URI"] for name in DEPLOYMENTS}
    assert len(uris) == len(DEPLOYMENTS)
    for name in DEPLOYMENTS:
        record = json.loads((site.clone / "out" / name / "verified.json").read_text(encoding="utf-8"))
        assert record["tracking_uri"] == site.client_settings(name)["MLFLOW_TRACKING_URI"]
        kinds = ("Microsoft.Sql/servers/databases", "Microsoft.Storage/storageAccounts", "Microsoft.App/containerApps")
        assert [len(site.resources(kind, f"rg-mlflow-{name}/")) for kind in kinds] == [1, 1, 1]
    second = run(site, "inventories/sandbox", *two)
    assert second.code == 0, second.output[-6000:]
    assert changed(second) == set()
