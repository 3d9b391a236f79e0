# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module storage_account: creation, updates with one PATCH, network rules, invalid options."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure, InvalidOption

from tests.support.fake_azure import GROUP, NOT_FOUND, FakeAzure, delete, get, patch, put, run

ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st1"
OPTIONS: dict[str, Any] = {"resource_group": "rg", "name": "st1", "location": "westeurope"}
IDENTITY = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one"
WORKSPACE = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Synapse/workspaces/w"
TENANT = "33333333-3333-3333-3333-333333333333"


def account(**properties: Any) -> dict[str, Any]:
    return {
        "id": ACCOUNT,
        "name": "st1",
        "kind": "StorageV2",
        "location": "westeurope",
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "tags": {},
        "properties": {
            "accessTier": "Hot",
            "allowBlobPublicAccess": False,
            "allowSharedKeyAccess": False,
            "encryption": {"keySource": "Microsoft.Storage", "services": {"blob": {"enabled": True}}},
            "minimumTlsVersion": "TLS1_2",
            "networkAcls": {
                "bypass": "AzureServices",
                "defaultAction": "Allow",
                "ipRules": [],
                "ipv6Rules": [],
                "virtualNetworkRules": [],
            },
            "provisioningState": "Succeeded",
            "supportsHttpsTrafficOnly": True,
            **properties,
        },
    }


def test_a_new_account_is_awaited_without_a_request_for_its_keys() -> None:
    location = "https://management.azure.com/operations/3?monitor=true"
    sent = {
        "location": "westeurope",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": {
            "allowBlobPublicAccess": False,
            "allowSharedKeyAccess": False,
            "encryption": {"keySource": "Microsoft.Storage", "requireInfrastructureEncryption": True},
            "isHnsEnabled": False,
            "minimumTlsVersion": "TLS1_2",
            "supportsHttpsTrafficOnly": True,
        },
    }
    with FakeAzure(
        get(ACCOUNT, 404, NOT_FOUND),
        put(ACCOUNT, 202, headers={"Location": location, "Retry-After": "17"}, sent=sent),
        get("/operations/3", 202, headers={"Location": location, "Retry-After": "3"}),
        get("/operations/3", 200, account()),
        get(ACCOUNT, 200, account(provisioningState="ResolvingDns")),
        get(ACCOUNT, 200, account()),
    ) as azure:
        run(
            "storage_account",
            azure,
            require_infrastructure_encryption=True,
            hierarchical_namespace_enabled=False,
            **OPTIONS,
        )
    assert azure.writes == [request for request in azure.session.requests if request[0] == "PUT"]


@pytest.mark.parametrize(
    ("given", "current"),
    [
        ({}, {}),
        ({"location": "West Europe", "access_tier": "Hot"}, {}),
        ({"default_to_oauth_authentication": False, "hierarchical_namespace_enabled": False}, {}),
        ({"require_infrastructure_encryption": False}, {}),
        (
            {"network_acls": {"default_action": "Allow", "bypass": ["Metrics", "Logging"], "ip_rules": []}},
            {"networkAcls": {"bypass": "Logging, Metrics", "defaultAction": "Allow"}},
        ),
        ({"identity": {"type": "None"}}, {}),
        ({"tags": {}}, {}),
        ({"sku": "Standard_LRS", "kind": "StorageV2"}, {}),
    ],
)
def test_an_unchanged_account_is_read_once(given: dict[str, Any], current: dict[str, Any]) -> None:
    with FakeAzure(get(ACCOUNT, 200, account(**current))) as azure:
        assert run("storage_account", azure, **{**OPTIONS, **given})["changed"] is False


def test_sku_and_kind_are_kept_without_the_options() -> None:
    current = account(minimumTlsVersion="TLS1_3")
    current |= {"sku": {"name": "Premium_LRS", "tier": "Premium"}, "kind": "BlockBlobStorage"}
    with FakeAzure(get(ACCOUNT, 200, current)) as azure:
        assert run("storage_account", azure, **OPTIONS)["changed"] is False


def test_an_update_is_one_patch_that_keeps_other_network_rules() -> None:
    sent = {
        "sku": {"name": "Standard_ZRS"},
        "identity": {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {IDENTITY: {}}},
        "tags": {"team": "ml"},
        "properties": {
            "allowSharedKeyAccess": False,
            "networkAcls": {
                "bypass": "AzureServices",
                "defaultAction": "Deny",
                "ipRules": [{"value": "203.0.113.0/24", "action": "Allow"}],
                "ipv6Rules": [],
                "resourceAccessRules": [{"resourceId": WORKSPACE, "tenantId": TENANT}],
                "virtualNetworkRules": [],
            },
        },
    }
    with FakeAzure(
        get(ACCOUNT, 200, account(allowSharedKeyAccess=True)),
        patch(ACCOUNT, 200, account(), sent=sent),
        get(ACCOUNT, 200, account()),
    ) as azure:
        run(
            "storage_account",
            azure,
            sku="Standard_ZRS",
            identity={"type": "SystemAssigned,UserAssigned", "user_assigned_identities": [IDENTITY]},
            tags={"team": "ml"},
            network_acls={
                "default_action": "Deny",
                "ip_rules": ["203.0.113.0/24"],
                "resource_access_rules": [{"resource_id": WORKSPACE, "tenant_id": TENANT}],
            },
            **OPTIONS,
        )
    assert len(azure.writes) == 1


@pytest.mark.parametrize(("current", "desired"), [(True, False), (False, True)])
def test_update_shared_key_access_on_create_keeps_the_current_value(current: bool, desired: bool) -> None:
    given = {**OPTIONS, "allow_shared_key_access": desired, "update_shared_key_access": "on_create"}
    with FakeAzure(get(ACCOUNT, 200, account(allowSharedKeyAccess=current))) as azure:
        assert run("storage_account", azure, **given)["changed"] is False
    with FakeAzure(get(ACCOUNT, 404, NOT_FOUND)) as azure:
        new = run("storage_account", azure, check_mode=True, **given)
    assert new["storage_account"]["properties"]["allowSharedKeyAccess"] is desired


def test_an_older_kind_is_upgraded() -> None:
    current = {**account(), "kind": "Storage"}
    with FakeAzure(
        get(ACCOUNT, 200, current),
        patch(ACCOUNT, 200, account(), sent={"kind": "StorageV2"}),
        get(ACCOUNT, 200, account()),
    ) as azure:
        assert run("storage_account", azure, **{**OPTIONS, "kind": "StorageV2"})["changed"] is True


@pytest.mark.parametrize(
    ("given", "current"),
    [
        ({"hierarchical_namespace_enabled": True}, {}),
        ({"hierarchical_namespace_enabled": False}, {"isHnsEnabled": True}),
        ({"require_infrastructure_encryption": True}, {}),
        ({"location": "northeurope"}, {}),
        ({"kind": "BlobStorage"}, {}),
    ],
)
def test_immutable_properties_cannot_change(given: dict[str, Any], current: dict[str, Any]) -> None:
    option = next(iter(given))
    with (
        FakeAzure(get(ACCOUNT, 200, account(**current))) as azure,
        pytest.raises(Failure, match="cannot become") as caught,
    ):
        run("storage_account", azure, **{**OPTIONS, **given})
    assert caught.value.fields["option"] == option


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"name": "st_1"}, "name"),
        ({"name": "st"}, "name"),
        ({"network_acls": {"default_action": "Deny", "ip_rules": ["203.0.113.7/32"]}}, "network_acls.ip_rules"),
        ({"network_acls": {"default_action": "Deny", "ip_rules": ["2001:db8::/64"]}}, "network_acls.ip_rules"),
        ({"network_acls": {"default_action": "Deny", "ip_rules": ["203.0.113"]}}, "network_acls.ip_rules"),
        ({"identity": {"type": "SystemAssigned,UserAssigned"}}, "identity.user_assigned_identities"),
    ],
)
def test_invalid_options_are_rejected_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("storage_account", azure, **{**OPTIONS, **given})
    assert caught.value.fields["option"] == option


def test_tags_are_text_whatever_their_yaml_type() -> None:
    tags = {"year": 2026, "kept": True, "note": None}
    current = {**account(), "tags": {"year": "2026", "kept": "true", "note": ""}}
    with FakeAzure(get(ACCOUNT, 200, current)) as azure:
        assert run("storage_account", azure, tags=tags, **OPTIONS)["changed"] is False
    with FakeAzure(
        get(ACCOUNT, 200, account()),
        patch(ACCOUNT, 200, current, sent={"tags": current["tags"]}),
        get(ACCOUNT, 200, current),
    ) as azure:
        assert run("storage_account", azure, tags=tags, **OPTIONS)["changed"] is True


def test_absent_deletes_the_account() -> None:
    with FakeAzure(get(ACCOUNT, 200, account()), delete(ACCOUNT, 200)) as azure:
        assert run("storage_account", azure, state="absent", **OPTIONS)["storage_account"] == {}
