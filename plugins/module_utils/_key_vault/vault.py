# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.KeyVault/vaults, and deleted vaults that Azure retains."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

from .._core import names
from .._core.addresses import check_ipv4_cidr, same_networks
from .._core.arguments import IN_GROUP, TAGS
from .._core.arm import Json, Operations
from .._core.errors import Failure, InvalidOption
from .._core.identifiers import is_guid
from .._core.plan import (
    CREATE,
    ENUM,
    FLAG,
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
from .._core.resource import NEEDS_LOCATION, READ_ONLY, Resource

# Azure requires a sku of a new vault.
NEW_SKU = {"family": "A", "name": "standard"}
_NETWORK_ACLS: dict[str, Any] = {
    "type": "dict",
    "options": {
        "default_action": {"type": "str", "choices": ["Allow", "Deny"], "required": True},
        "bypass": {"type": "str", "choices": ["AzureServices", "None"], "default": "AzureServices"},
        "ip_rules": {"type": "list", "elements": "str"},
        "virtual_network_subnet_ids": {"type": "list", "elements": "str"},
    },
}
_PURGE_PROTECTION = replace(
    immutable("enable_purge_protection", FLAG, unless=lambda desired, _current: bool(desired)),
    reason="Azure never turns purge protection off",
    remedy="use a vault of another name",
)


def _or_default(default: str) -> Rule:
    """Return the rule for a value of networkAcls, which Azure leaves out where they admit everybody."""
    return Rule(compare=lambda desired, current: str(desired).lower() == str(current or default).lower())


class KeyVault(Resource):
    """A key vault."""

    name = "key_vault"
    type = "Microsoft.KeyVault/vaults"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.KeyVault/vaults/{name}"
    address = ("resource_group", "name")
    operations = Operations("azure.mgmt.keyvault:KeyVaultManagementClient", "vaults", "Microsoft.KeyVault")
    packages = {"azure.mgmt.keyvault": "azure-mgmt-keyvault"}
    update_method = "update"
    delete_method = "delete"
    partial = True
    wait_timeout = 600
    options = {
        **IN_GROUP,
        "sku": {"type": "str", "choices": ["standard", "premium"]},
        "vault_tenant_id": {"type": "str"},
        "enable_rbac_authorization": {"type": "bool"},
        "soft_delete_retention_in_days": {"type": "int"},
        "enable_purge_protection": {"type": "bool"},
        "public_network_access": {"type": "str", "choices": ["Enabled", "Disabled"]},
        "network_acls": _NETWORK_ACLS,
        "enabled_for_deployment": {"type": "bool"},
        "enabled_for_disk_encryption": {"type": "bool"},
        "enabled_for_template_deployment": {"type": "bool"},
        "recover": {"type": "bool", "default": False},
        "purge": {"type": "bool", "default": False},
        **TAGS,
    }
    constraints = NEEDS_LOCATION
    rules = {
        "location": immutable("location", LOCATION),
        "properties.enablePurgeProtection": _PURGE_PROTECTION,
        "properties.enableRbacAuthorization": FLAG,
        "properties.enabledForDeployment": FLAG,
        "properties.enabledForDiskEncryption": FLAG,
        "properties.enabledForTemplateDeployment": FLAG,
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
    read_only = (
        *READ_ONLY,
        "properties.hsmPoolResourceId",
        "properties.privateEndpointConnections",
        "properties.vaultUri",
    )

    def validate(self) -> None:
        params = self.params
        names.check("resource_group", params["resource_group"], names.RESOURCE_GROUP)
        names.check("name", params["name"], names.KEY_VAULT)
        days = params["soft_delete_retention_in_days"]
        if days is not None and not 7 <= days <= 90:
            raise InvalidOption("soft_delete_retention_in_days", days, "use 7 to 90.")
        for cidr in (params["network_acls"] or {}).get("ip_rules") or []:
            check_ipv4_cidr("network_acls.ip_rules", cidr)
        tenant = params["vault_tenant_id"]
        if tenant is not None and not is_guid(tenant):
            raise InvalidOption("vault_tenant_id", tenant, "write the id of the tenant, a GUID.")
        if self.state == "absent" and params["purge"] and params["location"] is None:
            raise InvalidOption("location", None, "Azure keeps deleted vaults by location: purge needs it.")

    def desired(self) -> dict[str, Any]:
        params = self.params
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
            "tags": self.tags,
        }

    def request_body(self, planned: Plan) -> Json:
        """Return the body of the write; {} for a vault that has been recovered, and written then."""
        if planned.action != CREATE:
            return planned.body
        properties = {
            "accessPolicies": [],
            "enableRbacAuthorization": True,
            "sku": NEW_SKU,
            **planned.body["properties"],
            "tenantId": self.params["vault_tenant_id"] or self._tenant(),
        }
        if not properties.get("enablePurgeProtection"):
            # Azure refuses the value false.
            properties.pop("enablePurgeProtection", None)
        if self.params["recover"]:
            deleted = self._read_deleted()
            if deleted is not None:
                self._recover(deleted, properties)
                return {}
        return {**planned.body, "properties": properties}

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Reconcile the vault, and purge it where the options demand that. Raise ArmError and Failure."""
        result = super().execute(check_mode)
        if self.state == "absent" and self.params["purge"]:
            purged = self._purge(check_mode, just_deleted=result["changed"] and not check_mode)
            result["changed"] = result["changed"] or purged
            if purged and not result["diff"]["before"]:
                result["diff"]["before"] = {"name": self.params["name"], "deleted": True}
        return result

    def _read_deleted(self) -> Json | None:
        """Return the deleted vault of that name and location, None when there is none."""
        return self.arm.get(self.operations, "get_deleted", self.params["name"], self.params["location"])

    def _is_same_vault(self, deleted: Json) -> bool:
        """Return whether a deleted vault is the one of the options, and not one of another resource group."""
        return str(deleted["properties"]["vaultId"]).lower() == self.id.lower()

    def _recover(self, deleted: Json, properties: Json) -> None:
        """Recover the vault, then update it with the options."""
        label = f"recovery of {self.label}"
        if not self._is_same_vault(deleted):
            raise Failure(
                f"recover: the deleted vault {self.params['name']} was {deleted['properties']['vaultId']}, and Azure recovers "
                "it only there. Recover it with the resource_group that it was in, or choose another name.",
                option="recover",
            )
        request = {
            "location": self.params["location"],
            "properties": {"createMode": "recover", "sku": properties["sku"], "tenantId": properties["tenantId"]},
        }
        self.arm.wait(self.arm.submit(self.operations, self.create_method, *self.sdk_arguments(), body=request), label)
        vault = self.arm.wait_until_settled(
            lambda: self.read() or {}, lambda vault: not vault or self.is_pending(vault), label
        )
        try:
            planned = plan(vault, self.desired(), self.rules, partial_body(self.read_only))
        except ImmutableChange as change:
            raise Failure(f"{label}: done, but {change}", option=change.option) from change
        if planned.changed:
            self.arm.submit(self.operations, self.update_method, *self.sdk_arguments(), body=planned.body)

    def _purge(self, check_mode: bool, just_deleted: bool) -> bool:
        """Purge the deleted vault. Return whether there was one. Raise Failure where purge protection forbids it."""
        name, label = self.params["name"], f"purge of {self.label}"
        deleted = self.arm.wait_until_settled(
            lambda: self._read_deleted() or {}, lambda vault: just_deleted and not vault, label
        )
        if not deleted or not self._is_same_vault(deleted):
            return False
        if deleted["properties"].get("purgeProtectionEnabled"):
            raise Failure(
                f"purge: purge protection keeps the deleted vault {name} until "
                f"{deleted['properties'].get('scheduledPurgeDate')}: nobody can remove it before, but recover: true gets it "
                "back.",
                option="purge",
            )
        if not check_mode:
            submitted = self.arm.submit(self.operations, "begin_purge_deleted", name, self.params["location"])
            if self.params["wait"]:
                self.arm.wait(submitted, label)
        return True

    def _tenant(self) -> str:
        """Return the id of the tenant in which the task signs in. Raise Failure."""
        connection = self.arm.connection
        if connection.tenant_id is not None and is_guid(connection.tenant_id):
            return connection.tenant_id
        token = self.arm.credential.get_token(connection.cloud.resource_manager_scope).token
        try:
            claims = token.split(".")[1]
            return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["tid"])
        except (IndexError, KeyError, ValueError, TypeError) as error:
            raise Failure(
                "vault_tenant_id: the token does not contain the tenant of the vault: set the option, or tenant_id.",
                option="vault_tenant_id",
            ) from error


def _network_acls(acls: dict[str, Any]) -> dict[str, Any]:
    ips, subnets = acls["ip_rules"], acls["virtual_network_subnet_ids"]
    return {
        "bypass": acls["bypass"],
        "defaultAction": acls["default_action"],
        "ipRules": None if ips is None else [{"value": ip} for ip in ips],
        "virtualNetworkRules": None if subnets is None else [{"id": subnet} for subnet in subnets],
    }
