# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entra ID and Resource Manager over HTTPS. The expected values come from recorded responses of Azure."""

from __future__ import annotations

import uuid

import pytest
import requests

from tests.support.sandbox_client import VERSION, Client, error_code

IDENTITIES = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"


# tokens


def token_request(sandbox: Client, tenant: str | None = None, **changes: str) -> requests.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.environment["AZURE_CLIENT_ID"],
        "client_secret": sandbox.environment["AZURE_CLIENT_SECRET"],
        "scope": "https://management.azure.com/.default",
        **changes,
    }
    tenant = tenant or sandbox.environment["AZURE_TENANT_ID"]
    return sandbox.session.post(f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token", data=form, timeout=30)


def test_a_token_contains_its_audience_and_principal(sandbox: Client) -> None:
    answer = token_request(sandbox).json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] > 3000


@pytest.mark.parametrize(
    ("changes", "status", "aad"),
    [
        ({"client_secret": "wrong"}, 401, 7000215),
        ({"client_id": str(uuid.uuid4())}, 400, 700016),
        ({"grant_type": "password"}, 400, 70003),
        ({"tenant": str(uuid.uuid4())}, 400, 90002),
    ],
)
def test_invalid_credentials_return_an_error(sandbox: Client, changes: dict[str, str], status: int, aad: int) -> None:
    answer = token_request(sandbox, **changes)
    assert answer.status_code == status
    assert answer.json()["error_codes"] == [aad]
    assert answer.json()["error_description"].startswith(f"AADSTS{aad}: ")


# who may, and what a request must be


def test_a_request_without_a_token_returns_401(sandbox: Client) -> None:
    answer = sandbox.session.get(f"https://management.azure.com/subscriptions?api-version={VERSION}", timeout=30)
    assert (answer.status_code, error_code(answer)) == (401, "AuthenticationFailed")


@pytest.mark.parametrize("token", ["nonsense", "eyJhbGciOiJub25lIn0.eyJvaWQiOiJ4In0."])
def test_a_forged_token_returns_401(sandbox: Client, token: str) -> None:
    assert sandbox.arm("GET", "/subscriptions", token=token).status_code == 401


def test_a_token_for_another_audience_returns_401(sandbox: Client) -> None:
    assert (
        sandbox.arm("GET", "/subscriptions", token=sandbox.token("https://storage.azure.com/.default")).status_code
        == 401
    )


def test_the_api_version_is_required(sandbox: Client) -> None:
    answer = sandbox.session.get(
        "https://management.azure.com/subscriptions", headers={"Authorization": f"Bearer {sandbox.token()}"}, timeout=30
    )
    assert (answer.status_code, error_code(answer)) == (400, "MissingApiVersionParameter")


def test_an_invalid_json_body_returns_400(sandbox: Client) -> None:
    answer = sandbox.session.put(
        f"https://management.azure.com{sandbox.subscription}/resourceGroups/x",
        params={"api-version": VERSION},
        data=b"{",
        headers={"Authorization": f"Bearer {sandbox.token()}"},
        timeout=30,
    )
    assert (answer.status_code, error_code(answer)) == (400, "InvalidRequestContent")


# resource groups


def test_a_resource_group_is_created_updated_and_deleted(sandbox: Client) -> None:
    group = sandbox.group()
    again = sandbox.arm("PUT", group, {"location": "West Europe", "tags": {"a": "b"}})
    assert again.status_code == 200
    assert again.json() == {
        "id": group,
        "name": group.rpartition("/")[2],
        "type": "Microsoft.Resources/resourceGroups",
        "location": "westeurope",
        "tags": {"a": "b"},
        "properties": {"provisioningState": "Succeeded"},
    }
    assert sandbox.arm("HEAD", group).status_code == 204
    identity = sandbox.identity(group)
    deleted = sandbox.arm("DELETE", group)
    assert deleted.status_code == 202
    assert "/operationresults/" in deleted.headers["Location"]
    sandbox.wait(deleted)
    assert error_code(sandbox.arm("GET", group)) == "ResourceGroupNotFound"
    assert error_code(sandbox.arm("GET", identity["id"])) == "ResourceGroupNotFound"


@pytest.mark.parametrize(
    ("name", "location", "expected"),
    [
        ("a" * 91, "westeurope", "InvalidResourceGroup"),
        ("ends.", "westeurope", "InvalidResourceGroup"),
        ("ok", "atlantis", "LocationNotAvailableForResourceGroup"),
    ],
)
def test_an_invalid_resource_group_returns_400(sandbox: Client, name: str, location: str, expected: str) -> None:
    answer = sandbox.arm("PUT", f"{sandbox.subscription}/resourceGroups/{name}", {"location": location})
    assert (answer.status_code, error_code(answer)) == (400, expected)


def test_a_resource_group_cannot_change_its_location(sandbox: Client) -> None:
    answer = sandbox.arm("PUT", sandbox.group(), {"location": "eastus"})
    assert (answer.status_code, error_code(answer)) == (409, "InvalidResourceGroupLocation")


# resources


def test_each_kind_of_missing_resource_has_its_own_error_code(sandbox: Client) -> None:
    group = sandbox.group()
    nowhere = f"{sandbox.subscription}/resourceGroups/nowhere"
    assert error_code(sandbox.arm("GET", f"{nowhere}/{IDENTITIES}/x")) == "ResourceGroupNotFound"
    missing = sandbox.arm("GET", f"{group}/{IDENTITIES}/x")
    assert (missing.status_code, error_code(missing)) == (404, "ResourceNotFound")
    assert "'Microsoft.ManagedIdentity/userAssignedIdentities/x'" in missing.json()["error"]["message"]
    orphan = sandbox.arm(
        "PUT", f"{group}/providers/Microsoft.Sql/servers/none/databases/db", {"location": "westeurope"}
    )
    assert (orphan.status_code, error_code(orphan)) == (404, "ParentResourceNotFound")
    assert sandbox.arm("DELETE", f"{group}/{IDENTITIES}/x").status_code == 204
    assert error_code(sandbox.arm("GET", f"{group}/providers/Microsoft.Nothing/things/x")) == "InvalidResourceNamespace"
    assert (
        error_code(sandbox.arm("GET", "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups"))
        == "SubscriptionNotFound"
    )


def test_an_identity_has_the_form_of_azure(sandbox: Client) -> None:
    group = sandbox.group()
    answer = sandbox.arm("PUT", f"{group}/{IDENTITIES}/one", {"location": "West Europe"})
    assert answer.status_code == 201
    content = answer.json()
    assert content["id"] == f"{group}/{IDENTITIES}/one".replace("/resourceGroups/", "/resourcegroups/")
    assert content["location"] == "westeurope"
    assert content["tags"] == {}
    assert (
        sandbox.arm("PUT", f"{group}/{IDENTITIES}/ONE", {"location": "westeurope"}).json()["properties"]
        == content["properties"]
    )
    assert [item["name"] for item in sandbox.arm("GET", f"{group}/{IDENTITIES}").json()["value"]] == ["one"]
    moved = sandbox.arm("PUT", f"{group}/{IDENTITIES}/one", {"location": "eastus"})
    assert (moved.status_code, error_code(moved)) == (409, "InvalidResourceLocation")


LONG_RUNNING = [
    (
        "Microsoft.ContainerRegistry/registries",
        {"sku": {"name": "Basic"}},
        201,
        {"Azure-AsyncOperation"},
        "Creating",
        "Succeeded",
    ),
    (
        "Microsoft.OperationalInsights/workspaces",
        {"properties": {}},
        201,
        {"Azure-AsyncOperation", "Location"},
        "Creating",
        "Succeeded",
    ),
    ("Microsoft.App/managedEnvironments", {"properties": {}}, 201, {"Azure-AsyncOperation"}, "Waiting", "Succeeded"),
    (
        "Microsoft.Storage/storageAccounts",
        {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"},
        202,
        {"Location"},
        None,
        "Succeeded",
    ),
    (
        "Microsoft.Sql/servers",
        {"properties": {"administratorLogin": "boss", "administratorLoginPassword": "Secret-1234"}},
        202,
        {"Azure-AsyncOperation", "Location"},
        None,
        None,
    ),
]


@pytest.mark.parametrize(("kind", "body", "status", "headers", "first", "last"), LONG_RUNNING)
def test_a_creation_is_a_long_running_operation(
    sandbox: Client, kind: str, body: dict, status: int, headers: set[str], first: str | None, last: str | None
) -> None:
    path = f"{sandbox.group()}/providers/{kind}/t{uuid.uuid4().hex[:10]}"
    answer = sandbox.arm("PUT", path, {"location": "westeurope", **body})
    assert answer.status_code == status
    assert {"Azure-AsyncOperation", "Location"} & set(answer.headers) == headers
    assert int(answer.headers["Retry-After"]) >= 1
    if first is not None:
        assert answer.json()["properties"]["provisioningState"] == first
    sandbox.wait(answer)
    settled = sandbox.arm("GET", path)
    assert settled.status_code == 200
    assert settled.json()["properties"].get("provisioningState") == last
    assert sandbox.wait(sandbox.arm("DELETE", path))["status"] == "Succeeded"
    assert sandbox.arm("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("Microsoft.ContainerRegistry/registries", {"sku": {"name": "Basic"}}, "AlreadyInUse"),
        (
            "Microsoft.Storage/storageAccounts",
            {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"},
            "StorageAccountAlreadyTaken",
        ),
        (
            "Microsoft.Sql/servers",
            {"properties": {"administratorLogin": "boss", "administratorLoginPassword": "Secret-1234"}},
            "NameAlreadyExists",
        ),
    ],
)
def test_a_globally_unique_name_cannot_be_used_twice(sandbox: Client, kind: str, body: dict, expected: str) -> None:
    name = f"t{uuid.uuid4().hex[:10]}"
    sandbox.put(f"{sandbox.group()}/providers/{kind}/{name}", {"location": "westeurope", **body})
    answer = sandbox.arm("PUT", f"{sandbox.group()}/providers/{kind}/{name}", {"location": "westeurope", **body})
    assert (answer.status_code, error_code(answer)) == (409, expected)
    response = sandbox.arm(
        "POST",
        f"{sandbox.subscription}/providers/{kind.split('/')[0]}/checkNameAvailability",
        {"name": name, "type": kind},
    )
    availability = response.json()
    assert availability.get("nameAvailable", availability.get("available")) is False
    assert availability["reason"] == "AlreadyExists"


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("Microsoft.ContainerRegistry/registries", "freename", {"nameAvailable": True}),
        ("Microsoft.ContainerRegistry/registries", "no-hyphens", {"nameAvailable": False, "reason": "Invalid"}),
        ("Microsoft.Storage/storageAccounts", "freename", {"nameAvailable": True}),
        ("Microsoft.Storage/storageAccounts", "Upper", {"nameAvailable": False, "reason": "AccountNameInvalid"}),
        ("Microsoft.Sql/servers", "freename", {"name": "freename", "available": True}),
        ("Microsoft.Sql/servers", "-x", {"name": "-x", "available": False, "reason": "Invalid"}),
    ],
)
def test_check_name_availability_reports_free_and_invalid_names(
    sandbox: Client, kind: str, name: str, expected: dict
) -> None:
    path = f"{sandbox.subscription}/providers/{kind.split('/')[0]}/checkNameAvailability"
    answer = sandbox.arm("POST", path, {"name": name, "type": kind})
    assert answer.status_code == 200
    assert {key: value for key, value in answer.json().items() if key != "message"} == expected
    assert ("message" in answer.json()) == ("reason" in expected)


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("Microsoft.ContainerRegistry/registries/no", {"sku": {"name": "Basic"}}, "InvalidRegistryName"),
        ("Microsoft.ContainerRegistry/registries/regname", {"sku": {"name": "Gold"}}, "InvalidSku"),
        ("Microsoft.Storage/storageAccounts/Not-OK", {"sku": {"name": "Standard_LRS"}}, "AccountNameInvalid"),
        ("Microsoft.Sql/servers/-bad", {"properties": {}}, "InvalidServerName"),
        ("Microsoft.Sql/servers/nologin", {"properties": {}}, "InvalidParameterValue"),
        (
            "Microsoft.Sql/servers/reserved",
            {"properties": {"administratorLogin": "sa", "administratorLoginPassword": "Secret-1234"}},
            "InvalidLoginName",
        ),
        (
            "Microsoft.Sql/servers/weak",
            {"properties": {"administratorLogin": "boss", "administratorLoginPassword": "weak"}},
            "PasswordNotComplex",
        ),
        (
            "Microsoft.Sql/servers/same",
            {"properties": {"administratorLogin": "boss", "administratorLoginPassword": "Boss-12345"}},
            "PasswordNotComplex",
        ),
        ("Microsoft.OperationalInsights/workspaces/w", {"properties": {"retentionInDays": 7}}, "InvalidParameter"),
        (
            "Microsoft.App/managedEnvironments/env",
            {"properties": {"appLogsConfiguration": {"destination": "log-analytics"}}},
            "InvalidRequestParameterWithDetails",
        ),
        ("Microsoft.App/containerApps/Bad_Name", {"properties": {}}, "ContainerAppInvalidName"),
        (
            "Microsoft.App/containerApps/fine",
            {"properties": {"environmentId": "/nowhere"}},
            "ManagedEnvironmentNotFound",
        ),
    ],
)
def test_invalid_requests_return_azures_error_code(sandbox: Client, path: str, body: dict, expected: str) -> None:
    answer = sandbox.arm("PUT", f"{sandbox.group()}/providers/{path}", {"location": "westeurope", **body})
    assert error_code(answer) == expected
    assert answer.status_code in (400, 404)


def test_a_sql_database_is_normalised(sandbox: Client) -> None:
    group = sandbox.group()
    server = f"{group}/providers/Microsoft.Sql/servers/sql-{uuid.uuid4().hex[:8]}"
    made = sandbox.put(
        server,
        {
            "location": "westeurope",
            "properties": {"administratorLogin": "boss", "administratorLoginPassword": "Secret-1234"},
        },
    )
    assert "administratorLoginPassword" not in made["properties"]
    database = sandbox.put(
        f"{server}/databases/db",
        {
            "location": "westeurope",
            "sku": {"name": "GP_S_Gen5_2"},
            "properties": {"collation": "Latin1_General_100_CS_AS_SC_UTF8"},
        },
    )
    assert database["sku"] == {"name": "GP_S_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 2}
    assert database["properties"]["currentServiceObjectiveName"] == "GP_S_Gen5_2"
    assert database["properties"]["collation"] == "Latin1_General_100_CS_AS_SC_UTF8"
    changed = sandbox.arm(
        "PUT", f"{server}/databases/db", {"location": "westeurope", "properties": {"collation": "Latin1_General_CI_AS"}}
    )
    assert changed.status_code == 400
    rule = sandbox.arm(
        "PUT", f"{server}/firewallRules/all", {"properties": {"startIpAddress": "2.0.0.0", "endIpAddress": "1.0.0.0"}}
    )
    assert error_code(rule) == "InvalidIpAddressRange"


# roles


def test_a_role_assignment_has_the_form_of_azure(sandbox: Client) -> None:
    group = sandbox.group()
    principal = sandbox.identity(group)["properties"]["principalId"]
    made = sandbox.assign(group, "Reader", principal)
    assert made.status_code == 201
    twice = sandbox.assign(group, "Reader", principal)
    assert (twice.status_code, error_code(twice)) == (409, "RoleAssignmentExists")
    assert error_code(sandbox.assign(group, "Reader", str(uuid.uuid4()))) == "PrincipalNotFound"
    assert error_code(sandbox.assign(group, "Reader", "nobody")) == "InvalidPrincipalId"
    path = f"{group}/providers/Microsoft.Authorization/roleAssignments"
    result = sandbox.session.get(
        f"https://management.azure.com{path}",
        params={"api-version": "2022-04-01", "$filter": f"principalId eq '{principal}'"},
        headers={"Authorization": f"Bearer {sandbox.token()}"},
        timeout=30,
    ).json()["value"]
    assert [item["id"] for item in result] == [made.json()["id"]]
    assert sandbox.arm("DELETE", made.json()["id"]).status_code == 200
    assert sandbox.arm("DELETE", made.json()["id"]).status_code == 204
    assert error_code(sandbox.arm("GET", made.json()["id"])) == "RoleAssignmentNotFound"


def test_the_deletion_of_a_scope_deletes_its_role_assignments(sandbox: Client) -> None:
    group = sandbox.group()
    identity = sandbox.identity(group)
    account = sandbox.storage(group)
    made = sandbox.assign(account["id"], "Storage Blob Data Contributor", identity["properties"]["principalId"])
    sandbox.wait(sandbox.arm("DELETE", account["id"]))
    assert sandbox.arm("GET", made.json()["id"]).status_code == 404


def test_connections_to_other_hosts_are_tunnelled(sandbox: Client) -> None:
    """The proxy tunnels a connection to a host name without a resource in the sandbox, so the name does not resolve."""
    with pytest.raises(requests.exceptions.ConnectionError):
        sandbox.session.get("https://nobodyhasthis.blob.core.windows.net/", timeout=10)


def test_an_internal_error_is_not_forwarded_to_azure(sandbox: Client) -> None:
    """A request that raises an unexpected exception gets Azure's 500; the proxy never forwards it to Azure."""
    answer = sandbox.arm(
        "PUT",
        f"{sandbox.group()}/providers/Microsoft.App/containerApps/app",
        {"location": "westeurope", "properties": "x"},
    )
    assert (answer.status_code, error_code(answer)) == (500, "InternalServerError")


@pytest.mark.parametrize(("gigabytes", "status"), [(32, 400), (30, 202), (250, 202)])
def test_a_database_of_the_dtu_model_accepts_the_listed_sizes_only(
    sandbox: Client, gigabytes: int, status: int
) -> None:
    server = f"{sandbox.group()}/providers/Microsoft.Sql/servers/sql-{uuid.uuid4().hex[:8]}"
    login = {"administratorLogin": "boss", "administratorLoginPassword": "Secret-1234"}
    sandbox.put(server, {"location": "westeurope", "properties": login})
    body = {"location": "westeurope", "sku": {"name": "S0"}, "properties": {"maxSizeBytes": gigabytes * 1024**3}}
    answer = sandbox.arm("PUT", f"{server}/databases/db", body)
    assert answer.status_code == status
    if status == 400:
        assert error_code(answer) == "InvalidMaxSizeTierCombination"
