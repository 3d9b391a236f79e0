# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.Sql/servers/databases."""

from __future__ import annotations

import re
from typing import Any

from .._core import names
from .._core.arguments import IN_GROUP, TAGS
from .._core.arm import Json
from .._core.errors import InvalidOption
from .._core.info import ResourceInfo
from .._core.plan import ENUM, FLAG, LOCATION, NUMBER, WHOLE, Plan, Rule, immutable
from .._core.resource import NEEDS_LOCATION, READ_ONLY, Resource
from . import retention
from .client import PACKAGES, sql_operations
from .retention import Retention

_OPERATIONS = sql_operations("databases")
# The service objective of a DTU-based tier with so many DTUs.
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
_PENDING = frozenset(("Creating", "Copying", "Restoring", "Recovering", "Scaling", "OfflineSecondary"))


def service_objective(sku: Json) -> str:
    """Return the one-word name (GP_S_Gen5_2, S0) of a sku that Azure returns as name, tier, family and capacity."""
    name = str(sku.get("name") or "")
    capacity = sku.get("capacity")
    hardware = _WITH_CAPACITY.fullmatch(name)
    if hardware and hardware["capacity"] is None and capacity is not None:
        return f"{name}_{capacity}".lower()
    return _DTUS.get((name.lower(), capacity), name).lower() if isinstance(capacity, int) else name.lower()


def same_sku(desired: Json, current: Json) -> bool:
    """Return whether both have the same service objective."""
    return service_objective(desired) == service_objective(current or {})


class SqlDatabase(Resource):
    """A database of an SQL server, with the retention of its backups."""

    name = "sql_database"
    type = "Microsoft.Sql/servers/databases"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.Sql/servers/{server}/databases/{name}"
    address = ("resource_group", "server", "name")
    operations = _OPERATIONS
    packages = PACKAGES
    update_method = "begin_update"
    partial = True
    wait_timeout = 1800
    options = {
        **IN_GROUP,
        "server": {"type": "str", "required": True},
        "sku": {"type": "str"},
        "collation": {"type": "str"},
        "auto_pause_delay": {"type": "int"},
        "min_capacity": {"type": "float"},
        "max_size_bytes": {"type": "int"},
        "zone_redundant": {"type": "bool"},
        "backup_storage_redundancy": {"type": "str", "choices": ["Local", "Zone", "Geo", "GeoZone"]},
        **retention.OPTIONS,
        "use_free_limit": {"type": "bool"},
        "free_limit_exhaustion_behavior": {"type": "str", "choices": ["AutoPause", "BillOverUsage"]},
        **TAGS,
    }
    constraints = NEEDS_LOCATION
    rules = {
        **retention.RULES,
        "location": immutable("location", LOCATION),
        "sku": Rule(compare=same_sku),
        "properties.autoPauseDelay": NUMBER,
        "properties.collation": immutable("collation", ENUM),
        "properties.freeLimitExhaustionBehavior": ENUM,
        "properties.maxSizeBytes": NUMBER,
        "properties.minCapacity": NUMBER,
        "properties.requestedBackupStorageRedundancy": ENUM,
        "properties.useFreeLimit": FLAG,
        "tags": WHOLE,
    }
    read_only = (
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

    @property
    def _retention(self) -> Retention:
        return Retention(self.params, self.arm)

    def validate(self) -> None:
        params = self.params
        names.check("resource_group", params["resource_group"], names.RESOURCE_GROUP)
        names.check("server", params["server"], names.SQL_SERVER)
        names.check("name", params["name"], names.SQL_DATABASE)
        delay, capacity, sku = params["auto_pause_delay"], params["min_capacity"], params["sku"]
        if delay is not None and delay != -1 and not 15 <= delay <= 10080:
            raise InvalidOption("auto_pause_delay", delay, "use -1 for never, or 15 to 10080 minutes.")
        if capacity is not None and capacity <= 0:
            raise InvalidOption("min_capacity", capacity, "use 0.5 or more.")
        if sku is not None:
            self._validate_serverless(sku)
        hardware = _WITH_CAPACITY.fullmatch(sku or "")
        if hardware and not hardware["capacity"]:
            raise InvalidOption("sku", sku, f"it lacks the number of vCores: write {sku}_2 for two.")
        if capacity is not None and hardware and hardware["capacity"] and capacity > int(hardware["capacity"]):
            rule = f"it is more than the {hardware['capacity']} vCores of sku {sku}."
            raise InvalidOption("min_capacity", capacity, rule)
        self._retention.validate()

    def _validate_serverless(self, sku: str) -> None:
        """Raise InvalidOption for options that only serverless databases have."""
        if "_S_" in sku.upper():
            return
        for option in ("auto_pause_delay", "min_capacity", "use_free_limit", "free_limit_exhaustion_behavior"):
            value = self.params[option]
            if value is not None and value is not False:
                raise InvalidOption(option, value, f"only serverless skus (as GP_S_Gen5_1) have it, sku is {sku}.")

    def desired(self) -> dict[str, Any]:
        params = self.params
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
            "tags": self.tags,
            **self._retention.desired(),
        }

    def is_pending(self, resource: Json) -> bool:
        return (resource.get("properties") or {}).get("status") in _PENDING

    def complete_read(self, current: Json) -> Json:
        return {**current, **self._retention.read()}

    def request_body(self, planned: Plan) -> Json:
        return self._retention.request_body(planned)

    def finish(self, planned: Plan, resource: Json) -> Json:
        return {**resource, **self._retention.finish(planned)}


class SqlDatabaseInfo(ResourceInfo):
    """Databases of an SQL server, to read."""

    name = "sql_databases"
    address = ("resource_group", "server", "name")
    operations = _OPERATIONS
    packages = PACKAGES
    options = {
        "resource_group": {"type": "str", "required": True},
        "server": {"type": "str", "required": True},
        "name": {"type": "str"},
    }
    lists = (("list_by_server", ("resource_group", "server")),)
