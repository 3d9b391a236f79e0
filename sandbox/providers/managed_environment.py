# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.App/managedEnvironments: Container Apps environments, and the storages and Dapr components that they hold.

What Azure fills in and how it answers was read from recorded answers of Azure, api-versions 2024-03-01 to 2025-10-02-preview.
"""

from __future__ import annotations

import hashlib
import secrets

from sandbox.arm.resource_type import (
    ArmError,
    Call,
    Json,
    NameRule,
    Reply,
    ResourceType,
    Target,
    merge_patch,
    region,
    system_data,
    without_nulls,
)
from sandbox.messages import Response, json_response
from sandbox.providers.container_template import display, event_stream
from sandbox.services.log_stream import auth_token
from sandbox.store import Resource

_WORDS = (
    ("yellow", "happy", "calm", "brave", "gentle", "kind", "lively", "mango", "proud", "salmon", "ashy", "polite"),
    ("sand", "water", "sea", "cliff", "field", "forest", "hill", "island", "meadow", "pond", "river", "wave"),
)
_NETWORK = {"internal": False, "dockerBridgeCidr": None, "platformReservedCidr": None, "platformReservedDnsIP": None}


def _new_domain(place: str) -> str:
    first, second = (secrets.choice(words) for words in _WORDS)
    return f"{first}{second}-{secrets.token_hex(4)}.{place}.azurecontainerapps.io"


def _shown_analytics(asked: Json | None) -> Json | None:
    if not asked:
        return None
    dynamic = bool(asked.get("dynamicJsonColumns", False))
    return {"customerId": asked.get("customerId"), "sharedKey": None, "dynamicJsonColumns": dynamic}


class ManagedEnvironment(ResourceType):
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

    def reply(self, call: Call, existing: Resource | None) -> Reply:
        """A write that changes nothing is done at once."""
        if existing is not None and existing.state == "Succeeded":
            settled, known = self.settle(call, existing)[0], {**existing.body}
            if {**settled, "systemData": None} == {**known, "systemData": None}:
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

    def act(self, call: Call, resource: Resource, action: str) -> Response:
        if action == "workloadprofilestates":
            return json_response(200, {"value": [_profile_state(resource, one) for one in _profiles(resource)]})
        if action != "getauthtoken":
            return super().act(call, resource, action)
        return json_response(200, auth_token(self.context.directory, self.store, resource, self.type, call.caller))

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

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = call.body.get("properties") or {}
        known = existing.properties if existing else {}
        logs = asked.get("appLogsConfiguration")
        # A PATCH with null for both of its members leaves it empty: then nothing is logged any more.
        logs = (known.get("appLogsConfiguration") if logs is None else logs) or {}
        analytics = logs.get("logAnalyticsConfiguration")
        place = region(call.body["location"])
        network = asked.get("vnetConfiguration") or known.get("vnetConfiguration")

        def chosen(name: str) -> Json:
            return asked.get(name) or known.get(name) or {}

        group = f"ME_{call.target.name}_{call.target.resource_group}_{place}"
        domain = asked.get("customDomainConfiguration") or known.get("customDomainConfiguration") or {}
        insights = known.get("appInsightsConfiguration")
        if asked.get("appInsightsConfiguration") is not None:
            insights = {"connectionString": None} if asked["appInsightsConfiguration"].get("connectionString") else None
        profiles = [
            {**{key[0].lower() + key[1:]: value for key, value in profile.items()}, "enableFips": False}
            for profile in asked.get("workloadProfiles") or known.get("workloadProfiles") or []
        ]
        if not any(profile.get("name") == "Consumption" for profile in profiles):
            profiles.append({"workloadProfileType": "Consumption", "name": "Consumption", "enableFips": False})
        properties: Json = {
            "provisioningState": "",
            "daprAIInstrumentationKey": None,
            "daprAIConnectionString": None,
            "vnetConfiguration": {**_NETWORK, **network} if network else None,
            "defaultDomain": known.get("defaultDomain") or _new_domain(place),
            "staticIp": known.get("staticIp") or f"20.61.{secrets.randbelow(250)}.{secrets.randbelow(250)}",
            "appLogsConfiguration": {
                "destination": logs.get("destination"),
                "logAnalyticsConfiguration": _shown_analytics(analytics),
            },
            "openTelemetryConfiguration": _telemetry(
                asked.get("openTelemetryConfiguration", known.get("openTelemetryConfiguration"))
            ),
            "zoneRedundant": bool(asked.get("zoneRedundant", known.get("zoneRedundant", False))),
            "availabilityZones": None,
            "kedaConfiguration": {"version": "2.17.2"},
            "daprConfiguration": {"version": "1.13.6-msft.6"},
            "ingressConfiguration": None,
            "eventStreamEndpoint": event_stream(call, f"managedEnvironments/{call.target.name}"),
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
            "infrastructureResourceGroup": (asked.get("infrastructureResourceGroup") or group) if network else None,
            "peerAuthentication": merge_patch({"mtls": {"enabled": False}}, chosen("peerAuthentication")),
            "peerTrafficConfiguration": merge_patch(
                {"encryption": {"enabled": False}}, chosen("peerTrafficConfiguration")
            ),
            "publicNetworkAccess": asked.get("publicNetworkAccess") or known.get("publicNetworkAccess") or "Enabled",
            "diskEncryptionConfiguration": None,
        }
        body: Json = {
            "location": display(call.body["location"]),
            "systemData": system_data(call.caller, existing),
            "properties": properties,
        }
        if identity := self.identity(call, existing, lower_group=True):
            body["identity"] = identity
        if call.body.get("tags"):
            body["tags"] = call.body["tags"]
        return body, {}

    def unsettled(self, resource: Resource) -> Json:
        shown = self.show(resource)
        if shown["properties"]["vnetConfiguration"] is not None:
            shown["properties"].pop("staticIp")
        if "identity" in shown:
            shown["identity"].pop("tenantId", None)
        return shown


def _profiles(environment: Resource) -> list[Json]:
    return list(environment.properties.get("workloadProfiles") or [])


def _profile_state(environment: Resource, profile: Json) -> Json:
    """One workload profile in use; those of their own nodes say how many there are: as few as may be."""
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
    """What a DNS record has to say for a domain of one's own: the same for all of a subscription."""
    return hashlib.sha256(subscription.encode()).hexdigest().upper()


def _telemetry(asked: Json | None) -> Json | None:
    """The OpenTelemetry settings: keys are not shown, and settings without a destination are none."""
    kinds = {"tracesConfiguration": "includeDapr", "logsConfiguration": None, "metricsConfiguration": "includeKeda"}
    shown: Json = {}
    for kind, option in kinds.items():
        sent = (asked or {}).get(kind) or {}
        chosen = {option: bool(sent.get(option))} if option is not None else {}
        shown[kind] = {**chosen, "destinations": sent["destinations"]} if sent.get("destinations") else None
    if not any(shown.values()):
        return None
    destinations = dict((asked or {}).get("destinationsConfiguration") or {})
    if destinations.get("dataDogConfiguration"):
        destinations["dataDogConfiguration"] = {**destinations["dataDogConfiguration"], "key": None}
    found = {"otlpConfigurations": None, **destinations} if destinations else None
    return {"destinationsConfiguration": found, **shown}


class EnvironmentStorage(ResourceType):
    """File shares that the apps of an environment may mount."""

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
        asked = call.body.get("properties") or {}
        kinds = [kind for kind in ("azureFile", "nfsAzureFile") if asked.get(kind)]
        if len(kinds) != 1:
            raise _invalid_storage("exactly one of azureFile and nfsAzureFile must be given")
        share = asked[kinds[0]]
        needed = ["accountName", "accountKey", "shareName"] if kinds[0] == "azureFile" else ["server", "shareName"]
        if existing is not None and existing.private.get("key"):
            needed = [name for name in needed if name != "accountKey"]
        if missing := [name for name in needed if not share.get(name)]:
            raise _invalid_storage(f"{', '.join(missing)} of {kinds[0]} must be given")
        if share.get("accessMode") not in ("ReadOnly", "ReadWrite"):
            raise _invalid_storage(f"accessMode '{share.get('accessMode')}' is neither ReadOnly nor ReadWrite")

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = call.body["properties"]
        kind = "azureFile" if asked.get("azureFile") else "nfsAzureFile"
        share = asked[kind]
        shown = {name: share[name] for name in ("accountName", "server", "shareName", "accessMode") if share.get(name)}
        key = share.get("accountKey") or (existing.private.get("key") if existing else None)
        return {"properties": {kind: shown}}, {"key": key}


def _invalid_storage(reason: str) -> ArmError:
    return ArmError(
        400, "InvalidRequestParameterWithDetails", f"ManagedEnvironment Storage is invalid: {reason}.", cause=""
    )


class DaprComponent(ResourceType):
    type = "Microsoft.App/managedEnvironments/daprComponents"
    created_status = 200
    deleted_status = 204
    shows_state = False

    def not_found(self, target: Target) -> ArmError:
        return ArmError(
            404, "DaprComponentNotFound", f"Dapr Component with name '{target.name}' was not found.", cause=""
        )

    def check(self, call: Call, existing: Resource | None) -> None:
        asked = call.body.get("properties") or {}
        if missing := [name for name in ("componentType", "version") if not asked.get(name)]:
            raise ArmError(
                400,
                "InvalidRequestParameterWithDetails",
                f"Dapr Component is invalid: {', '.join(missing)} must be given.",
                cause="",
            )

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = call.body["properties"]
        properties = {
            name: without_nulls(value) for name, value in asked.items() if value is not None and name != "secrets"
        }
        private = {}
        if asked.get("secrets"):
            private = {"secrets": {item["name"]: item.get("value") or "" for item in asked["secrets"]}}
            properties["secrets"] = [{"name": item["name"]} for item in asked["secrets"]]
        return {"systemData": system_data(call.caller, existing), "properties": properties}, private
