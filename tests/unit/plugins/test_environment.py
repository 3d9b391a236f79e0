# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments: the workspace's key is read only where it has to be written."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._errors import Failure
from fake_azure import ACCEPTED, GROUP, NOT_FOUND, FakeAzure, get, patch, poll, post, put, run

ENVIRONMENT = f"{GROUP}/providers/Microsoft.App/managedEnvironments/env1"
WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log1"
LOGS = {"workspace_id": WORKSPACE, "customer_id": "C-1"}
WANTED: dict[str, Any] = {
    "resource_group": "rg",
    "name": "env1",
    "location": "westeurope",
    "log_analytics": LOGS,
}
KEY = post(f"{WORKSPACE}/sharedKeys", 200, {"primarySharedKey": "the-key"})


def environment(customer: str = "c-1") -> dict[str, Any]:
    logs = {"destination": "log-analytics", "logAnalyticsConfiguration": {"customerId": customer, "sharedKey": None}}
    return {
        "id": ENVIRONMENT,
        "name": "env1",
        "location": "West Europe",
        "properties": {
            "provisioningState": "Succeeded",
            "appLogsConfiguration": logs,
            "workloadProfiles": [{"name": "Consumption", "workloadProfileType": "Consumption", "enableFips": False}],
            "zoneRedundant": False,
        },
    }


def logs_sent(customer: str) -> dict[str, Any]:
    configuration = {"customerId": customer, "sharedKey": "the-key"}
    return {"destination": "log-analytics", "logAnalyticsConfiguration": configuration}


def test_create_fetches_the_key_and_shows_it_nowhere() -> None:
    body = {"location": "westeurope", "properties": {"appLogsConfiguration": logs_sent("C-1")}}
    with FakeAzure(
        get(ENVIRONMENT, 404, NOT_FOUND),
        KEY,
        put(ENVIRONMENT, 201, environment(), headers=ACCEPTED, sent=body),
        poll("Succeeded"),
        get(ENVIRONMENT, 200, environment()),
    ) as azure:
        result = run("container_app_environment", azure, **WANTED)
    assert "the-key" not in str(result)


def test_no_change_reads_no_key() -> None:
    with FakeAzure(get(ENVIRONMENT, 200, environment())) as azure:
        assert run("container_app_environment", azure, **WANTED)["changed"] is False


def test_another_workspace_is_a_change_with_its_key() -> None:
    with FakeAzure(
        get(ENVIRONMENT, 200, environment("other")),
        KEY,
        patch(ENVIRONMENT, 202, sent={"properties": {"appLogsConfiguration": logs_sent("C-1")}}, headers=ACCEPTED),
        poll("Succeeded"),
        get(ENVIRONMENT, 200, environment()),
    ) as azure:
        assert run("container_app_environment", azure, **WANTED)["changed"] is True


def test_without_customer_id_it_is_read_with_the_key() -> None:
    body = {"location": "westeurope", "properties": {"appLogsConfiguration": logs_sent("C-9")}}
    with FakeAzure(
        get(ENVIRONMENT, 404, NOT_FOUND),
        get(WORKSPACE, 200, {"properties": {"customerId": "C-9"}}),
        KEY,
        put(ENVIRONMENT, 201, environment(), headers=ACCEPTED, sent=body),
        poll("Succeeded"),
        get(ENVIRONMENT, 200, environment()),
    ) as azure:
        run("container_app_environment", azure, **{**WANTED, "log_analytics": {"workspace_id": WORKSPACE}})


def test_check_mode_reads_no_key() -> None:
    with FakeAzure(get(ENVIRONMENT, 404, NOT_FOUND)) as azure:
        assert run("container_app_environment", azure, check_mode=True, **WANTED)["changed"] is True


def test_a_change_of_something_else_reads_no_key() -> None:
    with FakeAzure(
        get(ENVIRONMENT, 200, environment()),
        patch(ENVIRONMENT, 200, environment(), sent={"tags": {"a": "b"}}),
        get(ENVIRONMENT, 200, environment()),
    ) as azure:
        run("container_app_environment", azure, tags={"a": "b"}, **WANTED)


def test_the_profile_that_azure_adds_is_no_change() -> None:
    current = environment()
    current["properties"]["workloadProfiles"].append(
        {"name": "d4", "workloadProfileType": "D4", "minimumCount": 0, "maximumCount": 1}
    )
    profiles = [{"name": "d4", "type": "D4", "minimum_count": 0, "maximum_count": 1}]
    with FakeAzure(get(ENVIRONMENT, 200, current)) as azure:
        assert run("container_app_environment", azure, workload_profiles=profiles, **WANTED)["changed"] is False


def test_a_workspace_of_another_subscription_is_refused() -> None:
    other = WORKSPACE.replace("00000000-0000-0000-0000-000000000000", "other")
    with FakeAzure(get(ENVIRONMENT, 404, NOT_FOUND)) as azure, pytest.raises(Failure, match="another subscription"):
        run("container_app_environment", azure, **{**WANTED, "log_analytics": {"workspace_id": other}})
