# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of the Azure CLI and the SDKs other than reads and writes of resources: tags, empty lists, regenerated keys, quotas."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support.sandbox_client import Client, Platform, app_body

TAGS = "providers/Microsoft.Resources/tags/default"


def tags(answer: Any) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    result: dict[str, str] = answer.json()["properties"]["tags"]
    return result


def patch(sandbox: Client, at: str, operation: str, **given: str) -> Any:
    return sandbox.arm("PATCH", f"{at}/{TAGS}", {"operation": operation, "properties": {"tags": given}})


def test_tags_are_read_replaced_merged_and_removed(sandbox: Client) -> None:
    group = sandbox.group()
    assert tags(sandbox.arm("GET", f"{group}/{TAGS}")) == {}
    assert tags(sandbox.arm("PUT", f"{group}/{TAGS}", {"properties": {"tags": {"a": "1", "b": "2"}}})) == {
        "a": "1",
        "b": "2",
    }
    assert tags(patch(sandbox, group, "Merge", A="3", c="4")) == {"a": "3", "b": "2", "c": "4"}
    assert tags(patch(sandbox, group, "Delete", b="2", c="other")) == {"a": "3", "c": "4"}
    assert sandbox.arm("GET", group).json()["tags"] == {"a": "3", "c": "4"}
    assert tags(patch(sandbox, group, "Replace", d="5")) == {"d": "5"}
    assert sandbox.arm("DELETE", f"{group}/{TAGS}").status_code == 200
    assert tags(sandbox.arm("GET", f"{group}/{TAGS}")) == {}


def test_tags_of_a_resource_and_of_the_subscription(sandbox: Client) -> None:
    mark = f"mark-{uuid.uuid4().hex[:8]}"
    identity = sandbox.identity(sandbox.group())["id"]
    content = patch(sandbox, identity, "Merge", **{mark: "here"}).json()
    assert content["id"] == f"{identity}/{TAGS}"
    assert sandbox.arm("GET", identity).json()["tags"] == {mark: "here"}
    assert tags(patch(sandbox, sandbox.subscription, "Merge", **{mark: "there"}))[mark] == "there"
    names = {one["tagName"]: one for one in sandbox.arm("GET", f"{sandbox.subscription}/tagNames").json()["value"]}
    assert names[mark]["count"] == {"type": "Total", "value": 2}
    assert [one["tagValue"] for one in names[mark]["values"]] == ["here", "there"]
    patch(sandbox, sandbox.subscription, "Delete", **{mark: "there"})


@pytest.mark.parametrize(
    ("operation", "body", "code"),
    [
        ("Add", {"tags": {"a": "b"}}, "InvalidTagsOperation"),
        ("Merge", {}, "InvalidRequestContent"),
        ("Merge", {"tags": {f"t{number}": "x" for number in range(51)}}, "InvalidTags"),
    ],
)
def test_invalid_tags_return_400(sandbox: Client, operation: str, body: dict[str, Any], code: str) -> None:
    group = sandbox.group()
    refused = sandbox.arm("PATCH", f"{group}/{TAGS}", {"operation": operation, "properties": body})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)
    assert tags(sandbox.arm("GET", f"{group}/{TAGS}")) == {}


def test_the_tags_of_a_missing_resource_return_404(sandbox: Client) -> None:
    missing = f"{sandbox.group()}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/none"
    assert sandbox.arm("GET", f"{missing}/{TAGS}").json()["error"]["code"] == "ResourceNotFound"


def test_the_list_of_an_unimplemented_type_is_empty(sandbox: Client, platform: Platform) -> None:
    for path in (
        f"{platform.environment}/certificates",
        f"{platform.environment}/managedCertificates",
        f"{platform.registry}/replications",
        f"{platform.registry}/webhooks",
        f"{platform.group}/providers/Microsoft.Authorization/denyAssignments",
    ):
        answer = sandbox.arm("GET", path)
        assert (answer.status_code, answer.json()) == (200, {"value": []}), path
    orphan = sandbox.arm("GET", f"{platform.registry}none/webhooks")
    assert orphan.json()["error"]["code"] == "ParentResourceNotFound"
    refused = sandbox.arm("PUT", f"{platform.registry}/webhooks/one", {"location": "westeurope"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "InvalidResourceType")


def test_the_passwords_of_a_registry_are_regenerated(sandbox: Client) -> None:
    name = f"{sandbox.group()}/providers/Microsoft.ContainerRegistry/registries/cr{uuid.uuid4().hex[:8]}"
    body = {"location": "westeurope", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": True}}
    sandbox.put(name, body)
    first = sandbox.arm("POST", f"{name}/listCredentials").json()["passwords"]
    second = sandbox.arm("POST", f"{name}/regenerateCredential", {"name": "password"}).json()["passwords"]
    assert first[0]["value"] != second[0]["value"]
    assert first[1] == second[1]
    assert sandbox.arm("POST", f"{name}/listCredentials").json()["passwords"] == second
    assert sandbox.arm("POST", f"{name}/regenerateCredential", {"name": "other"}).status_code == 400
    sandbox.put(name, {**body, "properties": {"adminUserEnabled": False}})
    refused = sandbox.arm("POST", f"{name}/regenerateCredential", {"name": "password"})
    assert refused.json()["error"]["code"] == "UnAuthorizedForCredentialOperations"


def test_the_usages_of_a_registry_are_listed(sandbox: Client, platform: Platform) -> None:
    usages = {one["name"]: one for one in sandbox.arm("GET", f"{platform.registry}/listUsages").json()["value"]}
    assert 0 < usages["Size"]["currentValue"] < usages["Size"]["limit"]


def test_the_keys_of_a_workspace_are_regenerated(sandbox: Client) -> None:
    workspace = f"{sandbox.group()}/providers/Microsoft.OperationalInsights/workspaces/logs"
    sandbox.put(workspace, {"location": "westeurope", "properties": {}})
    before = sandbox.arm("POST", f"{workspace}/sharedKeys").json()
    made = sandbox.arm("POST", f"{workspace}/regenerateSharedKey").json()
    assert not set(before.values()) & set(made.values())
    assert sandbox.arm("POST", f"{workspace}/sharedKeys").json() == made


def test_the_workload_profile_states_and_the_domain_verification_id_are_returned(
    sandbox: Client, platform: Platform
) -> None:
    states = sandbox.arm("GET", f"{platform.environment}/workloadProfileStates").json()["value"]
    assert [(one["name"], one["properties"]["workloadProfileType"]) for one in states] == [
        ("Consumption", "Consumption")
    ]
    response = sandbox.arm("POST", f"{sandbox.subscription}/providers/Microsoft.App/getCustomDomainVerificationId")
    environment = sandbox.arm("GET", platform.environment).json()["properties"]
    assert response.json() == environment["customDomainConfiguration"]["customDomainVerificationId"]


@pytest.mark.usefixtures("own_apps")
def test_a_traffic_weight_is_returned_as_a_number_including_0(sandbox: Client, platform: Platform) -> None:
    app = f"{platform.group}/providers/Microsoft.App/containerApps/app-{uuid.uuid4().hex[:8]}"
    body = app_body(platform)
    body["properties"]["configuration"]["activeRevisionsMode"] = "Multiple"
    made = sandbox.put(app, body)["properties"]
    weights = [
        {"latestRevision": True, "weight": "100"},
        {"latestRevision": False, "revisionName": made["latestRevisionName"], "weight": 0, "label": "blue"},
    ]
    body["properties"]["configuration"]["ingress"]["traffic"] = weights
    content = sandbox.put(app, body)["properties"]["configuration"]["ingress"]["traffic"]
    assert content[0] == {"latestRevision": True, "weight": 100}
    assert content[1] == {"revisionName": made["latestRevisionName"], "weight": 0, "label": "blue"}
    weights[0]["weight"] = "most"
    refused = sandbox.arm("PUT", app, body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "InvalidRequestContent")


def test_each_sku_in_the_capabilities_of_a_region_is_accepted(sandbox: Client) -> None:
    content = sandbox.arm(
        "GET", f"{sandbox.subscription}/providers/Microsoft.Sql/locations/westeurope/capabilities"
    ).json()
    (version,) = content["supportedServerVersions"]
    editions = {one["name"]: one["supportedServiceLevelObjectives"] for one in version["supportedEditions"]}
    assert {"Basic", "Standard", "Premium", "GeneralPurpose", "BusinessCritical", "Hyperscale"} == set(editions)
    small = next(one for one in editions["GeneralPurpose"] if one["name"] == "GP_S_Gen5_1")
    assert small["sku"] == {"name": "GP_S_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 1}
    assert [one["name"] for one in editions["Standard"] if one["status"] == "Default"] == ["S0"]
    assert [one["name"] for one in version["supportedEditions"] if one["status"] == "Default"] == ["GeneralPurpose"]


def test_the_operations_on_a_database_are_listed(sandbox: Client) -> None:
    server = f"{sandbox.group()}/providers/Microsoft.Sql/servers/sql-{uuid.uuid4().hex[:8]}"
    login = {"administratorLogin": "boss", "administratorLoginPassword": f"Aa1-{uuid.uuid4()}"}
    sandbox.put(server, {"location": "westeurope", "properties": login})
    database = f"{server}/databases/runs"
    sandbox.put(database, {"location": "westeurope", "sku": {"name": "S0"}})
    sandbox.put(database, {"location": "westeurope", "sku": {"name": "S1"}})
    listed = [one["properties"] for one in sandbox.arm("GET", f"{database}/operations").json()["value"]]
    assert [one["operationFriendlyName"] for one in listed] == ["UPDATE DATABASE", "CREATE DATABASE"]
    assert {(one["databaseName"], one["serverName"], one["state"]) for one in listed} == {
        ("runs", server.rpartition("/")[2], "SUCCEEDED")
    }
    missing = sandbox.arm("GET", f"{server}/databases/none/operations")
    assert missing.json()["error"]["code"] == "ResourceNotFound"
    assert sandbox.arm("GET", f"{database}/replicationLinks").json() == {"value": []}
