# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules sql_server and sql_database want of Microsoft.Sql."""

from __future__ import annotations

import re
from typing import Any

from .._core import identity_option as _managed_identity
from .._core import names as _names
from .._core.arm import Arm, Json, Operations
from .._core.errors import Failure, InvalidOption
from .._core.plan import CREATE, ENUM, ID, LOCATION, NUMBER, WHOLE, Plan, Rule, immutable
from .._core.resource import READ_ONLY, Params
from . import retention as _sql_retention

CLIENT = "azure.mgmt.sql:SqlManagementClient"

SERVER_RULES = {
    **_managed_identity.RULES,
    "location": immutable("location", LOCATION),
    "properties.administratorLogin": immutable("administrator_login"),
    "properties.administrators.sid": ID,
    "properties.administrators.tenantId": ID,
    "properties.administratorLoginPassword": Rule(write_only=True),
    "properties.minimalTlsVersion": ENUM,
    "properties.publicNetworkAccess": ENUM,
    "properties.restrictOutboundNetworkAccess": ENUM,
    "tags": WHOLE,
}
SERVER_READ_ONLY = (
    *READ_ONLY,
    *_managed_identity.READ_ONLY,
    "kind",
    "properties.externalGovernanceStatus",
    "properties.fullyQualifiedDomainName",
    "properties.privateEndpointConnections",
    "properties.state",
    "properties.version",
    "properties.workspaceFeature",
)
# What a new server gets where no option says otherwise.
NEW_TLS_VERSION = "1.2"
_ADMINISTRATORS = Operations(CLIENT, "server_azure_ad_administrators", "Microsoft.Sql")
_ENTRA_ONLY = Operations(CLIENT, "server_azure_ad_only_authentications", "Microsoft.Sql")


def check_server(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("name", params["name"], _names.SQL_SERVER)
    _managed_identity.check(params)
    primary, ids = params["primary_user_assigned_identity"], (params["identity"] or {}).get("user_assigned_identities")
    if primary is not None and ids is not None and primary.lower() not in [id_.lower() for id_ in ids]:
        raise InvalidOption(
            "primary_user_assigned_identity",
            primary,
            "it is none of identity.user_assigned_identities: name it there too.",
        )
    login = params["administrator_login"]
    if login is not None:
        _names.check("administrator_login", login, _names.SQL_LOGIN)
    if params["administrator_password"] is not None:
        check_password(params["administrator_password"], login or "")


def check_password(password: str, login: str) -> None:
    """Azure SQL's rule for passwords. Raises InvalidOption, which does not tell the password."""
    classes = [r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]"]
    enough = sum(bool(re.search(pattern, password)) for pattern in classes) >= 3
    no_login = not login or login.lower() not in password.lower()
    if 8 <= len(password) <= 128 and enough and no_login:
        return
    raise Failure(
        "administrator_password: Azure SQL would refuse it: a password has 8 to 128 characters, of at least three of "
        "lowercase letters, uppercase letters, digits and other characters, and does not contain administrator_login.",
        option="administrator_password",
    )


def check_new_server(params: Params) -> None:
    """What only a new server needs. Raises Failure."""
    entra = params["entra_administrator"]
    if entra is not None and entra["entra_only"]:
        return
    missing = [option for option in ("administrator_login", "administrator_password") if params[option] is None]
    if missing:
        raise Failure(
            f"A new server needs {' and '.join(missing)}, or entra_administrator with entra_only: true.",
            option=missing[0],
        )


def desired_server(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say, without the password."""
    return {
        "location": params["location"],
        "properties": {
            "administratorLogin": params["administrator_login"],
            "administrators": _administrators(params["entra_administrator"]),
            "minimalTlsVersion": params["minimal_tls_version"],
            "primaryUserAssignedIdentityId": params["primary_user_assigned_identity"],
            "publicNetworkAccess": params["public_network_access"],
            "restrictOutboundNetworkAccess": params["restrict_outbound_network_access"],
        },
        "identity": _managed_identity.desired(params),
        "tags": params["tags"],
    }


def _administrators(entra: dict[str, Any] | None) -> dict[str, Any] | None:
    if entra is None:
        return None
    return {
        "administratorType": "ActiveDirectory",
        "azureADOnlyAuthentication": entra["entra_only"],
        "login": entra["login"],
        "sid": entra["sid"],
        "tenantId": entra["tenant_id"],
    }


def password_is_forced(params: Params) -> bool:
    """Whether the password is written on every run."""
    return params["update_password"] == "always" and params["administrator_password"] is not None


def server_body(arm: Arm, params: Params, planned: Plan) -> Json:
    """The body of the request, with the password where it is due.

    The Entra administrator of a server that exists has operations of its own, which are done first.
    """
    new = planned.action == CREATE
    properties = dict(planned.body.get("properties") or {})
    administrators = properties.pop("administrators", None)
    if new:
        properties |= _only_of_a_new_server(params, administrators)
    elif administrators is not None:
        _change_administrators(arm, params, planned.before, administrators)
    if params["administrator_password"] is not None and (new or password_is_forced(params)):
        properties["administratorLoginPassword"] = params["administrator_password"]
    body = {key: item for key, item in planned.body.items() if key != "properties"}
    if properties:
        body["properties"] = properties
    return body if new else _managed_identity.patched(planned.before, body)


def _only_of_a_new_server(params: Params, administrators: Json | None) -> Json:
    """What Azure takes with a new server only, or wants to be told."""
    found: Json = {"minimalTlsVersion": params["minimal_tls_version"] or NEW_TLS_VERSION}
    if administrators is not None:
        # Of a server that exists, Azure finds out by itself what the administrator is.
        kind = params["entra_administrator"]["principal_type"]
        found["administrators"] = administrators if kind is None else {**administrators, "principalType": kind}
    return found


def _change_administrators(arm: Arm, params: Params, before: Json, wanted: Json) -> None:
    server = (params["resource_group"], params["name"])
    current = (before.get("properties") or {}).get("administrators") or {}
    only, was_only = bool(wanted.get("azureADOnlyAuthentication")), bool(current.get("azureADOnlyAuthentication"))
    if was_only and not only:
        _entra_only(arm, server, only)
    if any(wanted.get(key) != current.get(key) for key in ("login", "sid", "tenantId")):
        properties = {key: wanted[key] for key in ("administratorType", "login", "sid", "tenantId") if key in wanted}
        submitted = arm.submit(
            _ADMINISTRATORS, "begin_create_or_update", *server, "ActiveDirectory", body={"properties": properties}
        )
        arm.wait(submitted, f"change of the Entra administrator of {server[1]}")
    if only and not was_only:
        _entra_only(arm, server, only)


def _entra_only(arm: Arm, server: tuple[str, str], only: bool) -> None:
    body = {"properties": {"azureADOnlyAuthentication": only}}
    submitted = arm.submit(_ENTRA_ONLY, "begin_create_or_update", *server, "Default", body=body)
    arm.wait(submitted, f"change of Entra-only authentication of {server[1]}")


def server_in_between(server: Json) -> bool:
    return (server.get("properties") or {}).get("state") not in (None, "Ready", "Disabled")


_DTUS = {
    ("standard", 10): "S0",
    ("standard", 20): "S1",
    ("standard", 50): "S2",
    ("standard", 100): "S3",
    ("standard", 200): "S4",
    ("standard", 400): "S6",
    ("standard", 800): "S7",
    ("standard", 1600): "S9",
    ("standard", 3000): "S12",
    ("premium", 125): "P1",
    ("premium", 250): "P2",
    ("premium", 500): "P4",
    ("premium", 1000): "P6",
    ("premium", 1750): "P11",
    ("premium", 4000): "P15",
}
_WITH_CAPACITY = re.compile(r"(?P<name>\w+_(Gen\d+|DC|Fsv2|PRMS|MOPRMS))(_(?P<capacity>\d+))?", re.IGNORECASE)


def service_objective(sku: Json) -> str:
    """The one-word name (GP_S_Gen5_2, S0) of a sku that Azure has taken apart into name, tier, family and capacity."""
    name = str(sku.get("name") or "")
    capacity = sku.get("capacity")
    hardware = _WITH_CAPACITY.fullmatch(name)
    if hardware and hardware["capacity"] is None and capacity is not None:
        return f"{name}_{capacity}".lower()
    return _DTUS.get((name.lower(), capacity), name).lower() if isinstance(capacity, int) else name.lower()


def same_sku(wanted: Json, current: Json) -> bool:
    return service_objective(wanted) == service_objective(current or {})


DATABASE_RULES = {
    **_sql_retention.RULES,
    "location": immutable("location", LOCATION),
    "sku": Rule(compare=same_sku),
    "properties.autoPauseDelay": NUMBER,
    "properties.collation": immutable("collation", ENUM),
    "properties.freeLimitExhaustionBehavior": ENUM,
    "properties.maxSizeBytes": NUMBER,
    "properties.minCapacity": NUMBER,
    "properties.requestedBackupStorageRedundancy": ENUM,
    # Azure leaves out what is false.
    "properties.useFreeLimit": Rule(compare=lambda wanted, current: bool(wanted) == bool(current)),
    "tags": WHOLE,
}
DATABASE_READ_ONLY = (
    *READ_ONLY,
    "kind",
    "managedBy",
    "properties.creationDate",
    "properties.currentBackupStorageRedundancy",
    "properties.currentServiceObjectiveName",
    "properties.currentSku",
    "properties.databaseId",
    "properties.defaultSecondaryLocation",
    "properties.earliestRestoreDate",
    "properties.maxLogSizeBytes",
    "properties.pausedDate",
    "properties.requestedServiceObjectiveName",
    "properties.resumedDate",
    "properties.status",
)
_DATABASE_IN_BETWEEN = frozenset(("Creating", "Copying", "Restoring", "Recovering", "Scaling", "OfflineSecondary"))


def check_database(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("server", params["server"], _names.SQL_SERVER)
    _names.check("name", params["name"], _names.SQL_DATABASE)
    delay, capacity, sku = params["auto_pause_delay"], params["min_capacity"], params["sku"]
    if delay is not None and delay != -1 and not 15 <= delay <= 10080:
        raise InvalidOption("auto_pause_delay", delay, "use -1 for never, or 15 to 10080 minutes.")
    if capacity is not None and capacity <= 0:
        raise InvalidOption("min_capacity", capacity, "use 0.5 or more.")
    if sku is not None:
        _check_with_sku(params, sku)
    found = _WITH_CAPACITY.fullmatch(sku or "")
    if found and not found["capacity"]:
        raise InvalidOption("sku", sku, f"it lacks the number of vCores: write {sku}_2 for two.")
    if capacity is not None and found and found["capacity"] and capacity > int(found["capacity"]):
        raise InvalidOption("min_capacity", capacity, f"it is more than the {found['capacity']} vCores of sku {sku}.")
    _sql_retention.check(params)


def _check_with_sku(params: Params, sku: str) -> None:
    """What only serverless databases have. Raises InvalidOption."""
    if "_S_" in sku.upper():
        return
    for option in ("auto_pause_delay", "min_capacity", "use_free_limit", "free_limit_exhaustion_behavior"):
        value = params[option]
        if value is not None and value is not False:
            raise InvalidOption(option, value, f"only serverless skus (as GP_S_Gen5_1) have it, sku is {sku}.")


def desired_database(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
    return {
        "location": params["location"],
        "sku": None if params["sku"] is None else {"name": params["sku"]},
        "properties": {
            "autoPauseDelay": params["auto_pause_delay"],
            "collation": params["collation"],
            "freeLimitExhaustionBehavior": params["free_limit_exhaustion_behavior"],
            "maxSizeBytes": params["max_size_bytes"],
            "minCapacity": params["min_capacity"],
            "requestedBackupStorageRedundancy": params["backup_storage_redundancy"],
            "useFreeLimit": params["use_free_limit"],
            "zoneRedundant": params["zone_redundant"],
        },
        "tags": params["tags"],
        **_sql_retention.desired(params),
    }


def database_in_between(database: Json) -> bool:
    return (database.get("properties") or {}).get("status") in _DATABASE_IN_BETWEEN
