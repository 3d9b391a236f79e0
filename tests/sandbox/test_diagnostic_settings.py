# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Insights/diagnosticSettings over HTTPS: responses as recorded from Azure, and what Azure does not accept."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.support.sandbox_client import Client

VERSION = "2021-05-01-preview"
ALL_LOGS = [{"categoryGroup": "allLogs", "enabled": True}]
ADDED: dict[str, Any] = {"retentionPolicy": {"enabled": False, "days": 0}}


@pytest.fixture
def workspace(sandbox: Client) -> str:
    path = f"{sandbox.group()}/providers/Microsoft.OperationalInsights/workspaces/log-settings"
    sandbox.put(path, {"location": "westeurope"})
    return path


def put(sandbox: Client, scope: str, name: str = "one", **properties: Any) -> requests.Response:
    path = f"{scope}/providers/Microsoft.Insights/diagnosticSettings/{name}"
    return sandbox.arm("PUT", path, {"properties": properties}, version=VERSION)


def test_a_setting_is_returned_as_azure_returns_it(sandbox: Client, workspace: str) -> None:
    response = put(sandbox, workspace, workspaceId=workspace, logs=ALL_LOGS)
    assert response.status_code == 200
    path = f"{workspace.lower()}/providers/microsoft.insights/diagnosticSettings/one"
    nothing = dict.fromkeys(
        (
            "storageAccountId",
            "serviceBusRuleId",
            "eventHubAuthorizationRuleId",
            "eventHubName",
            "logAnalyticsDestinationType",
        )
    )
    expected = {
        "id": path,
        "name": "one",
        "type": "Microsoft.Insights/diagnosticSettings",
        "location": None,
        "kind": None,
        "tags": None,
        "identity": None,
        "properties": {
            **nothing,
            "workspaceId": workspace,
            "logs": [{"category": None, **ALL_LOGS[0], **ADDED}],
            "metrics": [],
        },
    }
    assert response.json() == expected
    settled = sandbox.arm("GET", path, version=VERSION).json()
    metrics = [{"category": "AllMetrics", "enabled": False, **ADDED}]
    assert settled == {
        **expected,
        "location": "westeurope",
        "properties": {**expected["properties"], "metrics": metrics},
    }
    collection = sandbox.arm("GET", path.rpartition("/")[0], version=VERSION).json()
    assert collection == {"value": [settled]}
    assert sandbox.arm("DELETE", path, version=VERSION).status_code == 200
    missing = sandbox.arm("GET", path, version=VERSION)
    assert (missing.status_code, missing.json()["code"]) == (404, "ResourceNotFound")
    assert sandbox.arm("DELETE", path, version=VERSION).status_code == 204
    assert sandbox.arm("GET", path.rpartition("/")[0], version=VERSION).json() == {"value": []}


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"workspaceId": None, "logs": ALL_LOGS}, "At least one data sink needs to be specified."),
        ({"logs": [{"category": "Nothing", "enabled": True}]}, "Category 'Nothing' is not supported."),
        ({"logs": [{"categoryGroup": "Nothing", "enabled": True}]}, "Category 'Nothing' is not supported."),
        ({"metrics": [{"category": "Nothing", "enabled": True}]}, "Category 'Nothing' is not supported."),
    ],
)
def test_an_invalid_setting(sandbox: Client, workspace: str, properties: dict[str, Any], message: str) -> None:
    response = put(sandbox, workspace, **{"workspaceId": workspace, **properties})
    assert (response.status_code, response.json()) == (400, {"code": "BadRequest", "message": message})


def test_a_category_goes_to_a_destination_once(sandbox: Client, workspace: str) -> None:
    assert put(sandbox, workspace, workspaceId=workspace, logs=ALL_LOGS).status_code == 200
    response = put(sandbox, workspace, "two", workspaceId=workspace.upper(), logs=ALL_LOGS)
    assert (response.status_code, response.json()["code"]) == (409, "Conflict")
    assert "already used in diagnostic setting 'one' for category 'allLogs'" in response.json()["message"]
    metrics = [{"category": "AllMetrics", "enabled": True}]
    assert put(sandbox, workspace, "two", workspaceId=workspace, metrics=metrics).status_code == 200


def test_a_resource_has_five_settings(sandbox: Client, workspace: str) -> None:
    for number in range(5):
        assert (
            put(sandbox, workspace, f"s{number}", storageAccountId=f"{workspace}/{number}", logs=ALL_LOGS).status_code
            == 200
        )
    response = put(sandbox, workspace, "s5", storageAccountId=f"{workspace}/5", logs=ALL_LOGS)
    assert (response.status_code, response.json()["code"]) == (400, "BadRequest")
    assert put(sandbox, workspace, "s4", storageAccountId=f"{workspace}/4", logs=[]).status_code == 200


def test_the_resource_of_a_setting_must_exist(sandbox: Client, workspace: str) -> None:
    response = put(sandbox, f"{workspace}x", workspaceId=workspace, logs=ALL_LOGS)
    assert (response.status_code, response.json()["code"]) == (404, "ResourceNotFound")
