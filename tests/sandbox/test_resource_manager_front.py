# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol of Resource Manager: lists and pages, filters, api-versions, conditional requests, resource providers, and the case of paths."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.support.sandbox_client import VERSION, Client, error_code

IDENTITIES = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"
WORKSPACES = "providers/Microsoft.OperationalInsights/workspaces"
PLACE = {"location": "westeurope"}


def get(sandbox: Client, path: str, **query: str) -> requests.Response:
    return send(sandbox, "GET", path, query=query)


def send(
    sandbox: Client,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
) -> requests.Response:
    return sandbox.session.request(
        method,
        f"https://management.azure.com{path}",
        params={"api-version": VERSION, **(query or {})},
        json=body,
        headers={"Authorization": f"Bearer {sandbox.token()}", **(headers or {})},
        timeout=30,
    )


@pytest.fixture(scope="module")
def group(sandbox: Client) -> str:
    """Return a group with five identities, every second one with a tag."""
    path = sandbox.group()
    for number in range(5):
        tags = {"team": "vision"} if number % 2 else {"owner": "me"}
        sandbox.put(f"{path}/{IDENTITIES}/id-{number}", {**PLACE, "tags": tags})
    return path


# pages


@pytest.mark.parametrize("path", ["resources", IDENTITIES])
def test_the_pages_of_a_list_contain_each_item_once_and_in_order(sandbox: Client, group: str, path: str) -> None:
    first = get(sandbox, f"{group}/{path}", **{"$top": "2"}).json()
    names, pages, link = [one["name"] for one in first["value"]], 1, first.get("nextLink")
    while link:
        assert link.startswith("https://management.azure.com/subscriptions/")
        answer = sandbox.session.get(link, headers={"Authorization": f"Bearer {sandbox.token()}"}, timeout=30).json()
        names += [one["name"] for one in answer["value"]]
        pages, link = pages + 1, answer.get("nextLink")
    assert names == [f"id-{number}" for number in range(5)]
    assert pages == 3


def test_a_list_of_one_page_has_no_next_link(sandbox: Client, group: str) -> None:
    assert "nextLink" not in get(sandbox, f"{group}/resources").json()
    assert "nextLink" not in get(sandbox, f"{group}/resources", **{"$top": "5"}).json()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"$top": "0"}, "InvalidTopQueryParameter"),
        ({"$top": "many"}, "InvalidTopQueryParameter"),
        ({"$skipToken": "nonsense"}, "InvalidSkipToken"),
        ({"$filter": "colour eq 'red'"}, "InvalidFilterInQueryString"),
        ({"$filter": "name eq 'a' or name eq 'b' and name eq 'c'"}, "InvalidFilterInQueryString"),
        ({"$filter": "name"}, "InvalidFilterInQueryString"),
    ],
)
def test_invalid_query_parameters_of_a_list_return_400(
    sandbox: Client, group: str, query: dict[str, str], expected: str
) -> None:
    answer = get(sandbox, f"{group}/resources", **query)
    assert (answer.status_code, error_code(answer)) == (400, expected)


@pytest.mark.parametrize(
    ("expression", "numbers"),
    [
        ("name eq 'ID-1'", [1]),
        ("resourceType eq 'microsoft.managedidentity/userassignedidentities'", [0, 1, 2, 3, 4]),
        ("resourceType eq 'Microsoft.App/containerApps'", []),
        ("tagName eq 'team' and tagValue eq 'vision'", [1, 3]),
        ("substringof('-4', name)", [4]),
        ("name eq 'id-0' or name eq 'id-2'", [0, 2]),
        ("name ne 'id-0' and location eq 'West Europe'", []),
        ("name ne 'id-0' and location eq 'westeurope'", [1, 2, 3, 4]),
    ],
)
def test_a_filter_selects_resources(sandbox: Client, group: str, expression: str, numbers: list[int]) -> None:
    result = get(sandbox, f"{group}/resources", **{"$filter": expression}).json()["value"]
    assert [one["name"] for one in result] == [f"id-{number}" for number in numbers]


def test_the_subscription_lists_resources_of_all_groups(sandbox: Client, group: str) -> None:
    other = sandbox.group()
    sandbox.put(f"{other}/{IDENTITIES}/elsewhere", PLACE)
    name = other.rpartition("/")[2]
    query = {"$filter": f"resourceGroup eq '{name}'", "$expand": "createdTime,changedTime,provisioningState"}
    result = get(sandbox, f"{sandbox.subscription}/resources", **query).json()["value"]
    assert [(one["name"], one["provisioningState"]) for one in result] == [("elsewhere", "Succeeded")]
    assert result[0]["createdTime"] <= result[0]["changedTime"]
    everything = get(sandbox, f"{sandbox.subscription}/{IDENTITIES}").json()["value"]
    assert {"elsewhere", "id-0"} <= {one["name"] for one in everything}


def test_a_filter_selects_groups_by_tag(sandbox: Client) -> None:
    path = f"{sandbox.subscription}/resourceGroups/rg-tagged-front"
    assert sandbox.arm("PUT", path, {**PLACE, "tags": {"kind": "front"}}).status_code == 201
    query = {"$filter": "tagName eq 'kind' and tagValue eq 'front'"}
    result = get(sandbox, f"{sandbox.subscription}/resourcegroups", **query).json()["value"]
    assert [one["name"] for one in result] == ["rg-tagged-front"]


# api-versions


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("latest", "InvalidApiVersionParameter"),
        ("2024-03", "InvalidApiVersionParameter"),
        ("2019-01-01", "NoRegisteredProviderFound"),
        ("2999-01-01", "NoRegisteredProviderFound"),
    ],
)
def test_an_unknown_api_version_returns_400(sandbox: Client, group: str, version: str, expected: str) -> None:
    answer = sandbox.arm("GET", f"{group}/providers/Microsoft.App/containerApps", version=version)
    assert (answer.status_code, error_code(answer)) == (400, expected)
    assert "2025-01-01" in answer.json()["error"]["message"]


@pytest.mark.parametrize("version", ["2022-03-01", "2025-10-02-preview", "2024-08-02-preview"])
def test_a_known_api_version_is_accepted(sandbox: Client, group: str, version: str) -> None:
    assert sandbox.arm("GET", f"{group}/providers/Microsoft.App/containerApps", version=version).status_code == 200


def test_an_api_version_is_required(sandbox: Client, group: str) -> None:
    headers = {"Authorization": f"Bearer {sandbox.token()}"}
    for path in (group, "/subscriptions", f"{group}/{IDENTITIES}/id-0"):
        answer = sandbox.session.get(f"https://management.azure.com{path}", headers=headers, timeout=30)
        assert (answer.status_code, error_code(answer)) == (400, "MissingApiVersionParameter")


# conditions


def test_a_write_with_an_outdated_etag_returns_412(sandbox: Client, group: str) -> None:
    path = f"{group}/{WORKSPACES}/log-etag"
    etag = sandbox.put(path, PLACE)["etag"]
    stale = send(sandbox, "PUT", path, {**PLACE, "tags": {"a": "b"}}, {"If-Match": '"other"'})
    assert (stale.status_code, error_code(stale)) == (412, "PreconditionFailed")
    assert etag in stale.json()["error"]["message"]
    assert "tags" not in sandbox.arm("GET", path).json()
    fresh = send(sandbox, "PUT", path, {**PLACE, "tags": {"a": "b"}}, {"If-Match": etag})
    assert fresh.status_code in (200, 201, 202)
    sandbox.wait(fresh)
    again = send(sandbox, "PUT", path, PLACE, {"If-Match": etag})
    assert again.status_code == 412  # the write has changed it
    assert send(sandbox, "DELETE", path, headers={"If-Match": etag}).status_code == 412
    assert send(sandbox, "DELETE", path, headers={"If-Match": "*"}).status_code in (200, 202)


def test_if_none_match_makes_a_put_create_only(sandbox: Client, group: str) -> None:
    path = f"{group}/{WORKSPACES}/log-once"
    first = send(sandbox, "PUT", path, PLACE, {"If-None-Match": "*"})
    assert first.status_code == 201
    sandbox.wait(first)
    assert send(sandbox, "PUT", path, PLACE, {"If-None-Match": "*"}).status_code == 412


def test_if_match_makes_a_put_update_only(sandbox: Client, group: str) -> None:
    path = f"{group}/{WORKSPACES}/log-never"
    assert send(sandbox, "PUT", path, PLACE, {"If-Match": "*"}).status_code == 412
    assert sandbox.arm("GET", path).status_code == 404


# resource providers


def test_the_resource_providers_list_their_types(sandbox: Client) -> None:
    content = get(sandbox, f"{sandbox.subscription}/providers/microsoft.app").json()
    assert (content["namespace"], content["registrationState"]) == ("Microsoft.App", "Registered")
    apps = next(one for one in content["resourceTypes"] if one["resourceType"] == "containerApps")
    assert "2025-01-01" in apps["apiVersions"]
    assert "West Europe" in apps["locations"]
    listed = get(sandbox, f"{sandbox.subscription}/providers").json()["value"]
    assert {"Microsoft.App", "Microsoft.Sql", "Microsoft.Resources"} <= {one["namespace"] for one in listed}
    unknown = get(sandbox, f"{sandbox.subscription}/providers/Microsoft.Nothing")
    assert (unknown.status_code, error_code(unknown)) == (404, "InvalidResourceNamespace")


def test_a_write_to_an_unregistered_provider_returns_409(sandbox: Client, group: str) -> None:
    provider = f"{sandbox.subscription}/providers/Microsoft.OperationalInsights"
    assert send(sandbox, "POST", f"{provider}/unregister").json()["registrationState"] == "NotRegistered"
    try:
        refused = sandbox.arm("PUT", f"{group}/{WORKSPACES}/log-refused", PLACE)
        assert (refused.status_code, error_code(refused)) == (409, "MissingSubscriptionRegistration")
        details = refused.json()["error"]["details"]
        assert details[0]["target"] == "Microsoft.OperationalInsights"
        assert get(sandbox, f"{group}/{WORKSPACES}").status_code == 200
    finally:
        assert send(sandbox, "POST", f"{provider}/register").json()["registrationState"] == "Registered"
    assert sandbox.arm("PUT", f"{group}/{WORKSPACES}/log-refused", PLACE).status_code == 201


def test_unsupported_paths_and_methods_return_an_error(sandbox: Client, group: str) -> None:
    for path, expected in (
        (f"{group}/providers/Microsoft.Nothing/things/one", "InvalidResourceNamespace"),
        (f"{group}/providers/Microsoft.App/things/one", "InvalidResourceType"),
        (f"{sandbox.subscription}/nothing", "InvalidResourceType"),
    ):
        answer = get(sandbox, path)
        assert (answer.status_code, error_code(answer)) == (404, expected), path
    refused = send(sandbox, "DELETE", sandbox.subscription)
    assert (refused.status_code, error_code(refused)) == (405, "HttpMethodNotAllowed")


# how paths are written


def test_paths_are_case_insensitive_and_names_keep_their_case(sandbox: Client, group: str) -> None:
    made = get(sandbox, f"{group}/{IDENTITIES}/id-0").json()
    for path in (made["id"].upper(), made["id"].lower(), made["id"].replace("/providers/", "/PROVIDERS/")):
        assert get(sandbox, path).json() == made
    assert send(sandbox, "HEAD", group.upper()).status_code == 204
    assert send(sandbox, "HEAD", f"{group}-none").status_code == 404


def test_the_subscription_its_tenant_and_its_locations_are_listed(sandbox: Client) -> None:
    content = get(sandbox, sandbox.subscription).json()
    assert (content["state"], content["tenantId"]) == ("Enabled", sandbox.environment["AZURE_TENANT_ID"])
    places = get(sandbox, f"{sandbox.subscription}/locations").json()["value"]
    assert {"westeurope", "eastus"} <= {one["name"] for one in places}
    assert get(sandbox, "/tenants").json()["value"][0]["tenantId"] == content["tenantId"]
    assert get(sandbox, "/subscriptions").json()["count"] == {"type": "Total", "value": 1}
