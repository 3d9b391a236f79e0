# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of a deployment, by playbooks and manually. A small app replaces MLflow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.quick_app import quick_arguments
from tests.support.site_copy import Play, Site, make_site

pytestmark = pytest.mark.slow

GROUP = "rg-mlflow-sandbox"
ROLE = "2022-04-01"
SQL, STORAGE = "2025-01-01", "2025-06-01"
# The playbooks that only read do not need it.
NO_SECRET = ("-e", "mlflow_app_crypto_kek_passphrase=")
CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


@dataclass(frozen=True)
class Standing:
    """A deployment, and the arguments of the playbook that created it."""

    site: Site
    arguments: tuple[str, ...]

    def play(self, name: str, *more: str) -> Play:
        return self.site.play(name, *self.arguments, *more)

    def one(self, kind: str) -> dict[str, Any]:
        (result,) = self.site.resources(kind, GROUP)
        return result


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("changes")
    site = make_site(folder)
    result = Standing(site, quick_arguments(folder / "app"))
    try:
        made = result.play("site.yml")
        assert made.code == 0, made.output[-4000:]
        yield result
    finally:
        site.sandbox("down", "--purge")


def message_text(play: Play) -> str:
    return " ".join(play.output.split())


def test_playbooks_that_only_read_need_no_secret(standing: Standing) -> None:
    before = standing.site.writes()
    drift = standing.play("drift.yml", *NO_SECRET)
    assert drift.code == 0, drift.output[-4000:]
    assert (
        "everything is as the inventory says. Not compared, because this run has no value: crypto-kek-passphrase."
        in message_text(drift)
    )
    client = standing.play("client.yml", *NO_SECRET)
    assert client.code == 0, client.output[-4000:]
    fqdn = standing.one("Microsoft.App/containerApps")["properties"]["configuration"]["ingress"]["fqdn"]
    assert f"value: https://{fqdn}" in message_text(client)
    # The only request reads the app.
    assert {one.short_module for one in client.results if one.is_azure} == {"container_app_info"}
    assert standing.site.writes() == before


@pytest.mark.parametrize("playbook", ["client.yml", "verify.yml"])
def test_a_missing_deployment_is_reported(standing: Standing, playbook: str) -> None:
    play = standing.play(playbook, "-e", "deployment=nowhere")
    assert play.code != 0
    assert (
        "There is no app mlflow with an ingress in the resource group rg-mlflow-nowhere. Run site.yml first."
        in message_text(play)
    )


def test_drift_of_four_resource_types_is_reported(standing: Standing) -> None:
    site, client = standing.site, standing.site.client()
    app, registry = standing.one("Microsoft.App/containerApps"), standing.one("Microsoft.ContainerRegistry/registries")
    account, rule = (
        standing.one("Microsoft.Storage/storageAccounts"),
        standing.one("Microsoft.Sql/servers/firewallRules"),
    )
    (assignment,) = site.resources("Microsoft.Authorization/roleAssignments", registry["id"])
    scale = {"properties": {"template": {"scale": {"maxReplicas": 3}}}}
    client.wait(client.arm("PATCH", app["id"], scale))
    assert (
        client.arm("PATCH", account["id"], {"properties": {"minimumTlsVersion": "TLS1_0"}}, version=STORAGE).status_code
        == 200
    )
    assert client.arm("DELETE", rule["id"], version=SQL).status_code == 200
    assert client.arm("DELETE", assignment["id"], version=ROLE).status_code == 200
    before = site.writes()
    play = standing.play("drift.yml", *NO_SECRET)
    assert play.code == 2, play.output[-4000:]
    message = " ".join(play.output.rpartition("[ERROR]: ")[2].split())
    assert "sandbox: 4 resources differ. Run site.yml to correct the deployment. Not compared" in message
    assert "properties.template.scale.maxReplicas is 3, and should be 1" in message
    assert "properties.minimumTlsVersion is TLS1_0, and should be TLS1_2" in message
    assert "AllowAllWindowsAzureIps: is missing" in message
    assert re.search(r"Microsoft.Authorization/roleAssignments [0-9a-f-]+: is missing", message)
    assert site.writes() == before
    mended = standing.play("site.yml")
    assert mended.code == 0, mended.output[-4000:]
    again = standing.play("drift.yml")
    assert again.code == 0, again.output[-4000:]
    assert "Not compared" not in again.output


def artifacts_roles(standing: Standing) -> list[dict[str, Any]]:
    account = standing.one("Microsoft.Storage/storageAccounts")
    result = standing.site.resources("Microsoft.Authorization/roleAssignments", account["id"])
    return [one for one in result if one["properties"]["roleDefinitionId"].endswith(CONTRIBUTOR)]


def test_storage_authentication_changes_without_downtime(standing: Standing) -> None:
    """The access of the running app is removed only after the app uses the other authentication."""
    by_key = ("-e", "storage_authentication=connection_string")
    assert len(artifacts_roles(standing)) == 1
    plan = standing.play("site.yml", *by_key, "--check")
    assert plan.code == 0, plan.output[-4000:]
    changed = standing.play("site.yml", *by_key)
    assert changed.code == 0, changed.output[-4000:]
    order = [one.short_module for one in changed.results if one.status == "changed"]
    assert order.index("container_app") < order.index("role_assignment")
    assert artifacts_roles(standing) == []
    assert standing.one("Microsoft.Storage/storageAccounts")["properties"]["allowSharedKeyAccess"] is True
    secrets = standing.one("Microsoft.App/containerApps")["properties"]["configuration"]["secrets"]
    assert "storage-connection-string" in [secret["name"] for secret in secrets]
    again = standing.play("site.yml", *by_key)
    assert (again.code, again.changed) == (0, 0), again.output[-4000:]

    drift = standing.play("drift.yml")
    assert drift.code == 2, drift.output[-4000:]
    assert "properties.allowSharedKeyAccess is true, and should be false" in message_text(drift)
    back = standing.play("site.yml")
    assert back.code == 0, back.output[-4000:]
    app, account = standing.one("Microsoft.App/containerApps"), standing.one("Microsoft.Storage/storageAccounts")
    assert account["properties"]["allowSharedKeyAccess"] is False
    assert account["updated"] > app["updated"]
    assert len(artifacts_roles(standing)) == 1
    assert "storage-connection-string" not in [one["name"] for one in app["properties"]["configuration"]["secrets"]]
    again = standing.play("site.yml")
    assert (again.code, again.changed) == (0, 0), again.output[-4000:]


def job(standing: Standing, name: str) -> str:
    """Create a job in the environment of the deployment. Return its id."""
    environment, identity = (
        standing.one("Microsoft.App/managedEnvironments"),
        standing.one("Microsoft.ManagedIdentity/userAssignedIdentities"),
    )
    app = standing.one("Microsoft.App/containerApps")
    container = {
        "name": "c",
        "image": app["properties"]["template"]["containers"][0]["image"],
        "resources": {"cpu": 0.5, "memory": "1Gi"},
    }
    client = standing.site.client()
    made = client.put(
        f"{client.subscription}/resourceGroups/{GROUP}/providers/Microsoft.App/jobs/{name}",
        {
            "location": "westeurope",
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity["id"]: {}}},
            "properties": {
                "environmentId": environment["id"],
                "configuration": {
                    "triggerType": "Manual",
                    "replicaTimeout": 60,
                    "manualTriggerConfig": {"parallelism": 1, "replicaCompletionCount": 1},
                    "registries": app["properties"]["configuration"]["registries"],
                },
                "template": {"containers": [container]},
            },
        },
    )
    return str(made["id"])


def test_teardown_shows_and_removes_only_the_resources_of_the_deployment(standing: Standing) -> None:
    site, client = standing.site, standing.site.client()
    elsewhere = client.group().rpartition("/")[2]
    foreign = client.storage(f"{client.subscription}/resourceGroups/{elsewhere}")
    own = client.storage(f"{client.subscription}/resourceGroups/{elsewhere}")
    mine = ("-e", f"storage_resource_group={elsewhere}", "-e", f"storage_account_name={own['name']}")
    job(standing, "mlflow-probe-3-17")
    teams = job(standing, "team-job")

    refused = standing.play("teardown.yml", *mine, "-e", "teardown_data=true")
    assert refused.code != 0
    assert "mlflow-probe-3-17" in message_text(refused)
    # Foreign resources in a resource group that the deployment uses are not mentioned, and its own resources there are kept.
    assert foreign["name"] not in refused.output
    assert f"To be kept: Microsoft.Storage/storageAccounts/{own['name']} in {elsewhere}" in message_text(refused)

    kept = standing.play("teardown.yml", *mine, "-e", "teardown_confirm=sandbox")
    assert kept.code == 0, kept.output[-4000:]
    assert [one["id"].rpartition("/")[2] for one in site.resources("Microsoft.App/jobs")] == ["team-job"]
    assert len(site.resources("Microsoft.App/managedEnvironments")) == 1  # the job of the team needs it
    assert site.resources("Microsoft.App/containerApps") == []
    assert site.resources("Microsoft.ContainerRegistry/registries") == []

    client.wait(client.arm("DELETE", teams))
    gone = standing.play("teardown.yml", "-e", "teardown_confirm=sandbox")
    assert gone.code == 0, gone.output[-4000:]
    assert site.resources("Microsoft.App/managedEnvironments") == []
    assert len(site.resources("Microsoft.Storage/storageAccounts")) == 3


def test_teardown_refuses_to_start_with_a_lock_on_the_data(standing: Standing) -> None:
    site, client = standing.site, standing.site.client()
    (account,) = [
        one
        for one in site.resources("Microsoft.Storage/storageAccounts", GROUP)
        if one["tags"].get("deployment") == "sandbox"
    ]
    lock = f"{account['id']}/providers/Microsoft.Authorization/locks/mlflow-artifacts"
    made = client.arm("PUT", lock, {"properties": {"level": "CanNotDelete"}}, version="2020-05-01")
    assert made.status_code == 201, made.text
    before = site.writes()
    play = standing.play("teardown.yml", "-e", "teardown_confirm=sandbox", "-e", "teardown_data=true")
    assert play.code != 0
    assert "there is mlflow-artifacts, of storage_delete_lock. Nothing has been removed." in message_text(play), (
        play.failures
    )
    assert "run site.yml with -e storage_delete_lock=false and then" in message_text(play)
    assert site.writes() == before
    # Without the data, nothing below the lock is removed.
    assert standing.play("teardown.yml", "-e", "teardown_confirm=sandbox").code == 0
    assert client.arm("DELETE", lock, version="2020-05-01").status_code == 200


def test_teardown_removes_the_resources_of_roles_whose_state_is_absent(standing: Standing) -> None:
    site = standing.site
    account = standing.one("Microsoft.Storage/storageAccounts")
    assert len(artifacts_roles(standing)) == 1
    absent = [word for role in ("sql", "storage", "foundation") for word in ("-e", f"{role}_state=absent")]
    play = standing.play("teardown.yml", "-e", "teardown_confirm=sandbox", *absent)
    assert play.code == 0, play.output[-4000:]
    assert site.resources("Microsoft.Sql/servers/firewallRules", GROUP) == []
    assert site.resources("Microsoft.Authorization/roleAssignments", account["id"]) == []
    assert site.resources("Microsoft.ManagedIdentity/userAssignedIdentities", GROUP) == []
    # The data stays without remove_data.
    assert standing.one("Microsoft.Storage/storageAccounts")["id"] == account["id"]
    assert len(site.resources("Microsoft.Sql/servers/databases", GROUP)) == 1
    again = standing.play("teardown.yml", "-e", "teardown_confirm=sandbox", *absent)
    assert (again.code, again.changed) == (0, 0), again.output[-4000:]
    data = standing.play("teardown.yml", "-e", "teardown_confirm=sandbox", *absent[:2], "-e", "sql_remove_data=true")
    assert data.code == 0, data.output[-4000:]
    assert site.resources("Microsoft.Sql/servers", GROUP) == []
    assert standing.one("Microsoft.Storage/storageAccounts")["id"] == account["id"]


def test_teardown_fails_without_the_permission_to_read_a_resource_group(standing: Standing) -> None:
    """Without the permission, the plan would be incomplete."""
    site, client = standing.site, standing.site.client()
    assignments = f"{client.subscription}/providers/Microsoft.Authorization/roleAssignments"
    (mine,) = [
        one
        for one in client.arm("GET", assignments, version=ROLE).json()["value"]
        if one["properties"]["principalId"] == client.me()
    ]
    group = f"{client.subscription}/resourceGroups/{GROUP}"
    narrow = {**mine["properties"], "scope": None}
    wanted = {"properties": {key: narrow[key] for key in ("roleDefinitionId", "principalId", "principalType")}}
    given = client.arm(
        "PUT",
        f"{group}/providers/Microsoft.Authorization/roleAssignments/{mine['name'][:-4]}0000",
        wanted,
        version=ROLE,
    )
    assert given.status_code == 201, given.text
    hidden = client.group().rpartition("/")[2]
    assert client.arm("DELETE", mine["id"], version=ROLE).status_code == 200
    before = site.writes()
    play = standing.play("teardown.yml", "-e", f"sql_resource_group={hidden}", "-e", "teardown_confirm=sandbox")
    assert play.code != 0
    assert "AuthorizationFailed" in play.output
    assert site.writes() == before
