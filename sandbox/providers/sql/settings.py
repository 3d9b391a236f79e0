# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings that each server or database has: connection policy, retention of backups, transparent data encryption."""

from __future__ import annotations

import re
from dataclasses import replace

from sandbox.arm.errors import ArmError
from sandbox.arm.resource_type import Call, Reply
from sandbox.arm.target import Target
from sandbox.messages import Json
from sandbox.providers.sql.resource import LOCATIONS, SqlResource, invalid_value
from sandbox.store import Resource


class Setting(SqlResource):
    """A setting that each server or database has, without a write."""

    instance_name = "default"
    defaults: Json = {}
    seconds = {"create": 5.0, "update": 5.0, "delete": 5.0}
    create_reply = update_reply = delete_reply = Reply.ACCEPTED_OPERATION

    def validate(self, call: Call, existing: Resource | None) -> None:
        if call.target.name.lower() != self.instance_name.lower():
            raise ArmError(
                400, "InvalidResourceName", f"The name of this resource must be '{self.instance_name}'.", cause=""
            )
        super().validate(call, existing)

    def default_instance(self, target: Target) -> Resource | None:
        parent = self.store.get(target.parent_id or "")
        if parent is None or target.name.lower() != self.instance_name.lower():
            return None
        return Resource(
            self.resource_id(target), self.type.lower(), self.instance_name, self.wrap({**self.defaults}, parent)
        )

    def wrap(self, properties: Json, parent: Resource) -> Json:
        """Return the body of the resource with these properties."""
        return {"properties": properties}

    def select(self, call: Call, scope: str) -> list[Resource]:
        target = replace(call.target, names=(*call.target.names, self.instance_name))
        default = self.default_instance(target)
        return [*super().select(call, scope)] or ([default] if default is not None else [])

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body.get("properties") or {}
        current = existing.properties if existing else self.defaults
        parent = self.store.get(call.target.parent_id or "")
        properties = {name: current[name] if requested.get(name) is None else requested[name] for name in current}
        return (self.wrap(properties, parent) if parent is not None else {"properties": properties}), {}


class ConnectionPolicy(Setting):
    """The connection policy of a server. https://learn.microsoft.com/azure/azure-sql/database/connectivity-architecture"""

    type = "Microsoft.Sql/servers/connectionPolicies"
    defaults = {"connectionType": "Default"}
    status_path = f"{LOCATIONS}/connectionPoliciesAzureAsyncOperation/{{operation}}"
    result_path = f"{LOCATIONS}/connectionPoliciesOperationResults/{{operation}}"

    def operation_name(self, verb: str, body: Json) -> str:
        return "UpdateServerConnectionPolicy"

    def wrap(self, properties: Json, parent: Resource) -> Json:
        return {"location": parent.body["location"], "properties": properties}

    def check(self, call: Call, existing: Resource | None) -> None:
        connection_type = (call.body.get("properties") or {}).get("connectionType")
        if connection_type not in ("Default", "Proxy", "Redirect"):
            raise invalid_value("connectionType", connection_type, "It must be Default, Proxy or Redirect.")


class ShortTermRetention(Setting):
    """The retention of backups for point-in-time restore. https://learn.microsoft.com/azure/azure-sql/database/automated-backups-overview"""

    type = "Microsoft.Sql/servers/databases/backupShortTermRetentionPolicies"
    defaults = {"retentionDays": 7, "diffBackupIntervalInHours": 12}
    status_path = f"{LOCATIONS}/shortTermRetentionPolicyAzureAsyncOperation/{{operation}}"
    result_path = f"{LOCATIONS}/shortTermRetentionPolicyOperationResults/{{operation}}"

    def operation_name(self, verb: str, body: Json) -> str:
        return "UpdateLogicalDatabase"

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = call.body.get("properties") or {}
        days, hours = requested.get("retentionDays"), requested.get("diffBackupIntervalInHours")
        database = self.store.get(call.target.parent_id or "")
        longest = 7 if database is not None and database.body["sku"]["tier"] == "Basic" else 35
        if days is not None and not 1 <= int(days) <= longest:
            raise invalid_value("retentionDays", days, f"It must be between 1 and {longest}.")
        if hours is not None and int(hours) not in (12, 24):
            raise invalid_value("diffBackupIntervalInHours", hours, "It must be 12 or 24.")


class LongTermRetention(Setting):
    """The long-term retention of backups. https://learn.microsoft.com/azure/azure-sql/database/long-term-retention-overview"""

    type = "Microsoft.Sql/servers/databases/backupLongTermRetentionPolicies"
    defaults = {
        "timeBasedImmutability": "Disabled",
        "weeklyRetention": "PT0S",
        "monthlyRetention": "PT0S",
        "yearlyRetention": "PT0S",
        "weekOfYear": 0,
    }
    status_path = f"{LOCATIONS}/longTermRetentionPolicyAzureAsyncOperation/{{operation}}"
    result_path = f"{LOCATIONS}/longTermRetentionPolicyOperationResults/{{operation}}"

    def operation_name(self, verb: str, body: Json) -> str:
        return "UpsertDatabaseBackupArchivalPolicyV2"

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = {**(existing.properties if existing else {}), **(call.body.get("properties") or {})}
        for name in ("weeklyRetention", "monthlyRetention", "yearlyRetention"):
            value = requested.get(name)
            if value is not None and not re.fullmatch(r"P(T0S|\d+[DWMY])", str(value)):
                raise invalid_value(name, value, "It must be an ISO 8601 duration such as P4W, P12M or P10Y.")
        week = requested.get("weekOfYear")
        if requested.get("yearlyRetention") not in (None, "PT0S") and not 1 <= int(week or 0) <= 52:
            raise invalid_value("weekOfYear", week, "It must be between 1 and 52 where yearlyRetention is set.")


class TransparentDataEncryption(Setting):
    """The transparent data encryption of a database."""

    type = "Microsoft.Sql/servers/databases/transparentDataEncryption"
    instance_name = "Current"
    defaults = {"state": "Enabled", "scanState": "Complete"}
    status_path = f"{LOCATIONS}/transparentDataEncryptionAzureAsyncOperation/{{operation}}"
    result_path = f"{LOCATIONS}/transparentDataEncryptionOperationResults/{{operation}}"

    def operation_name(self, verb: str, body: Json) -> str:
        return "UpdateLogicalDatabase"
