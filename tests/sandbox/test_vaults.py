# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key Vault over HTTPS: vaults, secrets, their authorization, and soft delete. The expected values are recorded from Azure."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import requests

from tests.support.key_vault_client import ROLES, SCOPE, Vault
from tests.support.sandbox_client import Client


@pytest.fixture(scope="module")
def group(sandbox: Client) -> str:
    return sandbox.group()


@pytest.fixture(scope="module")
def vault(sandbox: Client, group: str) -> Vault:
    """Return a vault in which the caller is Key Vault Secrets Officer."""
    made = Vault(sandbox, group)
    assert made.put().status_code == 200
    assert made.grant("Officer").status_code == 201
    return made


def error(answer: requests.Response) -> tuple[int, str, str | None]:
    body = answer.json()["error"]
    return answer.status_code, body["code"], body.get("innererror", {}).get("code")


# vaults


def test_a_new_vault_registers_its_dns_name(sandbox: Client, group: str) -> None:
    vault = Vault(sandbox, group)
    answer = vault.put()
    assert answer.status_code == 200
    assert answer.json()["properties"]["provisioningState"] == "RegisteringDns"
    assert answer.json()["properties"]["vaultUri"] == f"https://{vault.name}.vault.azure.net"
    assert not {"Location", "Azure-AsyncOperation"} & set(answer.headers)
    settled = sandbox.arm("GET", vault.id).json()
    assert settled["properties"] == {
        "sku": {"family": "A", "name": "standard"},
        "tenantId": sandbox.environment["AZURE_TENANT_ID"],
        "accessPolicies": [],
        "enabledForDeployment": False,
        "enabledForDiskEncryption": False,
        "enabledForTemplateDeployment": False,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "enableRbacAuthorization": True,
        "vaultUri": f"https://{vault.name}.vault.azure.net/",
        "provisioningState": "Succeeded",
        "publicNetworkAccess": "Enabled",
    }
    assert settled["tags"] == {}


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"softDeleteRetentionInDays": 6}, "BadRequest"),
        ({"softDeleteRetentionInDays": 91}, "BadRequest"),
        ({"enablePurgeProtection": False}, "BadRequest"),
        ({"tenantId": None}, "BadRequest"),
        ({"sku": {"family": "A", "name": "golden"}}, "BadRequest"),
        ({"createMode": "recover"}, "DeletedVaultNotFound"),
    ],
)
def test_an_invalid_vault_returns_an_error(sandbox: Client, group: str, properties: dict[str, Any], code: str) -> None:
    answer = Vault(sandbox, group, **properties).put()
    assert error(answer)[1] == code
    assert answer.status_code == (404 if code == "DeletedVaultNotFound" else 400)


def test_the_retention_of_a_vault_cannot_change(sandbox: Client, vault: Vault) -> None:
    answer = sandbox.arm("PATCH", vault.id, {"properties": {"softDeleteRetentionInDays": 30}})
    assert error(answer)[:2] == (400, "BadRequest")


@pytest.mark.parametrize("name", ["1vault", "ab", "a" * 25, "ends-", "two--hyphens"])
def test_an_invalid_vault_name_returns_400(sandbox: Client, group: str, name: str) -> None:
    vault = Vault(sandbox, group)
    vault.id = vault.id.replace(vault.name, name)
    assert error(vault.put())[:2] == (400, "VaultNameNotValid")
    availability = check_name(sandbox, name)
    assert (availability["nameAvailable"], availability["reason"]) == (False, "AccountNameInvalid")


def check_name(sandbox: Client, name: str) -> dict[str, Any]:
    path = f"{sandbox.subscription}/providers/Microsoft.KeyVault/checkNameAvailability"
    result: dict[str, Any] = sandbox.arm("POST", path, {"name": name, "type": "Microsoft.KeyVault/vaults"}).json()
    return result


def test_a_deleted_vault_can_be_recovered_with_its_secrets_or_purged(sandbox: Client, group: str) -> None:
    vault = Vault(sandbox, group, softDeleteRetentionInDays=7)
    vault.put()
    vault.grant("Officer")
    assert check_name(sandbox, vault.name)["reason"] == "AlreadyExists"
    vault.ask("PUT", "/secrets/kept", {"value": "1"})
    assert sandbox.arm("DELETE", vault.id).status_code == 200
    assert sandbox.arm("GET", vault.id).status_code == 404
    assert check_name(sandbox, vault.name)["reason"] == "AlreadyExists"
    path = f"{vault.location}/deletedVaults/{vault.name}"
    result = sandbox.arm("GET", path).json()
    assert result["type"] == "Microsoft.KeyVault/deletedVaults"
    assert result["properties"]["vaultId"] == vault.id
    listed = sandbox.arm("GET", f"{sandbox.subscription}/providers/Microsoft.KeyVault/deletedVaults").json()["value"]
    assert result in listed
    assert error(vault.put())[:2] == (409, "ConflictError")
    vault.body["properties"] = {**vault.body["properties"], "createMode": "recover"}  # type: ignore[dict-item]
    assert vault.put().status_code == 200
    assert sandbox.arm("GET", path).status_code == 404
    vault.grant("Officer")
    assert vault.ask("GET", "/secrets/kept").json()["value"] == "1"
    sandbox.arm("DELETE", vault.id)
    purged = sandbox.arm("POST", f"{path}/purge")
    assert (purged.status_code, purged.content) == (202, b"")
    assert int(purged.headers["Retry-After"]) >= 1
    sandbox.wait(purged)
    assert error(sandbox.arm("GET", path))[:2] == (404, "DeletedVaultNotFound")
    assert check_name(sandbox, vault.name) == {"nameAvailable": True}


def test_purge_protection_prevents_the_purge_of_vaults_and_secrets(sandbox: Client, group: str) -> None:
    vault = Vault(sandbox, group, enablePurgeProtection=True)
    vault.put()
    vault.grant("Administrator")
    vault.ask("PUT", "/secrets/s", {"value": "1"})
    assert vault.ask("DELETE", "/secrets/s").json()["attributes"]["recoveryLevel"] == "Recoverable"
    assert error(vault.ask("DELETE", "/deletedsecrets/s")) == (403, "Forbidden", "ForbiddenByPolicy")
    sandbox.arm("DELETE", vault.id)
    answer = sandbox.arm("POST", f"{vault.location}/deletedVaults/{vault.name}/purge")
    assert error(answer)[:2] == (400, "MethodNotAllowed")


def test_the_vaults_of_a_deleted_group_can_be_recovered(sandbox: Client) -> None:
    own = sandbox.group()
    vault = Vault(sandbox, own)
    vault.put()
    sandbox.wait(sandbox.arm("DELETE", own))
    assert sandbox.arm("GET", f"{vault.location}/deletedVaults/{vault.name}").status_code == 200


# tokens


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "AKV10000: Request is missing a Bearer or PoP token."),
        ("nonsense", "AKV10046"),
        ("arm", "AKV10022: Invalid audience"),
    ],
)
def test_an_unauthenticated_request_gets_a_challenge_with_the_authority(
    sandbox: Client, vault: Vault, token: str, message: str
) -> None:
    answer = vault.ask("GET", "/secrets", token=sandbox.token() if token == "arm" else token)
    assert error(answer)[:2] == (401, "Unauthorized")
    assert answer.json()["error"]["message"].startswith(message)
    tenant = sandbox.environment["AZURE_TENANT_ID"]
    challenge = f'Bearer authorization="https://login.microsoftonline.com/{tenant}", resource="https://vault.azure.net"'
    assert answer.headers["WWW-Authenticate"].startswith(challenge)


# secrets


def test_a_secret_is_created_updated_and_listed(vault: Vault) -> None:
    made = vault.ask("PUT", "/secrets/life", {"value": "one", "tags": {"a": "b"}, "contentType": "text/plain"})
    assert made.status_code == 200
    first = made.json()
    assert first["value"] == "one"
    assert first["id"].startswith(f"https://{vault.name}.vault.azure.net/secrets/life/")
    assert set(first["attributes"]) == {"enabled", "created", "updated", "recoveryLevel", "recoverableDays"}
    assert (first["attributes"]["recoveryLevel"], first["attributes"]["recoverableDays"]) == (
        "Recoverable+Purgeable",
        90,
    )
    second = vault.ask("PUT", "/secrets/life", {"value": "two"}).json()
    assert vault.ask("GET", "/secrets/LIFE").json()["value"] == "two"
    old = vault.ask("GET", f"/secrets/life/{first['id'].rpartition('/')[2]}").json()
    assert (old["value"], old["tags"], old["contentType"]) == ("one", {"a": "b"}, "text/plain")
    versions = vault.ask("GET", "/secrets/life/versions").json()["value"]
    assert {item["id"] for item in versions} == {first["id"], second["id"]}
    assert all("value" not in item for item in versions)
    listed = [item for item in vault.ask("GET", "/secrets").json()["value"] if item["id"].endswith("/secrets/life")]
    assert len(listed) == 1
    assert "value" not in listed[0]
    changed = vault.ask("PATCH", "/secrets/life/", {"attributes": {"enabled": False, "exp": 4102444800}}).json()
    assert (changed["attributes"]["enabled"], changed["attributes"]["exp"]) == (False, 4102444800)
    assert "value" not in changed
    assert error(vault.ask("GET", "/secrets/life")) == (403, "Forbidden", "SecretDisabled")


def test_the_name_of_a_deleted_secret_stays_in_use(vault: Vault) -> None:
    made = vault.ask("PUT", "/secrets/gone", {"value": "one"}).json()
    deleted = vault.ask("DELETE", "/secrets/gone").json()
    assert deleted["recoveryId"] == f"https://{vault.name}.vault.azure.net/deletedsecrets/gone"
    assert deleted["scheduledPurgeDate"] - deleted["deletedDate"] == 90 * 86_400
    assert (deleted["id"], "value" in deleted) == (made["id"], False)
    assert error(vault.ask("GET", "/secrets/gone"))[:2] == (404, "SecretNotFound")
    assert error(vault.ask("PUT", "/secrets/gone", {"value": "two"})) == (
        409,
        "Conflict",
        "ObjectIsDeletedButRecoverable",
    )
    assert "gone" in [
        item["recoveryId"].rpartition("/")[2] for item in vault.ask("GET", "/deletedsecrets").json()["value"]
    ]
    assert vault.ask("POST", "/deletedsecrets/gone/recover").json()["id"] == made["id"]
    assert vault.ask("GET", "/secrets/gone").json()["value"] == "one"
    vault.ask("DELETE", "/secrets/gone")
    assert vault.ask("DELETE", "/deletedsecrets/gone").status_code == 204
    assert error(vault.ask("GET", "/deletedsecrets/gone"))[:2] == (404, "SecretNotFound")
    assert vault.ask("PUT", "/secrets/gone", {"value": "two"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/secrets/none", None, 404, "SecretNotFound"),
        ("GET", "/secrets/none/versions", None, 404, "SecretNotFound"),
        ("DELETE", "/secrets/none", None, 404, "SecretNotFound"),
        ("POST", "/deletedsecrets/none/recover", None, 404, "SecretNotFound"),
        ("DELETE", "/deletedsecrets/none", None, 404, "SecretNotFound"),
        ("PUT", "/secrets/under_score", {"value": "x"}, 400, "BadParameter"),
        ("PUT", f"/secrets/{'a' * 128}", {"value": "x"}, 400, "BadParameter"),
        ("PUT", "/secrets/empty", {}, 400, "BadParameter"),
        ("PUT", "/secrets/long", {"value": "x" * 25_601}, 400, "BadParameter"),
        ("GET", "/keys", None, 404, "NotFound"),
    ],
)
def test_invalid_requests_return_the_error_of_key_vault(
    vault: Vault, method: str, path: str, body: Any, status: int, code: str
) -> None:
    assert error(vault.ask(method, path, body))[:2] == (status, code)


@pytest.mark.parametrize(
    "query", [{"api-version": "1.0"}, {"api-version": ""}, {"maxresults": "26"}, {"maxresults": "none"}]
)
def test_an_invalid_query_returns_400(vault: Vault, query: dict[str, str]) -> None:
    assert error(vault.ask("GET", "/secrets", **query))[:2] == (400, "BadParameter")


def test_the_list_of_secrets_has_pages(sandbox: Client, group: str) -> None:
    vault = Vault(sandbox, group)
    vault.put()
    vault.grant("Officer")
    for number in range(5):
        vault.ask("PUT", f"/secrets/s{number}", {"value": "x"})
    page = vault.ask("GET", "/secrets", maxresults="2").json()
    result = [item["id"] for item in page["value"]]
    while page["nextLink"]:
        headers = {"Authorization": f"Bearer {sandbox.token(SCOPE)}"}
        page = sandbox.session.get(page["nextLink"], headers=headers, timeout=30).json()
        result += [item["id"] for item in page["value"]]
    assert [one.rpartition("/")[2] for one in result] == [f"s{number}" for number in range(5)]


# who may


def test_an_owner_is_not_authorized_to_read_secrets(sandbox: Client, group: str) -> None:
    vault = Vault(sandbox, group)
    vault.put()
    answer = vault.ask("GET", "/secrets/any")
    assert error(answer) == (403, "Forbidden", "ForbiddenByRbac")
    message = answer.json()["error"]["message"]
    assert message.startswith("Caller is not authorized to perform action on resource.\r\n")
    assert f"appid={sandbox.environment['AZURE_CLIENT_ID']};oid={sandbox.me()};iss=https://sts.windows.net/" in message
    assert "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'" in message
    assert f"Vault: {vault.name};location=westeurope" in message


@pytest.mark.parametrize(
    ("role", "below", "may"),
    [
        ("Officer", "", {"set", "get", "list", "delete", "purge"}),
        ("Administrator", "group", {"set", "get", "list", "delete", "purge"}),
        ("User", "", {"get", "list"}),
        ("User", "secret", {"get"}),
        ("Reader", "", set()),
    ],
)
def test_each_role_authorizes_its_actions(sandbox: Client, role: str, below: str, may: set[str]) -> None:
    own = sandbox.group()
    vault = Vault(sandbox, own)
    vault.put()
    officer = vault.grant("Officer").json()["id"]
    vault.ask("PUT", "/secrets/s", {"value": "1"})
    vault.ask("PUT", "/secrets/t", {"value": "1"})
    vault.ask("DELETE", "/secrets/t")
    sandbox.arm("DELETE", officer)
    scope = {"": vault.id, "group": own, "secret": f"{vault.id}/secrets/s"}[below]
    assert vault.grant(role, scope).status_code == 201
    answers = {
        "get": vault.ask("GET", "/secrets/s"),
        "list": vault.ask("GET", "/secrets"),
        "purge": vault.ask("DELETE", "/deletedsecrets/t"),
        "set": vault.ask("PUT", "/secrets/s", {"value": "2"}),
        "delete": vault.ask("DELETE", "/secrets/s"),
    }
    assert {name for name, answer in answers.items() if answer.ok} == may
    assert {error(answer) for answer in answers.values() if not answer.ok} <= {(403, "Forbidden", "ForbiddenByRbac")}


def test_access_policies_authorize_where_rbac_is_disabled(sandbox: Client, group: str) -> None:
    policy = {
        "objectId": sandbox.me(),
        "tenantId": sandbox.environment["AZURE_TENANT_ID"],
        "permissions": {"secrets": ["Get", "set"]},
    }
    vault = Vault(sandbox, group, enableRbacAuthorization=False, accessPolicies=[policy])
    vault.put()
    vault.grant("Administrator")  # no role counts here
    assert vault.ask("PUT", "/secrets/s", {"value": "1"}).status_code == 200
    assert vault.ask("GET", "/secrets/s").json()["value"] == "1"
    answer = vault.ask("GET", "/secrets")
    assert error(answer) == (403, "Forbidden", "AccessDenied")
    assert (
        f"does not have secrets list permission on key vault '{vault.name};location=westeurope'"
        in answer.json()["error"]["message"]
    )


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"publicNetworkAccess": "Disabled"}, "ForbiddenByConnection"),
        ({"networkAcls": {"defaultAction": "Deny"}}, "ForbiddenByFirewall"),
        ({"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "127.0.0.0/8"}]}}, None),
    ],
)
def test_the_network_rules_of_a_vault_are_enforced(
    sandbox: Client, group: str, properties: dict[str, Any], code: str | None
) -> None:
    vault = Vault(sandbox, group, **properties)
    vault.put()
    vault.grant("Officer")
    answer = vault.ask("GET", "/secrets")
    assert answer.status_code == 200 if code is None else error(answer) == (403, "Forbidden", code)


# references of container apps

REFUSAL = "Unable to get value using Managed identity {0} for secret pass. Error: unable to fetch secret 'pass' using Managed identity '{0}'"


def job_with_reference(environment: str, identity: str, url: str) -> dict[str, Any]:
    secret = {"name": "pass", "keyVaultUrl": url, "identity": identity}
    return {
        "location": "westeurope",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}
        if identity != "system"
        else {"type": "SystemAssigned"},
        "properties": {
            "environmentId": environment,
            "configuration": {"activeRevisionsMode": "Single", "secrets": [secret]},
            "template": {"containers": [{"name": "main", "image": "example.azurecr.io/none:1"}]},
        },
    }


def test_a_reference_requires_a_role_of_the_identity(
    sandbox: Client, group: str, vault: Vault, environment: str
) -> None:
    vault.ask("PUT", "/secrets/pass", {"value": "word"})
    identity = sandbox.identity(group, f"id-{uuid.uuid4().hex[:6]}")
    path = f"{group}/providers/Microsoft.App/containerApps/refers"
    body = job_with_reference(environment, identity["id"], f"https://{vault.name}.vault.azure.net/secrets/pass")
    refused = sandbox.arm("PUT", path, body)
    assert error(refused)[:2] == (400, "InvalidParameterValueInContainerTemplate")
    assert REFUSAL.format(identity["id"]) in refused.json()["error"]["message"]
    definition = f"{sandbox.subscription}/providers/Microsoft.Authorization/roleDefinitions/{ROLES['User']}"
    role = {
        "principalId": identity["properties"]["principalId"],
        "roleDefinitionId": definition,
        "principalType": "ServicePrincipal",
    }
    assignment = f"{vault.id}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    assert sandbox.arm("PUT", assignment, {"properties": role}).status_code == 201
    accepted = sandbox.arm("PUT", path, body)
    assert accepted.status_code == 201
    url = f"https://{vault.name}.vault.azure.net/secrets/pass"
    assert accepted.json()["properties"]["configuration"]["secrets"] == [
        {"name": "pass", "keyVaultUrl": url, "identity": identity["id"]}
    ]


@pytest.mark.parametrize(
    ("identity", "url", "code"),
    [
        ("system", "https://{vault}.vault.azure.net/secrets/pass", "InvalidParameterValueInContainerTemplate"),
        ("", "https://{vault}.vault.azure.net/secrets/none", "ContainerAppSecretInvalid"),
        ("system", "https://nobody.vault.azure.net/secrets/pass", "InvalidParameterValueInContainerTemplate"),
        ("system", "https://example.com/secrets/pass", "ContainerAppSecretKeyVaultUrlInvalid"),
        ("system", "https://{vault}.vault.azure.net/keys/pass", "ContainerAppSecretKeyVaultUrlInvalid"),
    ],
)
def test_an_invalid_reference_returns_an_error(
    sandbox: Client, group: str, vault: Vault, environment: str, identity: str, url: str, code: str
) -> None:
    body = job_with_reference(environment, identity, url.format(vault=vault.name))
    if not identity:
        body["identity"] = {"type": "None"}
    answer = sandbox.arm("PUT", f"{group}/providers/Microsoft.App/containerApps/wrong", body)
    assert error(answer)[:2] == (400, code)
