# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module container_registry: policies, network rules, options of some skus."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure, InvalidOption

from tests.support.fake_azure import ACCEPTED, GROUP, NOT_FOUND, FakeAzure, delete, get, patch, poll, put, run

REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/crone"
OPTIONS: dict[str, Any] = {"resource_group": "rg", "name": "crone", "location": "westeurope"}
IDENTITY = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one"
POLICIES = {
    "azureADAuthenticationAsArmPolicy": {"status": "enabled"},
    "exportPolicy": {"status": "enabled"},
    "quarantinePolicy": {"status": "disabled"},
    "retentionPolicy": {"days": 7, "lastUpdatedTime": "2026-01-01T00:00:00+00:00", "status": "disabled"},
    "softDeletePolicy": {"lastUpdatedTime": "2026-01-01T00:00:00+00:00", "retentionDays": 7, "status": "disabled"},
    "trustPolicy": {"status": "disabled", "type": "Notary"},
}


def registry(sku: str = "Premium", **properties: Any) -> dict[str, Any]:
    return {
        "id": REGISTRY,
        "name": "crone",
        "location": "westeurope",
        "sku": {"name": sku, "tier": sku},
        "tags": {},
        "properties": {
            "adminUserEnabled": False,
            "anonymousPullEnabled": False,
            "dataEndpointEnabled": False,
            "loginServer": "crone.azurecr.io",
            "networkRuleBypassOptions": "AzureServices",
            "policies": POLICIES,
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
            "zoneRedundancy": "Disabled",
            **properties,
        },
    }


def test_a_new_registry() -> None:
    sent = {
        "location": "westeurope",
        "sku": {"name": "Premium"},
        "properties": {
            "adminUserEnabled": False,
            "policies": {"retentionPolicy": {"days": 30, "status": "enabled"}},
            "zoneRedundancy": "Enabled",
        },
    }
    with FakeAzure(
        get(REGISTRY, 404, NOT_FOUND),
        put(REGISTRY, 201, registry(provisioningState="Creating"), headers=ACCEPTED, sent=sent),
        poll("Creating"),
        poll("Succeeded"),
        get(REGISTRY, 200, registry()),
    ) as azure:
        retention = {"enabled": True, "days": 30}
        given = {"sku": "Premium", "zone_redundancy": "Enabled", "retention_policy": retention}
        assert run("container_registry", azure, **given, **OPTIONS)["container_registry"] == registry()


@pytest.mark.parametrize(
    ("given", "current"),
    [
        ({"sku": "Premium"}, registry()),
        ({"quarantine_policy_enabled": False}, registry()),
        ({"sku": "Basic", "location": "West Europe", "zone_redundancy": "Disabled"}, registry("Basic")),
        (
            {
                "sku": "Premium",
                "azure_ad_authentication_as_arm_enabled": True,
                "export_policy_enabled": True,
                "quarantine_policy_enabled": False,
                "retention_policy": {"enabled": False},
            },
            registry(policies=None),
        ),
        (
            {"sku": "Premium", "network_rule_set": {"default_action": "Deny", "ip_rules": ["203.0.113.7"]}},
            registry(
                networkRuleSet={"defaultAction": "Deny", "ipRules": [{"action": "Allow", "value": "203.0.113.7/32"}]}
            ),
        ),
        (
            {"identity": {"type": "UserAssigned", "user_assigned_identities": [IDENTITY]}},
            {
                **registry("Basic"),
                "identity": {"type": "userAssigned", "userAssignedIdentities": {IDENTITY.lower(): {"clientId": "c"}}},
            },
        ),
    ],
)
def test_an_unchanged_registry_is_read_once(given: dict[str, Any], current: dict[str, Any]) -> None:
    with FakeAzure(get(REGISTRY, 200, current)) as azure:
        assert run("container_registry", azure, **{**OPTIONS, **given})["changed"] is False


def test_a_change_of_one_policy_keeps_the_others() -> None:
    kept = {name: {k: v for k, v in policy.items() if k != "lastUpdatedTime"} for name, policy in POLICIES.items()}
    sent = {"properties": {"policies": {**kept, "quarantinePolicy": {"status": "enabled"}}}}
    with FakeAzure(
        get(REGISTRY, 200, registry()),
        patch(REGISTRY, 200, registry(), sent=sent),
        get(REGISTRY, 200, registry()),
    ) as azure:
        given = {"sku": "Premium", "quarantine_policy_enabled": True}
        assert run("container_registry", azure, **given, **OPTIONS)["changed"] is True


def test_check_mode() -> None:
    with FakeAzure(get(REGISTRY, 200, registry("Basic"))) as azure:
        result = run("container_registry", azure, check_mode=True, admin_user_enabled=True, **OPTIONS)
    assert result["diff"]["before"]["properties"]["adminUserEnabled"] is False
    assert result["diff"]["after"]["properties"]["adminUserEnabled"] is True


@pytest.mark.parametrize(
    ("given", "option"),
    [({"zone_redundancy": "Enabled"}, "zone_redundancy"), ({"location": "northeurope"}, "location")],
)
def test_immutable_properties_cannot_change(given: dict[str, Any], option: str) -> None:
    with FakeAzure(get(REGISTRY, 200, registry())) as azure, pytest.raises(Failure, match="cannot become") as caught:
        run("container_registry", azure, **{**OPTIONS, "sku": "Premium", **given})
    assert caught.value.fields["option"] == option


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"name": "cr-one"}, "name"),
        ({"name": "cr1"}, "name"),
        ({"sku": "Basic", "anonymous_pull_enabled": True}, "anonymous_pull_enabled"),
        ({"sku": "Standard", "public_network_access": "Disabled"}, "public_network_access"),
        ({"sku": "Standard", "zone_redundancy": "Enabled"}, "zone_redundancy"),
        ({"sku": "Basic", "data_endpoint_enabled": True}, "data_endpoint_enabled"),
        ({"sku": "Basic", "quarantine_policy_enabled": True}, "quarantine_policy_enabled"),
        ({"sku": "Standard", "export_policy_enabled": False}, "export_policy_enabled"),
        (
            {"sku": "Premium", "export_policy_enabled": False, "public_network_access": "Enabled"},
            "export_policy_enabled",
        ),
        ({"sku": "Basic", "retention_policy": {"enabled": True}}, "retention_policy.enabled"),
        ({"sku": "Basic", "network_rule_set": {"default_action": "Allow"}}, "network_rule_set"),
        ({"sku": "Premium", "retention_policy": {"enabled": True, "days": 366}}, "retention_policy.days"),
        *(
            (
                {"sku": "Premium", "network_rule_set": {"default_action": "Deny", "ip_rules": [rule]}},
                "network_rule_set.ip_rules",
            )
            for rule in ("here", "2001:db8::1")
        ),
    ],
)
def test_invalid_options_are_rejected_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_registry", azure, **{**OPTIONS, **given})
    assert caught.value.fields["option"] == option


@pytest.mark.parametrize(
    "given", [{"anonymous_pull_enabled": True}, {"quarantine_policy_enabled": True}, {"zone_redundancy": "Enabled"}]
)
def test_a_new_registry_has_sku_basic_and_no_premium_options(given: dict[str, Any]) -> None:
    with FakeAzure(get(REGISTRY, 404, NOT_FOUND)) as azure, pytest.raises(InvalidOption, match="sku is Basic"):
        run("container_registry", azure, **given, **OPTIONS)
    sent = {"location": "westeurope", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": False}}
    with FakeAzure(
        get(REGISTRY, 404, NOT_FOUND),
        put(REGISTRY, 200, registry("Basic"), sent=sent),
        get(REGISTRY, 200, registry("Basic")),
    ) as azure:
        assert run("container_registry", azure, **OPTIONS)["changed"] is True


def test_absent() -> None:
    with FakeAzure(get(REGISTRY, 200, registry()), delete(REGISTRY, 202, headers=ACCEPTED), poll("Succeeded")) as azure:
        assert run("container_registry", azure, state="absent", **OPTIONS)["changed"] is True
