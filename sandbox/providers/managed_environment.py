# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.App/managedEnvironments: Container Apps environments, and their storages and Dapr components.

Source: recorded responses of Azure, api-versions 2024-03-01 to 2025-10-02-preview.
"""

from __future__ import annotations

import hashlib
import secrets

from sandbox.arm.bodies import merge_patch, without_nulls
from sandbox.arm.errors import ArmError
from sandbox.arm.locations import region
from sandbox.arm.resource_type import Call, NameRule, Reply, ResourceType, system_data
from sandbox.arm.target import Target
from sandbox.messages import Json, Response, json_response
from sandbox.providers.container_template import display_name, event_stream_url
from sandbox.services.log_stream import auth_token
from sandbox.store import Operation, Resource

_WORDS = (
    ("yellow", "happy", "calm", "brave", "gentle", "kind", "lively", "mango", "proud", "salmon", "ashy", "polite"),
    ("sand", "water", "sea", "cliff", "field", "forest", "hill", "island", "meadow", "pond", "river", "wave"),
)
# https://learn.microsoft.com/azure/container-apps/quotas; the sandbox does not enforce it
ENVIRONMENTS_PER_REGION = 20
_NETWORK = {"internal": False, "dockerBridgeCidr": None, "platformReservedCidr": None, "platformReservedDnsIP": None}


def _new_domain(place: str) -> str:
    first, second = (secrets.choice(words) for words in _WORDS)
    return f"{first}{second}-{secrets.token_hex(4)}.{place}.azurecontainerapps.io"


def _log_analytics(requested: Json | None) -> Json | None:
    if not requested:
        return None
    dynamic = bool(requested.get("dynamicJsonColumns", False))
    return {"customerId": requested.get("customerId"), "sharedKey": None, "dynamicJsonColumns": dynamic}


class ManagedEnvironment(ResourceType):
    """A Container Apps environment."""

    type = "Microsoft.App/managedEnvironments"
    located = True
    name_rule = NameRule(
        r"(?!.*--)[a-zA-Z][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]",
        "InvalidManagedEnvironmentName",
        "Invalid ManagedEnvironment name '{name}'. A name must consist of alphanumeric characters or '-', "
        "start and end with an alphanumeric character, and be at most 60 characters long.",
    )
    create_reply = update_reply = Reply.ASYNC_OPERATION
    patch_reply = Reply.ACCEPTED_LOCATION
    delete_reply = Reply.ACCEPTED_LOCATION
    creating_state = "Waiting"
    seconds = {"create": 86.0, "update": 40.0, "delete": 985.0}
    status_path = "/subscriptions/{subscription}/providers/Microsoft.App/locations/{location}/managedEnvironmentOperationStatuses/{operation}"
    result_path = "/subscriptions/{subscription}/providers/Microsoft.App/locations/{location}/managedEnvironmentOperationResults/{operation}"

    provider_actions = {"locations/usages": "GET", "getCustomDomainVerificationId": "POST"}

    def run_provider_action(self, call: Call, action: str) -> Response:
        match action:
            case "locations/usages":
                return json_response(200, {"value": self._usages(call.target.names[0])})
            case "getCustomDomainVerificationId":
                return json_response(200, domain_verification_id(call.target.subscription.lower()))
        return super().run_provider_action(call, action)

    def _usages(self, location: str) -> list[Json]:
        """Return the number of environments in a region, and the quota."""
        environments = self.store.of_type(self.type)
        count = sum(self.location(environment) == region(location) for environment in environments)
        name = "ManagedEnvironmentCount"
        return [
            {
                "unit": "Count",
                "currentValue": count,
                "limit": ENVIRONMENTS_PER_REGION,
                "name": {"value": name, "localizedValue": name},
            }
        ]

    def busy(self, resource: Resource, running: Operation) -> ArmError:
        return ArmError(
            409,
            "ManagedEnvironmentOperationInProgress",
            f"Cannot modify Container Apps environment {resource.name} because another operation is in progress.",
            cause="",
        )

    def reply(self, call: Call, existing: Resource | None) -> Reply:
        """Return SYNC for a write that changes nothing."""
        if existing is not None and existing.state == "Succeeded":
            body, _private = self.build(call, existing)
            if {**body, "systemData": None} == {**existing.body, "systemData": None}:
                return Reply.SYNC
        return super().reply(call, existing)

    def check(self, call: Call, existing: Resource | None) -> None:
        logs = (call.body.get("properties") or {}).get("appLogsConfiguration") or {}
        analytics = logs.get("logAnalyticsConfiguration") or {}
        if logs.get("destination") == "log-analytics" and not (
            analytics.get("customerId") and (analytics.get("sharedKey") or existing)
        ):
            raise ArmError(
                400,
                "InvalidRequestParameterWithDetails",
                "LogAnalyticsConfiguration is invalid. Must provide a valid LogAnalyticsConfiguration",
                cause="",
            )
        if analytics.get("customerId") and analytics.get("sharedKey"):
            self._check_workspace(analytics)

    def run_action(self, call: Call, resource: Resource, action: str) -> Response:
        match action:
            case "workloadprofilestates":
                states = [_profile_state(resource, profile) for profile in _profiles(resource)]
                return json_response(200, {"value": states})
            case "getauthtoken":
                token = auth_token(self.context.directory, self.store, resource, self.type, call.caller)
                return json_response(200, token)
        return super().run_action(call, resource, action)

    def _check_workspace(self, analytics: Json) -> None:
        for workspace in self.store.of_type("Microsoft.OperationalInsights/workspaces"):
            if (
                workspace.properties["customerId"] == analytics["customerId"]
                and analytics["sharedKey"] in workspace.private.values()
            ):
                return
        raise ArmError(
            400,
            "InvalidRequestParameterWithDetails",
            "LogAnalyticsConfiguration.SharedKey is invalid. Must provide a valid SharedKey for the customerId",
            cause="",
        )

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body.get("properties") or {}
        current = existing.properties if existing else {}
        logs = requested.get("appLogsConfiguration")
        # A PATCH with null for both members removes the destination of the logs.
        logs = (current.get("appLogsConfiguration") if logs is None else logs) or {}
        analytics = logs.get("logAnalyticsConfiguration")
        place = region(call.body["location"])
        network = requested.get("vnetConfiguration") or current.get("vnetConfiguration")

        def setting(name: str) -> Json:
            return requested.get(name) or current.get(name) or {}

        group = f"ME_{call.target.name}_{call.target.resource_group}_{place}"
        domain = requested.get("customDomainConfiguration") or current.get("customDomainConfiguration") or {}
        insights = current.get("appInsightsConfiguration")
        if requested.get("appInsightsConfiguration") is not None:
            insights = (
                {"connectionString": None} if requested["appInsightsConfiguration"].get("connectionString") else None
            )
        profiles = [
            {**{key[0].lower() + key[1:]: value for key, value in profile.items()}, "enableFips": False}
            for profile in requested.get("workloadProfiles") or current.get("workloadProfiles") or []
        ]
        if not any(profile.get("name") == "Consumption" for profile in profiles):
            profiles.append({"workloadProfileType": "Consumption", "name": "Consumption", "enableFips": False})
        properties: Json = {
            "provisioningState": "",
            "daprAIInstrumentationKey": None,
            "daprAIConnectionString": None,
            "vnetConfiguration": {**_NETWORK, **network} if network else None,
            "defaultDomain": current.get("defaultDomain") or _new_domain(place),
            "staticIp": current.get("staticIp") or f"20.61.{secrets.randbelow(250)}.{secrets.randbelow(250)}",
            "appLogsConfiguration": {
                "destination": logs.get("destination"),
                "logAnalyticsConfiguration": _log_analytics(analytics),
            },
            "openTelemetryConfiguration": _telemetry(
                requested.get("openTelemetryConfiguration", current.get("openTelemetryConfiguration"))
            ),
            "zoneRedundant": bool(requested.get("zoneRedundant", current.get("zoneRedundant", False))),
            "availabilityZones": None,
            "kedaConfiguration": {"version": "2.17.2"},
            "daprConfiguration": {"version": "1.13.6-msft.6"},
            "ingressConfiguration": None,
            "eventStreamEndpoint": event_stream_url(call, f"managedEnvironments/{call.target.name}"),
            "customDomainConfiguration": {
                "customDomainVerificationId": domain_verification_id(call.target.subscription),
                "dnsSuffix": domain.get("dnsSuffix"),
                "certificateKeyVaultProperties": domain.get("certificateKeyVaultProperties"),
                "certificateValue": None,
                "certificatePassword": None,
                "thumbprint": None,
                "subjectName": None,
                "expirationDate": None,
            },
            "workloadProfiles": profiles,
            "appInsightsConfiguration": insights,
            "infrastructureResourceGroup": (requested.get("infrastructureResourceGroup") or group) if network else None,
            "peerAuthentication": merge_patch({"mtls": {"enabled": False}}, setting("peerAuthentication")),
            "peerTrafficConfiguration": merge_patch(
                {"encryption": {"enabled": False}}, setting("peerTrafficConfiguration")
            ),
            "publicNetworkAccess": requested.get("publicNetworkAccess")
            or current.get("publicNetworkAccess")
            or ("Disabled" if network and network.get("internal") else "Enabled"),
            "diskEncryptionConfiguration": None,
        }
        body: Json = {
            "location": display_name(call.body["location"]),
            "systemData": system_data(call.caller, existing),
            "properties": properties,
        }
        if identity := self.identity(call, existing, lower_group=True):
            body["identity"] = identity
        if call.body.get("tags"):
            body["tags"] = call.body["tags"]
        return body, {}

    def write_response(self, resource: Resource) -> Json:
        content = self.show(resource)
        if content["properties"]["vnetConfiguration"] is not None:
            content["properties"].pop("staticIp")
        if "identity" in content:
            content["identity"].pop("tenantId", None)
        return content


def _profiles(environment: Resource) -> list[Json]:
    return list(environment.properties.get("workloadProfiles") or [])


def _profile_state(environment: Resource, profile: Json) -> Json:
    """Return the state of a workload profile. A profile with dedicated nodes has its minimum number of them."""
    name, kind = profile["name"], profile["workloadProfileType"]
    fewest = {"currentCount": profile["minimumCount"]} if "minimumCount" in profile else {}
    limits = {limit: profile[limit] for limit in ("minimumCount", "maximumCount") if limit in profile}
    at = f"{environment.id}/workloadProfileStates/{name}"
    return {
        "id": at,
        "name": name,
        "type": kind,
        "properties": {**fewest, "workloadProfileType": kind, "name": name, **limits},
    }


def domain_verification_id(subscription: str) -> str:
    """Return the content of the TXT record for a custom domain: the same for the whole subscription."""
    return hashlib.sha256(subscription.encode()).hexdigest().upper()


def _telemetry(requested: Json | None) -> Json | None:
    """Return the OpenTelemetry settings without keys; None where they have no destination."""
    kinds = {"tracesConfiguration": "includeDapr", "logsConfiguration": None, "metricsConfiguration": "includeKeda"}
    settings: Json = {}
    for kind, option in kinds.items():
        sent = (requested or {}).get(kind) or {}
        include = {option: bool(sent.get(option))} if option is not None else {}
        settings[kind] = {**include, "destinations": sent["destinations"]} if sent.get("destinations") else None
    if not any(settings.values()):
        return None
    destinations = dict((requested or {}).get("destinationsConfiguration") or {})
    if destinations.get("dataDogConfiguration"):
        destinations["dataDogConfiguration"] = {**destinations["dataDogConfiguration"], "key": None}
    configuration = {"otlpConfigurations": None, **destinations} if destinations else None
    return {"destinationsConfiguration": configuration, **settings}


class EnvironmentStorage(ResourceType):
    """A file share that the apps of an environment can mount."""

    type = "Microsoft.App/managedenvironments/storages"
    id_type = "Microsoft.App/managedEnvironments/storages"
    created_status = 200
    shows_state = False
    name_rule = NameRule(
        r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?",
        "ManagedEnvironmentStorageInvalidName",
        "Invalid ManagedEnvironment Storage name '{name}'. A name must consist of lower case alphanumeric characters or '-', start and "
        "end with an alphanumeric character, and be at most 32 characters long.",
    )

    def not_found(self, target: Target) -> ArmError:
        return ArmError(
            404,
            "ManagedEnvironmentStorageNotFound",
            f"ManagedEnvironment Storage '{target.name}' was not found.",
            cause="",
        )

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = call.body.get("properties") or {}
        kinds = [kind for kind in ("azureFile", "nfsAzureFile") if requested.get(kind)]
        if len(kinds) != 1:
            raise _invalid_storage("exactly one of azureFile and nfsAzureFile must be given")
        share = requested[kinds[0]]
        needed = ["accountName", "accountKey", "shareName"] if kinds[0] == "azureFile" else ["server", "shareName"]
        if existing is not None and existing.private.get("key"):
            needed = [name for name in needed if name != "accountKey"]
        if missing := [name for name in needed if not share.get(name)]:
            raise _invalid_storage(f"{', '.join(missing)} of {kinds[0]} must be given")
        if share.get("accessMode") not in ("ReadOnly", "ReadWrite"):
            raise _invalid_storage(f"accessMode '{share.get('accessMode')}' is neither ReadOnly nor ReadWrite")

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body["properties"]
        kind = "azureFile" if requested.get("azureFile") else "nfsAzureFile"
        share = requested[kind]
        content = {
            name: share[name] for name in ("accountName", "server", "shareName", "accessMode") if share.get(name)
        }
        key = share.get("accountKey") or (existing.private.get("key") if existing else None)
        return {"properties": {kind: content}}, {"key": key}


def _invalid_storage(reason: str) -> ArmError:
    return ArmError(
        400, "InvalidRequestParameterWithDetails", f"ManagedEnvironment Storage is invalid: {reason}.", cause=""
    )


class DaprComponent(ResourceType):
    """A Dapr component of an environment."""

    type = "Microsoft.App/managedEnvironments/daprComponents"
    created_status = 200
    deleted_status = 204
    shows_state = False

    def not_found(self, target: Target) -> ArmError:
        return ArmError(
            404, "DaprComponentNotFound", f"Dapr Component with name '{target.name}' was not found.", cause=""
        )

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = call.body.get("properties") or {}
        if missing := [name for name in ("componentType", "version") if not requested.get(name)]:
            raise ArmError(
                400,
                "InvalidRequestParameterWithDetails",
                f"Dapr Component is invalid: {', '.join(missing)} must be given.",
                cause="",
            )

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body["properties"]
        properties = {
            name: without_nulls(value) for name, value in requested.items() if value is not None and name != "secrets"
        }
        private = {}
        if requested.get("secrets"):
            private = {"secrets": {item["name"]: item.get("value") or "" for item in requested["secrets"]}}
            properties["secrets"] = [{"name": item["name"]} for item in requested["secrets"]]
        return {"systemData": system_data(call.caller, existing), "properties": properties}, private
