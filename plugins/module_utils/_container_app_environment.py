# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module container_app_environment wants of Microsoft.App/managedEnvironments."""

from __future__ import annotations

import re
from typing import Any

from . import _names
from ._arm import Arm, Json, Operations
from ._errors import Failure, InvalidOption
from ._plan import ENUM, ID, LOCATION, WHOLE, Plan, Rule, immutable
from ._resource import READ_ONLY as READ_ONLY_EVERYWHERE
from ._resource import Params

RULES = {
    "location": immutable("location", LOCATION),
    "properties.appLogsConfiguration.destination": ENUM,
    "properties.appLogsConfiguration.logAnalyticsConfiguration.customerId": ID,
    "properties.publicNetworkAccess": ENUM,
    "properties.vnetConfiguration.infrastructureSubnetId": immutable("infrastructure_subnet_id", ID),
    "properties.vnetConfiguration.internal": immutable("internal"),
    "properties.workloadProfiles": Rule(key="name"),
    "properties.workloadProfiles[].workloadProfileType": ENUM,
    "properties.zoneRedundant": immutable("zone_redundant"),
    "tags": WHOLE,
}
READ_ONLY = (
    *READ_ONLY_EVERYWHERE,
    "properties.customDomainConfiguration",
    "properties.daprConfiguration",
    "properties.defaultDomain",
    "properties.deploymentErrors",
    "properties.eventStreamEndpoint",
    "properties.kedaConfiguration",
    "properties.privateEndpointConnections",
    "properties.privateLinkDefaultDomain",
    "properties.staticIp",
)
_WORKSPACE_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.OperationalInsights/workspaces/(?P<name>[^/]+)",
    re.IGNORECASE,
)
_LOG_ANALYTICS = "azure.mgmt.loganalytics:LogAnalyticsManagementClient"


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("name", params["name"], _names.ENVIRONMENT)
    for option in ("zone_redundant", "internal"):
        if params[option] and not params["infrastructure_subnet_id"]:
            raise InvalidOption(option, True, "it needs infrastructure_subnet_id.")
    logs = params["log_analytics"]
    if logs is not None and not _WORKSPACE_ID.fullmatch(logs["workspace_id"]):
        raise InvalidOption(
            "log_analytics.workspace_id",
            logs["workspace_id"],
            "write the workspace's resource id (/subscriptions/.../workspaces/<name>).",
        )


def desired(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
    return {
        "location": params["location"],
        "properties": {
            "appLogsConfiguration": _logs(params["log_analytics"]),
            "publicNetworkAccess": params["public_network_access"],
            "vnetConfiguration": _network(params),
            "workloadProfiles": _profiles(params["workload_profiles"]),
            "zoneRedundant": params["zone_redundant"],
        },
        "tags": params["tags"],
    }


def _logs(logs: dict[str, Any] | None) -> dict[str, Any] | None:
    if logs is None:
        return None
    return {"destination": "log-analytics", "logAnalyticsConfiguration": {"customerId": logs["customer_id"]}}


def _network(params: Params) -> dict[str, Any] | None:
    if params["infrastructure_subnet_id"] is None:
        return None
    return {"infrastructureSubnetId": params["infrastructure_subnet_id"], "internal": params["internal"]}


def _profiles(profiles: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    if profiles is None:
        return None
    result = [
        {
            "name": profile["name"],
            "workloadProfileType": profile["type"],
            "minimumCount": profile["minimum_count"],
            "maximumCount": profile["maximum_count"],
        }
        for profile in profiles
    ]
    if not any(str(profile["workloadProfileType"]).lower() == "consumption" for profile in result):
        result.insert(0, {"name": "Consumption", "workloadProfileType": "Consumption"})
    return result


def with_workspace_key(arm: Arm, params: Params, planned: Plan) -> Json:
    """The body with the workspace's key, where logging is written: Azure never gives the key back."""
    body = planned.body
    logs = (body.get("properties") or {}).get("appLogsConfiguration")
    if logs is None or params["log_analytics"] is None:
        return body
    found = _WORKSPACE_ID.fullmatch(params["log_analytics"]["workspace_id"])
    if found is None or found["subscription"].lower() != arm.connection.subscription_id.lower():
        raise Failure(
            "log_analytics.workspace_id: the workspace is in another subscription than subscription_id, whose key "
            "this task cannot read: use a workspace of the same subscription.",
            option="log_analytics.workspace_id",
        )
    customer_id = params["log_analytics"]["customer_id"]
    if customer_id is None:
        workspaces = Operations(_LOG_ANALYTICS, "workspaces", "Microsoft.OperationalInsights")
        customer_id = arm.call(workspaces, "get", found["group"], found["name"])["properties"]["customerId"]
    shared_keys = Operations(_LOG_ANALYTICS, "shared_keys", "Microsoft.OperationalInsights")
    key = arm.call(shared_keys, "get_shared_keys", found["group"], found["name"])["primarySharedKey"]
    configuration = {"customerId": customer_id, "sharedKey": key}
    logs = {**logs, "logAnalyticsConfiguration": configuration}
    return {**body, "properties": {**body["properties"], "appLogsConfiguration": logs}}


def public(environment: Json) -> Json:
    """The environment without the workspace's key, should an answer ever have it."""
    logs = (environment.get("properties") or {}).get("appLogsConfiguration") or {}
    configuration = logs.get("logAnalyticsConfiguration") or {}
    if not configuration.get("sharedKey"):
        return environment
    logs = {**logs, "logAnalyticsConfiguration": {**configuration, "sharedKey": None}}
    return {**environment, "properties": {**environment["properties"], "appLogsConfiguration": logs}}


def public_diff(before: Json, after: Json) -> tuple[Json, Json]:
    return public(before), public(after)
