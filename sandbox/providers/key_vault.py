# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.KeyVault: vaults and soft-deleted vaults. Their secrets are in `sandbox/services`.

Sources: https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults and the recorded responses of Azure.
"""

from __future__ import annotations

import time
from typing import Any

from sandbox.arm.errors import ArmError
from sandbox.arm.locations import region
from sandbox.arm.resource_type import Call, NameRule, Reply, ResourceType, system_data
from sandbox.arm.target import Target
from sandbox.messages import Json, Response
from sandbox.services.vault_secrets import SUFFIX
from sandbox.store import Resource

_STAMP = "%Y-%m-%dT%H:%M:%SZ"
_DELETED = "microsoft.keyvault/locations/deletedvaults"
_GUIDE = "https://go.microsoft.com/fwlink/?linkid=2149745"
_PURGE_SECONDS = 5


def deleted_id(subscription: str, location: str, name: str) -> str:
    """Return the id of a soft-deleted vault."""
    return (
        f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{region(location)}/deletedVaults/{name}"
    )


def _bad_request(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message, cause="")


class Vault(ResourceType):
    """A key vault."""

    type = "Microsoft.KeyVault/vaults"
    unique_everywhere = True
    located = True
    create_reply = Reply.NO_POLLING
    created_status = 200
    creating_state = "RegisteringDns"
    seconds = {"create": 20.0}
    name_rule = NameRule(
        r"(?!.*--)[a-zA-Z](?:[a-zA-Z0-9-]{1,22}[a-zA-Z0-9])",
        "VaultNameNotValid",
        "The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name must begin with a "
        "letter, end with a letter or digit, and not contain consecutive hyphens. Follow this link for more information: "
        "https://go.microsoft.com/fwlink/?linkid=2147742",
        "AccountNameInvalid",
    )

    def name_conflict(self, name: str) -> ArmError:
        return ArmError(
            409,
            "VaultAlreadyExists",
            f"The vault name '{name}' is already in use. Vault names are globally unique so it is possible that the name is already taken. "
            "If you are sure that the vault name was not taken then it is possible that a vault with the same name was recently deleted "
            f"but not purged after being placed in a recoverable state. Follow this link for more information: {_GUIDE}",
            cause="",
        )

    def is_name_in_use(self, name: str) -> bool:
        return super().is_name_in_use(name) or self.store.named(_DELETED, name) is not None

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = call.body.get("properties") or {}
        current = existing.properties if existing else {}
        recovering = str(requested.get("createMode", "default")).lower() == "recover"
        deleted = self.store.named(_DELETED, call.target.name) if existing is None else None
        if deleted is not None and not recovering:
            raise ArmError(
                409,
                "ConflictError",
                "A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault. "
                f"Follow this link {_GUIDE} for more information on soft delete.",
                cause="",
            )
        if (
            existing is None
            and recovering
            and (deleted is None or deleted.properties["vaultId"].lower() != self.resource_id(call.target).lower())
        ):
            raise ArmError(
                404,
                "DeletedVaultNotFound",
                _not_deleted(call.target.name),
                cause="",
            )
        if recovering and deleted is not None:
            return
        if not (requested.get("tenantId") or current.get("tenantId")):
            raise _bad_request("The parameter tenantId is not specified.")
        sku = requested.get("sku") or current.get("sku") or {}
        if str(sku.get("name", "")).lower() not in ("standard", "premium"):
            raise _bad_request(
                f"The parameter sku.name has an invalid value: '{sku.get('name')}'. Known are 'standard' and 'premium'."
            )
        if requested.get("accessPolicies") is None and not current and not requested.get("enableRbacAuthorization"):
            raise _bad_request("The parameter accessPolicies is not specified.")
        days = requested.get("softDeleteRetentionInDays")
        if days is not None and not 7 <= int(days) <= 90:
            raise _bad_request(
                f'The property "softDeleteRetentionInDays" has an invalid value: {days}. It must be between 7 and 90.'
            )
        if days is not None and current and int(days) != current["softDeleteRetentionInDays"]:
            raise _bad_request(
                'The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.'
            )
        if requested.get("enablePurgeProtection") is False:
            raise _bad_request(
                'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is an irreversible action.'
            )

    def reply(self, call: Call, existing: Resource | None) -> Reply:
        """Return SYNC for the recovery of a vault: its DNS name exists already."""
        recovering = str((call.body.get("properties") or {}).get("createMode", "")).lower() == "recover"
        return Reply.SYNC if recovering else super().reply(call, existing)

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = dict(call.body.get("properties") or {})
        deleted = self.store.named(_DELETED, call.target.name) if existing is None else None
        current = existing.properties if existing else deleted.private["vault"]["properties"] if deleted else {}
        recovering = str(requested.get("createMode", "")).lower() == "recover"
        if deleted is not None and recovering:
            self.store.delete(deleted.id)
            requested = {**requested, **current}  # a recovered vault has its former properties

        def setting(name: str, default: Any) -> Any:
            return requested[name] if requested.get(name) is not None else current.get(name, default)

        properties: Json = {
            "sku": {"family": "A", "name": str(setting("sku", {})["name"]).lower()},
            "tenantId": setting("tenantId", None),
        }
        if (rules := _network_rules(requested.get("networkAcls") or current.get("networkAcls"))) is not None:
            properties["networkAcls"] = rules
        properties["accessPolicies"] = [_policy(policy) for policy in setting("accessPolicies", [])]
        for name in ("enabledForDeployment", "enabledForDiskEncryption", "enabledForTemplateDeployment"):
            properties[name] = bool(setting(name, False))
        properties |= {
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": int(setting("softDeleteRetentionInDays", 90)),
        }
        if (by_role := setting("enableRbacAuthorization", None)) is not None:
            properties["enableRbacAuthorization"] = bool(by_role)
        if setting("enablePurgeProtection", None):
            properties["enablePurgeProtection"] = True
        properties |= {
            "vaultUri": f"https://{call.target.name.lower()}{SUFFIX}/",
            "provisioningState": "",
            "publicNetworkAccess": str(setting("publicNetworkAccess", "Enabled")).capitalize(),
        }
        body: Json = {
            "location": region(call.body["location"]),
            "tags": call.body.get("tags") or {},
            "systemData": system_data(call.caller, existing, "%Y-%m-%dT%H:%M:%S.000Z"),
            "properties": properties,
        }
        if existing is not None:
            return body, existing.private
        return body, deleted.private["private"] if deleted is not None else {}

    def write_response(self, resource: Resource) -> Json:
        content = self.show(resource)
        if resource.state == self.creating_state:
            content["properties"]["vaultUri"] = content["properties"]["vaultUri"].rstrip("/")
        return content

    def on_delete(self, resource: Resource) -> None:
        """Store the soft-deleted vault with its secrets until its recovery or purge."""
        subscription = resource.id.split("/")[2]
        location = resource.body["location"]
        now = time.time()
        after = now + resource.properties["softDeleteRetentionInDays"] * 86_400
        properties: Json = {
            "vaultId": resource.id,
            "location": location,
            "tags": resource.body["tags"],
            "deletionDate": time.strftime(_STAMP, time.gmtime(now)),
            "scheduledPurgeDate": time.strftime(_STAMP, time.gmtime(after)),
        }
        if resource.properties.get("enablePurgeProtection"):
            properties["purgeProtectionEnabled"] = True
        private = {"vault": resource.body, "private": resource.private}
        self.store.put(
            Resource(
                deleted_id(subscription, location, resource.name),
                _DELETED,
                resource.name,
                {"properties": properties},
                private,
            )
        )


def _policy(requested: Json) -> Json:
    """Return an access policy as Azure returns it: with the applicationId in lower case."""
    policy: Json = {"tenantId": requested.get("tenantId"), "objectId": requested.get("objectId")}
    if requested.get("applicationId"):
        policy["applicationId"] = str(requested["applicationId"]).lower()
    return {**policy, "permissions": requested.get("permissions") or {}}


def _network_rules(requested: Json | None) -> Json | None:
    """Return the network rules; None where they equal the defaults, which Azure omits."""
    if not requested:
        return None
    rules = {
        "bypass": requested.get("bypass") or "AzureServices",
        "defaultAction": requested.get("defaultAction") or "Allow",
        "ipRules": requested.get("ipRules") or [],
        "virtualNetworkRules": requested.get("virtualNetworkRules") or [],
    }
    defaults = {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []}
    return None if rules == defaults else rules


def _not_deleted(name: str) -> str:
    return (
        f"The specified deleted vault '{name}' does not exist. Ensure that the vault was indeed deleted and that it is in recoverable "
        "state. If soft delete was not enabled then the vault is permanently deleted. Follow this link for more information: "
        f"{_GUIDE}"
    )


class DeletedVault(ResourceType):
    """A soft-deleted vault: …/locations/<location>/deletedVaults/<name>. The deletion of a vault creates it."""

    type = "Microsoft.KeyVault/locations/deletedVaults"
    shows_state = False
    retry_after = 5
    seconds = {"delete": _PURGE_SECONDS}
    result_path = (
        "/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{location}/operationResults/{operation}"
    )

    def not_found(self, target: Target) -> ArmError:
        return ArmError(404, "DeletedVaultNotFound", _not_deleted(target.name), cause="")

    def check(self, call: Call, existing: Resource | None) -> None:
        raise ArmError(405, "HttpMethodNotAllowed", "Deleted vaults are made by the deletion of vaults.", cause="")

    def show(self, resource: Resource) -> Json:
        return {**super().show(resource), "type": "Microsoft.KeyVault/deletedVaults"}

    def run_action(self, call: Call, resource: Resource, action: str) -> Response:
        if action != "purge":
            return super().run_action(call, resource, action)
        if resource.properties.get("purgeProtectionEnabled"):
            raise ArmError(
                400,
                "MethodNotAllowed",
                f"Operation 'DeletedVaultPurge' is not allowed. Vault '{resource.name}' has purge protection enabled.",
                cause="",
            )
        operation = self.context.start("delete", resource, _PURGE_SECONDS)
        return Response(202, b"", self.polling_headers(resource, operation, call))

    def location(self, resource: Resource) -> str:
        return region(resource.properties["location"])


class DeletedVaults(ResourceType):
    """The list of the soft-deleted vaults of all locations: /subscriptions/<id>/providers/Microsoft.KeyVault/deletedVaults."""

    type = "Microsoft.KeyVault/deletedVaults"
    shows_state = False

    def select(self, call: Call, scope: str) -> list[Resource]:
        return list(self.store.of_type(_DELETED))

    def check(self, call: Call, existing: Resource | None) -> None:
        raise ArmError(405, "HttpMethodNotAllowed", "Deleted vaults are made by the deletion of vaults.", cause="")
