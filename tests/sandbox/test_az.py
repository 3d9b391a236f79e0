# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unmodified Azure CLI with the sandbox; its only settings are the variables of the `env` file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox_client import APP, PROJECT, Client, Platform, app_body

OWN = PROJECT / ".cache" / "az" / "bin" / "az"
AZ = str(OWN) if OWN.exists() else shutil.which("az")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(AZ is None, reason="there is no az on the PATH, and none in .cache/az"),
]


@dataclass
class Cli:
    """The command `az`, signed in, with a separate configuration folder."""

    environment: dict[str, str]
    group: str
    names: dict[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        assert AZ is not None
        return subprocess.run(
            [AZ, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def text(self, *words: str) -> str:
        """Return the output of a command that succeeds."""
        done = self.run(*words)
        assert done.returncode == 0, f"az {' '.join(words)}: {done.stderr}"
        return done.stdout

    def __call__(self, *words: str) -> Any:
        """The JSON that a command that succeeds prints; None where it prints none."""
        printed = self.text(*words)
        return json.loads(printed) if printed.strip() else None


@pytest.fixture(scope="module")
def az(sandbox: Client, platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """Return a CLI that is signed in, and a group with one resource of each type."""
    mark, group = uuid.uuid4().hex[:8], platform.group
    names = {
        "registry": platform.registry.rpartition("/")[2],
        "environment": "env",
        "identity": platform.identity["name"],
        "app": f"app-{mark}",
        "job": f"job-{mark}",
        "workspace": f"log-{mark}",
        "server": f"sql-{mark}",
        "account": f"st{mark}",
    }
    providers = f"{group}/providers"
    sandbox.put(
        f"{providers}/Microsoft.App/containerApps/{names['app']}",
        app_body(platform, secrets=[{"name": "word", "value": "hidden"}]),
    )
    sandbox.put(
        f"{providers}/Microsoft.OperationalInsights/workspaces/{names['workspace']}",
        {"location": "westeurope", "properties": {}},
    )
    login = {"administratorLogin": "boss", "administratorLoginPassword": f"Aa1-{uuid.uuid4()}"}
    sandbox.put(f"{providers}/Microsoft.Sql/servers/{names['server']}", {"location": "westeurope", "properties": login})
    sandbox.put(
        f"{providers}/Microsoft.Sql/servers/{names['server']}/databases/runs",
        {"location": "westeurope", "sku": {"name": "GP_S_Gen5_1"}},
    )
    account = f"{providers}/Microsoft.Storage/storageAccounts/{names['account']}"
    sandbox.put(account, {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"})
    assert sandbox.assign(account, "Storage Blob Data Contributor", sandbox.me()).status_code == 201
    container = {"name": "main", "image": f"{platform.server}/probe:1", "command": ["python", "-c", "print('ran')"]}
    sandbox.put(
        f"{providers}/Microsoft.App/jobs/{names['job']}",
        {
            "location": "westeurope",
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {platform.identity["id"]: {}}},
            "properties": {
                "environmentId": platform.environment,
                "configuration": {
                    "triggerType": "Manual",
                    "replicaTimeout": 60,
                    "manualTriggerConfig": {"parallelism": 1, "replicaCompletionCount": 1},
                    "registries": [{"server": platform.server, "identity": platform.identity["id"]}],
                },
                "template": {"containers": [container]},
            },
        },
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "ARM_"))}
    environment = {
        **kept,
        **sandbox.environment,
        # apart from whoever runs this; nothing that says where Azure is
        "AZURE_CONFIG_DIR": str(tmp_path_factory.mktemp("az")),
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
    }
    cli = Cli(environment, group.rpartition("/")[2], names)
    signed_in = cli(
        "login",
        "--service-principal",
        "--username",
        environment["AZURE_CLIENT_ID"],
        "--password",
        environment["AZURE_CLIENT_SECRET"],
        "--tenant",
        environment["AZURE_TENANT_ID"],
    )
    assert [one["id"] for one in signed_in] == [environment["AZURE_SUBSCRIPTION_ID"]]
    yield cli
    cli("logout")


def names_of(items: list[dict[str, Any]]) -> set[str]:
    return {item["name"] for item in items}


def test_account(az: Cli) -> None:
    content = az("account", "show")
    assert content["id"] == az.environment["AZURE_SUBSCRIPTION_ID"]
    assert content["user"] == {"name": az.environment["AZURE_CLIENT_ID"], "type": "servicePrincipal"}
    assert "westeurope" in names_of(az("account", "list-locations"))
    assert az("account", "get-access-token")["tokenType"] == "Bearer"


def test_an_invalid_secret_returns_the_error_of_entra(az: Cli, tmp_path: Path) -> None:
    other = Cli({**az.environment, "AZURE_CONFIG_DIR": str(tmp_path)}, az.group, az.names)
    client, tenant = az.environment["AZURE_CLIENT_ID"], az.environment["AZURE_TENANT_ID"]
    refused = other.run("login", "--service-principal", "--username", client, "--password", "wrong", "--tenant", tenant)
    assert refused.returncode != 0
    assert "AADSTS7000215" in refused.stderr


def test_groups(az: Cli) -> None:
    name = f"rg-{uuid.uuid4().hex[:8]}"
    assert az("group", "create", "--name", name, "--location", "westeurope", "--tags", f"mark={name}")["name"] == name
    assert az.group in names_of(az("group", "list"))
    assert names_of(az("group", "list", "--tag", f"mark={name}")) == {name}
    assert az("group", "update", "--name", name, "--set", "tags.more=yes")["tags"] == {"mark": name, "more": "yes"}
    assert az.text("group", "exists", "--name", name).strip() == "true"
    az("group", "delete", "--name", name, "--yes")
    assert az.text("group", "exists", "--name", name).strip() == "false"
    refused = az.run("group", "show", "--name", name)
    assert refused.returncode == 3
    assert "ResourceGroupNotFound" in refused.stderr


def test_resources(az: Cli) -> None:
    app = az.names["app"]
    assert set(az.names.values()) <= names_of(az("resource", "list", "--resource-group", az.group))
    assert {app, az.group} & names_of(az("resource", "list")) == {app}
    assert app in names_of(az("resource", "list", "--resource-type", "Microsoft.App/containerApps"))
    assert names_of(az("resource", "list", "--name", app)) == {app}
    content = az("resource", "show", "-g", az.group, "-n", app, "--resource-type", "Microsoft.App/containerApps")
    assert content["properties"]["provisioningState"] == "Succeeded"


def test_providers(az: Cli) -> None:
    assert az("provider", "show", "--namespace", "Microsoft.App")["registrationState"] == "Registered"
    az("provider", "register", "--namespace", "Microsoft.App")
    assert "Microsoft.Sql" in {one["namespace"] for one in az("provider", "list")}


def test_container_apps(az: Cli) -> None:
    app, of = az.names["app"], ("--name", az.names["app"], "--resource-group", az.group)
    assert app in names_of(az("containerapp", "list"))
    assert app in names_of(az("containerapp", "list", "--resource-group", az.group))
    content = az("containerapp", "show", *of)["properties"]
    assert content["runningStatus"] == "Running"
    revisions = az("containerapp", "revision", "list", *of)
    assert [one["name"] for one in revisions] == [content["latestReadyRevisionName"]]
    replicas = az("containerapp", "replica", "list", *of)
    assert replicas
    assert replicas[0]["properties"]["containers"][0]["name"] == "main"
    assert az("containerapp", "secret", "list", *of) == [{"name": "word"}]
    assert az("containerapp", "secret", "show", *of, "--secret-name", "word")["value"] == "hidden"
    assert az("containerapp", "ingress", "show", *of)["targetPort"] == 8080


def test_container_app_logs(az: Cli) -> None:
    of = ("--name", az.names["app"], "--resource-group", az.group)
    lines = az.text("containerapp", "logs", "show", *of, "--tail", "300").splitlines()
    assert all({"TimeStamp", "Log"} == set(json.loads(line)) for line in lines)
    events = az.text("containerapp", "logs", "show", *of, "--type", "system").splitlines()
    assert "OperationSucceeded" in {json.loads(line)["Reason"] for line in events}


def test_a_container_app_is_updated(az: Cli) -> None:
    of = ("--name", az.names["app"], "--resource-group", az.group)
    changed = az("containerapp", "update", *of, "--set-env-vars", "COLOUR=red")
    container = changed["properties"]["template"]["containers"][0]
    assert "COLOUR" in names_of(container["env"])  # az leaves out the values


def test_environments_and_jobs(az: Cli) -> None:
    of = ("--name", az.names["job"], "--resource-group", az.group)
    environment = az("containerapp", "env", "show", "-n", az.names["environment"], "-g", az.group)
    assert environment["properties"]["provisioningState"] == "Succeeded"
    assert az.names["environment"] in names_of(az("containerapp", "env", "list"))
    assert az.names["job"] in names_of(az("containerapp", "job", "list", "--resource-group", az.group))
    assert az("containerapp", "job", "show", *of)["properties"]["configuration"]["triggerType"] == "Manual"
    started = az("containerapp", "job", "start", *of)["name"]
    assert started in names_of(az("containerapp", "job", "execution", "list", *of))


def test_registries(az: Cli) -> None:
    name = az.names["registry"]
    assert name in names_of(az("acr", "list"))
    assert az("acr", "show", "--name", name)["loginServer"] == f"{name}.azurecr.io"
    assert az("acr", "check-name", "--name", name)["nameAvailable"] is False
    assert az("acr", "repository", "list", "--name", name) == ["probe"]
    assert az("acr", "repository", "show-tags", "--name", name, "--repository", "probe") == ["1"]
    assert az("acr", "repository", "show", "--name", name, "--repository", "probe")["tagCount"] == 1
    assert az("acr", "repository", "show", "--name", name, "--image", "probe:1")["name"] == "1"
    manifests = az("acr", "manifest", "list-metadata", "--registry", name, "--name", "probe")
    assert [one["tags"] for one in manifests] == [["1"]]
    assert az("acr", "login", "--name", name, "--expose-token")["loginServer"] == f"{name}.azurecr.io"


def test_builds(az: Cli) -> None:
    name = az.names["registry"]
    assert az("acr", "task", "list", "--registry", name) == []
    runs = az("acr", "task", "list-runs", "--registry", name)
    assert [one["status"] for one in runs] == ["Succeeded"]
    log = az.text("acr", "task", "logs", "--registry", name, "--run-id", runs[0]["runId"])
    assert f"The push refers to repository [{name}.azurecr.io/probe]" in log


def test_a_build_from_a_local_folder(az: Cli) -> None:
    name = az.names["registry"]
    dockerfile = str(APP / "Dockerfile")
    built = az.run("acr", "build", "--registry", name, "--image", "by-az:{{.Run.ID}}", "--file", dockerfile, str(APP))
    assert built.returncode == 0, built.stderr
    assert "by-az:ca" in built.stdout + built.stderr
    (tag,) = az("acr", "repository", "show-tags", "--name", name, "--repository", "by-az")
    assert tag.startswith("ca")


def test_databases(az: Cli) -> None:
    of = ("--server", az.names["server"], "--resource-group", az.group)
    assert az.names["server"] in names_of(az("sql", "server", "list"))
    content = az("sql", "server", "show", "--name", az.names["server"], "--resource-group", az.group)
    assert content["administratorLogin"] == "boss"
    assert "runs" in names_of(az("sql", "db", "list", *of))
    assert az("sql", "db", "show", *of, "--name", "runs")["status"] == "Online"
    az("sql", "db", "create", *of, "--name", "more", "--service-objective", "GP_S_Gen5_1")
    az("sql", "db", "delete", *of, "--name", "more", "--yes")
    assert "more" not in names_of(az("sql", "db", "list", *of))


def test_firewall_rules(az: Cli) -> None:
    of = ("--server", az.names["server"], "--resource-group", az.group)
    addresses = ("--start-ip-address", "10.0.0.1", "--end-ip-address", "10.0.0.9")
    az("sql", "server", "firewall-rule", "create", *of, "--name", "office", *addresses)
    assert az("sql", "server", "firewall-rule", "show", *of, "--name", "office")["endIpAddress"] == "10.0.0.9"
    assert names_of(az("sql", "server", "firewall-rule", "list", *of)) == {"office"}
    az("sql", "server", "firewall-rule", "delete", *of, "--name", "office")
    assert az("sql", "server", "firewall-rule", "list", *of) == []


def test_storage_accounts(az: Cli) -> None:
    name = az.names["account"]
    assert name in names_of(az("storage", "account", "list"))
    assert az("storage", "account", "show", "--name", name)["provisioningState"] == "Succeeded"
    assert az("storage", "account", "check-name", "--name", name)["reason"] == "AlreadyExists"
    changed = az("storage", "account", "update", "--name", name, "--resource-group", az.group, "--tags", "a=b")
    assert changed["tags"] == {"a": "b"}


def test_containers_and_blobs(az: Cli, tmp_path: Path) -> None:
    to = ("--account-name", az.names["account"], "--auth-mode", "login")
    sent, received = tmp_path / "sent", tmp_path / "received"
    sent.write_bytes(os.urandom(300_000))
    assert az("storage", "container", "create", "--name", "things", *to)["created"] is True
    assert names_of(az("storage", "container", "list", *to)) == {"things"}
    assert az("storage", "container", "show", "--name", "things", *to)["name"] == "things"
    at = ("--container-name", "things", "--name", "one", *to)
    az("storage", "blob", "upload", "--file", str(sent), *at)
    assert names_of(az("storage", "blob", "list", "--container-name", "things", *to)) == {"one"}
    assert az("storage", "blob", "show", *at)["properties"]["contentLength"] == 300_000
    az("storage", "blob", "download", "--file", str(received), *at)
    assert received.read_bytes() == sent.read_bytes()
    az("storage", "blob", "delete", *at)
    assert az("storage", "blob", "list", "--container-name", "things", *to) == []
    assert az("storage", "container", "delete", "--name", "things", *to)["deleted"] is True


def test_role_assignments(az: Cli) -> None:
    scope = ("--scope", f"/subscriptions/{az.environment['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{az.group}")
    identity = az("identity", "create", "--name", "id-roles", "--resource-group", az.group)
    who = ("--assignee", identity["clientId"])
    made = az("role", "assignment", "create", *who, "--role", "Reader", *scope)
    assert made["principalId"] == identity["principalId"]
    listed = az("role", "assignment", "list", *who, "--all")
    assert [(one["roleDefinitionName"], one["principalName"]) for one in listed] == [("Reader", identity["clientId"])]
    assert "Owner" in {
        one["roleDefinitionName"] for one in az("role", "assignment", "list", "--include-inherited", *scope)
    }
    az("role", "assignment", "delete", *who, "--role", "Reader", *scope)
    assert az("role", "assignment", "list", *who, "--all") == []
    assert az("ad", "sp", "show", "--id", identity["clientId"])["displayName"] == "id-roles"
    az("identity", "delete", "--name", "id-roles", "--resource-group", az.group)
    assert az.run("ad", "sp", "show", "--id", identity["clientId"]).returncode == 3


def test_identities(az: Cli) -> None:
    assert az.names["identity"] in names_of(az("identity", "list", "--resource-group", az.group))
    content = az("identity", "show", "--name", az.names["identity"], "--resource-group", az.group)
    assert content["tenantId"] == az.environment["AZURE_TENANT_ID"]


def test_workspaces(az: Cli) -> None:
    of = ("--workspace-name", az.names["workspace"], "--resource-group", az.group)
    assert az("monitor", "log-analytics", "workspace", "show", *of)["retentionInDays"] == 30
    assert az.names["workspace"] in names_of(az("monitor", "log-analytics", "workspace", "list"))
    assert az("monitor", "log-analytics", "workspace", "get-shared-keys", *of)["primarySharedKey"]


def test_rest(az: Cli) -> None:
    url = f"/subscriptions/{az.environment['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{az.group}?api-version=2021-04-01"
    assert az("rest", "--method", "get", "--url", url)["name"] == az.group
    refused = az.run("rest", "--method", "get", "--url", url.replace(az.group, "rg-none"))
    assert refused.returncode != 0
    assert "ResourceGroupNotFound" in refused.stderr
