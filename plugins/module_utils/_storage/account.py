# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.Storage/storageAccounts."""

from __future__ import annotations

from typing import Any

from .._core import identity_option, names
from .._core.addresses import check_cidr
from .._core.arguments import IN_GROUP, TAGS
from .._core.arm import Json
from .._core.errors import InvalidOption
from .._core.info import ResourceInfo
from .._core.plan import CREATE, ENUM, FLAG, ID, LOCATION, WHOLE, Plan, Rule, Rules, immutable, same_words
from .._core.resource import NEEDS_LOCATION, READ_ONLY, Resource
from .client import PACKAGES, storage_operations

_ACCOUNTS = storage_operations("storage_accounts")
# Azure requires these of a new account.
NEW_SKU, NEW_KIND, NEW_TLS_VERSION = "Standard_LRS", "StorageV2", "TLS1_2"
SKUS = [
    "Standard_LRS",
    "Standard_ZRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
]
KINDS = ["StorageV2", "BlobStorage", "BlockBlobStorage", "FileStorage", "Storage"]
_NETWORK_ACLS: dict[str, Any] = {
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
_KEEP_CURRENT = Rule(compare=lambda _desired, _current: True)


def _is_upgrade(desired: Json, current: Json) -> bool:
    """Return whether Azure accepts a change of the kind: the older kinds can become StorageV2."""
    return desired == "StorageV2" and str(current) in ("Storage", "BlobStorage")


class StorageAccount(Resource):
    """A storage account."""

    name = "storage_account"
    type = "Microsoft.Storage/storageAccounts"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.Storage/storageAccounts/{name}"
    address = ("resource_group", "name")
    operations = _ACCOUNTS
    packages = PACKAGES
    get_method = "get_properties"
    create_method = "begin_create"
    update_method = "update"
    delete_method = "delete"
    partial = True
    wait_timeout = 600
    options = {
        **IN_GROUP,
        "sku": {"type": "str", "choices": SKUS},
        "kind": {"type": "str", "choices": KINDS},
        "access_tier": {"type": "str", "choices": ["Hot", "Cool", "Cold", "Premium"]},
        "allow_blob_public_access": {"type": "bool", "default": False},
        "allow_cross_tenant_replication": {"type": "bool"},
        "allow_shared_key_access": {"type": "bool", "default": False},
        "update_shared_key_access": {
            "type": "str",
            "choices": ["on_create", "always"],
            "default": "always",
            "no_log": False,
        },
        "default_to_oauth_authentication": {"type": "bool"},
        "hierarchical_namespace_enabled": {"type": "bool"},
        "minimum_tls_version": {"type": "str", "choices": ["TLS1_2", "TLS1_3"]},
        "public_network_access": {"type": "str", "choices": ["Enabled", "Disabled", "SecuredByPerimeter"]},
        "network_acls": _NETWORK_ACLS,
        "require_infrastructure_encryption": {"type": "bool"},
        **identity_option.OPTION,
        **TAGS,
    }
    constraints = NEEDS_LOCATION
    rules = {
        **identity_option.RULES,
        "location": immutable("location", LOCATION),
        "kind": immutable("kind", ENUM, unless=_is_upgrade),
        "sku.name": ENUM,
        "properties.accessTier": ENUM,
        "properties.defaultToOAuthAuthentication": FLAG,
        "properties.encryption.requireInfrastructureEncryption": immutable("require_infrastructure_encryption", FLAG),
        "properties.isHnsEnabled": immutable("hierarchical_namespace_enabled", FLAG),
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
    read_only = (*READ_ONLY, *identity_option.READ_ONLY, "sku.tier")

    def validate(self) -> None:
        names.check("resource_group", self.params["resource_group"], names.RESOURCE_GROUP)
        names.check("name", self.params["name"], names.STORAGE_ACCOUNT)
        identity_option.check(self.params)
        for cidr in (self.params["network_acls"] or {}).get("ip_rules") or []:
            check_cidr("network_acls.ip_rules", cidr)
            if cidr.endswith(("/31", "/32")) or ":" in cidr:
                rule = "Azure Storage takes single IPv4 addresses without /32, and ranges up to /30."
                raise InvalidOption("network_acls.ip_rules", cidr, rule)

    def desired(self) -> dict[str, Any]:
        params = self.params
        acls, encryption = params["network_acls"], params["require_infrastructure_encryption"]
        return {
            "location": params["location"],
            "kind": params["kind"],
            "sku": None if params["sku"] is None else {"name": params["sku"]},
            "identity": identity_option.desired(params),
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
            "tags": self.tags,
        }

    def rules_for(self) -> Rules:
        """Return rules by which an existing account keeps its shared key access, where the options demand that."""
        if self.params["update_shared_key_access"] == "on_create":
            return {**self.rules, "properties.allowSharedKeyAccess": _KEEP_CURRENT}
        return self.rules

    def request_body(self, planned: Plan) -> Json:
        if planned.action != CREATE:
            return identity_option.patched(planned.before, planned.body)
        properties = {"minimumTlsVersion": NEW_TLS_VERSION, **planned.body["properties"]}
        if "encryption" in properties:
            # Azure requires the source of the keys with every encryption.
            properties["encryption"] = {"keySource": "Microsoft.Storage", **properties["encryption"]}
        return {"kind": NEW_KIND, "sku": {"name": NEW_SKU}, **planned.body, "properties": properties}


class StorageAccountInfo(ResourceInfo):
    """Storage accounts, to read."""

    name = "storage_accounts"
    address = ("resource_group", "name")
    operations = _ACCOUNTS
    packages = PACKAGES
    get_method = "get_properties"
    options = {"resource_group": {"type": "str"}, "name": {"type": "str"}}
    constraints = {"required_by": {"name": ("resource_group",)}}
    lists = (("list_by_resource_group", ("resource_group",)), ("list", ()))


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
