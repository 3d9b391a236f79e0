# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Diagnostic settings at the wire: Azure's additions are no change, and what is not set is kept."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, Failure

from tests.support.fake_azure import GROUP, NOT_FOUND, FakeAzure, delete, get, options, put, run

ENVIRONMENT = f"{GROUP}/providers/Microsoft.App/managedEnvironments/cae"
SETTING = f"{ENVIRONMENT}/providers/Microsoft.Insights/diagnosticSettings/to-workspace"
WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st123"
ALL_LOGS: dict[str, Any] = {"category_group": "allLogs"}
GIVEN: dict[str, Any] = {
    "scope": ENVIRONMENT,
    "name": "to-workspace",
    "workspace_id": WORKSPACE,
    "logs": [ALL_LOGS],
    "metrics": [{"category": "AllMetrics"}],
}
# The 404 of this provider has no "error" around code and message.
ABSENT = {"code": "ResourceNotFound", "message": "The resource 'to-workspace' was not found."}


def category(name: str | None, enabled: bool, group: str | None = None) -> dict[str, Any]:
    return {
        "category": name,
        "categoryGroup": group,
        "enabled": enabled,
        "retentionPolicy": {"enabled": False, "days": 0},
    }


def setting(**properties: Any) -> dict[str, Any]:
    """Return a setting as Azure returns it: the id in lower case, null for all that is not set."""
    return {
        "id": SETTING.lower(),
        "type": "Microsoft.Insights/diagnosticSettings",
        "name": "to-workspace",
        "location": "westeurope",
        "kind": None,
        "tags": None,
        "identity": None,
        "properties": {
            "storageAccountId": None,
            "serviceBusRuleId": None,
            "workspaceId": WORKSPACE,
            "eventHubAuthorizationRuleId": None,
            "eventHubName": None,
            "metrics": [category("AllMetrics", True)],
            "logs": [category(None, True, "allLogs")],
            "logAnalyticsDestinationType": None,
            **properties,
        },
    }


def test_a_new_setting_is_one_request_with_what_the_options_say() -> None:
    sent = {
        "properties": {
            "workspaceId": WORKSPACE,
            "logs": [{"categoryGroup": "allLogs", "enabled": True}],
            "metrics": [{"category": "AllMetrics", "enabled": True}],
        }
    }
    with FakeAzure(
        get(SETTING, 404, ABSENT, query="api-version=2021-05-01-preview"),
        put(SETTING, 200, setting(), sent=sent),
        get(SETTING, 200, setting()),
    ) as azure:
        result = run("diagnostic_setting", azure, **GIVEN)
    assert (result["changed"], result["diagnostic_setting"]) == (True, setting())


@pytest.mark.parametrize(
    ("given", "properties"),
    [
        ({}, {}),
        ({"metrics": None}, {"metrics": [category("AllMetrics", False)]}),
        ({"metrics": []}, {"metrics": [category("AllMetrics", False)]}),
        ({"metrics": [{"category": "AllMetrics", "enabled": False}]}, {"metrics": []}),
        ({"log_analytics_destination_type": "AzureDiagnostics"}, {}),
        ({"log_analytics_destination_type": "Dedicated"}, {"logAnalyticsDestinationType": "Dedicated"}),
        ({"workspace_id": WORKSPACE.upper().replace("/SUBSCRIPTIONS", "/subscriptions")}, {}),
        ({"logs": [{"category_group": "AllLogs"}]}, {}),
        (
            {"logs": [{"category": "B"}, {"category": "A"}]},
            {"logs": [category("A", True), category("B", True), category("C", False)]},
        ),
        ({"logs": None, "workspace_id": None}, {"storageAccountId": ACCOUNT}),
    ],
)
def test_what_azure_adds_or_spells_otherwise_is_no_change(given: dict[str, Any], properties: dict[str, Any]) -> None:
    with FakeAzure(get(SETTING, 200, setting(**properties))) as azure:
        assert run("diagnostic_setting", azure, **{**GIVEN, **given})["changed"] is False


@pytest.mark.parametrize(
    ("given", "current", "sent"),
    [
        (
            {"logs": [{"category": "A"}]},
            {"logs": [category("A", True), category("B", True)]},
            {"logs": [{"category": "A", "enabled": True}]},
        ),
        ({"logs": []}, {}, {"logs": []}),
        ({"logs": [{"category": "allLogs"}]}, {}, {"logs": [{"category": "allLogs", "enabled": True}]}),
        (
            {"metrics": [{"category": "AllMetrics", "enabled": False}]},
            {},
            {"metrics": [{"category": "AllMetrics", "enabled": False}]},
        ),
        ({"log_analytics_destination_type": "Dedicated"}, {}, {"logAnalyticsDestinationType": "Dedicated"}),
        ({"workspace_id": f"{WORKSPACE}2"}, {}, {"workspaceId": f"{WORKSPACE}2"}),
        ({"storage_account_id": ACCOUNT}, {}, {"storageAccountId": ACCOUNT}),
    ],
)
def test_a_change_keeps_what_is_not_set(given: dict[str, Any], current: dict[str, Any], sent: dict[str, Any]) -> None:
    before = setting(**current)
    after = setting(**{**current, **sent})
    body = {"properties": {**before["properties"], **sent}}
    with FakeAzure(get(SETTING, 200, before), put(SETTING, 200, after, sent=body), get(SETTING, 200, after)) as azure:
        assert run("diagnostic_setting", azure, **{**GIVEN, **given})["changed"] is True


def test_check_mode_writes_nothing() -> None:
    with FakeAzure(get(SETTING, 404, ABSENT)) as azure:
        result = run("diagnostic_setting", azure, check_mode=True, **GIVEN)
    assert (result["changed"], result["diagnostic_setting"]["id"]) == (True, SETTING)


def test_absent_is_one_read_and_one_delete() -> None:
    with FakeAzure(get(SETTING, 200, setting()), delete(SETTING, 200)) as azure:
        assert run("diagnostic_setting", azure, **GIVEN, state="absent")["changed"] is True
    with FakeAzure(get(SETTING, 404, NOT_FOUND)) as azure:
        assert run("diagnostic_setting", azure, **GIVEN, state="absent")["changed"] is False


def test_a_category_that_another_setting_sends_to_the_same_place_is_azures_error() -> None:
    refusal = {
        "code": "Conflict",
        "message": f"Data sink '{WORKSPACE}' is already used in diagnostic setting 'other' for category 'AllMetrics'.",
    }
    with FakeAzure(get(SETTING, 404, ABSENT), put(SETTING, 409, refusal)) as azure, pytest.raises(ArmError) as caught:
        run("diagnostic_setting", azure, **GIVEN)
    assert (caught.value.status, caught.value.code) == (409, "Conflict")
    assert "already used in diagnostic setting 'other'" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"scope": "cae"}, "scope"),
        ({"name": "a/b"}, "name"),
        ({"name": "ends."}, "name"),
        ({"name": "x" * 261}, "name"),
        ({"logs": [{"category": "A"}, ALL_LOGS]}, "logs"),
    ],
)
def test_what_azure_would_refuse_is_refused_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(Failure) as caught:
        run("diagnostic_setting", azure, **{**GIVEN, **given})
    assert caught.value.message.startswith(f"{option}:")


@pytest.mark.parametrize(
    ("given", "option"), [({"workspace_id": None}, "workspace_id"), ({"logs": None, "metrics": None}, "logs")]
)
def test_a_new_setting_needs_a_destination_and_something_to_send(given: dict[str, Any], option: str) -> None:
    with FakeAzure(get(SETTING, 404, ABSENT)) as azure, pytest.raises(Failure) as caught:
        run("diagnostic_setting", azure, **{**GIVEN, **given})
    assert caught.value.message.startswith(f"{option}:")


@pytest.mark.parametrize("log", [{}, {"category": "A", "category_group": "allLogs"}])
def test_a_log_is_a_category_or_a_group(log: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="category"):
        options("diagnostic_setting", **{**GIVEN, "logs": [log]})
