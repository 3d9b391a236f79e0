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
import uuid
from typing import Protocol

from sandbox.resource_types import (
    ArmError,
    Call,
    Context,
    Json,
    NameRule,
    Reply,
    ResourceType,
    Target,
    region,
    utc_now,
)
from sandbox.store import Resource

MIB = 1024**2
GIB = 1024**3
_DTU = {"Basic": ("Basic", 5, 2), "S0": ("Standard", 10, 250), "S1": ("Standard", 20, 250), "S2": ("Standard", 50, 250), "S3": ("Standard", 100, 250)} | {
    "P1": ("Premium", 125, 500), "P2": ("Premium", 250, 500), "P4": ("Premium", 500, 500)
}  # fmt: skip
_VCORE_TIERS = {"GP": "GeneralPurpose", "BC": "BusinessCritical", "HS": "Hyperscale"}
_MAINTENANCE = "/providers/Microsoft.Maintenance/publicMaintenanceConfigurations/SQL_Default"
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
            "restrictOutboundNetworkAccess": "Disabled",
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

    def removed(self, resource: Resource) -> None:
        self.content.forget(resource)

    def check(self, call: Call, existing: Resource | None) -> None:
        asked = call.body.get("properties") or {}
        wanted = asked.get("collation")
        if existing is not None and wanted and wanted.lower() != existing.properties["collation"].lower():
            raise ArmError(
                400, "UpdateNotAllowedOnCollation", "The collation of an existing database cannot be changed.", cause=""
            )
        sku, objective = _sku(call.body.get("sku") or (existing.body["sku"] if existing else None))
        size = asked.get("maxSizeBytes")
        if size is not None and "family" not in sku and int(size) not in _sizes(objective):
            raise ArmError(
                400,
                "InvalidMaxSizeTierCombination",
                f"The tier '{sku['tier']}' does not support the database max size '{size}'.",
                cause="",
            )

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = call.body.get("properties") or {}
        known = existing.properties if existing else {}
        sku, objective = _sku(call.body.get("sku") or (existing.body["sku"] if existing else None))
        serverless = sku["name"].startswith(("GP_S", "HS_S"))
        vcore = "family" in sku
        redundancy = (
            asked.get("requestedBackupStorageRedundancy") or known.get("requestedBackupStorageRedundancy") or "Geo"
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
            "defaultSecondaryLocation": "northeurope",
            "catalogCollation": known.get("catalogCollation") or asked.get("catalogCollation") or _DEFAULT_COLLATION,
            "zoneRedundant": bool(asked.get("zoneRedundant", known.get("zoneRedundant", False))),
            "readScale": asked.get("readScale")
            or known.get("readScale")
            or ("Enabled" if sku["tier"] in ("Premium", "Hyperscale") else "Disabled"),
            "currentSku": sku,
            "currentBackupStorageRedundancy": redundancy,
            "requestedBackupStorageRedundancy": redundancy,
            "maintenanceConfigurationId": f"/subscriptions/{call.target.subscription}{_MAINTENANCE}",
            "isLedgerOn": False,
            "isInfraEncryptionEnabled": False,
            "availabilityZone": "NoPreference",
        }
        if vcore:
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
        )
        body: Json = {"sku": sku, "kind": kind, "properties": properties, "location": region(call.body["location"])}
        if tags:
            body["tags"] = tags
        return body, existing.private if existing else {}


def _sku(asked: Json | None) -> tuple[Json, str]:
    """The four fields that Azure makes of a sku, and the name of its service objective."""
    name = str((asked or {}).get("name") or "GP_Gen5_2")
    if name in ("Standard", "Premium", "Basic") and asked and asked.get("capacity") is not None:
        for objective, (tier, capacity, _size) in _DTU.items():
            if tier == name and capacity == int(asked["capacity"]):
                return {"name": tier, "tier": tier, "capacity": capacity}, objective
    if name in _DTU:
        tier, capacity, _size = _DTU[name]
        return {"name": tier, "tier": tier, "capacity": capacity}, name
    found = re.fullmatch(r"(GP|BC|HS)(_S)?_(Gen5|DC|Fsv2)(?:_(\d+))?", name)
    if found is None:
        raise ArmError(400, "InvalidSkuName", f"Invalid SKU name '{name}'.", cause="")
    family, vcores = found[3], int(found[4] or (asked or {}).get("capacity") or 2)
    short = f"{found[1]}{found[2] or ''}_{family}"
    return {"name": short, "tier": _VCORE_TIERS[found[1]], "family": family, "capacity": vcores}, f"{short}_{vcores}"


def _sizes(objective: str) -> set[int]:
    """The sizes, in bytes, that a database of the DTU model may have."""
    tier, capacity, _largest = _DTU[objective]
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
    if "family" in sku:
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
