# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of SQL servers, databases and storage accounts, and custom roles, over HTTPS."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support.sandbox_client import Client, status_and_code

LOGIN = {"administratorLogin": "boss", "administratorLoginPassword": "Secret-1234"}


@pytest.fixture(scope="module")
def group(sandbox: Client) -> str:
    return sandbox.group()


def new_server(sandbox: Client, group: str, **properties: Any) -> str:
    path = f"{group}/providers/Microsoft.Sql/servers/sql-{uuid.uuid4().hex[:8]}"
    sandbox.put(path, {"location": "westeurope", "properties": {**LOGIN, **properties}})
    return path


@pytest.fixture(scope="module")
def server(sandbox: Client, group: str) -> str:
    return new_server(sandbox, group)


@pytest.fixture(scope="module")
def database(sandbox: Client, server: str) -> str:
    return str(sandbox.put(f"{server}/databases/db", {"location": "westeurope"})["id"])


# what every server and database has one of

SETTINGS = [
    (
        "server",
        "connectionPolicies/default",
        {"connectionType": "Default"},
        {"connectionType": "Redirect"},
        "UpdateServerConnectionPolicy",
    ),
    (
        "database",
        "backupShortTermRetentionPolicies/default",
        {"retentionDays": 7, "diffBackupIntervalInHours": 12},
        {"retentionDays": 14, "diffBackupIntervalInHours": 24},
        "UpdateLogicalDatabase",
    ),
    (
        "database",
        "backupLongTermRetentionPolicies/default",
        {
            "timeBasedImmutability": "Disabled",
            "weeklyRetention": "PT0S",
            "monthlyRetention": "PT0S",
            "yearlyRetention": "PT0S",
            "weekOfYear": 0,
        },
        {"weeklyRetention": "P4W", "monthlyRetention": "P12M", "yearlyRetention": "P5Y", "weekOfYear": 1},
        "UpsertDatabaseBackupArchivalPolicyV2",
    ),
    (
        "database",
        "transparentDataEncryption/Current",
        {"state": "Enabled", "scanState": "Complete"},
        {"state": "Enabled"},
        "UpdateLogicalDatabase",
    ),
]


@pytest.mark.parametrize(("parent", "path", "defaults", "properties", "operation"), SETTINGS)
def test_each_setting_has_a_default_and_can_be_updated(
    sandbox: Client,
    request: pytest.FixtureRequest,
    parent: str,
    path: str,
    defaults: dict,
    properties: dict,
    operation: str,
) -> None:
    url = f"{request.getfixturevalue(parent)}/{path}"
    first = sandbox.arm("GET", url)
    assert first.status_code == 200
    assert (first.json()["id"], first.json()["properties"]) == (url, defaults)
    listed = sandbox.arm("GET", url.rpartition("/")[0]).json()["value"]
    assert [item["id"] for item in listed] == [url]
    answer = sandbox.arm("PUT", url, {"properties": properties})
    assert (answer.status_code, answer.json()["operation"]) == (202, operation)
    assert {"Azure-AsyncOperation", "Location", "Retry-After"} <= set(answer.headers)
    sandbox.wait(answer)
    assert sandbox.arm("GET", url).json()["properties"] == {**defaults, **properties}
    assert sandbox.arm("GET", f"{url}2").status_code == 404


@pytest.mark.parametrize(
    ("parent", "path", "properties"),
    [
        ("server", "connectionPolicies/default", {"connectionType": "Tunnel"}),
        ("database", "backupShortTermRetentionPolicies/default", {"retentionDays": 0}),
        ("database", "backupShortTermRetentionPolicies/default", {"retentionDays": 36}),
        ("database", "backupShortTermRetentionPolicies/default", {"diffBackupIntervalInHours": 13}),
        ("database", "backupLongTermRetentionPolicies/default", {"weeklyRetention": "four weeks"}),
        ("database", "backupLongTermRetentionPolicies/default", {"yearlyRetention": "P5Y", "weekOfYear": 0}),
    ],
)
def test_an_invalid_setting_returns_400(
    sandbox: Client, request: pytest.FixtureRequest, group: str, parent: str, path: str, properties: dict
) -> None:
    if parent == "database":  # of its own, that no other test has changed
        owner = sandbox.put(
            f"{request.getfixturevalue('server')}/databases/d{uuid.uuid4().hex[:6]}", {"location": "westeurope"}
        )["id"]
    else:
        owner = request.getfixturevalue(parent)
    assert status_and_code(sandbox.arm("PUT", f"{owner}/{path}", {"properties": properties})) == (
        400,
        "InvalidParameterValue",
    )


# who administers a server


def test_the_entra_administrator_is_also_a_property_of_its_server(sandbox: Client, group: str) -> None:
    server = new_server(sandbox, group)
    path = f"{server}/administrators/ActiveDirectory"
    only = f"{server}/azureADOnlyAuthentications/Default"
    assert sandbox.arm("GET", path).status_code == 404
    assert sandbox.arm("GET", only).json()["properties"] == {"azureADOnlyAuthentication": False}
    early = sandbox.arm("PUT", only, {"properties": {"azureADOnlyAuthentication": True}})
    assert status_and_code(early) == (400, "AadOnlyAuthenticationAzureADAdminNotSet")
    someone = {"administratorType": "ActiveDirectory", "login": "team", "sid": str(uuid.uuid4())}
    assert status_and_code(sandbox.arm("PUT", path, {"properties": {"login": "team"}})) == (
        400,
        "InvalidParameterValue",
    )
    made = sandbox.arm("PUT", path, {"properties": someone})
    assert (made.status_code, made.json()["operation"]) == (202, "CreateActiveDirectoryAdministrator")
    sandbox.wait(made)
    tenant = sandbox.environment["AZURE_TENANT_ID"]
    assert sandbox.arm("GET", path).json()["properties"] == {**someone, "tenantId": tenant}
    assert sandbox.arm("GET", server).json()["properties"]["administrators"]["login"] == "team"
    sandbox.wait(sandbox.arm("PUT", only, {"properties": {"azureADOnlyAuthentication": True}}))
    assert sandbox.arm("GET", server).json()["properties"]["administrators"]["azureADOnlyAuthentication"] is True
    assert sandbox.arm("GET", only).json()["properties"] == {"azureADOnlyAuthentication": True}
    sandbox.wait(sandbox.arm("DELETE", only))
    gone = sandbox.arm("DELETE", path)
    assert (gone.status_code, gone.json()["operation"]) == (202, "DropActiveDirectoryAdministrator")
    sandbox.wait(gone)
    assert sandbox.arm("GET", path).status_code == 404
    assert "administrators" not in sandbox.arm("GET", server).json()["properties"]


# databases


def test_a_database_uses_the_free_offer(sandbox: Client, server: str) -> None:
    body = {
        "location": "westeurope",
        "sku": {"name": "GP_S_Gen5_2"},
        "properties": {"useFreeLimit": True, "freeLimitExhaustionBehavior": "AutoPause"},
    }
    made = sandbox.put(f"{server}/databases/free", body)
    assert made["kind"] == "v12.0,user,vcore,serverless,freelimit"
    properties = made["properties"]
    assert (properties["useFreeLimit"], properties["freeLimitExhaustionBehavior"]) == (True, "AutoPause")
    assert properties["requestedBackupStorageRedundancy"] == "Local"


@pytest.mark.parametrize(
    ("sku", "properties"),
    [
        ("GP_Gen5_2", {"useFreeLimit": True}),
        ("S0", {"useFreeLimit": True}),
        ("GP_S_Gen5_2", {"useFreeLimit": True, "freeLimitExhaustionBehavior": "Stop"}),
    ],
)
def test_an_invalid_free_offer_returns_400(sandbox: Client, server: str, sku: str, properties: dict) -> None:
    body = {"location": "westeurope", "sku": {"name": sku}, "properties": properties}
    assert status_and_code(sandbox.arm("PUT", f"{server}/databases/notfree", body)) == (400, "InvalidParameterValue")


def test_an_existing_database_cannot_use_the_free_offer(sandbox: Client, database: str) -> None:
    body = {"location": "westeurope", "sku": {"name": "GP_S_Gen5_2"}, "properties": {"useFreeLimit": True}}
    assert status_and_code(sandbox.arm("PUT", database, body)) == (400, "InvalidParameterValue")


@pytest.mark.parametrize("subnet", ["", "/subscriptions/x", "10.0.0.0/8"])
def test_a_virtual_network_rule_requires_a_subnet(sandbox: Client, server: str, subnet: str) -> None:
    body = {"properties": {"virtualNetworkSubnetId": subnet}}
    assert status_and_code(sandbox.arm("PUT", f"{server}/virtualNetworkRules/vnet", body)) == (
        400,
        "InvalidParameterValue",
    )


# storage


def test_the_blob_service_has_retention_policies(sandbox: Client, group: str) -> None:
    path = f"{sandbox.storage(group)['id']}/blobServices/default"
    assert sandbox.arm("GET", path).json()["properties"]["deleteRetentionPolicy"] == {
        "allowPermanentDelete": False,
        "enabled": False,
    }
    properties = {
        "deleteRetentionPolicy": {"enabled": True, "days": 14},
        "containerDeleteRetentionPolicy": {"enabled": True, "days": 7},
        "isVersioningEnabled": True,
    }
    answer = sandbox.arm("PUT", path, {"properties": properties})
    assert answer.status_code == 200
    assert "cors" not in answer.json()["properties"]
    content = sandbox.arm("GET", path).json()
    assert content["sku"] == {"name": "Standard_LRS", "tier": "Standard"}
    assert content["properties"]["deleteRetentionPolicy"] == {
        "allowPermanentDelete": False,
        "enabled": True,
        "days": 14,
    }
    assert content["properties"]["isVersioningEnabled"] is True
    sandbox.arm("PUT", path, {"properties": {"deleteRetentionPolicy": {"enabled": False}}})
    kept = sandbox.arm("GET", path).json()["properties"]
    assert kept["deleteRetentionPolicy"] == {"allowPermanentDelete": False, "enabled": False}
    assert kept["containerDeleteRetentionPolicy"] == {"enabled": True, "days": 7}
    assert [item["id"] for item in sandbox.arm("GET", path.rpartition("/")[0]).json()["value"]] == [path]


@pytest.mark.parametrize(
    "properties",
    [
        {"deleteRetentionPolicy": {"enabled": True}},
        {"deleteRetentionPolicy": {"enabled": True, "days": 0}},
        {"containerDeleteRetentionPolicy": {"enabled": True, "days": 366}},
        {"restorePolicy": {"enabled": True, "days": 5}},
        {
            "restorePolicy": {"enabled": True, "days": 7},
            "isVersioningEnabled": True,
            "changeFeed": {"enabled": True},
            "deleteRetentionPolicy": {"enabled": True, "days": 7},
        },
    ],
)
def test_an_invalid_setting_of_the_blob_service_returns_400(sandbox: Client, group: str, properties: dict) -> None:
    path = f"{sandbox.storage(group)['id']}/blobServices/default"
    assert status_and_code(sandbox.arm("PUT", path, {"properties": properties})) == (400, "InvalidRequestPropertyValue")


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"keyPolicy": {"keyExpirationPeriodInDays": -260}}, "keyPolicy.keyExpirationPeriodInDays"),
        ({"accessTier": "Lukewarm"}, "accessTier"),
        ({"minimumTlsVersion": "SSL3"}, "minimumTlsVersion"),
        ({"publicNetworkAccess": "Sometimes"}, "publicNetworkAccess"),
        ({"networkAcls": {"defaultAction": "Ask"}}, "networkAcls.defaultAction"),
        (
            {"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "10.0.0.0/33"}]}},
            "networkAcls.ipRule[*].value",
        ),
    ],
)
def test_an_invalid_value_of_an_account_returns_400(sandbox: Client, group: str, properties: dict, named: str) -> None:
    path = f"{group}/providers/Microsoft.Storage/storageAccounts/st{uuid.uuid4().hex[:12]}"
    body = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": properties}
    answer = sandbox.arm("PUT", path, body)
    assert status_and_code(answer) == (400, "InvalidValuesForRequestParameters")
    assert answer.json()["error"]["message"] == f"Values for request parameters are invalid: {named}."
    assert sandbox.arm("GET", path).status_code == 404


@pytest.mark.parametrize(("sku", "kind"), [("Gold_LRS", "StorageV2"), ("Standard_LRS", "Shoebox")])
def test_an_invalid_sku_or_kind_of_an_account_returns_400(sandbox: Client, group: str, sku: str, kind: str) -> None:
    path = f"{group}/providers/Microsoft.Storage/storageAccounts/st{uuid.uuid4().hex[:12]}"
    answer = sandbox.arm("PUT", path, {"location": "westeurope", "sku": {"name": sku}, "kind": kind})
    assert status_and_code(answer) == (400, "InvalidValuesForRequestParameters")


def lifecycle(**changes: Any) -> dict[str, Any]:
    actions = {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 30}}}
    rule = {
        "name": "old",
        "type": "Lifecycle",
        "definition": {"actions": actions, "filters": {"blobTypes": ["blockBlob"]}},
        **changes,
    }
    return {"properties": {"policy": {"rules": [rule]}}}


def test_a_management_policy_is_created_and_deleted(sandbox: Client, group: str) -> None:
    account = sandbox.storage(group)
    path = f"{account['id']}/managementPolicies/default"
    assert status_and_code(sandbox.arm("GET", path)) == (404, "ManagementPolicyNotFound")
    made = sandbox.arm("PUT", path, lifecycle())
    assert (made.status_code, made.json()["name"]) == (200, "DefaultManagementPolicy")
    assert made.json()["properties"]["policy"]["rules"][0]["enabled"] is True
    assert status_and_code(sandbox.arm("PUT", path, lifecycle(type="Other"))) == (400, "InvalidRequestPropertyValue")
    assert status_and_code(sandbox.arm("PUT", path, {"properties": {}})) == (400, "InvalidRequestPropertyValue")
    assert status_and_code(sandbox.arm("PUT", f"{path}2", lifecycle())) == (400, "InvalidRequestPropertyValue")
    assert sandbox.arm("DELETE", path).status_code == 200


def test_a_federated_identity_credential_is_created_and_deleted(sandbox: Client, group: str) -> None:
    identity = sandbox.identity(group, f"id-{uuid.uuid4().hex[:6]}")
    path = f"{identity['id']}/federatedIdentityCredentials/runner"
    properties = {
        "issuer": "https://token.example.com",
        "subject": "repo:a/b",
        "audiences": ["api://AzureADTokenExchange"],
    }
    missing = sandbox.arm("GET", path)
    assert status_and_code(missing) == (404, "NotFound")
    assert missing.json()["error"]["message"] == f"Resource '{path}' was not found."
    assert status_and_code(sandbox.arm("PUT", path, {"properties": {**properties, "subject": ""}})) == (
        400,
        "BadRequest",
    )
    assert [sandbox.arm("PUT", path, {"properties": properties}).status_code for _time in range(2)] == [201, 200]
    assert sandbox.arm("GET", path).json()["properties"] == properties
    assert [item["name"] for item in sandbox.arm("GET", path.rpartition("/")[0]).json()["value"]] == ["runner"]


@pytest.mark.parametrize(
    ("sku", "kind", "services", "secondary"),
    [
        ("Standard_LRS", "StorageV2", {"blob", "dfs", "file", "queue", "table", "web"}, False),
        ("Standard_RAGRS", "StorageV2", {"blob", "dfs", "file", "queue", "table", "web"}, True),
        ("Premium_LRS", "BlockBlobStorage", {"blob", "dfs", "web"}, False),
        ("Premium_LRS", "FileStorage", {"file"}, False),
    ],
)
def test_each_kind_of_account_has_its_endpoints(
    sandbox: Client, group: str, sku: str, kind: str, services: set[str], secondary: bool
) -> None:
    path = f"{group}/providers/Microsoft.Storage/storageAccounts/st{uuid.uuid4().hex[:12]}"
    made = sandbox.put(path, {"location": "westeurope", "sku": {"name": sku}, "kind": kind})["properties"]
    assert set(made["primaryEndpoints"]) == services
    assert ("secondaryEndpoints" in made) is secondary
    assert made.get("secondaryLocation") == ("northeurope" if secondary else None)
    assert ("accessTier" in made) is (kind == "StorageV2")


# roles of one's own


def role_body(scope: str, **changes: Any) -> dict[str, Any]:
    permissions = [{"actions": ["Microsoft.Resources/subscriptions/resourceGroups/read"]}]
    return {
        "properties": {
            "roleName": f"role-{uuid.uuid4().hex[:6]}",
            "assignableScopes": [scope],
            "permissions": permissions,
            **changes,
        }
    }


def test_a_custom_role_can_be_assigned(sandbox: Client, group: str) -> None:
    name = str(uuid.uuid4())
    path = f"{group}/providers/Microsoft.Authorization/roleDefinitions/{name}"
    made = sandbox.arm("PUT", path, role_body(group))
    assert made.status_code == 201
    own = f"{sandbox.subscription}/providers/Microsoft.Authorization/roleDefinitions/{name}"
    assert (made.json()["id"], made.json()["properties"]["createdBy"]) == (own, None)
    content = sandbox.arm("GET", own).json()["properties"]
    assert (content["type"], content["createdBy"]) == ("CustomRole", sandbox.me())
    assert content["permissions"][0]["dataActions"] == []
    principal = sandbox.identity(group, f"id-{name[:6]}")["properties"]["principalId"]
    assignment = f"{group}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    given = sandbox.arm("PUT", assignment, {"properties": {"principalId": principal, "roleDefinitionId": own}})
    assert given.status_code == 201
    assert given.json()["properties"]["createdBy"] is None
    assert status_and_code(sandbox.arm("DELETE", own)) == (400, "RoleDefinitionHasAssignments")
    sandbox.arm("DELETE", assignment)
    assert sandbox.arm("DELETE", own).status_code == 200
    assert sandbox.arm("DELETE", own).status_code == 204


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"roleName": ""}, "InvalidRoleDefinitionName"),
        ({"assignableScopes": []}, "InvalidAssignableScopes"),
        ({"permissions": []}, "InvalidPermissions"),
    ],
)
def test_an_invalid_custom_role_returns_an_error(sandbox: Client, group: str, changes: dict, expected: str) -> None:
    path = f"{group}/providers/Microsoft.Authorization/roleDefinitions/{uuid.uuid4()}"
    assert status_and_code(sandbox.arm("PUT", path, role_body(group, **changes))) == (400, expected)


def test_a_built_in_role_cannot_be_changed_or_deleted(sandbox: Client, group: str) -> None:
    reader = (
        f"{sandbox.subscription}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
    )
    assert status_and_code(sandbox.arm("PUT", reader, role_body(group))) == (400, "RoleDefinitionUpdateNotPermitted")
    assert status_and_code(sandbox.arm("DELETE", reader)) == (400, "RoleDefinitionDeleteNotPermitted")
    assert sandbox.arm("GET", reader).json()["properties"]["roleName"] == "Reader"


def test_the_names_of_custom_roles_are_unique(sandbox: Client, group: str) -> None:
    path = f"{group}/providers/Microsoft.Authorization/roleDefinitions"
    body = role_body(group, roleName="the only one")
    assert sandbox.arm("PUT", f"{path}/{uuid.uuid4()}", body).status_code == 201
    assert status_and_code(sandbox.arm("PUT", f"{path}/{uuid.uuid4()}", body)) == (
        409,
        "RoleDefinitionWithSameNameExists",
    )
