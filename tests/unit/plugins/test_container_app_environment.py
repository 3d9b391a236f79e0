# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments: requests and validation. The key of the workspace is read only for a request that contains it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure, InvalidOption

from tests.support.fake_azure import ACCEPTED, GROUP, NOT_FOUND, FakeAzure, get, patch, poll, post, put, run

ENVIRONMENT = f"{GROUP}/providers/Microsoft.App/managedEnvironments/env1"
WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log1"
LOGS = {"workspace_id": WORKSPACE, "customer_id": "C-1"}
DESIRED: dict[str, Any] = {
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


def test_create_reads_the_key_and_does_not_return_it() -> None:
    body = {"location": "westeurope", "properties": {"appLogsConfiguration": logs_sent("C-1")}}
    with FakeAzure(
        get(ENVIRONMENT, 404, NOT_FOUND),
        KEY,
        put(ENVIRONMENT, 201, environment(), headers=ACCEPTED, sent=body),
        poll("Succeeded"),
        get(ENVIRONMENT, 200, environment()),
    ) as azure:
        result = run("container_app_environment", azure, **DESIRED)
    assert "the-key" not in str(result)


def test_no_change_reads_no_key() -> None:
    with FakeAzure(get(ENVIRONMENT, 200, environment())) as azure:
        assert run("container_app_environment", azure, **DESIRED)["changed"] is False


def test_a_change_of_the_workspace_sends_its_key() -> None:
    with FakeAzure(
        get(ENVIRONMENT, 200, environment("other")),
        KEY,
        patch(ENVIRONMENT, 202, sent={"properties": {"appLogsConfiguration": logs_sent("C-1")}}, headers=ACCEPTED),
        poll("Succeeded"),
        get(ENVIRONMENT, 200, environment()),
    ) as azure:
        assert run("container_app_environment", azure, **DESIRED)["changed"] is True


def test_a_missing_customer_id_is_read_with_the_key() -> None:
    body = {"location": "westeurope", "properties": {"appLogsConfiguration": logs_sent("C-9")}}
    with FakeAzure(
        get(ENVIRONMENT, 404, NOT_FOUND),
        get(WORKSPACE, 200, {"properties": {"customerId": "C-9"}}),
        KEY,
        put(ENVIRONMENT, 201, environment(), headers=ACCEPTED, sent=body),
        poll("Succeeded"),
        get(ENVIRONMENT, 200, environment()),
    ) as azure:
        run("container_app_environment", azure, **{**DESIRED, "log_analytics": {"workspace_id": WORKSPACE}})


def test_check_mode_reads_no_key() -> None:
    with FakeAzure(get(ENVIRONMENT, 404, NOT_FOUND)) as azure:
        assert run("container_app_environment", azure, check_mode=True, **DESIRED)["changed"] is True


def test_a_change_of_tags_reads_no_key() -> None:
    with FakeAzure(
        get(ENVIRONMENT, 200, environment()),
        patch(ENVIRONMENT, 200, environment(), sent={"tags": {"a": "b"}}),
        get(ENVIRONMENT, 200, environment()),
    ) as azure:
        run("container_app_environment", azure, tags={"a": "b"}, **DESIRED)


def test_the_profile_that_azure_adds_is_not_a_change() -> None:
    current = environment()
    current["properties"]["workloadProfiles"].append(
        {"name": "d4", "workloadProfileType": "D4", "minimumCount": 0, "maximumCount": 1}
    )
    profiles = [{"name": "d4", "type": "D4", "minimum_count": 0, "maximum_count": 1}]
    with FakeAzure(get(ENVIRONMENT, 200, current)) as azure:
        assert run("container_app_environment", azure, workload_profiles=profiles, **DESIRED)["changed"] is False


def test_a_workspace_of_another_subscription_is_refused() -> None:
    other = WORKSPACE.replace("00000000-0000-0000-0000-000000000000", "other")
    with FakeAzure(get(ENVIRONMENT, 404, NOT_FOUND)) as azure, pytest.raises(Failure, match="another subscription"):
        run("container_app_environment", azure, **{**DESIRED, "log_analytics": {"workspace_id": other}})


IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1"
OTHER_IDENTITY = IDENTITY.replace("id1", "id2")


def test_logs_destination_none_removes_the_workspace() -> None:
    sent = {"properties": {"appLogsConfiguration": {"destination": None, "logAnalyticsConfiguration": None}}}
    given = {**DESIRED, "logs_destination": "none"}
    del given["log_analytics"]
    quiet = environment()
    quiet["properties"]["appLogsConfiguration"] = {"destination": None, "logAnalyticsConfiguration": None}
    with FakeAzure(
        get(ENVIRONMENT, 200, environment()),
        patch(ENVIRONMENT, 202, None, headers=ACCEPTED, sent=sent),
        poll("Succeeded"),
        get(ENVIRONMENT, 200, quiet),
    ) as azure:
        assert run("container_app_environment", azure, **given)["changed"] is True
    with FakeAzure(get(ENVIRONMENT, 200, quiet)) as azure:
        assert run("container_app_environment", azure, **given)["changed"] is False


@pytest.mark.parametrize("given", [{"peer_traffic_encryption": False}, {"peer_mtls": False}])
def test_disabled_and_missing_are_equal(given: dict[str, Any]) -> None:
    with FakeAzure(get(ENVIRONMENT, 200, environment())) as azure:
        assert run("container_app_environment", azure, **DESIRED, **given)["changed"] is False


@pytest.mark.parametrize("option", ["internal", "zone_redundant"])
def test_an_immutable_flag_that_is_false_equals_a_missing_one(option: str) -> None:
    current = environment()
    current["properties"] |= {"vnetConfiguration": {"infrastructureSubnetId": SUBNET}, "zoneRedundant": None}
    given = {**DESIRED, "infrastructure_subnet_id": SUBNET, option: False}
    with FakeAzure(get(ENVIRONMENT, 200, current)) as azure:
        assert run("container_app_environment", azure, **given)["changed"] is False


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"peer_traffic_encryption": True}, {"peerTrafficConfiguration": {"encryption": {"enabled": True}}}),
        ({"peer_mtls": True}, {"peerAuthentication": {"mtls": {"enabled": True}}}),
        ({"public_network_access": "Disabled"}, {"publicNetworkAccess": "Disabled"}),
    ],
)
def test_a_patch_contains_only_the_setting_that_differs(given: dict[str, Any], sent: dict[str, Any]) -> None:
    with FakeAzure(
        get(ENVIRONMENT, 200, environment()),
        patch(ENVIRONMENT, 202, None, headers=ACCEPTED, sent={"properties": sent}),
        poll("Succeeded"),
        get(ENVIRONMENT, 200, environment()),
    ) as azure:
        assert run("container_app_environment", azure, **DESIRED, **given)["changed"] is True


def test_other_identities_are_removed() -> None:
    current = environment()
    current["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {OTHER_IDENTITY: {"clientId": "c"}}}
    identity = {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}, OTHER_IDENTITY: None}}
    with FakeAzure(
        get(ENVIRONMENT, 200, current),
        patch(ENVIRONMENT, 202, None, headers=ACCEPTED, sent={"identity": identity}),
        poll("Succeeded"),
        get(ENVIRONMENT, 200, current),
    ) as azure:
        desired = {"type": "UserAssigned", "user_assigned_identities": [IDENTITY]}
        assert run("container_app_environment", azure, **DESIRED, identity=desired)["changed"] is True


SUBNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"


@pytest.mark.parametrize(
    ("given", "properties"),
    [
        ({"location": "northeurope"}, {}),
        ({"infrastructure_resource_group": "mine"}, {"infrastructureResourceGroup": "ME_env1"}),
        ({"infrastructure_subnet_id": SUBNET + "2"}, {"vnetConfiguration": {"infrastructureSubnetId": SUBNET}}),
        (
            {"infrastructure_subnet_id": SUBNET, "internal": True},
            {"vnetConfiguration": {"infrastructureSubnetId": SUBNET, "internal": False}},
        ),
        (
            {"infrastructure_subnet_id": SUBNET, "zone_redundant": True},
            {"vnetConfiguration": {"infrastructureSubnetId": SUBNET}},
        ),
    ],
)
def test_a_change_of_an_immutable_property_fails(given: dict[str, Any], properties: dict[str, Any]) -> None:
    current = environment()
    current["properties"] |= properties
    with FakeAzure(get(ENVIRONMENT, 200, current)) as azure, pytest.raises(Failure, match="cannot become") as caught:
        run("container_app_environment", azure, **{**DESIRED, **given})
    assert caught.value.fields["option"] in given


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"name": "e"}, "name"),
        ({"name": "has--two"}, "name"),
        ({"zone_redundant": True}, "zone_redundant"),
        ({"internal": True}, "internal"),
        ({"logs_destination": "none"}, "logs_destination"),
        ({"log_analytics": {"workspace_id": "log1"}}, "log_analytics.workspace_id"),
        ({"identity": {"type": "UserAssigned"}}, "identity.user_assigned_identities"),
        (
            {"workload_profiles": [{"name": "p", "type": "D4", "minimum_count": 2, "maximum_count": 1}]},
            "workload_profiles[p].minimum_count",
        ),
        (
            {"workload_profiles": [{"name": "p", "type": "Consumption", "minimum_count": 1}]},
            "workload_profiles[p].type",
        ),
    ],
)
def test_invalid_options_are_refused_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_environment", azure, **{**DESIRED, **given})
    assert caught.value.fields["option"] == option


def test_destination_log_analytics_requires_the_workspace() -> None:
    given = {key: value for key, value in DESIRED.items() if key != "log_analytics"}
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_environment", azure, **given, logs_destination="log-analytics")
    assert caught.value.fields["option"] == "log_analytics"
