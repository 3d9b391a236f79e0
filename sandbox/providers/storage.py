# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Storage: storage accounts and their blob containers."""

from __future__ import annotations

import base64
import ipaddress
import secrets
from dataclasses import replace
from typing import Protocol

from sandbox.arm.bodies import merge_patch, without_nulls
from sandbox.arm.errors import ArmError
from sandbox.arm.locations import paired_region, region
from sandbox.arm.resource_type import Call, Context, NameRule, Reply, ResourceType, utc_now
from sandbox.arm.target import Target
from sandbox.messages import Json, Response, json_response
from sandbox.store import Operation, Resource


class BlobService(Protocol):
    """The blob service behind the storage accounts."""

    def start_account(self, account: Resource, operation: Operation) -> None:
        """Start the blob service of an account; its start ends the operation."""

    def stop_account(self, account: Resource) -> None:
        """Stop the blob service of an account and delete its data."""

    def create_container(self, account: Resource, name: str) -> None:
        """Create a container."""

    def delete_container(self, account: Resource, name: str) -> None:
        """Delete a container with its blobs."""


_VALUES = {
    "sku.name": {
        f"{tier}_{redundancy}"
        for tier, redundancies in {
            "Standard": ("LRS", "GRS", "RAGRS", "ZRS", "GZRS", "RAGZRS"),
            "Premium": ("LRS", "ZRS"),
            "PremiumV2": ("LRS", "ZRS"),
            "StandardV2": ("LRS", "GRS", "ZRS", "GZRS"),
        }.items()
        for redundancy in redundancies
    },
    "kind": {"Storage", "StorageV2", "BlobStorage", "FileStorage", "BlockBlobStorage"},
    "accessTier": {"Hot", "Cool", "Cold", "Premium"},
    "minimumTlsVersion": {"TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"},
    "publicNetworkAccess": {"Enabled", "Disabled", "SecuredByPerimeter"},
    "networkAcls.defaultAction": {"Allow", "Deny"},
}


def _is_network(value: str) -> bool:
    """Return whether a value is an address, a range in CIDR notation, or a range `first-last`."""
    try:
        for part in value.split("-") if "/" not in value else [value]:
            ipaddress.ip_network(part, strict=False)
    except ValueError:
        return False
    return True


class StorageAccount(ResourceType):
    """A storage account."""

    type = "Microsoft.Storage/storageAccounts"
    unique_everywhere = True
    located = True
    name_rule = NameRule(
        r"[a-z0-9]{3,24}",
        "AccountNameInvalid",
        "{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and "
        "use numbers and lower-case letters only.",
        "AccountNameInvalid",
    )
    create_reply = Reply.ACCEPTED_LOCATION
    retry_after = 17
    seconds = {"create": 19.0}
    result_path = (
        "/subscriptions/{subscription}/providers/Microsoft.Storage/locations/{location}/asyncoperations/{operation}"
    )

    def __init__(self, context: Context, blobs: BlobService) -> None:
        super().__init__(context)
        self.blobs = blobs

    def name_conflict(self, name: str) -> ArmError:
        return ArmError(
            409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.", cause=""
        )

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = call.body.get("properties") or {}
        rules = requested.get("networkAcls") or {}
        values = {
            "sku.name": (call.body.get("sku") or {}).get("name"),
            "kind": call.body.get("kind"),
            "networkAcls.defaultAction": rules.get("defaultAction"),
            **{name: requested.get(name) for name in ("accessTier", "minimumTlsVersion", "publicNetworkAccess")},
        }
        wrong = [name for name, value in values.items() if value is not None and value not in _VALUES[name]]
        days = (requested.get("keyPolicy") or {}).get("keyExpirationPeriodInDays")
        if days is not None and int(days) < 1:
            wrong.append("keyPolicy.keyExpirationPeriodInDays")
        if not all(_is_network(str(rule.get("value"))) for rule in rules.get("ipRules") or []):
            wrong.append("networkAcls.ipRule[*].value")
        if wrong:
            message = f"Values for request parameters are invalid: {','.join(wrong)}."
            raise ArmError(400, "InvalidValuesForRequestParameters", message, cause="")

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body.get("properties") or {}
        current = existing.properties if existing else {}
        now = utc_now()
        name = call.target.name
        sku = str((call.body.get("sku") or (existing.body["sku"] if existing else {})).get("name") or "Standard_LRS")
        kind = str(call.body.get("kind") or (existing.body["kind"] if existing else "StorageV2"))
        encryption = {"enabled": True, "keyType": "Account", "lastEnabledTime": current.get("creationTime", now)}
        # infrastructure encryption cannot change after the creation of the account
        double_encryption = ((current if existing else requested).get("encryption") or {}).get(
            "requireInfrastructureEncryption"
        )
        rules = merge_patch(
            current.get("networkAcls")
            or {
                "ipv6Rules": [],
                "bypass": "AzureServices",
                "virtualNetworkRules": [],
                "ipRules": [],
                "defaultAction": "Allow",
            },
            requested.get("networkAcls") or {},
        )
        for rule in rules.get("virtualNetworkRules") or []:
            rule.setdefault("state", "Succeeded")
        properties: Json = {
            **{
                key: requested.get(key, current.get(key))
                for key in (
                    "publicNetworkAccess",
                    "allowSharedKeyAccess",
                    "defaultToOAuthAuthentication",
                    "isHnsEnabled",
                    "largeFileSharesState",
                    "azureFilesIdentityBasedAuthentication",
                    "keyPolicy",
                    "sasPolicy",
                )
                if requested.get(key, current.get(key)) is not None
            },
            "keyCreationTime": current.get("keyCreationTime") or {"key1": now, "key2": now},
            "allowCrossTenantDelegationSas": bool(
                requested.get("allowCrossTenantDelegationSas", current.get("allowCrossTenantDelegationSas", False))
            ),
            "allowCrossTenantReplication": bool(
                requested.get("allowCrossTenantReplication", current.get("allowCrossTenantReplication", False))
            ),
            "privateEndpointConnections": [],
            "minimumTlsVersion": requested.get("minimumTlsVersion") or current.get("minimumTlsVersion") or "TLS1_2",
            "allowBlobPublicAccess": bool(
                requested.get("allowBlobPublicAccess", current.get("allowBlobPublicAccess", False))
            ),
            "networkAcls": rules,
            "supportsHttpsTrafficOnly": bool(
                requested.get("supportsHttpsTrafficOnly", current.get("supportsHttpsTrafficOnly", True))
            ),
            "encryption": {
                **({"requireInfrastructureEncryption": True} if double_encryption else {}),
                "services": {"file": encryption, "blob": encryption},
                "keySource": "Microsoft.Storage",
            },
            "provisioningState": "",
            "creationTime": current.get("creationTime") or now,
            "primaryEndpoints": _endpoints(name, kind),
            "primaryLocation": region(call.body["location"]),
            "statusOfPrimary": "available",
        }
        if kind in ("StorageV2", "BlobStorage"):
            properties["accessTier"] = requested.get("accessTier") or current.get("accessTier") or "Hot"
        if "GRS" in sku or "GZRS" in sku:
            properties |= {"secondaryLocation": paired_region(call.body["location"]), "statusOfSecondary": "available"}
        if "RAG" in sku:
            endpoints = _endpoints(f"{name}-secondary", kind)
            properties["secondaryEndpoints"] = {service: url for service, url in endpoints.items() if service != "file"}
        body: Json = {
            "sku": {"name": sku, "tier": sku.partition("_")[0]},
            "kind": kind,
            "location": region(call.body["location"]),
            "tags": call.body.get("tags") or {},
            "properties": properties,
        }
        if identity := self.identity(call, existing, lower_group=False):
            body["identity"] = identity
        keys = existing.private if existing else {"key1": _key(), "key2": _key()}
        return body, keys

    def start_work(self, resource: Resource, operation: Operation, call: Call) -> bool:
        if operation.verb != "create" or not operation.id:
            return False
        self.blobs.start_account(resource, operation)
        return True

    def on_delete(self, resource: Resource) -> None:
        self.blobs.stop_account(resource)

    def run_action(self, call: Call, resource: Resource, action: str) -> Response:
        if action == "revokeuserdelegationkeys":
            self.context.store.put(replace(resource, private={**resource.private, "delegation": _key()}))
            return Response(200)
        if action != "listkeys":
            return super().run_action(call, resource, action)
        if resource.state != "Succeeded":
            raise ArmError(
                409,
                "StorageAccountIsNotProvisioned",
                "The storage account provisioning state must be 'Succeeded' before executing the operation.",
                cause="",
            )
        created = resource.properties["keyCreationTime"]
        keys = [
            {"creationTime": created[name], "keyName": name, "value": resource.private[name], "permissions": "FULL"}
            for name in ("key1", "key2")
        ]
        return json_response(200, {"keys": keys})


def _endpoints(name: str, kind: str) -> Json:
    """Return the endpoints of the services of an account."""
    services = ["blob", "queue", "table", "file"]
    if kind == "FileStorage":
        return {"file": f"https://{name}.file.core.windows.net/"}
    if kind == "BlockBlobStorage":
        services = ["dfs", "blob"]
    elif kind == "BlobStorage":
        services = ["dfs", "blob", "table"]
    elif kind == "StorageV2":
        services = ["dfs", *services]
    endpoints = {service: f"https://{name}.{service}.core.windows.net/" for service in services}
    return (
        endpoints
        if kind in ("Storage", "BlobStorage")
        else {**endpoints, "web": f"https://{name}.z6.web.core.windows.net/"}
    )


class BlobServiceProperties(ResourceType):
    """The properties of the blob service, …/blobServices/default, of each account."""

    type = "Microsoft.Storage/storageAccounts/blobServices"
    created_status = 200
    shows_state = False

    def default_instance(self, target: Target) -> Resource | None:
        account = self.store.get(f"{target.scope}/providers/Microsoft.Storage/storageAccounts/{target.names[0]}")
        if account is None or target.name.lower() != "default":
            return None
        return Resource(self.resource_id(target), self.type.lower(), "default", _blob_service_defaults())

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = call.body.get("properties") or {}
        for name in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
            policy = requested.get(name) or {}
            if policy.get("enabled") and not 1 <= int(policy.get("days") or 0) <= 365:
                raise _invalid_value(f"{name}.days", policy.get("days"))
        restore = requested.get("restorePolicy") or {}
        if restore.get("enabled"):
            days = int(restore.get("days") or 0)
            retention = int((requested.get("deleteRetentionPolicy") or {}).get("days") or 0)
            needed = requested.get("isVersioningEnabled") and (requested.get("changeFeed") or {}).get("enabled")
            if not needed or not 1 <= days < retention:
                raise _invalid_value("restorePolicy.days", restore.get("days"))

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        current = existing.body if existing else _blob_service_defaults()
        body = merge_patch(current, {"properties": call.body.get("properties") or {}})
        for policy in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
            if not body["properties"].get(policy, {}).get("enabled"):
                body["properties"].get(policy, {}).pop("days", None)
        return body, {"requested": call.body}

    def write_response(self, resource: Resource) -> Json:
        """Return the response to a PUT: the requested properties only."""
        requested = resource.private["requested"]
        content: Json = {"name": "default"}
        if requested.get("properties"):
            content = {"id": resource.id, "name": "default", "type": self.type, "properties": requested["properties"]}
        return content

    def show(self, resource: Resource) -> Json:
        content = super().show(resource)
        for rule in content["properties"]["cors"]["corsRules"]:
            for name in ("exposedHeaders", "allowedHeaders"):
                rule[name] = rule.get(name) or [""]
        account = self.store.get(resource.id.partition("/blobServices/")[0])
        if account is not None:
            content["sku"] = account.body["sku"]
        return content

    def select(self, call: Call, scope: str) -> list[Resource]:
        default = self.default_instance(replace(call.target, names=(*call.target.names, "default")))
        return [*super().select(call, scope)] or ([default] if default is not None else [])


def _invalid_value(name: str, value: object) -> ArmError:
    return ArmError(
        400, "InvalidRequestPropertyValue", f"The value '{value}' is not allowed for property {name}.", cause=""
    )


def _blob_service_defaults() -> Json:
    return {
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "properties": {
            "staticWebsite": {"enabled": False},
            "cors": {"corsRules": []},
            "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
        },
    }


class ManagementPolicy(ResourceType):
    """The lifecycle management policy, …/managementPolicies/default. The sandbox stores it only; it moves and deletes no blob."""

    type = "Microsoft.Storage/storageAccounts/managementPolicies"
    created_status = 200
    shows_state = False
    name_rule = NameRule(
        "default", "InvalidRequestPropertyValue", "The value '{name}' is not allowed for property managementPolicyName."
    )

    def not_found(self, target: Target) -> ArmError:
        message = f"No ManagementPolicy found for account {target.names[0]}"
        return ArmError(404, "ManagementPolicyNotFound", message, cause="")

    def check(self, call: Call, existing: Resource | None) -> None:
        rules = ((call.body.get("properties") or {}).get("policy") or {}).get("rules")
        if not rules:
            raise _invalid_value("policy.rules", rules)
        for rule in rules:
            definition = rule.get("definition") or {}
            if rule.get("type") != "Lifecycle" or not rule.get("name") or not definition.get("actions"):
                raise _invalid_value("policy.rules", rule.get("name"))

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        policy = without_nulls(call.body["properties"]["policy"])
        rules = [{"enabled": True, **rule} for rule in policy["rules"]]
        return {"properties": {"policy": {"rules": rules}, "lastModifiedTime": utc_now()}}, {}

    def show(self, resource: Resource) -> Json:
        return {**super().show(resource), "name": "DefaultManagementPolicy"}


# properties that Azure returns only where the request sets them
_CONTAINER_OPTIONS = ("metadata", "enableNfsV3RootSquash", "enableNfsV3AllSquash", "immutableStorageWithVersioning")


class BlobContainer(ResourceType):
    """A blob container."""

    type = "Microsoft.Storage/storageAccounts/blobServices/containers"
    shows_state = False
    name_rule = NameRule(
        r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]|\$root|\$web|\$logs",
        "InvalidResourceName",
        "The specified resource name '{name}' contains invalid characters.",
    )

    def __init__(self, context: Context, blobs: BlobService) -> None:
        super().__init__(context)
        self.blobs = blobs

    def merge(self, call: Call, existing: Resource) -> Json:
        """Return the body of the equivalent PUT: the metadata of a PATCH replace the current ones."""
        body = super().merge(call, existing)
        metadata = (call.body.get("properties") or {}).get("metadata")
        return body if metadata is None else {**body, "properties": {**body["properties"], "metadata": metadata}}

    def not_found(self, target: Target) -> ArmError:
        return ArmError(404, "ContainerNotFound", "The specified container does not exist.", cause="")

    def check(self, call: Call, existing: Resource | None) -> None:
        account = self._account(call.target)
        public = (call.body.get("properties") or {}).get("publicAccess") or "None"
        if public.lower() != "none" and not account.properties["allowBlobPublicAccess"]:
            raise ArmError(
                409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.", cause=""
            )

    def _account(self, target: Target) -> Resource:
        account = self.store.get(f"{target.scope}/providers/Microsoft.Storage/storageAccounts/{target.names[0]}")
        if account is None or account.state != "Succeeded":
            raise ArmError(
                409,
                "StorageAccountIsNotProvisioned",
                "The storage account provisioning state must be 'Succeeded' before executing the operation.",
                cause="",
            )
        return account

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body.get("properties") or {}
        current = existing.properties if existing else {}
        public = str(requested.get("publicAccess") or current.get("publicAccess") or "None").capitalize()
        properties: Json = {
            "deleted": False,
            "remainingRetentionDays": 0,
            "defaultEncryptionScope": "$account-encryption-key",
            "denyEncryptionScopeOverride": False,
            "publicAccess": public,
            "leaseStatus": "Unlocked",
            "leaseState": "Available",
            "lastModifiedTime": utc_now(),
            "legalHold": {"hasLegalHold": False, "tags": []},
            "hasImmutabilityPolicy": False,
            "hasLegalHold": False,
        }
        optional = {name: requested.get(name, current.get(name)) for name in _CONTAINER_OPTIONS}
        optional = {name: value for name, value in optional.items() if value is not None}
        body = {"etag": f'"0x{secrets.token_hex(8).upper()}"', "properties": {**properties, **optional}}
        return body, {"requested": requested, "optional": optional}

    def write_response(self, resource: Resource) -> Json:
        """Return the response to a write: the name only, or the requested properties with the read-only ones."""
        content: Json = {"id": resource.id, "name": resource.name, "type": self.type}
        requested = resource.private["requested"]
        if not requested:
            return content
        fixed = {"deleted": False, "remainingRetentionDays": 0, "hasImmutabilityPolicy": False, "hasLegalHold": False}
        public = {"publicAccess": resource.properties["publicAccess"]} if requested.get("publicAccess") else {}
        return {**content, "properties": {**fixed, **resource.private["optional"], **public}}

    def start_work(self, resource: Resource, operation: Operation, call: Call) -> bool:
        self.blobs.create_container(self._account(call.target), resource.name)
        return False

    def on_delete(self, resource: Resource) -> None:
        account = self.store.get(resource.id.partition("/blobServices/")[0])
        if account is not None:
            self.blobs.delete_container(account, resource.name)


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()
