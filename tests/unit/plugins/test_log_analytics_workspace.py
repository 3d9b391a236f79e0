# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module log_analytics_workspace: names of skus, limits, and no request for keys."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure, InvalidOption

from tests.support.fake_azure import ACCEPTED, GROUP, NOT_FOUND, FakeAzure, delete, get, patch, poll, put, run

WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log-one"
OPTIONS: dict[str, Any] = {"resource_group": "rg", "name": "log-one", "location": "westeurope"}


def workspace(**properties: Any) -> dict[str, Any]:
    return {
        "id": WORKSPACE,
        "name": "log-one",
        "location": "westeurope",
        "etag": '"e"',
        "properties": {
            "customerId": "44444444-4444-4444-4444-444444444444",
            "features": {"enableLogAccessUsingOnlyResourcePermissions": True, "legacy": 0, "searchVersion": 1},
            "provisioningState": "Succeeded",
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
            "retentionInDays": 30,
            "sku": {"lastSkuUpdate": "2026-01-01T00:00:00Z", "name": "PerGB2018"},
            "workspaceCapping": {"dailyQuotaGb": -1.0, "dataIngestionStatus": "RespectQuota"},
            **properties,
        },
    }


def test_a_new_workspace_without_a_request_for_its_keys() -> None:
    sent = {
        "location": "westeurope",
        "properties": {"retentionInDays": 30, "workspaceCapping": {"dailyQuotaGb": 1.0}},
    }
    with FakeAzure(
        get(WORKSPACE, 404, NOT_FOUND),
        put(WORKSPACE, 201, workspace(provisioningState="Creating"), headers=ACCEPTED, sent=sent),
        poll("Succeeded"),
        get(WORKSPACE, 200, workspace()),
    ) as azure:
        result = run("log_analytics_workspace", azure, retention_in_days=30, daily_quota_gb=1, **OPTIONS)
    assert result["log_analytics_workspace"] == workspace()
    assert not [url for _method, url in azure.session.requests if "sharedKeys" in url]


@pytest.mark.parametrize(
    ("given", "current"),
    [
        ({}, {}),
        ({"sku": "Standalone", "location": "West Europe"}, {}),
        ({"sku": "PerGB2018"}, {"sku": {"name": "pergb2018"}}),
        ({"daily_quota_gb": -1, "retention_in_days": 30}, {}),
        ({"daily_quota_gb": 1}, {"workspaceCapping": {"dailyQuotaGb": 1.0}}),
        ({"disable_local_auth": False, "resource_permissions_enabled": True}, {}),
        (
            {"sku": "CapacityReservation", "capacity_reservation_level": 100},
            {"sku": {"name": "capacityreservation", "capacityReservationLevel": 100}},
        ),
    ],
)
def test_an_unchanged_workspace_is_read_once(given: dict[str, Any], current: dict[str, Any]) -> None:
    with FakeAzure(get(WORKSPACE, 200, workspace(**current))) as azure:
        assert run("log_analytics_workspace", azure, **{**OPTIONS, **given})["changed"] is False


def test_an_update_keeps_the_other_features() -> None:
    features = {"enableLogAccessUsingOnlyResourcePermissions": True, "legacy": 0, "searchVersion": 1}
    sent = {
        "properties": {"features": {**features, "disableLocalAuth": True}, "publicNetworkAccessForQuery": "Disabled"}
    }
    with FakeAzure(
        get(WORKSPACE, 200, workspace()),
        patch(WORKSPACE, 200, workspace(), sent=sent),
        get(WORKSPACE, 200, workspace()),
    ) as azure:
        given = {"disable_local_auth": True, "public_network_access_for_query": "Disabled"}
        assert run("log_analytics_workspace", azure, **given, **OPTIONS)["changed"] is True


def test_the_location_cannot_change() -> None:
    with FakeAzure(get(WORKSPACE, 200, workspace())) as azure, pytest.raises(Failure, match="'westeurope' and cannot"):
        run("log_analytics_workspace", azure, **{**OPTIONS, "location": "northeurope"})


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"name": "log"}, "name"),
        ({"name": "log-"}, "name"),
        ({"retention_in_days": 8}, "retention_in_days"),
        ({"retention_in_days": 731}, "retention_in_days"),
        ({"daily_quota_gb": 0}, "daily_quota_gb"),
        ({"daily_quota_gb": -2}, "daily_quota_gb"),
        ({"sku": "CapacityReservation"}, "capacity_reservation_level"),
        ({"sku": "PerGB2018", "capacity_reservation_level": 100}, "capacity_reservation_level"),
    ],
)
def test_invalid_options_are_rejected_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("log_analytics_workspace", azure, **{**OPTIONS, **given})
    assert caught.value.fields["option"] == option


def test_absent() -> None:
    with FakeAzure(get(WORKSPACE, 200, workspace()), delete(WORKSPACE, 200)) as azure:
        assert run("log_analytics_workspace", azure, state="absent", **OPTIONS)["log_analytics_workspace"] == {}
