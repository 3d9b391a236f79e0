# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each inventory plans against the sandbox, and one inventory can have two deployments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.site_copy import Play, Site, make_site
from tests.support.task_results import changed

pytestmark = pytest.mark.slow

# The settings that a user fills in.
FILLED_IN: dict[str, Any] = {
    "deployment_suffix": "e2e",
    "image_accept_msodbc_eula": True,
    "mlflow_app_allowed_address_ranges": [{"name": "this-machine", "range": "127.0.0.0/8"}],
}
SUBNET = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-network"
    "/providers/Microsoft.Network/virtualNetworks/vnet/subnets/mlflow"
)
# The changes that a plan of an empty subscription shows, by role and module. The planned role assignments are messages.
PLANNED = {
    ("foundation", "resource_group"),
    ("foundation", "user_assigned_identity"),
    ("foundation", "log_analytics_workspace"),
    ("registry", "container_registry"),
    ("registry", "debug"),
    ("storage", "storage_account"),
    ("storage", "storage_container"),
    ("storage", "debug"),
    ("sql", "sql_server"),
    ("sql", "sql_database"),
    ("image", "container_image"),
    ("app_environment", "container_app_environment"),
    ("mlflow_app", "container_app"),
}
# The same for the settings of prod.
PLANNED_IN_PROD = {("storage", "storage_blob_service"), ("storage", "management_lock"), ("sql", "management_lock")}
DEPLOYMENTS = ("vision", "speech")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = make_site(tmp_path_factory.mktemp("environments"))
    made.sandbox("up")
    yield made
    made.sandbox("down", "--purge")


def run(site: Site, inventory: str | Path, *options: str, **environment: str) -> Play:
    """Run site.yml with an inventory in the environment of the sandbox."""
    given = {
        **site.sandbox_environment(),
        "MLFLOW_CRYPTO_KEK_PASSPHRASE": "of-the-tests-0123456789-0123456789",
        **environment,
    }
    return site.ansible_playbook("-i", inventory, "playbooks/site.yml", *options, **given)


@pytest.mark.parametrize("environment", ["dev", "staging", "prod", "sandbox"])
def test_each_inventory_plans_a_first_run(site: Site, environment: str) -> None:
    filled_in = {**FILLED_IN, **({"app_environment_infrastructure_subnet_id": SUBNET} if environment == "prod" else {})}
    extra = () if environment == "sandbox" else ("-e", json.dumps(filled_in))
    before = site.writes()
    play = run(site, f"inventories/{environment}", "--check", "--diff", *extra)
    assert play.code == 0, play.output[-6000:]
    assert changed(play.results) >= PLANNED
    if environment == "prod":
        # The database, and the retention of its backups.
        databases = [one for one in play.results if one.short_module == "sql_database"]
        assert [one.status for one in databases] == ["changed", "changed"]
        assert changed(play.results) >= PLANNED_IN_PROD
    assert site.writes() == before


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_settings_that_are_not_filled_in_are_named(site: Site, environment: str) -> None:
    play = run(site, f"inventories/{environment}")
    assert play.code != 0
    for option in ("image_accept_msodbc_eula", "mlflow_app_allowed_address_ranges"):
        assert option in play.output
    assert site.resources("Microsoft.Resources/resourceGroups") == []


def test_one_inventory_has_two_deployments(site: Site, tmp_path: Path) -> None:
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
    assert changed(second.results) == set()
