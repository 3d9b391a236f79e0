# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Insights: diagnostic settings.

Recorded at api-version 2021-05-01-preview: ids in lower case, null for what is not set, AllMetrics added as disabled, errors without "error".
Not recorded: the messages for a setting without a destination, with an unknown category, and for a sixth setting of a resource. They follow
reports of users of the Azure CLI and Terraform, and https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.arm.errors import BareError
from sandbox.arm.resource_type import Call, NameRule, ResourceType
from sandbox.arm.target import Target, parse_target
from sandbox.messages import Json
from sandbox.store import Resource

MOST_SETTINGS = 5
# (log categories, metric categories); https://learn.microsoft.com/azure/azure-monitor/reference/logs-index
CATEGORIES = {
    "microsoft.app/managedenvironments": (
        ("ContainerAppConsoleLogs", "ContainerAppSystemLogs", "AppEnvSpringAppConsoleLogs", "AppEnvSessionConsoleLogs"),
        ("AllMetrics",),
    ),
    "microsoft.containerregistry/registries": (
        ("ContainerRegistryLoginEvents", "ContainerRegistryRepositoryEvents"),
        ("AllMetrics",),
    ),
    "microsoft.keyvault/vaults": (("AuditEvent", "AzurePolicyEvaluationDetails"), ("AllMetrics",)),
    "microsoft.operationalinsights/workspaces": (("Audit", "SummaryLogs", "Jobs"), ("AllMetrics",)),
    "microsoft.sql/servers/databases": (
        (
            *("SQLInsights", "AutomaticTuning", "QueryStoreRuntimeStatistics", "QueryStoreWaitStatistics", "Errors"),
            *("DatabaseWaitStatistics", "Timeouts", "Blocks", "Deadlocks", "DevOpsOperationsAudit"),
            "SQLSecurityAuditEvents",
        ),
        ("Basic", "InstanceAndAppAdvanced", "WorkloadManagement"),
    ),
    "microsoft.storage/storageaccounts": ((), ("Capacity", "Transaction")),
    "microsoft.storage/storageaccounts/blobservices": (
        ("StorageRead", "StorageWrite", "StorageDelete"),
        ("Capacity", "Transaction"),
    ),
}
GROUPS = ("allLogs", "audit")
_DESTINATIONS = ("storageAccountId", "serviceBusRuleId", "workspaceId", "eventHubAuthorizationRuleId")


class DiagnosticSetting(ResourceType):
    """A diagnostic setting of a resource. The sandbox stores it and sends nothing."""

    type = "Microsoft.Insights/diagnosticSettings"
    created_status = 200
    shows_state = False
    name_rule = NameRule(
        r"[^*<>%&:?+/\\\x00-\x1f]{0,259}[^*<>%&:?+/\\\x00-\x1f .]",
        "BadRequest",
        "The diagnostic setting name '{name}' is invalid.",
    )

    def not_found(self, target: Target) -> BareError:
        return BareError(404, "ResourceNotFound", f"The resource '{target.name}' was not found.")

    def resource_id(self, target: Target) -> str:
        return f"{target.scope.lower()}/providers/microsoft.insights/diagnosticSettings/{target.name}"

    def select(self, call: Call, scope: str) -> list[Resource]:
        return self._settings(scope)

    def check(self, call: Call, existing: Resource | None) -> None:
        scope = parse_target(call.target.scope)
        if scope is not None and scope.type.lower() in CATEGORIES and not self._exists(scope):
            raise BareError(404, "ResourceNotFound", f"The resource '{call.target.scope}' was not found.")
        properties = call.body.get("properties") or {}
        if not any(properties.get(name) for name in _DESTINATIONS):
            raise BareError(400, "BadRequest", "At least one data sink needs to be specified.")
        self._check_categories(call.target, properties)
        others = [
            other for other in self._settings(call.target.scope) if other.name.lower() != call.target.name.lower()
        ]
        if len(others) >= MOST_SETTINGS:
            message = f"The limit of {MOST_SETTINGS} diagnostic settings was reached."
            raise BareError(400, "BadRequest", f"{message} To create a new setting, delete an existing one.")
        for other in others:
            _check_sinks(other, properties)

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body.get("properties") or {}
        names = (*_DESTINATIONS, "eventHubName", "logAnalyticsDestinationType")
        properties: Json = {name: requested.get(name) for name in names}
        properties["metrics"] = [_entry(item) for item in requested.get("metrics") or []]
        properties["logs"] = [
            {"categoryGroup": item.get("categoryGroup"), **_entry(item)} for item in requested.get("logs") or []
        ]
        return {"properties": properties, "kind": None, "tags": None, "identity": None}, {}

    def write_response(self, resource: Resource) -> Json:
        return {**super().show(resource), "location": None}

    def show(self, resource: Resource) -> Json:
        """Return the setting as GET returns it: with the location of its resource and all metric categories."""
        content = super().show(resource)
        scope = parse_target(resource.id.rpartition("/providers/")[0])
        owner = self.store.get(scope.id) if scope is not None else None
        metrics = content["properties"]["metrics"]
        present = {str(item["category"]).lower() for item in metrics}
        # A type without an entry has platform metrics, as most have.
        for category in CATEGORIES.get(scope.type.lower() if scope is not None else "", ((), ("AllMetrics",)))[1]:
            if category.lower() not in present and "allmetrics" not in present:
                metrics.append(_entry({"category": category, "enabled": False}))
        return {**content, "location": owner.body.get("location") if owner is not None else None}

    def _exists(self, scope: Target) -> bool:
        """Return whether the resource of a setting exists; the default blob service exists with its account."""
        return self.store.get(scope.id) is not None or (
            scope.parent_id is not None and self.store.get(scope.parent_id) is not None
        )

    def _settings(self, scope: str) -> list[Resource]:
        prefix = f"{scope.lower()}/providers/microsoft.insights/"
        return [setting for setting in self.store.below(scope, self.type) if setting.id.lower().startswith(prefix)]

    def _check_categories(self, target: Target, properties: Json) -> None:
        scope = parse_target(target.scope)
        if scope is None or scope.type.lower() not in CATEGORIES:
            return
        logs, metrics = ({name.lower() for name in names} for names in CATEGORIES[scope.type.lower()])
        groups = {name.lower() for name in GROUPS}
        requested = [(item.get("category"), logs) for item in properties.get("logs") or []]
        requested += [(item.get("categoryGroup"), groups) for item in properties.get("logs") or []]
        requested += [(item.get("category"), {*metrics, "allmetrics"}) for item in properties.get("metrics") or []]
        for name, known in requested:
            if name and name.lower() not in known:
                raise BareError(400, "BadRequest", f"Category '{name}' is not supported.")


def _entry(item: Json) -> Json:
    return {
        "category": item.get("category"),
        "enabled": bool(item.get("enabled")),
        "retentionPolicy": item.get("retentionPolicy") or {"enabled": False, "days": 0},
    }


def _check_sinks(other: Resource, properties: Json) -> None:
    """Raise BareError where another setting of the resource sends the same category to the same destination."""
    shared = set(_enabled(other.properties)) & set(_enabled(properties))
    for name in _DESTINATIONS:
        sink = properties.get(name)
        if sink and shared and str(other.properties.get(name)).lower() == str(sink).lower():
            raise BareError(
                409,
                "Conflict",
                f"Data sink '{sink}' is already used in diagnostic setting '{other.name}' for category '{sorted(shared)[0]}'. "
                "Data sinks can't be reused in different settings on the same category for the same resource.",
            )


def _enabled(properties: Json) -> Iterator[str]:
    for item in (*(properties.get("logs") or []), *(properties.get("metrics") or [])):
        if item.get("enabled"):
            yield str(item.get("category") or item.get("categoryGroup"))
