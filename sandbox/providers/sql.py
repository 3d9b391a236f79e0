# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Sql: logical servers, databases and firewall rules.

Values that Azure fills in: https://learn.microsoft.com/rest/api/sql/ and the recorded answers of Azure.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import time
import uuid
from dataclasses import replace
from typing import Protocol

from sandbox.arm.resource_type import (
    ArmError,
    Call,
    Context,
    Json,
    NameRule,
    Reply,
    ResourceType,
    Target,
    paired_region,
    region,
    utc_now,
)
from sandbox.messages import Response, json_response
from sandbox.store import Operation, Resource

MIB = 1024**2
GIB = 1024**3
DTU = {
    "Basic": ("Basic", 5, 2),
    "S0": ("Standard", 10, 250),
    "S1": ("Standard", 20, 250),
    "S2": ("Standard", 50, 250),
    "S3": ("Standard", 100, 250),
} | {"P1": ("Premium", 125, 500), "P2": ("Premium", 250, 500), "P4": ("Premium", 500, 500)}
VCORE_TIERS = {"GP": "GeneralPurpose", "BC": "BusinessCritical", "HS": "Hyperscale"}
_MAINTENANCE = "/providers/Microsoft.Maintenance/publicMaintenanceConfigurations/SQL_Default"
# what Azure calls the creation of a database out of another one, by createMode
_CREATIONS = {
    "copy": "CreateDatabaseAsCopy",
    "secondary": "CreateDatabaseAsCopy",
    "recovery": "CreateRecoverRequest",
    "pointintimerestore": "CreateRestoreRequest",
    "restore": "CreateRestoreRequest",
    "restorelongtermretentionbackup": "CreateRestoreFromLtrBackupRequest",
}
# what a database shows only where it was asked for
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


def password_hash(password: str, salt: str) -> str:
    """What is kept of a password: enough to check a login, not enough to read it."""
    return hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()


def password_matches(server: Resource, password: str) -> bool:
    """Whether a password is that of the server's administrator login."""
    if "salt" not in server.private:
        return False
    return hmac.compare_digest(password_hash(password, server.private["salt"]), server.private["password"])


def _sql_not_found(target: Target) -> ArmError:
    return ArmError(
        404,
        "ResourceNotFound",
        f"The requested resource of type '{target.type}' with name '{target.name}' was not found.",
        cause="",
    )


class Server(ResourceType):
    type = "Microsoft.Sql/servers"
    unique_everywhere = True
    located = True
    name_rule = NameRule(
        r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
        "InvalidServerName",
        "'{name}' is not a valid server name. It must be lower case letters, digits and hyphens, not begin or end with a hyphen, "
        "and be at most 63 characters long.",
    )
    create_reply = update_reply = delete_reply = Reply.ACCEPTED_OPERATION
    shows_state = False
    retry_after = 1
    seconds = {"create": 57.0, "update": 3.5, "delete": 8.0}
    status_path = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Sql/locations/{location}/serverAzureAsyncOperation/{operation}"
    result_path = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Sql/locations/{location}/serverOperationResults/{operation}"

    def availability(self, name: str) -> Json:
        """Azure SQL's own form of the answer."""
        found = super().availability(name)
        return {"name": name, "available": found.pop("nameAvailable"), **found}

    def operation_name(self, verb: str, body: Json) -> str:
        return "DropLogicalServer" if verb == "delete" else "UpsertLogicalServer"

    def not_found(self, target: Target) -> ArmError:
        return _sql_not_found(target)

    def taken(self, name: str) -> ArmError:
        return ArmError(
            409,
            "NameAlreadyExists",
            f"The name '{name}.database.windows.net' already exists. Choose a different name.",
            cause="",
        )

    def check(self, call: Call, existing: Resource | None) -> None:
        asked = call.body.get("properties") or {}
        login, password = asked.get("administratorLogin"), asked.get("administratorLoginPassword")
        entra_only = (asked.get("administrators") or {}).get("azureADOnlyAuthentication")
        if existing is None and not entra_only and not (login and password):
            raise ArmError(
                400,
                "InvalidParameterValue",
                "Invalid value given for parameter 'administratorLogin' or 'administratorLoginPassword'. Specify a valid parameter value.",
                cause="",
            )
        if existing is not None and login and login != existing.properties["administratorLogin"]:
            raise ArmError(
                400,
                "AdministratorLoginCannotBeChanged",
                "The administrator login name cannot be changed once the server is created.",
                cause="",
            )
        if password is not None and not _strong(
            password, login or (existing.properties["administratorLogin"] if existing else "")
        ):
            raise ArmError(
                400,
                "PasswordNotComplex",
                "Password validation failed. The password does not meet policy requirements because it is not complex enough.",
                cause="",
            )

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = call.body.get("properties") or {}
        known = existing.properties if existing else {}
        properties: Json = {
            "administratorLogin": known.get("administratorLogin")
            or asked.get("administratorLogin")
            or f"CloudSA{secrets.token_hex(4)}",
            "version": "12.0",
            "state": "Ready",
            "fullyQualifiedDomainName": f"{call.target.name}.database.windows.net",
            "privateEndpointConnections": [],
            "minimalTlsVersion": asked.get("minimalTlsVersion") or known.get("minimalTlsVersion") or "1.2",
            "publicNetworkAccess": asked.get("publicNetworkAccess") or known.get("publicNetworkAccess") or "Enabled",
        }
        for name in ("primaryUserAssignedIdentityId", "keyId", "federatedClientId"):
            if value := asked.get(name, known.get(name)):
                properties[name] = str(value).replace("/resourceGroups/", "/resourcegroups/")
        administrators = asked.get("administrators") or known.get("administrators")
        if administrators:
            properties["administrators"] = {
                "administratorType": "ActiveDirectory",
                "principalType": administrators.get("principalType"),
                "login": administrators.get("login"),
                "sid": administrators.get("sid"),
                "tenantId": administrators.get("tenantId") or self.context.directory.tenant,
                "azureADOnlyAuthentication": bool(administrators.get("azureADOnlyAuthentication", False)),
            }
        properties |= {
            "restrictOutboundNetworkAccess": asked.get("restrictOutboundNetworkAccess")
            or known.get("restrictOutboundNetworkAccess")
            or "Disabled",
            **({"isIPv6Enabled": six} if (six := asked.get("isIPv6Enabled", known.get("isIPv6Enabled"))) else {}),
            "externalGovernanceStatus": "Disabled",
            "retentionDays": -1,
        }
        body: Json = {"kind": "v12.0", "properties": properties, "location": region(call.body["location"])}
        if identity := self.identity(call, existing, lower_group=True):
            body["identity"] = identity
        if call.body.get("tags"):
            body["tags"] = call.body["tags"]
        private = dict(existing.private) if existing else {}
        if (password := asked.get("administratorLoginPassword")) is not None:
            private["salt"] = secrets.token_hex(16)
            private["password"] = password_hash(password, private["salt"])
        return body, private


def _strong(password: str, login: str) -> bool:
    classes = sum(bool(re.search(pattern, password)) for pattern in (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^a-zA-Z0-9]"))
    return 8 <= len(password) <= 128 and classes >= 3 and not (login and login.lower() in password.lower())


class Content(Protocol):
    """What stands behind databases."""

    def forget(self, database: Resource) -> None: ...


class Database(ResourceType):
    type = "Microsoft.Sql/servers/databases"
    located = True
    create_reply = update_reply = delete_reply = Reply.ACCEPTED_OPERATION
    shows_state = False
    seconds = {"create": 38.0, "update": 15.0, "delete": 8.0}
    status_path = Server.status_path.replace("server", "database")
    result_path = Server.result_path.replace("server", "database")

    def __init__(self, context: Context, content: Content) -> None:
        super().__init__(context)
        self.content = content

    def operation_name(self, verb: str, body: Json) -> str:
        if verb != "create":
            return f"{'Drop' if verb == 'delete' else 'Update'}LogicalDatabase"
        return _CREATIONS.get(str((body.get("properties") or {}).get("createMode")).lower(), "CreateLogicalDatabase")

    def removed(self, resource: Resource) -> None:
        self.content.forget(resource)

    def act(self, call: Call, resource: Resource, action: str) -> Response:
        if action != "operations":
            return super().act(call, resource, action)
        return json_response(
            200, {"value": [_operation(resource, one) for one in self.store.operations_of(resource.key)]}
        )

    def check(self, call: Call, existing: Resource | None) -> None:
        asked = call.body.get("properties") or {}
        wanted = asked.get("collation")
        if existing is not None and wanted and wanted.lower() != existing.properties["collation"].lower():
            raise ArmError(
                400, "UpdateNotAllowedOnCollation", "The collation of an existing database cannot be changed.", cause=""
            )
        sku, objective = service_objective(call.body.get("sku") or (existing.body["sku"] if existing else None))
        _check_free_offer(asked, existing, sku)
        size = asked.get("maxSizeBytes")
        if size is not None and objective in DTU and int(size) not in _sizes(objective):
            raise ArmError(
                400,
                "InvalidMaxSizeTierCombination",
                f"The tier '{sku['tier']}' does not support the database max size '{size}'.",
                cause="",
            )

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = call.body.get("properties") or {}
        known = existing.properties if existing else {}
        sku, objective = service_objective(call.body.get("sku") or (existing.body["sku"] if existing else None))
        if asked.get("elasticPoolId", known.get("elasticPoolId")):
            sku, objective = {"name": "ElasticPool", "tier": sku["tier"], "capacity": 0}, "ElasticPool"
        serverless = sku["name"].startswith(("GP_S", "HS_S"))
        vcore = "family" in sku or (sku["name"] == "ElasticPool" and sku["tier"] in VCORE_TIERS.values())
        free = bool(asked.get("useFreeLimit", known.get("useFreeLimit", False)))
        redundancy = (
            asked.get("requestedBackupStorageRedundancy")
            or known.get("requestedBackupStorageRedundancy")
            or ("Local" if free else "Geo")
        )
        collation = known.get("collation") or asked.get("collation") or _DEFAULT_COLLATION
        tags = call.body.get("tags")
        properties: Json = {
            "collation": collation,
            "maxSizeBytes": int(asked.get("maxSizeBytes") or known.get("maxSizeBytes") or _max_size(sku)),
            "status": "Online",
            "databaseId": known.get("databaseId") or str(uuid.uuid4()),
            "creationDate": known.get("creationDate") or utc_now(),
            "currentServiceObjectiveName": objective,
            "requestedServiceObjectiveName": objective,
            "defaultSecondaryLocation": paired_region(call.body["location"]),
            "catalogCollation": known.get("catalogCollation") or asked.get("catalogCollation") or _DEFAULT_COLLATION,
            "zoneRedundant": bool(asked.get("zoneRedundant", known.get("zoneRedundant", False))),
            "readScale": asked.get("readScale")
            or known.get("readScale")
            or ("Enabled" if sku["tier"] in ("Premium", "Hyperscale") else "Disabled"),
            "currentSku": sku,
            "currentBackupStorageRedundancy": redundancy,
            "requestedBackupStorageRedundancy": redundancy,
            "maintenanceConfigurationId": asked.get("maintenanceConfigurationId")
            or known.get("maintenanceConfigurationId")
            or f"/subscriptions/{call.target.subscription}{_MAINTENANCE}",
            "isLedgerOn": bool(asked.get("isLedgerOn", known.get("isLedgerOn", False))),
            "isInfraEncryptionEnabled": False,
            "availabilityZone": "NoPreference",
        }
        if sku["tier"] == "Hyperscale":
            properties["highAvailabilityReplicaCount"] = 1
        for name in _OPTIONAL:
            if (value := asked.get(name, known.get(name))) is not None:
                properties[name] = value
        if vcore and sku["tier"] != "Hyperscale":
            properties["maxLogSizeBytes"] = 193273528320
        if vcore and not serverless:
            properties["licenseType"] = asked.get("licenseType") or known.get("licenseType") or "LicenseIncluded"
        if serverless:
            properties["autoPauseDelay"] = int(asked.get("autoPauseDelay", known.get("autoPauseDelay", 60)))
            properties["minCapacity"] = float(asked.get("minCapacity", known.get("minCapacity", 0.5)))
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
    """An operation on a database as its list of operations shows it."""
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


def _check_free_offer(asked: Json, existing: Resource | None, sku: Json) -> None:
    """https://learn.microsoft.com/azure/azure-sql/database/free-offer: serverless, general purpose, from the beginning."""
    if not asked.get("useFreeLimit"):
        return
    behavior = str(asked.get("freeLimitExhaustionBehavior") or "AutoPause")
    if existing is not None and not existing.properties.get("useFreeLimit"):
        reason = "An existing database cannot be given the free monthly limit."
    elif not sku["name"].startswith("GP_S"):
        reason = "The free monthly limit is for serverless databases of the general purpose tier."
    elif behavior not in ("AutoPause", "BillOverUsage"):
        reason = f"Invalid value '{behavior}' given for parameter 'freeLimitExhaustionBehavior'."
    else:
        return
    raise ArmError(400, "InvalidParameterValue", reason, cause="")


def service_objective(asked: Json | None) -> tuple[Json, str]:
    """The four fields that Azure makes of a sku, and the name of its service objective."""
    name = str((asked or {}).get("name") or "GP_Gen5_2")
    if name in ("Standard", "Premium", "Basic") and asked and asked.get("capacity") is not None:
        for objective, (tier, capacity, _size) in DTU.items():
            if tier == name and capacity == int(asked["capacity"]):
                return {"name": tier, "tier": tier, "capacity": capacity}, objective
    if name in DTU:
        tier, capacity, _size = DTU[name]
        return {"name": tier, "tier": tier, "capacity": capacity}, name
    if name == "ElasticPool":
        return {"name": name, "tier": str((asked or {}).get("tier") or "GeneralPurpose"), "capacity": 0}, name
    found = re.fullmatch(r"(GP|BC|HS)(_S)?_(Gen5|DC|Fsv2)(?:_(\d+))?", name)
    if found is None:
        raise ArmError(400, "InvalidSkuName", f"Invalid SKU name '{name}'.", cause="")
    family, vcores = found[3], int(found[4] or (asked or {}).get("capacity") or 2)
    short = f"{found[1]}{found[2] or ''}_{family}"
    return {"name": short, "tier": VCORE_TIERS[found[1]], "family": family, "capacity": vcores}, f"{short}_{vcores}"


def _sizes(objective: str) -> set[int]:
    """The sizes, in bytes, that a database of the DTU model may have."""
    tier, capacity, _largest = DTU[objective]
    sizes = {100 * MIB, 500 * MIB, GIB, 2 * GIB}
    if tier == "Basic":
        return sizes
    larger = [5, 10, 20, 30, 40, 50, 100, 150, 200, 250]
    if tier == "Premium" or capacity >= 100:
        larger += [300, 400, 500, 750, 1024]
    return sizes | {gigabytes * GIB for gigabytes in larger}


def _max_size(sku: Json) -> int:
    if sku["tier"] == "Hyperscale":
        return -1
    if sku["tier"] in VCORE_TIERS.values():
        return 32 * GIB
    return {"Basic": 2, "Standard": 250, "Premium": 500}[sku["tier"]] * GIB


class FirewallRule(ResourceType):
    type = "Microsoft.Sql/servers/firewallRules"
    created_status = 200
    shows_state = False

    def not_found(self, target: Target) -> ArmError:
        return _sql_not_found(target)

    def check(self, call: Call, existing: Resource | None) -> None:
        asked = call.body.get("properties") or {}
        try:
            start, end = (ipaddress.IPv4Address(str(asked.get(name))) for name in ("startIpAddress", "endIpAddress"))
        except ValueError as error:
            raise ArmError(400, "InvalidIpAddress", f"The IP address is not valid: {error}.", cause="") from error
        if end < start:
            raise ArmError(
                400, "InvalidIpAddressRange", "The end IP address is smaller than the start IP address.", cause=""
            )

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = call.body["properties"]
        return {"properties": {"startIpAddress": asked["startIpAddress"], "endIpAddress": asked["endIpAddress"]}}, {}


_LOCATIONS = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Sql/locations/{location}"


class _Setting(ResourceType):
    """What each server or database has one of, without anybody having made it."""

    own_name = "default"
    defaults: Json = {}
    seconds = {"create": 5.0, "update": 5.0, "delete": 5.0}
    create_reply = update_reply = delete_reply = Reply.ACCEPTED_OPERATION
    shows_state = False

    def not_found(self, target: Target) -> ArmError:
        return _sql_not_found(target)

    def examine(self, call: Call, existing: Resource | None) -> None:
        if call.target.name.lower() != self.own_name.lower():
            raise ArmError(
                400, "InvalidResourceName", f"The name of this resource must be '{self.own_name}'.", cause=""
            )
        super().examine(call, existing)

    def implied(self, target: Target) -> Resource | None:
        parent = self.store.get(target.parent_id or "")
        if parent is None or target.name.lower() != self.own_name.lower():
            return None
        return Resource(
            self.resource_id(target), self.type.lower(), self.own_name, self.around({**self.defaults}, parent)
        )

    def around(self, properties: Json, parent: Resource) -> Json:
        """The body of the resource with these properties."""
        return {"properties": properties}

    def select(self, call: Call, scope: str) -> list[Resource]:
        target = call.target
        own = self.implied(replace(target, names=(*target.names, self.own_name)))
        return [*super().select(call, scope)] or ([own] if own is not None else [])

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = call.body.get("properties") or {}
        known = existing.properties if existing else self.defaults
        parent = self.store.get(call.target.parent_id or "")
        chosen = {name: known[name] if asked.get(name) is None else asked[name] for name in known}
        return (self.around(chosen, parent) if parent is not None else {"properties": chosen}), {}


def _refused_value(name: str, value: object, rule: str) -> ArmError:
    return ArmError(
        400, "InvalidParameterValue", f"Invalid value '{value}' given for parameter '{name}'. {rule}", cause=""
    )


class ConnectionPolicy(_Setting):
    type = "Microsoft.Sql/servers/connectionPolicies"
    defaults = {"connectionType": "Default"}
    status_path = f"{_LOCATIONS}/connectionPoliciesAzureAsyncOperation/{{operation}}"
    result_path = f"{_LOCATIONS}/connectionPoliciesOperationResults/{{operation}}"

    def operation_name(self, verb: str, body: Json) -> str:
        return "UpdateServerConnectionPolicy"

    def around(self, properties: Json, parent: Resource) -> Json:
        return {"location": parent.body["location"], "properties": properties}

    def check(self, call: Call, existing: Resource | None) -> None:
        asked = (call.body.get("properties") or {}).get("connectionType")
        if asked not in ("Default", "Proxy", "Redirect"):
            raise _refused_value("connectionType", asked, "It must be Default, Proxy or Redirect.")


class ShortTermRetention(_Setting):
    """https://learn.microsoft.com/azure/azure-sql/database/automated-backups-overview"""

    type = "Microsoft.Sql/servers/databases/backupShortTermRetentionPolicies"
    defaults = {"retentionDays": 7, "diffBackupIntervalInHours": 12}
    status_path = f"{_LOCATIONS}/shortTermRetentionPolicyAzureAsyncOperation/{{operation}}"
    result_path = f"{_LOCATIONS}/shortTermRetentionPolicyOperationResults/{{operation}}"

    def operation_name(self, verb: str, body: Json) -> str:
        return "UpdateLogicalDatabase"

    def check(self, call: Call, existing: Resource | None) -> None:
        asked = call.body.get("properties") or {}
        days, hours = asked.get("retentionDays"), asked.get("diffBackupIntervalInHours")
        database = self.store.get(call.target.parent_id or "")
        longest = 7 if database is not None and database.body["sku"]["tier"] == "Basic" else 35
        if days is not None and not 1 <= int(days) <= longest:
            raise _refused_value("retentionDays", days, f"It must be between 1 and {longest}.")
        if hours is not None and int(hours) not in (12, 24):
            raise _refused_value("diffBackupIntervalInHours", hours, "It must be 12 or 24.")


class LongTermRetention(_Setting):
    """https://learn.microsoft.com/azure/azure-sql/database/long-term-retention-overview"""

    type = "Microsoft.Sql/servers/databases/backupLongTermRetentionPolicies"
    defaults = {
        "timeBasedImmutability": "Disabled",
        "weeklyRetention": "PT0S",
        "monthlyRetention": "PT0S",
        "yearlyRetention": "PT0S",
        "weekOfYear": 0,
    }
    status_path = f"{_LOCATIONS}/longTermRetentionPolicyAzureAsyncOperation/{{operation}}"
    result_path = f"{_LOCATIONS}/longTermRetentionPolicyOperationResults/{{operation}}"

    def operation_name(self, verb: str, body: Json) -> str:
        return "UpsertDatabaseBackupArchivalPolicyV2"

    def check(self, call: Call, existing: Resource | None) -> None:
        asked = {**(existing.properties if existing else {}), **(call.body.get("properties") or {})}
        for name in ("weeklyRetention", "monthlyRetention", "yearlyRetention"):
            value = asked.get(name)
            if value is not None and not re.fullmatch(r"P(T0S|\d+[DWMY])", str(value)):
                raise _refused_value(name, value, "It must be an ISO 8601 duration such as P4W, P12M or P10Y.")
        week = asked.get("weekOfYear")
        if asked.get("yearlyRetention") not in (None, "PT0S") and not 1 <= int(week or 0) <= 52:
            raise _refused_value("weekOfYear", week, "It must be between 1 and 52 where yearlyRetention is set.")


class TransparentDataEncryption(_Setting):
    type = "Microsoft.Sql/servers/databases/transparentDataEncryption"
    own_name = "Current"
    defaults = {"state": "Enabled", "scanState": "Complete"}
    status_path = f"{_LOCATIONS}/transparentDataEncryptionAzureAsyncOperation/{{operation}}"
    result_path = f"{_LOCATIONS}/transparentDataEncryptionOperationResults/{{operation}}"

    def operation_name(self, verb: str, body: Json) -> str:
        return "UpdateLogicalDatabase"


class Administrator(ResourceType):
    """A server's Entra administrator; it is part of the server's own properties too."""

    type = "Microsoft.Sql/servers/administrators"
    create_reply = update_reply = delete_reply = Reply.ACCEPTED_OPERATION
    shows_state = False
    seconds = {"create": 8.0, "update": 8.0, "delete": 8.0}
    name_rule = NameRule(
        "(?i:activedirectory)",
        "InvalidResourceName",
        "The name '{name}' of the administrator must be 'ActiveDirectory'.",
    )
    status_path = f"{_LOCATIONS}/serverAdministratorAzureAsyncOperation/{{operation}}"
    result_path = f"{_LOCATIONS}/serverAdministratorOperationResults/{{operation}}"

    def operation_name(self, verb: str, body: Json) -> str:
        return f"{'Drop' if verb == 'delete' else verb.capitalize()}ActiveDirectoryAdministrator"

    def not_found(self, target: Target) -> ArmError:
        return _sql_not_found(target)

    def show(self, resource: Resource) -> Json:
        server = self.store.get(resource.id.rpartition("/administrators/")[0])
        known = server.properties.get("administrators") if server is not None else None
        shown = {**super().show(resource), "type": "Microsoft.Sql/servers"}
        return {**shown, **_administrator(known)} if known else shown

    def implied(self, target: Target) -> Resource | None:
        server = self.store.get(target.parent_id or "")
        if server is None or not server.properties.get("administrators"):
            return None
        return Resource(
            self.resource_id(target),
            self.type.lower(),
            "ActiveDirectory",
            _administrator(server.properties["administrators"]),
        )

    def check(self, call: Call, existing: Resource | None) -> None:
        asked = call.body.get("properties") or {}
        for name in ("login", "sid"):
            if not asked.get(name):
                raise _refused_value(name, asked.get(name), "It is required.")

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = call.body["properties"]
        return _administrator({**asked, "tenantId": asked.get("tenantId") or self.context.directory.tenant}), {}

    def begin(self, resource: Resource, operation: Operation, call: Call) -> bool:
        if (server := self.store.get(call.target.parent_id or "")) is not None:
            known = server.properties.get("administrators") or {
                "principalType": None,
                "azureADOnlyAuthentication": False,
            }
            server.properties["administrators"] = {**known, **resource.properties}
            self.store.put(server)
        return False

    def removed(self, resource: Resource) -> None:
        server = self.store.get(resource.id.rpartition("/administrators/")[0])
        if server is not None and server.state != "Deleting":
            server.properties.pop("administrators", None)
            self.store.put(server)


def _administrator(known: Json) -> Json:
    shown = {"administratorType": "ActiveDirectory"}
    return {"properties": {**shown, **{name: known[name] for name in ("login", "sid", "tenantId") if known.get(name)}}}


class EntraOnly(_Setting):
    """Whether a server takes Entra identities alone; part of the server's own properties too."""

    type = "Microsoft.Sql/servers/azureADOnlyAuthentications"
    own_name = "Default"
    defaults = {"azureADOnlyAuthentication": False}
    status_path = f"{_LOCATIONS}/aadOnlyAuthenticationAzureAsyncOperation/{{operation}}"
    result_path = f"{_LOCATIONS}/aadOnlyAuthenticationOperationResults/{{operation}}"

    def operation_name(self, verb: str, body: Json) -> str:
        return "DropAzureADOnlyAuthentication" if verb == "delete" else "UpsertAzureADOnlyAuthentication"

    def implied(self, target: Target) -> Resource | None:
        server = self.store.get(target.parent_id or "")
        if server is None:
            return None
        chosen = bool((server.properties.get("administrators") or {}).get("azureADOnlyAuthentication"))
        body = {"properties": {"azureADOnlyAuthentication": chosen}}
        return Resource(self.resource_id(target), self.type.lower(), self.own_name, body)

    def show(self, resource: Resource) -> Json:
        server = self.store.get(resource.id.rpartition("/azureADOnlyAuthentications/")[0])
        known = (server.properties.get("administrators") or {}) if server is not None else {}
        chosen = bool(known.get("azureADOnlyAuthentication"))
        return {**super().show(resource), "properties": {"azureADOnlyAuthentication": chosen}}

    def check(self, call: Call, existing: Resource | None) -> None:
        server = self.store.get(call.target.parent_id or "")
        wanted = (call.body.get("properties") or {}).get("azureADOnlyAuthentication")
        if wanted and server is not None and not server.properties.get("administrators"):
            raise ArmError(
                400,
                "AadOnlyAuthenticationAzureADAdminNotSet",
                "Azure Active Directory Only Authentication cannot be enabled: the server has no Entra administrator. Set one first.",
                cause="",
            )

    def begin(self, resource: Resource, operation: Operation, call: Call) -> bool:
        server = self.store.get(call.target.parent_id or "")
        if server is not None and server.properties.get("administrators"):
            server.properties["administrators"]["azureADOnlyAuthentication"] = resource.properties[
                "azureADOnlyAuthentication"
            ]
            self.store.put(server)
        return False

    def removed(self, resource: Resource) -> None:
        server = self.store.get(resource.id.rpartition("/azureADOnlyAuthentications/")[0])
        if server is not None and server.state != "Deleting" and server.properties.get("administrators"):
            server.properties["administrators"]["azureADOnlyAuthentication"] = False
            self.store.put(server)


class VirtualNetworkRule(ResourceType):
    """Kept and shown; there are no virtual networks here that it could let in."""

    type = "Microsoft.Sql/servers/virtualNetworkRules"
    create_reply = update_reply = delete_reply = Reply.ACCEPTED_OPERATION
    shows_state = False
    seconds = {"create": 15.0, "update": 15.0, "delete": 10.0}
    status_path = f"{_LOCATIONS}/virtualNetworkRulesAzureAsyncOperation/{{operation}}"
    result_path = f"{_LOCATIONS}/virtualNetworkRulesOperationResults/{{operation}}"

    def operation_name(self, verb: str, body: Json) -> str:
        return f"{'Drop' if verb == 'delete' else 'Upsert'}VnetFirewallRule"

    def not_found(self, target: Target) -> ArmError:
        return _sql_not_found(target)

    def check(self, call: Call, existing: Resource | None) -> None:
        subnet = str((call.body.get("properties") or {}).get("virtualNetworkSubnetId") or "")
        if "/subnets/" not in subnet.lower():
            raise _refused_value("virtualNetworkSubnetId", subnet, "It must be the id of a subnet.")

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = call.body["properties"]
        ignored = bool(asked.get("ignoreMissingVnetServiceEndpoint", False))
        shown = {"virtualNetworkSubnetId": asked["virtualNetworkSubnetId"], "ignoreMissingVnetServiceEndpoint": ignored}
        return {"properties": {**shown, "state": "Ready"}}, {}
