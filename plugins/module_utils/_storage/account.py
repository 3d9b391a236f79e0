# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module storage_account wants of Microsoft.Storage/storageAccounts."""

from __future__ import annotations

from typing import Any

from .._core import identity_option as _managed_identity
from .._core import names as _names
from .._core.addresses import check_cidr
from .._core.arm import Arm, Json, Operations
from .._core.errors import InvalidOption
from .._core.plan import (
    CREATE,
    ENUM,
    ID,
    LOCATION,
    WHOLE,
    ImmutableChange,
    Plan,
    Rule,
    Rules,
    immutable,
    same_ignoring_case,
    same_words,
)
from .._core.resource import READ_ONLY as RESOURCE_READ_ONLY
from .._core.resource import Params

ACCOUNTS = Operations("azure.mgmt.storage:StorageManagementClient", "storage_accounts", "Microsoft.Storage")
SKUS = (
    "Standard_LRS Standard_ZRS Standard_GRS Standard_RAGRS Standard_GZRS Standard_RAGZRS Premium_LRS Premium_ZRS"
).split()
# Azure wants to be told: what a new account is where no option says otherwise.
NEW_SKU, NEW_KIND, NEW_TLS_VERSION = "Standard_LRS", "StorageV2", "TLS1_2"
KINDS = ["StorageV2", "BlobStorage", "BlockBlobStorage", "FileStorage", "Storage"]
NETWORK_ACLS: dict[str, Any] = {
    "type": "dict",
    "options": {
        "default_action": {"type": "str", "choices": ["Allow", "Deny"], "required": True},
        "bypass": {"type": "list", "elements": "str", "choices": ["AzureServices", "Logging", "Metrics", "None"]},
        "ip_rules": {"type": "list", "elements": "str"},
        "virtual_network_subnet_ids": {"type": "list", "elements": "str"},
        "resource_access_rules": {
            "type": "list",
            "elements": "dict",
            "options": {
                "resource_id": {"type": "str", "required": True},
                "tenant_id": {"type": "str", "required": True},
            },
        },
    },
}
# Azure leaves out what is false.
_FLAG = Rule(compare=lambda wanted, current: bool(wanted) == bool(current))


def _same_kind(wanted: Json, current: Json) -> bool:
    """Azure upgrades the older kinds to StorageV2, and changes nothing else."""
    if same_ignoring_case(wanted, current):
        return True
    if wanted == "StorageV2" and str(current) in ("Storage", "BlobStorage"):
        return False
    raise ImmutableChange("kind", current, wanted)


RULES = {
    **_managed_identity.RULES,
    "location": immutable("location", LOCATION),
    "kind": Rule(compare=_same_kind),
    "sku.name": ENUM,
    "properties.accessTier": ENUM,
    "properties.defaultToOAuthAuthentication": _FLAG,
    "properties.encryption.requireInfrastructureEncryption": immutable("require_infrastructure_encryption", _FLAG),
    "properties.isHnsEnabled": immutable("hierarchical_namespace_enabled", _FLAG),
    "properties.minimumTlsVersion": ENUM,
    "properties.networkAcls.bypass": Rule(compare=same_words),
    "properties.networkAcls.defaultAction": ENUM,
    "properties.networkAcls.ipRules": Rule(key="value"),
    "properties.networkAcls.resourceAccessRules": Rule(key="resourceId"),
    "properties.networkAcls.resourceAccessRules[].tenantId": ID,
    "properties.networkAcls.virtualNetworkRules": Rule(key="id"),
    "properties.publicNetworkAccess": ENUM,
    "tags": WHOLE,
}
_SHARED_KEYS = "properties.allowSharedKeyAccess"
_AS_IT_STANDS = Rule(compare=lambda _wanted, _current: True)
READ_ONLY = (*RESOURCE_READ_ONLY, *_managed_identity.READ_ONLY, "sku.tier")


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("name", params["name"], _names.STORAGE_ACCOUNT)
    _managed_identity.check(params)
    for cidr in (params["network_acls"] or {}).get("ip_rules") or []:
        check_cidr("network_acls.ip_rules", cidr)
        if cidr.endswith(("/31", "/32")) or ":" in cidr:
            raise InvalidOption(
                "network_acls.ip_rules",
                cidr,
                "Azure Storage takes single IPv4 addresses without /32, and ranges up to /30.",
            )


def rules_for(params: Params, rules: Rules) -> Rules:
    """For Resource.adjust: whether an account that exists keeps what it says of shared keys."""
    return {**rules, _SHARED_KEYS: _AS_IT_STANDS} if params["update_shared_key_access"] == "on_create" else rules


def desired(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
    acls, encryption = params["network_acls"], params["require_infrastructure_encryption"]
    return {
        "location": params["location"],
        "kind": params["kind"],
        "sku": None if params["sku"] is None else {"name": params["sku"]},
        "identity": _managed_identity.desired(params),
        "properties": {
            "accessTier": params["access_tier"],
            "allowBlobPublicAccess": params["allow_blob_public_access"],
            "allowCrossTenantReplication": params["allow_cross_tenant_replication"],
            "allowSharedKeyAccess": params["allow_shared_key_access"],
            "defaultToOAuthAuthentication": params["default_to_oauth_authentication"],
            "encryption": None if encryption is None else {"requireInfrastructureEncryption": encryption},
            "isHnsEnabled": params["hierarchical_namespace_enabled"],
            "minimumTlsVersion": params["minimum_tls_version"],
            "networkAcls": None if acls is None else _network_rules(acls),
            "publicNetworkAccess": params["public_network_access"],
            "supportsHttpsTrafficOnly": True,
        },
        "tags": params["tags"],
    }


def _network_rules(acls: dict[str, Any]) -> dict[str, Any]:
    ips, subnets, resources = acls["ip_rules"], acls["virtual_network_subnet_ids"], acls["resource_access_rules"]
    return {
        "defaultAction": acls["default_action"],
        "bypass": None if acls["bypass"] is None else ", ".join(acls["bypass"]),
        "ipRules": None if ips is None else [{"value": ip, "action": "Allow"} for ip in ips],
        "virtualNetworkRules": None if subnets is None else [{"id": i, "action": "Allow"} for i in subnets],
        "resourceAccessRules": None
        if resources is None
        else [{"resourceId": rule["resource_id"], "tenantId": rule["tenant_id"]} for rule in resources],
    }


def body(_arm: Arm, _params: Params, planned: Plan) -> Json:
    """The request of a write, one for all that differs."""
    if planned.action != CREATE:
        return _managed_identity.patched(planned.before, planned.body)
    properties = {"minimumTlsVersion": NEW_TLS_VERSION, **planned.body["properties"]}
    if "encryption" in properties:
        # Azure wants to be told where the keys are as soon as encryption is spoken of.
        properties["encryption"] = {"keySource": "Microsoft.Storage", **properties["encryption"]}
    return {"kind": NEW_KIND, "sku": {"name": NEW_SKU}, **planned.body, "properties": properties}
