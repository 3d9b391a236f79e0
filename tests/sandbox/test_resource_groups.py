# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource groups, which Resource Manager serves outside of the providers, and the actions of providers, in the process of the tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import Rule
from sandbox.messages import Response
from tests.support.sandbox_in_process import SUBSCRIPTION, Azure

ROOT = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{ROOT}/resourceGroups/rg"
VERSION = "2021-04-01"


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    """Return Resource Manager with one resource group."""
    azure = Azure(tmp_path, tmp_path / "directory.key")
    azure.put(GROUP, {"location": "westeurope", "tags": {"a": "b"}}, VERSION)
    yield azure
    azure.close()


def send(azure: Azure, method: str, path: str, body: Any = None) -> Response:
    return azure.request(method, path, body, **{"api-version": VERSION})


def code(response: Response) -> tuple[int, str]:
    return response.status, json.loads(response.body)["error"]["code"]


def test_a_patch_of_a_group_changes_tags_and_keeps_the_location(azure: Azure) -> None:
    response = send(azure, "PATCH", GROUP, {"tags": {"c": "d"}, "location": "northeurope"})
    group = json.loads(response.body)
    assert (response.status, group["tags"], group["location"]) == (200, {"a": "b", "c": "d"}, "westeurope")
    assert code(send(azure, "PATCH", f"{ROOT}/resourceGroups/none", {})) == (404, "ResourceGroupNotFound")


def test_the_deletion_of_a_group_can_be_repeated_until_it_ends(azure: Azure) -> None:
    azure.store.faults.add(Rule("stall", type="Microsoft.Resources/resourceGroups", verb="delete"))
    first, second = (send(azure, "DELETE", GROUP) for _request in range(2))
    assert (first.status, second.status) == (202, 202)
    assert azure.request("GET", first.headers["Location"]).status == 202
    azure.store.faults.clear([])
    assert "/operationresults/" in first.headers["Location"]
    assert "Azure-AsyncOperation" not in first.headers
    assert azure.request("GET", first.headers["Location"]).status == 200
    assert send(azure, "HEAD", GROUP).status == 404
    assert code(send(azure, "DELETE", GROUP)) == (404, "ResourceGroupNotFound")


@pytest.mark.parametrize("path", [f"{ROOT}/resourceGroups", f"{ROOT}/locations", ROOT])
def test_a_list_of_the_subscription_accepts_get_only(azure: Azure, path: str) -> None:
    assert send(azure, "GET", path).status == 200
    assert code(send(azure, "PUT", path, {})) == (405, "HttpMethodNotAllowed")


def test_a_post_to_a_group_is_not_allowed(azure: Azure) -> None:
    assert code(send(azure, "POST", GROUP)) == (405, "HttpMethodNotAllowed")


def test_a_list_of_resources_contains_no_resource_groups(azure: Azure) -> None:
    identity = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-one"
    azure.put(identity, {"location": "westeurope"}, "2023-01-31")
    for path in (f"{ROOT}/resources", f"{GROUP}/resources"):
        assert [item["name"] for item in json.loads(send(azure, "GET", path).body)["value"]] == ["id-one"]


def test_a_group_needs_no_registered_provider(azure: Azure) -> None:
    assert send(azure, "POST", f"{ROOT}/providers/Microsoft.Resources/unregister").status == 200
    assert send(azure, "PUT", GROUP, {"location": "westeurope"}).status == 200


@pytest.mark.parametrize(
    ("method", "action", "version"),
    [
        ("GET", "Microsoft.App/locations/westeurope/usages", "2024-03-01"),
        ("POST", "Microsoft.App/getCustomDomainVerificationId", "2024-03-01"),
        ("GET", "Microsoft.Sql/locations/westeurope/capabilities", "2023-08-01"),
        ("GET", "Microsoft.Authorization/permissions", "2022-04-01"),
        ("GET", "microsoft.sql/LOCATIONS/westeurope/Capabilities", "2023-08-01"),
    ],
)
def test_an_action_of_a_provider_is_routed_to_its_type(azure: Azure, method: str, action: str, version: str) -> None:
    path, query = f"{ROOT}/providers/{action}", {"api-version": version}
    assert azure.request(method, path, **query).status == 200
    assert code(azure.request("POST" if method == "GET" else "GET", path, **query))[0] == 404
