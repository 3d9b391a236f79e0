# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.KeyVault: vaults, and those that are deleted but can be recovered. Their secrets are in `sandbox/services/key_vault.py`.

Sources: https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults and the recorded answers of Azure.
"""

from __future__ import annotations

import time
from typing import Any

from sandbox.arm.resource_type import (
    ArmError,
    Call,
    Json,
    NameRule,
    Reply,
    ResourceType,
    Target,
    region,
    system_data,
)
from sandbox.messages import Response
from sandbox.services.vault_secrets import SUFFIX
from sandbox.store import Resource

_STAMP = "%Y-%m-%dT%H:%M:%SZ"
_DELETED = "microsoft.keyvault/locations/deletedvaults"
_GUIDE = "https://go.microsoft.com/fwlink/?linkid=2149745"
_PURGE_SECONDS = 5


def deleted_id(subscription: str, location: str, name: str) -> str:
    """The id under which a deleted vault waits to be recovered or purged."""
    return (
        f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{region(location)}/deletedVaults/{name}"
    )


def _bad_request(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message, cause="")


class Vault(ResourceType):
    type = "Microsoft.KeyVault/vaults"
    unique_everywhere = True
    located = True
    create_reply = Reply.SETTLES
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

    def taken(self, name: str) -> ArmError:
        return ArmError(
            409,
            "VaultAlreadyExists",
            f"The vault name '{name}' is already in use. Vault names are globally unique so it is possible that the name is already taken. "
            "If you are sure that the vault name was not taken then it is possible that a vault with the same name was recently deleted "
            f"but not purged after being placed in a recoverable state. Follow this link for more information: {_GUIDE}",
            cause="",
        )

    def holds_name(self, name: str) -> bool:
        return super().holds_name(name) or self.store.named(_DELETED, name) is not None

    def check(self, call: Call, existing: Resource | None) -> None:
        asked = call.body.get("properties") or {}
        known = existing.properties if existing else {}
        recovering = str(asked.get("createMode", "default")).lower() == "recover"
        waiting = self.store.named(_DELETED, call.target.name) if existing is None else None
        if waiting is not None and not recovering:
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
            and (waiting is None or waiting.properties["vaultId"].lower() != self.resource_id(call.target).lower())
        ):
            raise ArmError(
                404,
                "DeletedVaultNotFound",
                _not_deleted(call.target.name),
                cause="",
            )
        if recovering and waiting is not None:
            return
        if not (asked.get("tenantId") or known.get("tenantId")):
            raise _bad_request("The parameter tenantId is not specified.")
        sku = asked.get("sku") or known.get("sku") or {}
        if str(sku.get("name", "")).lower() not in ("standard", "premium"):
            raise _bad_request(
                f"The parameter sku.name has an invalid value: '{sku.get('name')}'. Known are 'standard' and 'premium'."
            )
        if asked.get("accessPolicies") is None and not known and not asked.get("enableRbacAuthorization"):
            raise _bad_request("The parameter accessPolicies is not specified.")
        days = asked.get("softDeleteRetentionInDays")
        if days is not None and not 7 <= int(days) <= 90:
            raise _bad_request(
                f'The property "softDeleteRetentionInDays" has an invalid value: {days}. It must be between 7 and 90.'
            )
        if days is not None and known and int(days) != known["softDeleteRetentionInDays"]:
            raise _bad_request(
                'The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.'
            )
        if asked.get("enablePurgeProtection") is False:
            raise _bad_request(
                'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is an irreversible action.'
            )

    def reply(self, call: Call, existing: Resource | None) -> Reply:
        """A vault that is recovered needs no new name."""
        recovering = str((call.body.get("properties") or {}).get("createMode", "")).lower() == "recover"
        return Reply.SYNC if recovering else super().reply(call, existing)

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = dict(call.body.get("properties") or {})
        waiting = self.store.named(_DELETED, call.target.name) if existing is None else None
        known = existing.properties if existing else waiting.private["vault"]["properties"] if waiting else {}
        recovering = str(asked.get("createMode", "")).lower() == "recover"
        if waiting is not None and recovering:
            self.store.delete(waiting.id)
            asked = {**asked, **known}  # a vault comes back as it was

        def chosen(name: str, default: Any) -> Any:
            return asked[name] if asked.get(name) is not None else known.get(name, default)

        properties: Json = {
            "sku": {"family": "A", "name": str(chosen("sku", {})["name"]).lower()},
            "tenantId": chosen("tenantId", None),
        }
        if (rules := _network_rules(asked.get("networkAcls") or known.get("networkAcls"))) is not None:
            properties["networkAcls"] = rules
        properties["accessPolicies"] = [_policy(one) for one in chosen("accessPolicies", [])]
        for name in ("enabledForDeployment", "enabledForDiskEncryption", "enabledForTemplateDeployment"):
            properties[name] = bool(chosen(name, False))
        properties |= {
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": int(chosen("softDeleteRetentionInDays", 90)),
        }
        if (by_role := chosen("enableRbacAuthorization", None)) is not None:
            properties["enableRbacAuthorization"] = bool(by_role)
        if chosen("enablePurgeProtection", None):
            properties["enablePurgeProtection"] = True
        properties |= {
            "vaultUri": f"https://{call.target.name.lower()}{SUFFIX}/",
            "provisioningState": "",
            "publicNetworkAccess": str(chosen("publicNetworkAccess", "Enabled")).capitalize(),
        }
        body: Json = {
            "location": region(call.body["location"]),
            "tags": call.body.get("tags") or {},
            "systemData": system_data(call.caller, existing, "%Y-%m-%dT%H:%M:%S.000Z"),
            "properties": properties,
        }
        if existing is not None:
            return body, existing.private
        return body, waiting.private["private"] if waiting is not None else {}

    def unsettled(self, resource: Resource) -> Json:
        shown = self.show(resource)
        if resource.state == self.creating_state:
            shown["properties"]["vaultUri"] = shown["properties"]["vaultUri"].rstrip("/")
        return shown

    def removed(self, resource: Resource) -> None:
        """Keeps a deleted vault, with its secrets, until it is recovered or purged."""
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


def _policy(asked: Json) -> Json:
    """An access policy as it is kept; Azure writes an applicationId in lower case."""
    kept: Json = {"tenantId": asked.get("tenantId"), "objectId": asked.get("objectId")}
    if asked.get("applicationId"):
        kept["applicationId"] = str(asked["applicationId"]).lower()
    return {**kept, "permissions": asked.get("permissions") or {}}


def _network_rules(asked: Json | None) -> Json | None:
    """The network rules as they are shown: not at all where they are the defaults."""
    if not asked:
        return None
    rules = {
        "bypass": asked.get("bypass") or "AzureServices",
        "defaultAction": asked.get("defaultAction") or "Allow",
        "ipRules": asked.get("ipRules") or [],
        "virtualNetworkRules": asked.get("virtualNetworkRules") or [],
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
    """…/locations/<location>/deletedVaults/<name>: made by the deletion of a vault alone."""

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

    def act(self, call: Call, resource: Resource, action: str) -> Response:
        if action != "purge":
            return super().act(call, resource, action)
        if resource.properties.get("purgeProtectionEnabled"):
            raise ArmError(
                400,
                "MethodNotAllowed",
                f"Operation 'DeletedVaultPurge' is not allowed. Vault '{resource.name}' has purge protection enabled.",
                cause="",
            )
        operation = self.context.start("delete", resource, _PURGE_SECONDS)
        path = self.result_path.format(
            subscription=call.target.subscription, location=call.target.names[0], operation=operation.id
        )
        return Response(
            202,
            b"",
            {
                "Location": f"https://management.azure.com{path}?api-version={call.api_version}",
                "Retry-After": self.context.retry_after(self.retry_after),
            },
        )


class DeletedVaults(ResourceType):
    """/subscriptions/<id>/providers/Microsoft.KeyVault/deletedVaults: the deleted vaults of all locations, to list."""

    type = "Microsoft.KeyVault/deletedVaults"
    shows_state = False

    def select(self, call: Call, scope: str) -> list[Resource]:
        return list(self.store.of_type(_DELETED))

    def check(self, call: Call, existing: Resource | None) -> None:
        raise ArmError(405, "HttpMethodNotAllowed", "Deleted vaults are made by the deletion of vaults.", cause="")
