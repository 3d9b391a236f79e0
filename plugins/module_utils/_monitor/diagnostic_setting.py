# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.Insights/diagnosticSettings."""

from __future__ import annotations

from typing import Any

from .._core import names
from .._core.arm import Json
from .._core.errors import InvalidOption
from .._core.generic_resource import ExtensionResource
from .._core.plan import ID, Rule, same_ignoring_case
from .._core.resource import READ_ONLY

_DESTINATIONS = ("workspace_id", "storage_account_id", "event_hub_authorization_rule_id")
_ENABLED: dict[str, Any] = {"type": "bool", "default": True}
_LOGS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "options": {"category": {"type": "str"}, "category_group": {"type": "str"}, "enabled": _ENABLED},
    "mutually_exclusive": [("category", "category_group")],
    "required_one_of": [("category", "category_group")],
}
_METRICS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "options": {"category": {"type": "str", "required": True}, "enabled": _ENABLED},
}


def _enabled(categories: Json) -> list[tuple[str, str]]:
    """Return kind and name of the enabled categories. Azure adds the categories that a request leaves out as disabled ones."""
    return sorted(
        (kind, str(item[kind]).casefold())
        for item in categories or []
        for kind in ("category", "categoryGroup")
        if item.get(kind) and item["enabled"]
    )


_CATEGORIES = Rule(compare=lambda desired, current: _enabled(desired) == _enabled(current))


class DiagnosticSetting(ExtensionResource):
    """A diagnostic setting of a resource."""

    name = "diagnostic_setting"
    type = "Microsoft.Insights/diagnosticSettings"
    path = "/providers/Microsoft.Insights/diagnosticSettings/{name}"
    address = ("scope", "name")
    wait_timeout = 120
    options = {
        "scope": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "workspace_id": {"type": "str"},
        "log_analytics_destination_type": {"type": "str", "choices": ["AzureDiagnostics", "Dedicated"]},
        "storage_account_id": {"type": "str"},
        "event_hub_authorization_rule_id": {"type": "str"},
        "event_hub_name": {"type": "str"},
        "logs": _LOGS,
        "metrics": _METRICS,
    }
    rules = {
        "properties.eventHubAuthorizationRuleId": ID,
        # Azure returns null for the default.
        "properties.logAnalyticsDestinationType": Rule(
            compare=lambda desired, current: same_ignoring_case(desired, current or "AzureDiagnostics")
        ),
        "properties.logs": _CATEGORIES,
        "properties.metrics": _CATEGORIES,
        "properties.storageAccountId": ID,
        "properties.workspaceId": ID,
    }
    read_only = (*READ_ONLY, "identity", "kind", "location", "tags")

    def validate(self) -> None:
        super().validate()
        names.check("name", self.params["name"], names.DIAGNOSTIC_SETTING)
        logs = self.params["logs"] or []
        if len({bool(log["category_group"]) for log in logs if log["enabled"]}) > 1:
            raise InvalidOption("logs", logs, "a setting has either categories or category groups: keep one kind.")

    def validate_create(self) -> None:
        if not any(self.params[option] for option in _DESTINATIONS):
            rule = f"a new setting needs a destination: one of {', '.join(_DESTINATIONS)}."
            raise InvalidOption("workspace_id", self.params["workspace_id"], rule)
        if not self.params["logs"] and not self.params["metrics"]:
            raise InvalidOption("logs", self.params["logs"], "a new setting needs logs or metrics.")

    def desired(self) -> dict[str, Json]:
        logs, metrics = self.params["logs"], self.params["metrics"]
        return {
            "properties": {
                "workspaceId": self.params["workspace_id"],
                "logAnalyticsDestinationType": self.params["log_analytics_destination_type"],
                "storageAccountId": self.params["storage_account_id"],
                "eventHubAuthorizationRuleId": self.params["event_hub_authorization_rule_id"],
                "eventHubName": self.params["event_hub_name"],
                "logs": None if logs is None else [_log(log) for log in logs],
                "metrics": None
                if metrics is None
                else [{"category": metric["category"], "enabled": metric["enabled"]} for metric in metrics],
            }
        }


def _log(log: dict[str, Any]) -> dict[str, Any]:
    return {"category": log["category"], "categoryGroup": log["category_group"], "enabled": log["enabled"]}
