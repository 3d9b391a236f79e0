# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Sql/servers/databases: databases."""

from __future__ import annotations

import time
import uuid
from typing import Protocol

from sandbox.arm.errors import ArmError
from sandbox.arm.locations import paired_region, region
from sandbox.arm.resource_type import Call, Context, NameRule, Reply, ResourceType, utc_now
from sandbox.messages import Json, Response, json_response
from sandbox.providers.sql.resource import LOCATIONS
from sandbox.providers.sql.service_objectives import DTU, VCORE_TIERS, default_size, service_objective, sizes
from sandbox.store import Operation, Resource

_MAINTENANCE = "/providers/Microsoft.Maintenance/publicMaintenanceConfigurations/SQL_Default"
# the operation names by createMode, for a database that is created from another one
_CREATIONS = {
    "copy": "CreateDatabaseAsCopy",
    "secondary": "CreateDatabaseAsCopy",
    "recovery": "CreateRecoverRequest",
    "pointintimerestore": "CreateRestoreRequest",
    "restore": "CreateRestoreRequest",
    "restorelongtermretentionbackup": "CreateRestoreFromLtrBackupRequest",
}
# properties that Azure returns only where the request sets them
_OPTIONAL = (
    "secondaryType",
    "highAvailabilityReplicaCount",
    "elasticPoolId",
    "preferredEnclaveType",
    "federatedClientId",
    "encryptionProtector",
    "useFreeLimit",
    "freeLimitExhaustionBehavior",
    "encryptionProtectorAutoRotation",
)
_DEFAULT_COLLATION = "SQL_Latin1_General_CP1_CI_AS"


class Content(Protocol):
    """The content of the databases."""

    def forget(self, database: Resource) -> None:
        """Delete the content of a database."""


class Database(ResourceType):
    """A database of a logical server."""

    type = "Microsoft.Sql/servers/databases"
    located = True
    name_rule = NameRule(
        r"[^<>*%&:\\/?\x00-\x1f]{0,127}[^<>*%&:\\/?\x00-\x1f .]",
        "InvalidParameterValue",
        "Invalid value '{name}' given for parameter 'databaseName'. Specify a valid parameter value.",
    )
    create_reply = update_reply = delete_reply = Reply.ACCEPTED_OPERATION
    shows_state = False
    seconds = {"create": 38.0, "update": 15.0, "delete": 8.0}
    status_path = f"{LOCATIONS}/databaseAzureAsyncOperation/{{operation}}"
    result_path = f"{LOCATIONS}/databaseOperationResults/{{operation}}"

    def __init__(self, context: Context, content: Content) -> None:
        super().__init__(context)
        self.content = content

    def operation_name(self, verb: str, body: Json) -> str:
        if verb != "create":
            return f"{'Drop' if verb == 'delete' else 'Update'}LogicalDatabase"
        return _CREATIONS.get(str((body.get("properties") or {}).get("createMode")).lower(), "CreateLogicalDatabase")

    def on_delete(self, resource: Resource) -> None:
        self.content.forget(resource)

    def run_action(self, call: Call, resource: Resource, action: str) -> Response:
        if action != "operations":
            return super().run_action(call, resource, action)
        return json_response(
            200, {"value": [_operation(resource, operation) for operation in self.store.operations_of(resource.key)]}
        )

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = call.body.get("properties") or {}
        collation = requested.get("collation")
        if existing is not None and collation and collation.lower() != existing.properties["collation"].lower():
            raise ArmError(
                400, "UpdateNotAllowedOnCollation", "The collation of an existing database cannot be changed.", cause=""
            )
        sku, objective = service_objective(call.body.get("sku") or (existing.body["sku"] if existing else None))
        _check_free_offer(requested, existing, sku)
        size = requested.get("maxSizeBytes")
        if size is not None and objective in DTU and int(size) not in sizes(objective):
            raise ArmError(
                400,
                "InvalidMaxSizeTierCombination",
                f"The tier '{sku['tier']}' does not support the database max size '{size}'.",
                cause="",
            )

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body.get("properties") or {}
        current = existing.properties if existing else {}
        sku, objective = service_objective(call.body.get("sku") or (existing.body["sku"] if existing else None))
        if requested.get("elasticPoolId", current.get("elasticPoolId")):
            sku, objective = {"name": "ElasticPool", "tier": sku["tier"], "capacity": 0}, "ElasticPool"
        serverless = sku["name"].startswith(("GP_S", "HS_S"))
        vcore = "family" in sku or (sku["name"] == "ElasticPool" and sku["tier"] in VCORE_TIERS.values())
        free = bool(requested.get("useFreeLimit", current.get("useFreeLimit", False)))
        redundancy = (
            requested.get("requestedBackupStorageRedundancy")
            or current.get("requestedBackupStorageRedundancy")
            or ("Local" if free else "Geo")
        )
        collation = current.get("collation") or requested.get("collation") or _DEFAULT_COLLATION
        tags = call.body.get("tags")
        properties: Json = {
            "collation": collation,
            "maxSizeBytes": int(requested.get("maxSizeBytes") or current.get("maxSizeBytes") or default_size(sku)),
            "status": "Online",
            "databaseId": current.get("databaseId") or str(uuid.uuid4()),
            "creationDate": current.get("creationDate") or utc_now(),
            "currentServiceObjectiveName": objective,
            "requestedServiceObjectiveName": objective,
            "defaultSecondaryLocation": paired_region(call.body["location"]),
            "catalogCollation": current.get("catalogCollation")
            or requested.get("catalogCollation")
            or _DEFAULT_COLLATION,
            "zoneRedundant": bool(requested.get("zoneRedundant", current.get("zoneRedundant", False))),
            "readScale": requested.get("readScale")
            or current.get("readScale")
            or ("Enabled" if sku["tier"] in ("Premium", "Hyperscale") else "Disabled"),
            "currentSku": sku,
            "currentBackupStorageRedundancy": redundancy,
            "requestedBackupStorageRedundancy": redundancy,
            "maintenanceConfigurationId": requested.get("maintenanceConfigurationId")
            or current.get("maintenanceConfigurationId")
            or f"/subscriptions/{call.target.subscription}{_MAINTENANCE}",
            "isLedgerOn": bool(requested.get("isLedgerOn", current.get("isLedgerOn", False))),
            "isInfraEncryptionEnabled": False,
            "availabilityZone": "NoPreference",
        }
        if sku["tier"] == "Hyperscale":
            properties["highAvailabilityReplicaCount"] = 1
        for name in _OPTIONAL:
            if (value := requested.get(name, current.get(name))) is not None:
                properties[name] = value
        if vcore and sku["tier"] != "Hyperscale":
            properties["maxLogSizeBytes"] = 193273528320
        if vcore and not serverless:
            properties["licenseType"] = requested.get("licenseType") or current.get("licenseType") or "LicenseIncluded"
        if serverless:
            properties["autoPauseDelay"] = int(requested.get("autoPauseDelay", current.get("autoPauseDelay", 60)))
            properties["minCapacity"] = float(requested.get("minCapacity", current.get("minCapacity", 0.5)))
        kind = (
            "v12.0,user"
            + (",vcore" if vcore else "")
            + (",serverless" if serverless else "")
            + (",hyperscale" if sku["tier"] == "Hyperscale" else "")
            + (",pool" if properties.get("elasticPoolId") else "")
            + (",freelimit" if properties.get("useFreeLimit") else "")
        )
        body: Json = {"sku": sku, "kind": kind, "properties": properties, "location": region(call.body["location"])}
        if identity := self.identity(call, existing, lower_group=True):
            body["identity"] = identity
        if tags:
            body["tags"] = tags
        return body, existing.private if existing else {}


def _operation(database: Resource, operation: Operation) -> Json:
    """Return an operation on a database as the list of its operations contains it."""
    state = {"InProgress": "IN_PROGRESS", "Failed": "FAILED", "Canceled": "CANCELLED"}.get(
        operation.status, "SUCCEEDED"
    )
    error = {"errorDescription": operation.error["message"]} if operation.error and state == "FAILED" else {}
    return {
        "id": f"{database.id}/operations/{operation.id}",
        "name": operation.id,
        "type": f"{Database.type}/operations",
        "properties": {
            "databaseName": database.name,
            "serverName": database.id.split("/")[-3],
            "operation": f"{operation.verb.capitalize()}LogicalDatabase",
            "operationFriendlyName": f"{operation.verb.upper()} DATABASE",
            "percentComplete": 0 if state == "IN_PROGRESS" else 100,
            "startTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(operation.started)),
            "state": state,
            "isCancellable": False,
            **error,
        },
    }


def _check_free_offer(requested: Json, existing: Resource | None, sku: Json) -> None:
    """Raise ArmError where the free offer does not apply: it is for new serverless databases of the general purpose tier.

    Source: https://learn.microsoft.com/azure/azure-sql/database/free-offer
    """
    if not requested.get("useFreeLimit"):
        return
    behavior = str(requested.get("freeLimitExhaustionBehavior") or "AutoPause")
    if existing is not None and not existing.properties.get("useFreeLimit"):
        reason = "An existing database cannot be given the free monthly limit."
    elif not sku["name"].startswith("GP_S"):
        reason = "The free monthly limit is for serverless databases of the general purpose tier."
    elif behavior not in ("AutoPause", "BillOverUsage"):
        reason = f"Invalid value '{behavior}' given for parameter 'freeLimitExhaustionBehavior'."
    else:
        return
    raise ArmError(400, "InvalidParameterValue", reason, cause="")
