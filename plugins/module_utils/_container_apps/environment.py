# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module container_app_environment wants of Microsoft.App/managedEnvironments."""

from __future__ import annotations

import re
from typing import Any

from .._core import identity_option as _managed_identity
from .._core import names as _names
from .._core.arguments import IN_GROUP, TAGS
from .._core.arm import Arm, Json, Operations
from .._core.errors import Failure, InvalidOption
from .._core.plan import ENUM, ID, LOCATION, WHOLE, Plan, Rule, immutable, is_empty
from .._core.resource import READ_ONLY as READ_ONLY_EVERYWHERE
from .._core.resource import Params
from .template import CLIENT, NAME, NUMBER_OPTION, group, items, text

ENVIRONMENTS = Operations(CLIENT, "managed_environments", "Microsoft.App")

_BOOL: dict[str, Any] = {"type": "bool"}
OPTIONS: dict[str, Any] = {
    **IN_GROUP,
    **_managed_identity.OPTION,
    "logs_destination": text(choices=["log-analytics", "azure-monitor", "none"]),
    "log_analytics": group(workspace_id=text(required=True), customer_id=text()),
    "zone_redundant": _BOOL,
    "infrastructure_subnet_id": text(),
    "infrastructure_resource_group": text(),
    "internal": _BOOL,
    "public_network_access": text(choices=["Enabled", "Disabled"]),
    "peer_traffic_encryption": _BOOL,
    "peer_mtls": _BOOL,
    "workload_profiles": items(
        name=NAME, type=text(required=True), minimum_count=NUMBER_OPTION, maximum_count=NUMBER_OPTION
    ),
    **TAGS,
}
RULES = {
    "location": immutable("location", LOCATION),
    **_managed_identity.RULES,
    # Without a destination Azure shows null, or no configuration at all.
    "properties.appLogsConfiguration.destination": Rule(
        compare=lambda wanted, current: is_empty(current) if wanted == "none" else wanted == str(current or "").lower()
    ),
    "properties.infrastructureResourceGroup": immutable("infrastructure_resource_group", ENUM),
    "properties.peerAuthentication.mtls.enabled": Rule(compare=lambda wanted, current: wanted is bool(current)),
    "properties.peerTrafficConfiguration.encryption.enabled": Rule(
        compare=lambda wanted, current: wanted is bool(current)
    ),
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
    *_managed_identity.READ_ONLY,
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
    if params["state"] == "absent":
        return
    _managed_identity.check(params)
    for option in ("zone_redundant", "internal"):
        if params[option] and not params["infrastructure_subnet_id"]:
            raise InvalidOption(option, True, "it needs infrastructure_subnet_id.")
    _check_logs(params)
    _check_profiles(params["workload_profiles"] or [])


def _check_logs(params: Params) -> None:
    logs, destination = params["log_analytics"], params["logs_destination"]
    if logs is not None and destination not in (None, "log-analytics"):
        raise InvalidOption("logs_destination", destination, "with log_analytics it is log-analytics, or left out.")
    if logs is None and destination == "log-analytics":
        raise InvalidOption("log_analytics", None, "logs_destination log-analytics needs it.")
    if logs is not None and not _WORKSPACE_ID.fullmatch(logs["workspace_id"]):
        raise InvalidOption(
            "log_analytics.workspace_id",
            logs["workspace_id"],
            "write the workspace's resource id (/subscriptions/.../workspaces/<name>).",
        )


def _check_profiles(profiles: list[dict[str, Any]]) -> None:
    for profile in profiles:
        least, most = profile["minimum_count"], profile["maximum_count"]
        if least is not None and most is not None and least > most:
            raise InvalidOption(
                f"workload_profiles[{profile['name']}].minimum_count", least, f"it is more than maximum_count ({most})."
            )
        if profile["type"].lower() == "consumption" and (least is not None or most is not None):
            raise InvalidOption(
                f"workload_profiles[{profile['name']}].type", profile["type"], "Consumption has no number of machines."
            )


def desired(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
    encryption, mtls = params["peer_traffic_encryption"], params["peer_mtls"]
    return {
        "location": params["location"],
        "identity": _managed_identity.desired(params),
        "properties": {
            "appLogsConfiguration": _logs(params),
            "infrastructureResourceGroup": params["infrastructure_resource_group"],
            "peerAuthentication": None if mtls is None else {"mtls": {"enabled": mtls}},
            "peerTrafficConfiguration": None if encryption is None else {"encryption": {"enabled": encryption}},
            "publicNetworkAccess": params["public_network_access"],
            "vnetConfiguration": _network(params),
            "workloadProfiles": _profiles(params["workload_profiles"]),
            "zoneRedundant": params["zone_redundant"],
        },
        "tags": params["tags"],
    }


def _logs(params: Params) -> dict[str, Any] | None:
    logs, destination = params["log_analytics"], params["logs_destination"]
    if logs is None:
        return None if destination is None else {"destination": destination}
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


def request_body(arm: Arm, params: Params, planned: Plan) -> Json:
    """The request: with the workspace's key, where logging is written, for Azure never gives the key back."""
    body = planned.body
    if planned.before:
        body = _managed_identity.patched(planned.before, body)
    logs = (body.get("properties") or {}).get("appLogsConfiguration")
    if logs is None:
        return body
    if params["log_analytics"] is None:
        destination = None if logs.get("destination") == "none" else logs.get("destination")
        logs = {"destination": destination, "logAnalyticsConfiguration": None}
        return {**body, "properties": {**body["properties"], "appLogsConfiguration": logs}}
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
