# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.App/managedEnvironments."""

from __future__ import annotations

import re
from typing import Any

from .._core import identity_option, names
from .._core.arguments import IN_GROUP, TAGS
from .._core.arm import Json, Operations
from .._core.errors import Failure, InvalidOption
from .._core.plan import ENUM, FLAG, ID, LOCATION, WHOLE, Plan, Rule, defaults_to, immutable, same_ignoring_case
from .._core.resource import NEEDS_LOCATION, READ_ONLY, Resource
from .client import ENVIRONMENTS, PACKAGES
from .options import BOOLEAN, INTEGER, NAME, each, group, items, text

_LOG_ANALYTICS = "azure.mgmt.loganalytics:LogAnalyticsManagementClient"
_WORKSPACES = Operations(_LOG_ANALYTICS, "workspaces", "Microsoft.OperationalInsights")
_SHARED_KEYS = Operations(_LOG_ANALYTICS, "shared_keys", "Microsoft.OperationalInsights")
_WORKSPACE_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.OperationalInsights/workspaces/(?P<name>[^/]+)",
    re.IGNORECASE,
)


class ContainerAppEnvironment(Resource):
    """An environment of Azure Container Apps."""

    name = "container_app_environment"
    type = "Microsoft.App/managedEnvironments"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.App/managedEnvironments/{name}"
    address = ("resource_group", "name")
    operations = ENVIRONMENTS
    packages = {**PACKAGES, "azure.mgmt.loganalytics": "azure-mgmt-loganalytics"}
    update_method = "begin_update"
    partial = True
    wait_timeout = 1800
    options = {
        **IN_GROUP,
        **identity_option.OPTION,
        "logs_destination": text(choices=["log-analytics", "azure-monitor", "none"]),
        "log_analytics": group(workspace_id=text(required=True), customer_id=text()),
        "zone_redundant": BOOLEAN,
        "infrastructure_subnet_id": text(),
        "infrastructure_resource_group": text(),
        "internal": BOOLEAN,
        "public_network_access": text(choices=["Enabled", "Disabled"]),
        "peer_traffic_encryption": BOOLEAN,
        "peer_mtls": BOOLEAN,
        "workload_profiles": items(name=NAME, type=text(required=True), minimum_count=INTEGER, maximum_count=INTEGER),
        **TAGS,
    }
    constraints = NEEDS_LOCATION
    rules = {
        "location": immutable("location", LOCATION),
        **identity_option.RULES,
        # Without a destination Azure returns null, or no configuration at all.
        "properties.appLogsConfiguration.destination": defaults_to("none", same_ignoring_case),
        "properties.appLogsConfiguration.logAnalyticsConfiguration.customerId": ID,
        "properties.infrastructureResourceGroup": immutable("infrastructure_resource_group", ENUM),
        "properties.peerAuthentication.mtls.enabled": FLAG,
        "properties.peerTrafficConfiguration.encryption.enabled": FLAG,
        "properties.publicNetworkAccess": ENUM,
        "properties.vnetConfiguration.infrastructureSubnetId": immutable("infrastructure_subnet_id", ID),
        "properties.vnetConfiguration.internal": immutable("internal", FLAG),
        "properties.workloadProfiles": Rule(key="name"),
        "properties.workloadProfiles[].workloadProfileType": ENUM,
        "properties.zoneRedundant": immutable("zone_redundant", FLAG),
        "tags": WHOLE,
    }
    read_only = (
        *READ_ONLY,
        *identity_option.READ_ONLY,
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

    def validate(self) -> None:
        names.check("resource_group", self.params["resource_group"], names.RESOURCE_GROUP)
        names.check("name", self.params["name"], names.ENVIRONMENT)
        if self.state == "absent":
            return
        identity_option.check(self.params)
        for option in ("zone_redundant", "internal"):
            if self.params[option] and not self.params["infrastructure_subnet_id"]:
                raise InvalidOption(option, True, "it needs infrastructure_subnet_id.")
        self._validate_logs()
        _validate_profiles(self.params["workload_profiles"] or [])

    def _validate_logs(self) -> None:
        logs, destination = self.params["log_analytics"], self.params["logs_destination"]
        if logs is not None and destination not in (None, "log-analytics"):
            raise InvalidOption(
                "logs_destination", destination, "with log_analytics use log-analytics, or remove the option."
            )
        if logs is None and destination == "log-analytics":
            raise InvalidOption("log_analytics", None, "logs_destination log-analytics needs it.")
        if logs is not None and not _WORKSPACE_ID.fullmatch(logs["workspace_id"]):
            raise InvalidOption(
                "log_analytics.workspace_id",
                logs["workspace_id"],
                "use the resource id of the workspace (/subscriptions/.../workspaces/<name>).",
            )

    def desired(self) -> dict[str, Any]:
        encryption, mtls = self.params["peer_traffic_encryption"], self.params["peer_mtls"]
        return {
            "location": self.params["location"],
            "identity": identity_option.desired(self.params),
            "properties": {
                "appLogsConfiguration": self._logs(),
                "infrastructureResourceGroup": self.params["infrastructure_resource_group"],
                "peerAuthentication": None if mtls is None else {"mtls": {"enabled": mtls}},
                "peerTrafficConfiguration": None if encryption is None else {"encryption": {"enabled": encryption}},
                "publicNetworkAccess": self.params["public_network_access"],
                "vnetConfiguration": self._network(),
                "workloadProfiles": _profiles(self.params["workload_profiles"]),
                "zoneRedundant": self.params["zone_redundant"],
            },
            "tags": self.tags,
        }

    def _logs(self) -> dict[str, Any] | None:
        logs, destination = self.params["log_analytics"], self.params["logs_destination"]
        if logs is None:
            return None if destination is None else {"destination": destination}
        return {"destination": "log-analytics", "logAnalyticsConfiguration": {"customerId": logs["customer_id"]}}

    def _network(self) -> dict[str, Any] | None:
        subnet = self.params["infrastructure_subnet_id"]
        return None if subnet is None else {"infrastructureSubnetId": subnet, "internal": self.params["internal"]}

    def request_body(self, planned: Plan) -> Json:
        """Return the body of the write; with the key of the workspace, which Azure does not return, where it sets the logs."""
        body = planned.body
        if planned.before:
            body = identity_option.patched(planned.before, body)
        logs = (body.get("properties") or {}).get("appLogsConfiguration")
        if logs is None:
            return body
        if self.params["log_analytics"] is None:
            destination = None if logs.get("destination") == "none" else logs.get("destination")
            return _with_logs(body, {"destination": destination, "logAnalyticsConfiguration": None})
        return _with_logs(body, {**logs, "logAnalyticsConfiguration": self._workspace()})

    def _workspace(self) -> dict[str, Any]:
        """Return customer id and key of the workspace. Raise Failure for a workspace of another subscription."""
        options = self.params["log_analytics"]
        workspace = _WORKSPACE_ID.fullmatch(options["workspace_id"])
        if workspace is None or workspace["subscription"].lower() != self.arm.connection.subscription_id.lower():
            raise Failure(
                "log_analytics.workspace_id: the workspace is in another subscription than subscription_id, so this task "
                "cannot read its key: use a workspace of the same subscription.",
                option="log_analytics.workspace_id",
            )
        address = (workspace["group"], workspace["name"])
        customer_id = options["customer_id"]
        if customer_id is None:
            customer_id = self.arm.call(_WORKSPACES, "get", *address)["properties"]["customerId"]
        key = self.arm.call(_SHARED_KEYS, "get_shared_keys", *address)["primarySharedKey"]
        return {"customerId": customer_id, "sharedKey": key}

    def public(self, resource: Json) -> Json:
        """Return the environment without the key of the workspace."""
        logs = (resource.get("properties") or {}).get("appLogsConfiguration") or {}
        configuration = logs.get("logAnalyticsConfiguration") or {}
        if not configuration.get("sharedKey"):
            return resource
        return _with_logs(resource, {**logs, "logAnalyticsConfiguration": {**configuration, "sharedKey": None}})

    def public_diff(self, before: Json, after: Json) -> tuple[Json, Json]:
        return self.public(before), self.public(after)


def _with_logs(environment: Json, logs: Json) -> Json:
    return {**environment, "properties": {**environment["properties"], "appLogsConfiguration": logs}}


def _validate_profiles(profiles: list[dict[str, Any]]) -> None:
    for profile in profiles:
        option = f"workload_profiles[{profile['name']}]"
        least, most = profile["minimum_count"], profile["maximum_count"]
        if least is not None and most is not None and least > most:
            raise InvalidOption(f"{option}.minimum_count", least, f"it is more than maximum_count ({most}).")
        if profile["type"].lower() == "consumption" and (least is not None or most is not None):
            raise InvalidOption(f"{option}.type", profile["type"], "Consumption has no number of machines.")


def _profiles(profiles: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    result = each(
        profiles,
        lambda profile: {
            "name": profile["name"],
            "workloadProfileType": profile["type"],
            "minimumCount": profile["minimum_count"],
            "maximumCount": profile["maximum_count"],
        },
    )
    if result is None or any(profile["workloadProfileType"].lower() == "consumption" for profile in result):
        return result
    # Azure adds it to each environment.
    return [{"name": "Consumption", "workloadProfileType": "Consumption"}, *result]
