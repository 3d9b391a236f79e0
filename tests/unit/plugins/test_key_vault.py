# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module key_vault: requests, forms of unset values, and deleted vaults that Azure retains."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.auth import Token
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, Failure, InvalidOption

from tests.support.fake_azure import ANY, BASE, GROUP, NOT_FOUND, FakeAzure, delete, get, patch, post, put, run

VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-one"
DELETED = f"{BASE}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-one"
TENANT = "33333333-3333-3333-3333-333333333333"
OPTIONS: dict[str, Any] = {"resource_group": "rg", "name": "kv-one", "location": "westeurope"}
PURGING = "https://management.azure.com/operations/2?api-version=1"
SKU = {"family": "A", "name": "standard"}
DELETED_STATE = {
    "error": {
        "code": "ConflictError",
        "message": "A vault with the same name already exists in deleted state. You need to either recover or purge "
        "existing key vault.",
    }
}


def vault(**properties: Any) -> dict[str, Any]:
    return {
        "id": VAULT,
        "name": "kv-one",
        "location": "westeurope",
        "tags": {},
        "properties": {
            "accessPolicies": [{"objectId": "o"}],
            "enableRbacAuthorization": True,
            "enableSoftDelete": True,
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
            "sku": SKU,
            "softDeleteRetentionInDays": 90,
            "tenantId": TENANT,
            "vaultUri": "https://kv-one.vault.azure.net/",
            **properties,
        },
    }


def deleted_vault(group: str = "rg", **properties: Any) -> dict[str, Any]:
    id_ = f"{BASE}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/kv-one"
    return {
        "id": DELETED,
        "properties": {"vaultId": id_, "scheduledPurgeDate": "2026-12-01T00:00:00Z", **properties},
    }


def signed_in(azure: FakeAzure, claims: dict[str, Any]) -> None:
    content = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    azure.arm.credential.get_token = lambda *_scopes, **_options: Token(f"h.{content}.s", 4102444800)


def test_a_new_vault_has_the_tenant_of_the_credential_and_rbac() -> None:
    sent = {
        "location": "westeurope",
        "properties": {"accessPolicies": [], "enableRbacAuthorization": True, "sku": SKU, "tenantId": TENANT},
    }
    with FakeAzure(
        get(VAULT, 404, NOT_FOUND),
        put(VAULT, 200, vault(provisioningState="RegisteringDns"), sent=sent),
        get(VAULT, 200, vault(provisioningState="RegisteringDns")),
        get(VAULT, 200, vault()),
        get(VAULT, 200, vault()),
    ) as azure:
        signed_in(azure, {"tid": TENANT})
        result = run("key_vault", azure, **OPTIONS)
    assert result["key_vault"] == vault()
    assert result["diff"]["after"] == {"location": "westeurope", "name": "kv-one", "properties": {}}


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "h.bnVsbA.s"])
def test_a_token_without_a_tenant(token: str) -> None:
    azure = FakeAzure(get(VAULT, 404, NOT_FOUND))
    azure.arm.credential.get_token = lambda *_scopes, **_options: Token(token, 4102444800)
    with azure, pytest.raises(Failure, match="vault_tenant_id"):
        run("key_vault", azure, **OPTIONS)


def test_false_is_never_sent_for_purge_protection() -> None:
    with FakeAzure(
        get(VAULT, 404, NOT_FOUND),
        put(
            VAULT,
            200,
            vault(),
            sent={
                "location": "westeurope",
                "properties": {
                    "accessPolicies": [],
                    "enableRbacAuthorization": True,
                    "sku": SKU,
                    "tenantId": TENANT,
                },
            },
        ),
        get(VAULT, 200, vault()),
    ) as azure:
        run("key_vault", azure, enable_purge_protection=False, vault_tenant_id=TENANT, **OPTIONS)


@pytest.mark.parametrize(
    ("given", "current"),
    [
        ({}, {}),
        ({"enable_purge_protection": False}, {}),
        ({"enable_purge_protection": True}, {"enablePurgeProtection": True}),
        ({"enabled_for_deployment": False}, {}),
        ({"network_acls": {"default_action": "Allow"}}, {}),
        ({"network_acls": {"default_action": "Allow", "ip_rules": [], "virtual_network_subnet_ids": []}}, {}),
        (
            {"network_acls": {"default_action": "Deny", "ip_rules": ["203.0.113.7", "198.51.100.0/24"]}},
            {
                "networkAcls": {
                    "bypass": "AzureServices",
                    "defaultAction": "Deny",
                    "ipRules": [{"value": "198.51.100.0/24"}, {"value": "203.0.113.7/32"}],
                    "virtualNetworkRules": [],
                }
            },
        ),
        ({"vault_tenant_id": TENANT.upper()}, {}),
        ({}, {"enableRbacAuthorization": False, "sku": {"family": "A", "name": "premium"}}),
        ({"sku": "standard", "location": "West Europe"}, {"sku": {"family": "A", "name": "Standard"}}),
    ],
)
def test_an_unchanged_vault_is_read_once(given: dict[str, Any], current: dict[str, Any]) -> None:
    with FakeAzure(get(VAULT, 200, vault(**current))) as azure:
        assert run("key_vault", azure, **{**OPTIONS, **given})["changed"] is False


def test_an_update_sends_only_what_differs() -> None:
    acls = {"bypass": "AzureServices", "defaultAction": "Deny", "virtualNetworkRules": [{"id": "/subscriptions/n"}]}
    sent = {"properties": {"networkAcls": {**acls, "ipRules": [{"value": "203.0.113.7"}]}}}
    with FakeAzure(
        get(VAULT, 200, vault(networkAcls=acls)),
        patch(VAULT, 200, vault(), sent=sent),
        get(VAULT, 200, vault()),
    ) as azure:
        rules = {"default_action": "Deny", "ip_rules": ["203.0.113.7"]}
        assert run("key_vault", azure, network_acls=rules, **OPTIONS)["changed"] is True


def test_check_mode_writes_nothing() -> None:
    with FakeAzure(get(VAULT, 200, vault())) as azure:
        result = run("key_vault", azure, check_mode=True, public_network_access="Disabled", **OPTIONS)
    assert result["changed"] is True
    assert result["key_vault"]["properties"]["publicNetworkAccess"] == "Disabled"


@pytest.mark.parametrize(
    ("given", "current", "message"),
    [
        ({"location": "northeurope"}, {}, "'westeurope' and cannot become 'northeurope'"),
        ({"soft_delete_retention_in_days": 7}, {}, "is 90 and cannot become 7"),
        (
            {"enable_purge_protection": False},
            {"enablePurgeProtection": True},
            "is True and cannot become False, because Azure never turns purge protection off. Keep True, or use a vault of "
            "another name",
        ),
    ],
)
def test_immutable_properties_cannot_change(given: dict[str, Any], current: dict[str, Any], message: str) -> None:
    with FakeAzure(get(VAULT, 200, vault(**current))) as azure, pytest.raises(Failure, match=message):
        run("key_vault", azure, **{**OPTIONS, **given})


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"name": "1kv"}, "name"),
        ({"name": "kv--one"}, "name"),
        ({"name": "kv-" + "x" * 22}, "name"),
        ({"soft_delete_retention_in_days": 6}, "soft_delete_retention_in_days"),
        ({"soft_delete_retention_in_days": 91}, "soft_delete_retention_in_days"),
        ({"network_acls": {"default_action": "Deny", "ip_rules": ["203.0.113.0/33"]}}, "network_acls.ip_rules"),
        ({"network_acls": {"default_action": "Deny", "ip_rules": ["2001:db8::/64"]}}, "network_acls.ip_rules"),
        ({"vault_tenant_id": "contoso.onmicrosoft.com"}, "vault_tenant_id"),
        ({"location": None, "state": "absent", "purge": True}, "location"),
    ],
)
def test_invalid_options_are_rejected_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("key_vault", azure, **{**OPTIONS, **given})
    assert caught.value.fields["option"] == option


def test_the_name_of_a_deleted_vault_is_an_error_with_remedies() -> None:
    with (
        FakeAzure(get(VAULT, 404, NOT_FOUND), put(VAULT, 409, DELETED_STATE)) as azure,
        pytest.raises(ArmError, match=r"recover: true .* purge: true") as caught,
    ):
        run("key_vault", azure, vault_tenant_id=TENANT, **OPTIONS)
    assert caught.value.code == "ConflictError"


def test_a_deleted_vault_is_recovered_and_updated() -> None:
    recovery = {
        "location": "westeurope",
        "properties": {"createMode": "recover", "sku": SKU, "tenantId": TENANT},
    }
    with FakeAzure(
        get(VAULT, 404, NOT_FOUND),
        get(DELETED, 200, deleted_vault()),
        put(VAULT, 200, vault(), sent=recovery),
        get(VAULT, 200, vault()),
        patch(VAULT, 200, vault(), sent={"properties": {"publicNetworkAccess": "Disabled"}}),
        get(VAULT, 200, vault(publicNetworkAccess="Disabled")),
    ) as azure:
        given = {"recover": True, "public_network_access": "Disabled", "vault_tenant_id": TENANT}
        result = run("key_vault", azure, **given, **OPTIONS)
    assert result["changed"] is True
    assert result["key_vault"]["properties"]["publicNetworkAccess"] == "Disabled"


def test_recover_creates_a_vault_when_none_was_deleted() -> None:
    with FakeAzure(
        get(VAULT, 404, NOT_FOUND),
        get(DELETED, 404, {"error": {"code": "DeletedVaultNotFound", "message": "does not exist"}}),
        put(VAULT, 200, vault()),
        get(VAULT, 200, vault()),
    ) as azure:
        run("key_vault", azure, recover=True, vault_tenant_id=TENANT, **OPTIONS)


def test_a_deleted_vault_of_another_resource_group_is_not_recovered() -> None:
    with (
        FakeAzure(get(VAULT, 404, NOT_FOUND), get(DELETED, 200, deleted_vault("other"))) as azure,
        pytest.raises(Failure, match="resourceGroups/other"),
    ):
        run("key_vault", azure, recover=True, vault_tenant_id=TENANT, **OPTIONS)


def test_a_recovered_vault_with_another_immutable_property_is_an_error() -> None:
    with (
        FakeAzure(
            get(VAULT, 404, NOT_FOUND),
            get(DELETED, 200, deleted_vault()),
            put(VAULT, 200, vault()),
            get(VAULT, 200, vault()),
        ) as azure,
        pytest.raises(Failure, match="is 90 and cannot become 7"),
    ):
        run("key_vault", azure, recover=True, soft_delete_retention_in_days=7, vault_tenant_id=TENANT, **OPTIONS)


def test_absent_keeps_the_deleted_vault() -> None:
    with FakeAzure(get(VAULT, 200, vault()), delete(VAULT, 200)) as azure:
        assert run("key_vault", azure, state="absent", **OPTIONS)["changed"] is True


def test_purge_removes_the_deleted_vault() -> None:
    with FakeAzure(
        get(VAULT, 200, vault()),
        delete(VAULT, 200),
        get(DELETED, 404, {"error": {"code": "DeletedVaultNotFound", "message": "not yet"}}),
        get(DELETED, 200, deleted_vault()),
        post(f"{DELETED}/purge", 202, headers={"Location": PURGING}, sent=ANY),
        get("/operations/2", 202, {"status": "NotStarted"}, headers={"Location": PURGING}),
        get("/operations/2", 200, {"status": "Succeeded"}),
    ) as azure:
        assert run("key_vault", azure, state="absent", purge=True, **OPTIONS)["changed"] is True


@pytest.mark.parametrize(("check_mode", "requests"), [(True, 2), (False, 3)])
def test_purge_of_a_vault_that_was_deleted_before(check_mode: bool, requests: int) -> None:
    script = [
        get(VAULT, 404, NOT_FOUND),
        get(DELETED, 200, deleted_vault()),
        post(f"{DELETED}/purge", 202, headers={"Location": PURGING}),
    ]
    with FakeAzure(*script[:requests]) as azure:
        given = {"state": "absent", "purge": True, "wait": False}
        assert run("key_vault", azure, check_mode=check_mode, **given, **OPTIONS)["changed"] is True


@pytest.mark.parametrize("found", [None, deleted_vault("other")])
def test_nothing_to_purge(found: Any) -> None:
    answer = get(DELETED, 200, found) if found else get(DELETED, 404, {"error": {"code": "DeletedVaultNotFound"}})
    with FakeAzure(get(VAULT, 404, NOT_FOUND), answer) as azure:
        assert run("key_vault", azure, state="absent", purge=True, **OPTIONS)["changed"] is False


def test_purge_protection_forbids_purge() -> None:
    with (
        FakeAzure(get(VAULT, 404, NOT_FOUND), get(DELETED, 200, deleted_vault(purgeProtectionEnabled=True))) as azure,
        pytest.raises(Failure, match="until 2026-12-01"),
    ):
        run("key_vault", azure, state="absent", purge=True, **OPTIONS)


def test_a_forbidden_read_of_deleted_vaults_is_not_absence() -> None:
    refused = {"error": {"code": "AuthorizationFailed", "message": "does not have authorization"}}
    with (
        FakeAzure(get(VAULT, 404, NOT_FOUND), get(DELETED, 403, refused)) as azure,
        pytest.raises(ArmError, match="AuthorizationFailed"),
    ):
        run("key_vault", azure, recover=True, vault_tenant_id=TENANT, **OPTIONS)
