# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module key_vault wants of Microsoft.KeyVault/vaults, and what happens to a deleted vault that is still kept."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from .._core import names as _names
from .._core.addresses import check_ipv4_cidr, same_networks
from .._core.arm import Arm, Json, Operations
from .._core.errors import Failure, InvalidOption
from .._core.plan import (
    CREATE,
    ENUM,
    ID,
    LOCATION,
    NUMBER,
    WHOLE,
    ImmutableChange,
    Plan,
    Rule,
    immutable,
    partial_body,
    plan,
)
from .._core.resource import READ_ONLY as RESOURCE_READ_ONLY
from .._core.resource import Params, in_between

VAULTS = Operations("azure.mgmt.keyvault:KeyVaultManagementClient", "vaults", "Microsoft.KeyVault")
_GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)

# Azure wants to be told: what a new vault is where no option says otherwise.
NEW_SKU = {"family": "A", "name": "standard"}
NETWORK_ACLS: dict[str, Any] = {
    "type": "dict",
    "options": {
        "default_action": {"type": "str", "choices": ["Allow", "Deny"], "required": True},
        "bypass": {"type": "str", "choices": ["AzureServices", "None"], "default": "AzureServices"},
        "ip_rules": {"type": "list", "elements": "str"},
        "virtual_network_subnet_ids": {"type": "list", "elements": "str"},
    },
}


class PurgeProtectionStays(ImmutableChange):
    """Purge protection can be turned on, never off."""

    def __init__(self) -> None:
        super().__init__("enable_purge_protection", True, False)
        self.args = (
            "enable_purge_protection: is True and cannot become False, because Azure never turns purge protection off. "
            "Keep True, or use a vault of another name.",
        )


def _same_purge_protection(wanted: Json, current: Json) -> bool:
    if current and not wanted:
        raise PurgeProtectionStays
    return bool(wanted) == bool(current)


def _same_flag(wanted: Json, current: Json) -> bool:
    """Azure leaves out what is false."""
    return bool(wanted) == bool(current)


def _or_default(default: str) -> Rule:
    """Azure leaves networkAcls out where they let everybody in."""
    return Rule(compare=lambda wanted, current: str(wanted).lower() == str(current or default).lower())


_FLAG = Rule(compare=_same_flag)
RULES = {
    "location": immutable("location", LOCATION),
    "properties.enablePurgeProtection": Rule(compare=_same_purge_protection),
    "properties.enableRbacAuthorization": _FLAG,
    "properties.enabledForDeployment": _FLAG,
    "properties.enabledForDiskEncryption": _FLAG,
    "properties.enabledForTemplateDeployment": _FLAG,
    "properties.networkAcls.bypass": _or_default("AzureServices"),
    "properties.networkAcls.defaultAction": _or_default("Allow"),
    "properties.networkAcls.ipRules": Rule(compare=same_networks),
    "properties.networkAcls.virtualNetworkRules": Rule(key="id"),
    "properties.publicNetworkAccess": ENUM,
    "properties.sku.family": ENUM,
    "properties.sku.name": ENUM,
    "properties.softDeleteRetentionInDays": immutable("soft_delete_retention_in_days", NUMBER),
    "properties.tenantId": ID,
    "tags": WHOLE,
}
READ_ONLY = (
    *RESOURCE_READ_ONLY,
    "properties.hsmPoolResourceId",
    "properties.privateEndpointConnections",
    "properties.vaultUri",
)


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("name", params["name"], _names.KEY_VAULT)
    days = params["soft_delete_retention_in_days"]
    if days is not None and not 7 <= days <= 90:
        raise InvalidOption("soft_delete_retention_in_days", days, "use 7 to 90.")
    for cidr in (params["network_acls"] or {}).get("ip_rules") or []:
        check_ipv4_cidr("network_acls.ip_rules", cidr)
    tenant = params["vault_tenant_id"]
    if tenant is not None and not _GUID.fullmatch(tenant):
        raise InvalidOption("vault_tenant_id", tenant, "write the id of the tenant, a GUID.")
    if params["state"] == "absent" and params["purge"] and params["location"] is None:
        raise InvalidOption("location", None, "Azure keeps deleted vaults by location: purge needs it.")


def desired(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
    acls = params["network_acls"]
    return {
        "location": params["location"],
        "properties": {
            "enablePurgeProtection": params["enable_purge_protection"],
            "enableRbacAuthorization": params["enable_rbac_authorization"],
            "enabledForDeployment": params["enabled_for_deployment"],
            "enabledForDiskEncryption": params["enabled_for_disk_encryption"],
            "enabledForTemplateDeployment": params["enabled_for_template_deployment"],
            "networkAcls": None if acls is None else _network_acls(acls),
            "publicNetworkAccess": params["public_network_access"],
            "sku": None if params["sku"] is None else {"family": "A", "name": params["sku"]},
            "softDeleteRetentionInDays": params["soft_delete_retention_in_days"],
            "tenantId": params["vault_tenant_id"],
        },
        "tags": params["tags"],
    }


def _network_acls(acls: dict[str, Any]) -> dict[str, Any]:
    ips, subnets = acls["ip_rules"], acls["virtual_network_subnet_ids"]
    return {
        "bypass": acls["bypass"],
        "defaultAction": acls["default_action"],
        "ipRules": None if ips is None else [{"value": ip} for ip in ips],
        "virtualNetworkRules": None if subnets is None else [{"id": subnet} for subnet in subnets],
    }


def body(arm: Arm, params: Params, planned: Plan) -> Json:
    """The request of a write. A vault that is recovered needs none, for it has been written then."""
    if planned.action != CREATE:
        return planned.body
    properties = {
        "accessPolicies": [],
        "enableRbacAuthorization": True,
        "sku": NEW_SKU,
        **planned.body["properties"],
        "tenantId": params["vault_tenant_id"] or _tenant(arm),
    }
    if not properties.get("enablePurgeProtection"):
        # Azure refuses the word false.
        properties.pop("enablePurgeProtection", None)
    if params["recover"]:
        deleted = arm.get(VAULTS, "get_deleted", params["name"], params["location"])
        if deleted is not None:
            _recover(arm, params, deleted, properties)
            return {}
    return {**planned.body, "properties": properties}


def _recover(arm: Arm, params: Params, deleted: Json, properties: Json) -> None:
    """Bring the vault back as it was, then to what the options say."""
    address = (params["resource_group"], params["name"])
    what = f"recovery of Microsoft.KeyVault/vaults {params['name']}"
    if not _is_ours(arm, params, deleted):
        raise Failure(
            f"recover: the deleted vault {params['name']} was {deleted['properties']['vaultId']}, and Azure recovers it "
            "only there. Recover it with the resource_group that it was in, or choose another name.",
            option="recover",
        )
    request = {
        "location": params["location"],
        "properties": {"createMode": "recover", "sku": properties["sku"], "tenantId": properties["tenantId"]},
    }
    arm.wait(arm.submit(VAULTS, "begin_create_or_update", *address, body=request), what)
    vault = arm.settle(
        lambda: arm.get(VAULTS, "get", *address) or {}, lambda found: not found or in_between(found), what
    )
    try:
        planned = plan(vault, desired(params), RULES, partial_body(READ_ONLY))
    except ImmutableChange as change:
        raise Failure(f"{what}: done, but {change}", option=change.option) from change
    if planned.changed:
        arm.submit(VAULTS, "update", *address, body=planned.body)


def _is_ours(arm: Arm, params: Params, deleted: Json) -> bool:
    """Whether a deleted vault is the one that the options name, and not one of another resource group."""
    group = f"{arm.subscription}/resourceGroups/{params['resource_group']}"
    ours = f"{group}/providers/Microsoft.KeyVault/vaults/{params['name']}"
    return str(deleted["properties"]["vaultId"]).lower() == ours.lower()


def purge(arm: Arm, params: Params, check_mode: bool, just_deleted: bool) -> bool:
    """Remove a deleted vault for good. Returns whether there was one. Raises Failure where purge protection forbids it."""
    name, location = params["name"], params["location"]
    what = f"purge of Microsoft.KeyVault/vaults {name}"
    deleted = arm.settle(
        lambda: arm.get(VAULTS, "get_deleted", name, location) or {}, lambda found: just_deleted and not found, what
    )
    if not deleted or not _is_ours(arm, params, deleted):
        return False
    if deleted["properties"].get("purgeProtectionEnabled"):
        raise Failure(
            f"purge: purge protection keeps the deleted vault {name} until "
            f"{deleted['properties'].get('scheduledPurgeDate')}: nobody can remove it before, but recover: true gets it back.",
            option="purge",
        )
    if not check_mode:
        submitted = arm.submit(VAULTS, "begin_purge_deleted", name, location)
        if params["wait"]:
            arm.wait(submitted, what)
    return True


def _tenant(arm: Arm) -> str:
    """Id of the tenant in which the task signs in. Raises Failure."""
    tenant = arm.connection.tenant_id
    if tenant is not None and _GUID.fullmatch(tenant):
        return tenant
    token = arm.credential.get_token(arm.connection.cloud.resource_manager_scope).token
    try:
        claims = token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["tid"])
    except (IndexError, KeyError, ValueError, TypeError) as error:
        raise Failure(
            "vault_tenant_id: the tenant of the vault cannot be told from the token: set the option, or tenant_id.",
            option="vault_tenant_id",
        ) from error
