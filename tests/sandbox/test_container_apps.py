# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running container apps: environment, ingress, secrets, restarts and errors."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest
import requests

from tests.support.key_vault_client import ROLES, Vault
from tests.support.sandbox_client import Client, Platform, app_body, app_path, run_cli

pytestmark = pytest.mark.usefixtures("own_apps")


def failed(sandbox: Client, path: str, body: dict[str, Any]) -> str:
    """Return the error message of an app whose provisioning fails."""
    ended = sandbox.wait(sandbox.arm("PUT", path, body))
    assert ended["status"] == "Failed", ended
    assert sandbox.arm("GET", path).json()["properties"]["provisioningState"] == "Failed"
    return str(ended["error"]["message"])


def get(sandbox: Client, app: dict[str, Any], path: str = "/") -> requests.Response:
    return sandbox.session.get(f"https://{app['properties']['configuration']['ingress']['fqdn']}{path}", timeout=30)


@pytest.fixture(scope="module")
def app(sandbox: Client, platform: Platform) -> dict[str, Any]:
    """App with a secret, for all tests that do not change it."""
    body = app_body(
        platform,
        secrets=[{"name": "pass", "value": "s3cr3t-value"}],
        env=[
            {"name": "PASS", "secretRef": "pass"},
            {"name": "PLAIN", "value": "plain"},
            {"name": "BIND", "value": "0.0.0.0:8080"},
        ],
    )
    return sandbox.put(app_path(platform), body)


def test_the_response_to_a_write_and_the_resource_after_it(sandbox: Client, platform: Platform) -> None:
    path = app_path(platform)
    answer = sandbox.arm("PUT", path, app_body(platform))
    assert answer.status_code == 201
    assert "/containerappOperationStatuses/" in answer.headers["Azure-AsyncOperation"]
    assert "latestRevisionName" not in answer.json()["properties"]
    busy = sandbox.arm("PUT", path, app_body(platform))
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "ContainerAppOperationInProgress")
    assert sandbox.wait(answer)["status"] == "Succeeded"
    settled = sandbox.arm("GET", path).json()
    assert settled["id"] == path.replace("containerApps", "containerapps")
    assert settled["location"] == "West Europe"
    configuration, template = settled["properties"]["configuration"], settled["properties"]["template"]
    assert configuration["secrets"] is None
    assert configuration["activeRevisionsMode"] == "Single"
    assert configuration["ingress"]["transport"] == "Auto"
    assert configuration["ingress"]["traffic"] == [{"weight": 100, "latestRevision": True}]
    assert configuration["registries"][0]["username"] == ""
    assert template["containers"][0]["resources"] == {"cpu": 0.5, "memory": "1Gi", "ephemeralStorage": "2Gi"}
    assert template["scale"] == {
        "minReplicas": None,
        "maxReplicas": 10,
        "cooldownPeriod": 300,
        "pollingInterval": 30,
        "rules": None,
    }
    deleted = sandbox.arm("DELETE", path)
    assert deleted.status_code == 202
    sandbox.wait(deleted)
    assert sandbox.arm("GET", path).status_code == 404


def test_the_environment_of_an_app(sandbox: Client, platform: Platform, app: dict[str, Any]) -> None:
    seen = get(sandbox, app).json()
    environment = seen["environment"]
    assert environment["PASS"] == "s3cr3t-value"
    assert environment["PLAIN"] == "plain"
    assert environment["GREETING"] == "hello"
    assert environment["CONTAINER_APP_NAME"] == app["name"]
    assert environment["CONTAINER_APP_ENV_DNS_SUFFIX"] == platform.domain
    assert environment["CONTAINER_APP_REVISION"] == app["properties"]["latestReadyRevisionName"]
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"].endswith(":4317/")
    assert environment["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc"
    assert environment["BIND"] == seen["arguments"][0] + ":8080"
    assert seen["arguments"][0].startswith("127.")
    assert not [name for name in environment if name.startswith(("AZURE_", "SANDBOX_"))]


def test_the_ingress_forwards_the_client_address_and_the_host(sandbox: Client, app: dict[str, Any]) -> None:
    headers = get(sandbox, app).json()["headers"]
    assert headers["Host"] == app["properties"]["configuration"]["ingress"]["fqdn"]
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers["X-Forwarded-For"] == "127.0.0.1"


def test_a_large_body_is_forwarded(sandbox: Client, app: dict[str, Any]) -> None:
    url = f"https://{app['properties']['configuration']['ingress']['fqdn']}/"
    answer = sandbox.session.post(url, data=bytes(20_000_000), timeout=60)
    assert answer.json() == {"length": 20_000_000}


def test_the_local_port(sandbox: Client, app: dict[str, Any]) -> None:
    url = run_cli(sandbox.home, "url", app["name"]).stdout.strip()
    assert url.startswith("http://127.0.0.1:")
    fqdn = app["properties"]["configuration"]["ingress"]["fqdn"]
    own = requests.get(url, headers={"Origin": url}, timeout=30, proxies={"http": ""}).json()["headers"]
    assert (own["Host"], own["Origin"]) == (fqdn, f"https://{fqdn}")
    foreign = requests.get(url, headers={"Origin": "http://evil.example"}, timeout=30, proxies={"http": ""}).json()[
        "headers"
    ]
    assert foreign["Origin"] == "http://evil.example"
    port = url.rpartition(":")[2]
    local = requests.get(url, headers={"Host": f"localhost:{port}"}, timeout=30, proxies={"http": ""})
    assert local.json()["headers"]["Host"] == fqdn


@pytest.mark.parametrize("host", ["evil.example:{port}", "evil.example", "127.0.0.1", "localhost.evil.example:{port}"])
def test_the_local_port_rejects_other_host_names(sandbox: Client, app: dict[str, Any], host: str) -> None:
    """The name of another site may resolve to this machine (DNS rebinding); its page must not become a page of the app."""
    url = run_cli(sandbox.home, "url", app["name"]).stdout.strip()
    host = host.format(port=url.rpartition(":")[2])
    answer = requests.get(url, headers={"Host": host, "Origin": f"http://{host}"}, timeout=30, proxies={"http": ""})
    assert answer.status_code == 421
    assert "s3cr3t-value" not in answer.text


def test_the_local_port_of_an_app_without_ingress_closes(sandbox: Client, platform: Platform) -> None:
    path, body = app_path(platform), app_body(platform)
    made = sandbox.put(path, body)
    url = run_cli(sandbox.home, "url", made["name"]).stdout.strip()
    body["properties"]["configuration"]["ingress"] = None
    body["properties"]["template"]["containers"][0]["probes"] = []
    sandbox.put(path, body)

    def closed() -> bool:
        try:
            return requests.get(url, timeout=30, proxies={"http": ""}).status_code == 404
        except requests.ConnectionError:
            return True

    sandbox.until(closed, "it answers no more")


def test_the_managed_identity_of_an_app(sandbox: Client, platform: Platform, app: dict[str, Any]) -> None:
    token = get(sandbox, app, "/token").json()
    assert token["token_type"] == "Bearer"
    assert token["client_id"] == platform.identity["properties"]["clientId"]
    claims = json.loads(base64.urlsafe_b64decode(token["access_token"].split(".")[1] + "=="))
    assert claims["oid"] == platform.identity["properties"]["principalId"]
    assert claims["aud"] == "https://storage.azure.com"
    environment = get(sandbox, app).json()["environment"]
    refused = requests.get(
        environment["IDENTITY_ENDPOINT"],
        params={"api-version": "2019-08-01", "resource": "https://storage.azure.com", "client_id": "x"},
        headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
        timeout=30,
        proxies={"http": ""},
    )
    assert refused.status_code == 400
    stranger = requests.get(
        environment["IDENTITY_ENDPOINT"], headers={"X-IDENTITY-HEADER": "x"}, timeout=30, proxies={"http": ""}
    )
    assert stranger.status_code == 401


def test_the_system_assigned_identity_of_an_app(sandbox: Client, platform: Platform) -> None:
    path, body = app_path(platform), app_body(platform)
    body["identity"]["type"] = "SystemAssigned,UserAssigned"
    made = sandbox.put(path, body)
    own = made["identity"]["principalId"]
    environment = get(sandbox, made).json()["environment"]

    def ask(**named: str) -> requests.Response:
        return requests.get(
            environment["IDENTITY_ENDPOINT"],
            params={"api-version": "2019-08-01", "resource": "https://vault.azure.net", **named},
            headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
            timeout=30,
            proxies={"http": ""},
        )

    def subject(answer: requests.Response) -> str:
        payload = answer.json()["access_token"].split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(payload + "=="))["oid"])

    other = platform.identity["properties"]
    assert subject(ask()) == own
    assert subject(ask(object_id=own)) == own
    assert subject(ask(client_id=other["clientId"])) == other["principalId"]
    assert subject(ask(mi_res_id=platform.identity["id"])) == other["principalId"]
    assert ask(client_id=other["clientId"], object_id=own).status_code == 400
    # it pulls after the role assignment
    body["properties"]["configuration"]["registries"][0]["identity"] = "system"
    body["properties"]["template"]["revisionSuffix"] = "pulled"
    assert "UNAUTHORIZED" in failed(sandbox, path, body)
    sandbox.assign(platform.registry, "AcrPull", own)
    assert sandbox.put(path, body)["properties"]["latestReadyRevisionName"].endswith("--pulled")


def test_only_list_secrets_returns_secrets(sandbox: Client, app: dict[str, Any]) -> None:
    assert app["properties"]["configuration"]["secrets"] == [{"name": "pass"}]
    listed = sandbox.arm("POST", f"{app['id']}/listSecrets")
    assert listed.json() == {"value": [{"name": "pass", "value": "s3cr3t-value"}]}


def test_a_secret_in_a_key_vault(sandbox: Client, platform: Platform) -> None:
    """The app's identity reads it when a container starts; without the permission no container starts."""
    vault = Vault(sandbox, platform.group)
    assert vault.put().status_code == 200
    assert vault.grant("Officer").status_code == 201
    vault.ask("PUT", "/secrets/pass", {"value": "first-w0rd"})
    identity = platform.identity
    definition = f"{sandbox.subscription}/providers/Microsoft.Authorization/roleDefinitions/{ROLES['User']}"
    role = {"principalId": identity["properties"]["principalId"], "roleDefinitionId": definition}
    assignment = f"{vault.id}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    assert sandbox.arm("PUT", assignment, {"properties": role}).status_code == 201
    url = f"https://{vault.name}.vault.azure.net/secrets/pass"
    reference = {"name": "pass", "keyVaultUrl": url, "identity": identity["id"]}
    body = app_body(platform, secrets=[reference], env=[{"name": "PASS", "secretRef": "pass"}])
    made = sandbox.put(app_path(platform), body)
    assert get(sandbox, made).json()["environment"]["PASS"] == "first-w0rd"

    vault.ask("PUT", "/secrets/pass", {"value": "second-w0rd"})
    assert get(sandbox, made).json()["environment"]["PASS"] == "first-w0rd"
    revision = f"{made['id']}/revisions/{made['properties']['latestReadyRevisionName']}"

    def state() -> str:
        return str(sandbox.arm("GET", revision).json()["properties"]["runningState"])

    sandbox.arm("POST", f"{revision}/restart")
    sandbox.until(lambda: state() == "Running", "running again")
    assert get(sandbox, made).json()["environment"]["PASS"] == "second-w0rd"

    assert sandbox.arm("DELETE", assignment).status_code == 200
    sandbox.arm("POST", f"{revision}/restart")
    sandbox.until(lambda: state() not in ("Running", "Processing"), "it cannot start")
    assert get(sandbox, made).status_code == 503
    log = run_cli(sandbox.home, "logs", made["name"]).stdout
    assert "Unable to get value using Managed identity" in log
    assert "w0rd" not in log


def test_a_patch_keeps_secrets_and_a_put_does_not(sandbox: Client, platform: Platform) -> None:
    path = app_path(platform)
    body = app_body(platform, secrets=[{"name": "a", "value": "1"}], env=[{"name": "A", "secretRef": "a"}])
    sandbox.put(path, body)
    patched = sandbox.arm("PATCH", path, {"tags": {"a": "b"}})
    assert patched.status_code == 202
    sandbox.wait(patched)
    assert sandbox.arm("GET", path).json()["tags"] == {"a": "b"}
    assert sandbox.arm("POST", f"{path}/listSecrets").json()["value"] == [{"name": "a", "value": "1"}]
    body["properties"]["configuration"]["secrets"] = None
    refused = sandbox.arm("PUT", path, body)
    assert refused.json()["error"]["code"] == "ContainerAppSecretRefNotFound"
    sandbox.put(path, app_body(platform))
    assert sandbox.arm("POST", f"{path}/listSecrets").json()["value"] == []


def test_a_new_template_is_a_new_revision_and_a_new_setting_is_not(sandbox: Client, platform: Platform) -> None:
    path = app_path(platform)
    first = sandbox.put(path, app_body(platform))
    same = sandbox.put(path, app_body(platform, ingress={"allowInsecure": True}))
    assert same["properties"]["latestRevisionName"] == first["properties"]["latestRevisionName"]
    pid = get(sandbox, same).json()["pid"]
    changed = sandbox.put(path, app_body(platform, env=[{"name": "NEW", "value": "1"}]))
    assert changed["properties"]["latestReadyRevisionName"] == f"{changed['name']}--0000001"
    after = get(sandbox, changed).json()
    assert after["environment"]["NEW"] == "1"
    assert after["pid"] != pid
    revisions = sandbox.arm("GET", f"{path}/revisions").json()["value"]
    assert [revision["properties"]["active"] for revision in revisions] == [False, True]


def test_a_restart_replaces_the_replica(sandbox: Client, platform: Platform) -> None:
    made = sandbox.put(app_path(platform), app_body(platform))
    pid = get(sandbox, made).json()["pid"]
    revision = f"{made['id']}/revisions/{made['properties']['latestReadyRevisionName']}"
    assert sandbox.arm("POST", f"{revision}/restart").json() == "Restart succeeded"
    sandbox.until(
        lambda: sandbox.arm("GET", revision).json()["properties"]["runningState"] == "Running", "running again"
    )
    assert get(sandbox, made).json()["pid"] != pid


def test_a_container_that_ends_is_restarted(sandbox: Client, platform: Platform) -> None:
    made = sandbox.put(app_path(platform), app_body(platform))
    pid = get(sandbox, made).json()["pid"]
    get(sandbox, made, "/exit")

    def replaced() -> bool:
        answer = get(sandbox, made)
        return answer.status_code == 200 and answer.json()["pid"] != pid

    sandbox.until(replaced, "a new process")
    assert "exit code 3" in run_cli(sandbox.home, "logs", made["name"]).stdout


@pytest.mark.parametrize(
    ("restrictions", "status"),
    [
        ([{"name": "here", "ipAddressRange": "127.0.0.0/8", "action": "Allow"}], 200),
        ([{"name": "there", "ipAddressRange": "10.0.0.0/8", "action": "Allow"}], 403),
        ([{"name": "here", "ipAddressRange": "127.0.0.1/32", "action": "Deny"}], 403),
        ([{"name": "there", "ipAddressRange": "10.0.0.0/8", "action": "Deny"}], 200),
    ],
)
def test_ip_restrictions_of_the_ingress(
    sandbox: Client, platform: Platform, restrictions: list[dict], status: int
) -> None:
    made = sandbox.put(app_path(platform), app_body(platform, ingress={"ipSecurityRestrictions": restrictions}))
    assert get(sandbox, made).status_code == status


# errors


def test_without_acrpull_the_image_is_not_pulled(sandbox: Client, platform: Platform) -> None:
    stranger = sandbox.identity(platform.group, "stranger")
    path = app_path(platform)
    message = failed(sandbox, path, app_body(platform, identity=stranger["id"]))
    assert "template.containers.main.image" in message
    assert "UNAUTHORIZED: authentication required" in message
    assert sandbox.assign(platform.registry, "AcrPull", stranger["properties"]["principalId"]).status_code == 201
    assert (
        sandbox.put(path, app_body(platform, identity=stranger["id"]))["properties"]["provisioningState"] == "Succeeded"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": "{server}/probe:none"}, "MANIFEST_UNKNOWN"),
        ({"image": "docker.io/library/nginx:1"}, "no such host"),
        ({"registries": []}, "UNAUTHORIZED"),
        ({"command": ["no-such-program"]}, "exit code '127'"),
        ({"args": ["0.0.0.0", "--fail"]}, "exit code '1'"),
        ({"args": ["0.0.0.0", "--fail"]}, "the settings are wrong"),
    ],
)
def test_an_app_that_cannot_run_fails_with_the_reason(
    sandbox: Client, platform: Platform, changes: dict, message: str
) -> None:
    if "image" in changes:
        changes = {"image": changes["image"].format(server=platform.server)}
    assert message in failed(sandbox, app_path(platform), app_body(platform, **changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"env": [{"name": "A", "secretRef": "none"}]}, "ContainerAppSecretRefNotFound"),
        ({"secrets": [{"name": "a"}]}, "ContainerAppSecretInvalid"),
        (
            {"registries": [{"server": "x", "passwordSecretRef": "none"}]},
            "ContainerAppRegistriesPasswordSecretRefNotFound",
        ),
        ({"identity": "/subscriptions/x/none"}, "FailedIdentityOperation"),
    ],
)
def test_invalid_apps_are_rejected(sandbox: Client, platform: Platform, changes: dict, expected: str) -> None:
    answer = sandbox.arm("PUT", app_path(platform), app_body(platform, **changes))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, expected)


@pytest.mark.parametrize(
    ("resources", "ok"), [({"cpu": 0.25, "memory": "0.5Gi"}, True), ({"cpu": 0.5, "memory": "2Gi"}, False)]
)
def test_cpu_and_memory_are_validated_as_a_pair(sandbox: Client, platform: Platform, resources: dict, ok: bool) -> None:
    body = app_body(platform)
    body["properties"]["template"]["containers"][0]["resources"] = resources
    answer = sandbox.arm("PUT", app_path(platform), body)
    assert (answer.status_code == 201) is ok
    sandbox.wait(answer)


# Azure SQL


@pytest.fixture(scope="module")
def sql(sandbox: Client, platform: Platform) -> str:
    """Server with a password login, a database, and no firewall rule."""
    name = f"sql-{uuid.uuid4().hex[:8]}"
    server = f"{platform.group}/providers/Microsoft.Sql/servers/{name}"
    login = {"administratorLogin": "boss", "administratorLoginPassword": "Good+pass/1"}
    sandbox.put(server, {"location": "westeurope", "properties": login})
    sandbox.put(f"{server}/databases/db", {"location": "westeurope"})
    return server


def with_uri(platform: Platform, uri: str) -> dict[str, Any]:
    return app_body(platform, secrets=[{"name": "uri", "value": uri}], env=[{"name": "URI", "secretRef": "uri"}])


def test_azure_sql_logins_are_validated(sandbox: Client, platform: Platform, sql: str) -> None:
    host = sql.rpartition("/")[2] + ".database.windows.net"
    good = f"mssql+mssqlpython://boss:Good%2Bpass%2F1@{host}:1433/db?Encrypt=yes"
    path = app_path(platform)
    assert "is not allowed to access the server" in failed(sandbox, path, with_uri(platform, good))
    rule = {"properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"}}
    assert sandbox.arm("PUT", f"{sql}/firewallRules/AllowAllWindowsAzureIps", rule).status_code == 200
    for uri, message in (
        (good.replace("Good", "Bad"), "Login failed for user 'boss'. (18456)"),
        (good.replace("boss", "other"), "Login failed for user 'other'. (18456)"),
        (good.replace("/db?", "/none?"), 'Cannot open database "none"'),
        (good.replace(host, "nowhere.database.windows.net"), "The server was not found. (40532)"),
        (
            f"mssql+mssqlpython://{host}:1433/db?Authentication=ActiveDirectoryMSI&UID={platform.identity['properties']['clientId']}",
            "18456",
        ),
    ):
        assert message in failed(sandbox, path, with_uri(platform, uri))
    made = sandbox.put(path, with_uri(platform, good))
    uri = get(sandbox, made).json()["environment"]["URI"]
    assert uri.startswith("sqlite:////")
    assert sandbox.arm("POST", f"{made['id']}/listSecrets").json()["value"] == [{"name": "uri", "value": good}]
    log = run_cli(sandbox.home, "logs", made["name"]).stdout
    assert "is the SQLite file" in log
    assert "Good" not in log


def test_a_restart_that_fails_stays_failed_until_a_replica_is_ready(
    sandbox: Client, platform: Platform, sql: str
) -> None:
    """A client that polls rarely must see the failure, however often the container restarts."""
    rule = f"{sql}/firewallRules/AllowAllWindowsAzureIps"
    azure = {"properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"}}
    sandbox.arm("PUT", rule, azure)
    uri = f"mssql+mssqlpython://boss:Good%2Bpass%2F1@{sql.rpartition('/')[2]}.database.windows.net:1433/db"
    made = sandbox.put(app_path(platform), with_uri(platform, uri))
    revision = f"{made['id']}/revisions/{made['properties']['latestReadyRevisionName']}"

    def state() -> dict[str, Any]:
        properties: dict[str, Any] = sandbox.arm("GET", revision).json()["properties"]
        return properties

    def restarts() -> int:
        (replica,) = sandbox.arm("GET", f"{revision}/replicas").json()["value"]
        return int(replica["properties"]["containers"][0]["restartCount"])

    assert sandbox.arm("DELETE", rule).status_code == 200
    sandbox.arm("POST", f"{revision}/restart")
    sandbox.until(lambda: state()["runningState"] != "Processing", "the restart has come to an end")
    failed_after = restarts()
    sandbox.until(lambda: restarts() >= failed_after + 2, "it was tried again, twice")
    current = state()
    assert (current["runningState"], current["healthState"]) == ("Failed", "Unhealthy")
    assert "is not allowed to access the server" in current["runningStateDetails"]
    sandbox.arm("PUT", rule, azure)
    sandbox.until(lambda: state()["runningState"] == "Running", "it runs by itself once it can")
    assert state()["healthState"] == "Healthy"


def test_azure_sql_by_managed_identity(sandbox: Client, platform: Platform) -> None:
    identity = platform.identity["properties"]
    name = f"sql-{uuid.uuid4().hex[:8]}"
    server = f"{platform.group}/providers/Microsoft.Sql/servers/{name}"
    entra = {
        "principalType": "Application",
        "login": "id",
        "sid": identity["clientId"],
        "azureADOnlyAuthentication": True,
    }
    made = sandbox.put(server, {"location": "westeurope", "properties": {"administrators": entra}})
    assert made["properties"]["administratorLogin"].startswith("CloudSA")
    sandbox.put(f"{server}/databases/db", {"location": "westeurope"})
    sandbox.arm(
        "PUT", f"{server}/firewallRules/azure", {"properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"}}
    )
    uri = f"mssql+mssqlpython://{name}.database.windows.net:1433/db?Authentication=ActiveDirectoryMSI&UID={identity['clientId']}"
    body = app_body(platform, env=[{"name": "URI", "value": uri}], args=["0.0.0.0", f"--backend-store-uri={uri}"])
    seen = get(sandbox, sandbox.put(app_path(platform), body)).json()
    assert seen["environment"]["URI"].endswith(f"/{name}/db.db")
    assert seen["arguments"][1].startswith("--backend-store-uri=sqlite:////")


def test_the_sid_of_an_application_is_its_client_id(sandbox: Client, platform: Platform) -> None:
    identity = platform.identity["properties"]
    name = f"sql-{uuid.uuid4().hex[:8]}"
    server = f"{platform.group}/providers/Microsoft.Sql/servers/{name}"
    entra = {
        "principalType": "Application",
        "login": "id",
        "sid": identity["principalId"],
        "azureADOnlyAuthentication": True,
    }
    sandbox.put(server, {"location": "westeurope", "properties": {"administrators": entra}})
    sandbox.put(f"{server}/databases/db", {"location": "westeurope"})
    sandbox.arm(
        "PUT", f"{server}/firewallRules/azure", {"properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"}}
    )
    uri = f"mssql+mssqlpython://{name}.database.windows.net:1433/db?Authentication=ActiveDirectoryMSI&UID={identity['clientId']}"
    assert "18456" in failed(sandbox, app_path(platform), app_body(platform, env=[{"name": "URI", "value": uri}]))


def test_a_database_that_is_created_again_is_empty(sandbox: Client, sql: str) -> None:
    kept = sandbox.home / "sql" / sql.rpartition("/")[2]
    sandbox.put(f"{sql}/databases/again", {"location": "westeurope"})
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "again.db").write_text("old")
    sandbox.wait(sandbox.arm("DELETE", f"{sql}/databases/again"))
    assert not (kept / "again.db").exists()


def test_the_digest_of_an_image_precedes_its_tag(sandbox: Client, platform: Platform) -> None:
    """As in Docker, the digest decides, even if the tag does not exist any more."""
    run = sandbox.build(platform.registry, "probe:digest")
    (output,) = run["properties"]["outputImages"]
    for number, tag in enumerate((":digest", ":gone", "")):
        image = f"{platform.server}/probe{tag}@{output['digest']}"
        path = f"{platform.group}/providers/Microsoft.App/containerApps/by-digest-{number}"
        app = sandbox.put(path, app_body(platform, image=image))
        assert app["properties"]["provisioningState"] == "Succeeded"
