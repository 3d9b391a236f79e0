# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.App: Container Apps environments, container apps, their revisions and replicas.

What Azure fills in and how it answers was read from recorded answers of Azure, api-versions 2024-03-01 to 2025-10-02-preview.
"""

from __future__ import annotations

import copy
import hashlib
import secrets
import string
import time
from typing import Any

from sandbox.containers import Container, Replica
from sandbox.messages import Response, json_response
from sandbox.resource_types import (
    REGIONS,
    ArmError,
    Call,
    Context,
    Json,
    NameRule,
    Reply,
    ResourceType,
    Target,
    assigned_identities,
    merge_patch,
    region,
    system_data,
)  # fmt: skip
from sandbox.runtime import Runtime
from sandbox.store import Operation, Resource

_WORDS = (
    ("yellow", "happy", "calm", "brave", "gentle", "kind", "lively", "mango", "proud", "salmon", "ashy", "polite"),
    ("sand", "water", "sea", "cliff", "field", "forest", "hill", "island", "meadow", "pond", "river", "wave"),
)
_TARGETS = {"cooldownPeriod": 300, "pollingInterval": 30}


_NETWORK = {"internal": False, "dockerBridgeCidr": None, "platformReservedCidr": None, "platformReservedDnsIP": None}


def _event_stream(call: Call, resource: str) -> str:
    target = call.target
    group = f"/subscriptions/{target.subscription}/resourceGroups/{target.resource_group}"
    return f"https://{region(call.body['location'])}.azurecontainerapps.dev{group}/{resource}/eventstream"


def _new_domain(place: str) -> str:
    first, second = (secrets.choice(words) for words in _WORDS)
    return f"{first}{second}-{secrets.token_hex(4)}.{place}.azurecontainerapps.io"


def _shown_analytics(asked: Json | None) -> Json | None:
    if not asked:
        return None
    dynamic = bool(asked.get("dynamicJsonColumns", False))
    return {"customerId": asked.get("customerId"), "sharedKey": None, "dynamicJsonColumns": dynamic}


def _display(location: str) -> str:
    return REGIONS[region(location)]


class ManagedEnvironment(ResourceType):
    type = "Microsoft.App/managedEnvironments"
    located = True
    name_rule = NameRule(
        r"(?!.*--)[a-z0-9A-Z]([a-zA-Z0-9-]{0,58}[a-zA-Z0-9])?",
        "InvalidManagedEnvironmentName",
        "Invalid ManagedEnvironment name '{name}'. A name must consist of alphanumeric characters or '-', "
        "start and end with an alphanumeric character, and be at most 60 characters long.",
    )
    create_reply = update_reply = Reply.ASYNC_OPERATION
    delete_reply = Reply.ACCEPTED_LOCATION
    creating_state = "Waiting"
    seconds = {"create": 86.0, "update": 40.0, "delete": 985.0}
    status_path = "/subscriptions/{subscription}/providers/Microsoft.App/locations/{location}/managedEnvironmentOperationStatuses/{operation}"
    result_path = "/subscriptions/{subscription}/providers/Microsoft.App/locations/{location}/managedEnvironmentOperationResults/{operation}"

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
        logs = asked.get("appLogsConfiguration") or known.get("appLogsConfiguration") or {}
        analytics = logs.get("logAnalyticsConfiguration")
        place = region(call.body["location"])
        network = asked.get("vnetConfiguration") or known.get("vnetConfiguration")
        profiles = [{"workloadProfileType": "Consumption", "name": "Consumption", "enableFips": False}]
        for profile in asked.get("workloadProfiles") or known.get("workloadProfiles") or []:
            folded = {key[0].lower() + key[1:]: value for key, value in profile.items()}
            if folded.get("name") != "Consumption":
                profiles.append({**folded, "enableFips": False})
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
            "openTelemetryConfiguration": asked.get("openTelemetryConfiguration", known.get("openTelemetryConfiguration")),
            "zoneRedundant": bool(asked.get("zoneRedundant", known.get("zoneRedundant", False))),
            "availabilityZones": None,
            "kedaConfiguration": {"version": "2.17.2"},
            "daprConfiguration": {"version": "1.13.6-msft.6"},
            "ingressConfiguration": None,
            "eventStreamEndpoint": _event_stream(call, f"managedEnvironments/{call.target.name}"),
            "customDomainConfiguration": {
                "customDomainVerificationId": hashlib.sha256(call.target.subscription.encode()).hexdigest().upper(),
                "dnsSuffix": None, "certificateKeyVaultProperties": None, "certificateValue": None, "certificatePassword": None,
                "thumbprint": None, "subjectName": None, "expirationDate": None,
            },
            "workloadProfiles": profiles,
            "appInsightsConfiguration": None,
            "infrastructureResourceGroup": f"ME_{call.target.name}_{call.target.resource_group}_{place}" if network else None,
            "peerAuthentication": {"mtls": {"enabled": False}},
            "peerTrafficConfiguration": {"encryption": {"enabled": False}},
            "publicNetworkAccess": asked.get("publicNetworkAccess") or known.get("publicNetworkAccess") or "Enabled",
            "diskEncryptionConfiguration": None,
        }  # fmt: skip
        body: Json = {
            "location": _display(call.body["location"]),
            "systemData": system_data(call.caller, existing),
            "properties": properties,
        }
        if identity := assigned_identities(self.store, call.body.get("identity"), lower_group=True):
            body["identity"] = identity
        if call.body.get("tags"):
            body["tags"] = call.body["tags"]
        return body, {}


class ContainerApp(ResourceType):
    type = "Microsoft.App/containerApps"
    id_type = "Microsoft.App/containerapps"
    located = True
    name_rule = NameRule(
        r"(?!.*--)[a-z]([a-z0-9-]{0,30}[a-z0-9])?",
        "ContainerAppInvalidName",
        "Invalid ContainerApp name '{name}'. A name must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        "character, and end with an alphanumeric character and cannot have '--'. The length must not be more than 32 characters.",
    )
    create_reply = update_reply = Reply.ASYNC_OPERATION
    delete_reply = Reply.ACCEPTED_LOCATION
    creating_state = updating_state = "InProgress"
    seconds = {"create": 11.0, "update": 11.0, "delete": 10.0}
    status_path = "/subscriptions/{subscription}/providers/Microsoft.App/locations/{location}/containerappOperationStatuses/{operation}"
    result_path = "/subscriptions/{subscription}/providers/Microsoft.App/locations/{location}/containerappOperationResults/{operation}"

    def __init__(self, context: Context, runtime: Runtime) -> None:
        super().__init__(context)
        self.runtime = runtime

    def not_found(self, target: Target) -> ArmError:
        error = super().not_found(target)
        return ArmError(
            error.status,
            error.code,
            error.message.replace("Microsoft.App/containerapps/", "Microsoft.App/containerApps/"),
        )

    def check(self, call: Call, existing: Resource | None) -> None:
        properties = call.body.get("properties") or {}
        self._check_environment(properties)
        configuration, template = properties.get("configuration") or {}, properties.get("template") or {}
        listed = configuration.get("secrets") or []
        known = {item["name"] for item in listed}
        invalid = [item["name"] for item in listed if not item.get("value") and not item.get("keyVaultUrl")]
        if invalid:
            raise ArmError(
                400,
                "ContainerAppSecretInvalid",
                f"Invalid Request: Container app secret(s) with name(s) '{', '.join(invalid)}' are invalid: "
                "value or keyVaultUrl and identity should be provided.",
                cause="",
            )
        for entry in configuration.get("registries") or []:
            if entry.get("passwordSecretRef") and entry["passwordSecretRef"] not in known:
                raise ArmError(
                    400,
                    "ContainerAppRegistriesPasswordSecretRefNotFound",
                    f"PasswordSecretRef '{entry['passwordSecretRef']}' defined for registry server '{entry.get('server')}' not found.",
                    cause="",
                )
        self._check_template(template, known)

    def _check_environment(self, properties: Json) -> None:
        wanted = properties.get("environmentId") or properties.get("managedEnvironmentId")
        environment = self.store.get(str(wanted)) if wanted else None
        if environment is None:
            raise ArmError(404, "ManagedEnvironmentNotFound", f"Environment {wanted} was not found.", cause="")
        if environment.state != "Succeeded" and environment.state != "Updating":
            raise ArmError(
                400,
                "ManagedEnvironmentNotProvisioned",
                f"The environment '{wanted}' has not been provisioned successfully.",
                cause="",
            )

    def _check_template(self, template: Json, secret_names: set[str]) -> None:
        containers = template.get("containers") or []
        if not containers:
            raise ArmError(
                400,
                "ContainerAppContainersRequired",
                "The container app's template must have at least one container.",
                cause="",
            )
        for container in containers:
            if not container.get("image"):
                raise ArmError(
                    400,
                    "ContainerAppImageRequired",
                    f"Container with name '{container.get('name')}' must have an 'Image' property specified.",
                    cause="",
                )
            for item in container.get("env") or []:
                if item.get("secretRef") and item["secretRef"] not in secret_names:
                    raise ArmError(
                        400,
                        "ContainerAppSecretRefNotFound",
                        f"SecretRef '{item['secretRef']}' defined for container '{container.get('name')}' not found.",
                        cause="",
                    )
            _check_resources(container.get("resources") or {})
        scale = template.get("scale") or {}
        low, high = scale.get("minReplicas"), scale.get("maxReplicas")
        if low is not None and high is not None and int(low) > int(high):
            raise ArmError(
                400,
                "ContainerAppInvalidScaleSpec",
                f"Invalid scale specified. MinReplicas {low} must be less than or equal to MaxReplicas {high}.",
                cause="",
            )

    def merge(self, call: Call, existing: Resource) -> Json:
        """A PATCH keeps the secrets that it does not name; a PUT does not."""
        body: Json = merge_patch(existing.body, call.body)
        if not ((call.body.get("properties") or {}).get("configuration") or {}).get("secrets"):
            body["properties"]["configuration"]["secrets"] = _secrets(existing)
        return body

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = call.body["properties"]
        known = existing.properties if existing else {}
        environment = self.store.get(str(asked.get("environmentId") or asked.get("managedEnvironmentId")))
        domain = environment.properties["defaultDomain"] if environment else ""
        name = call.target.name
        private = {"identity_header": str(secrets.token_hex(16)), **(existing.private if existing else {})}
        configuration = asked.get("configuration") or {}
        listed = configuration.get("secrets") or []
        private["secrets"] = {item["name"]: item.get("value", "") for item in listed}
        private["references"] = {
            item["name"]: {key: item[key] for key in ("keyVaultUrl", "identity")}
            for item in listed
            if item.get("keyVaultUrl")
        }
        ingress = _ingress(configuration.get("ingress"), name, domain)
        template = _template(asked.get("template") or {})
        suffix = template["revisionSuffix"]
        previous = known.get("latestRevisionName")
        if previous and template == known.get("template"):
            latest = previous
        elif suffix:
            latest = f"{name}--{suffix}"
        else:
            private["revisions"] = int(private.get("revisions", -1)) + 1
            latest = (
                f"{name}--{private['revisions']:07d}"
                if previous
                else f"{name}--{''.join(secrets.choice(string.ascii_lowercase + string.digits) for _time in range(7))}"
            )
        fqdn = f"{latest}.{'' if ingress and ingress['external'] else 'internal.'}{domain}" if ingress else ""
        properties: Json = {
            "provisioningState": "",
            "runningStatus": known.get("runningStatus") or "Running",
            "managedEnvironmentId": environment.id if environment else None,
            "environmentId": environment.id if environment else None,
            "workloadProfileName": asked.get("workloadProfileName") or known.get("workloadProfileName") or "Consumption",
            "patchingMode": "Automatic",
            "outboundIpAddresses": ["20.50.2.1", "20.50.2.2"],
            "latestRevisionName": latest,
            "latestReadyRevisionName": known.get("latestReadyRevisionName"),
            "latestRevisionFqdn": fqdn,
            "customDomainVerificationId": hashlib.sha256(call.target.subscription.encode()).hexdigest().upper(),
            "configuration": {
                "secrets": [{"name": key, **private.get("references", {}).get(key, {})} for key in private["secrets"]] or None,
                "activeRevisionsMode": str(configuration.get("activeRevisionsMode") or "Single").capitalize(),
                "targetLabel": configuration.get("targetLabel") or "",
                "revisionTransitionThreshold": None,
                "ingress": ingress,
                "registries": [_registry(entry) for entry in configuration.get("registries") or []] or None,
                "identitySettings": configuration.get("identitySettings") or [],
                "dapr": configuration.get("dapr"),
                "runtime": configuration.get("runtime"),
                "maxInactiveRevisions": int(configuration.get("maxInactiveRevisions") or 100),
                "service": configuration.get("service"),
            },
            "template": template,
            "eventStreamEndpoint": _event_stream(call, f"containerApps/{name}"),
            "delegatedIdentities": [],
        }  # fmt: skip
        body: Json = {
            "location": _display(call.body["location"]),
            "systemData": system_data(call.caller, existing),
            "properties": properties,
        }
        body["identity"] = assigned_identities(self.store, call.body.get("identity"), lower_group=True) or {
            "type": "None"
        }
        if call.body.get("tags"):
            body["tags"] = call.body["tags"]
        return body, private

    def unsettled(self, resource: Resource) -> Json:
        shown = self.show(resource)
        properties = shown["properties"]
        for name in (
            "runningStatus",
            "latestRevisionName",
            "latestReadyRevisionName",
            "latestRevisionFqdn",
            "eventStreamEndpoint",
        ):
            properties.pop(name, None)
        return shown

    def show(self, resource: Resource) -> Json:
        shown = super().show(resource)
        if shown["properties"].get("latestReadyRevisionName") is None:
            shown["properties"].pop("latestReadyRevisionName", None)
        return shown

    def begin(self, resource: Resource, operation: Operation, call: Call) -> bool:
        self.runtime.provision(resource, operation)
        return True

    def removed(self, resource: Resource) -> None:
        self.runtime.remove(resource)

    def act(self, call: Call, resource: Resource, action: str) -> Response:
        if action == "listsecrets":
            return json_response(200, {"value": _secrets(resource)})
        if action == "getauthtoken":
            return json_response(
                200, {"location": resource.body["location"], "properties": {"token": secrets.token_urlsafe(32)}}
            )
        return super().act(call, resource, action)


def _secrets(app: Resource) -> list[Json]:
    """An app's secrets with their values, or with where Key Vault has them."""
    references = app.private.get("references", {})
    return [
        {"name": name, **references[name]} if name in references else {"name": name, "value": value}
        for name, value in app.private.get("secrets", {}).items()
    ]


def _check_resources(resources: Json) -> None:
    """CPU and memory come in fixed pairs on the Consumption plan: 2 Gi to each CPU, in steps of a quarter."""
    if resources.get("cpu") is None and resources.get("memory") is None:
        return
    cpu = float(resources.get("cpu") or 0.5)
    memory = float(str(resources.get("memory") or "1Gi").removesuffix("Gi") or 0)
    if cpu * 4 != int(cpu * 4) or not 0.25 <= cpu <= 4 or memory != cpu * 2:
        pairs = ", ".join(f"{step / 4:g}vCPU-{step / 2:g}Gi" for step in range(1, 17))
        raise ArmError(
            400,
            "ContainerAppInvalidResourceTotal",
            f"The total requested CPU and memory resources for this application (CPU: {cpu:g}, memory: {memory:g}) is invalid. "
            f"Total CPU and memory for all containers defined in a Container App must add up to one of the following CPU - Memory combinations: {pairs}",
            cause="",
        )


def _ephemeral_storage(cpu: float) -> str:
    return "1Gi" if cpu <= 0.25 else "2Gi" if cpu <= 0.5 else "4Gi" if cpu <= 1 else "8Gi"


def _container(spec: Json) -> Json:
    resources = spec.get("resources") or {}
    cpu = float(resources.get("cpu") or 0.5)
    memory = str(resources.get("memory") or "1Gi").removesuffix("Gi")
    shown: Json = {
        "image": spec["image"],
        "imageType": "ContainerImage",
        "name": spec.get("name"),
        **{name: spec[name] for name in ("command", "args") if spec.get(name)},
    }
    if env := spec.get("env"):
        shown["env"] = [
            {
                "name": item["name"],
                **({"secretRef": item["secretRef"]} if item.get("secretRef") else {"value": item.get("value") or ""}),
            }
            for item in env
        ]
    shown["resources"] = {
        "cpu": int(cpu) if cpu == int(cpu) else cpu,
        "memory": f"{float(memory):g}Gi",
        "ephemeralStorage": _ephemeral_storage(cpu),
    }
    for name in ("probes", "volumeMounts"):
        if spec.get(name):
            shown[name] = copy.deepcopy(spec[name])
    return shown


def _template(asked: Json) -> Json:
    scale = asked.get("scale") or {}
    return {
        "revisionSuffix": asked.get("revisionSuffix") or "",
        "terminationGracePeriodSeconds": asked.get("terminationGracePeriodSeconds"),
        "containers": [_container(spec) for spec in asked.get("containers") or []],
        "initContainers": [_container(spec) for spec in asked.get("initContainers") or []] or None,
        "scale": {
            "minReplicas": scale.get("minReplicas"),
            "maxReplicas": int(scale.get("maxReplicas") or 10),
            **{name: int(scale.get(name) or default) for name, default in _TARGETS.items()},
            "rules": [
                {key: value for key, value in rule.items() if value is not None} for rule in scale.get("rules") or []
            ]
            or None,
        },
        "volumes": [
            {key: value for key, value in volume.items() if value is not None} for volume in asked.get("volumes") or []
        ]
        or None,
        "serviceBinds": asked.get("serviceBinds"),
    }


def _ingress(asked: Json | None, name: str, domain: str) -> Json | None:
    if not asked:
        return None
    external = bool(asked.get("external"))

    def listed(key: str) -> Any:
        return asked.get(key) or None

    traffic = [
        {key: value for key, value in item.items() if value not in (None, False)} for item in asked.get("traffic") or []
    ]
    return {
        "fqdn": f"{name}.{'' if external else 'internal.'}{domain}",
        "external": external,
        "targetPort": int(asked.get("targetPort") or 0),
        "exposedPort": int(asked.get("exposedPort") or 0),
        "transport": str(asked.get("transport") or "Auto").capitalize(),
        "traffic": traffic or [{"weight": 100, "latestRevision": True}],
        "customDomains": listed("customDomains"),
        "allowInsecure": bool(asked.get("allowInsecure")),
        "ipSecurityRestrictions": listed("ipSecurityRestrictions"),
        "corsPolicy": asked.get("corsPolicy"),
        "clientCertificateMode": asked.get("clientCertificateMode"),
        "stickySessions": asked.get("stickySessions"),
        "additionalPortMappings": listed("additionalPortMappings"),
        "targetPortHttpScheme": asked.get("targetPortHttpScheme"),
    }


def _registry(entry: Json) -> Json:
    identity = str(entry.get("identity") or "")
    return {
        "server": entry.get("server"),
        "username": entry.get("username") or "",
        "passwordSecretRef": entry.get("passwordSecretRef") or "",
        "identity": identity.replace("/resourceGroups/", "/resourcegroups/"),
    }


class Revision(ResourceType):
    """Revisions, made by writes to the app alone."""

    type = "Microsoft.App/containerapps/revisions"
    id_type = "Microsoft.App/containerApps/revisions"
    shows_state = False

    def __init__(self, context: Context, runtime: Runtime) -> None:
        super().__init__(context)
        self.runtime = runtime

    def not_found(self, target: Target) -> ArmError:
        return ArmError(
            404,
            "RevisionNotFound",
            f"Revision '{target.name}' was not found in container app '{target.names[0]}'.",
            cause="",
        )

    def check(self, call: Call, existing: Resource | None) -> None:
        raise ArmError(405, "HttpMethodNotAllowed", "Revisions are made by writing the container app.", cause="")

    def act(self, call: Call, resource: Resource, action: str) -> Response:
        if action == "restart":
            self.runtime.restart(resource)
            return json_response(200, "Restart succeeded")
        if action in ("activate", "deactivate"):
            self.runtime.set_active(resource, action == "activate")
            return json_response(200, f"{action.capitalize()} succeeded")
        if action == "replicas":
            return json_response(
                200, {"value": [_show_replica(resource, replica) for replica in self.runtime.replicas(resource)]}
            )
        return super().act(call, resource, action)


def _show_replica(revision: Resource, replica: Replica) -> Json:
    return {
        "id": f"{revision.id}/replicas/{replica.name}",
        "name": replica.name,
        "type": "Microsoft.App/containerapps/revisions/replicas",
        "properties": {
            "createdTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(replica.created)),
            "runningState": "Running" if replica.ready else "NotRunning",
            "runningStateDetails": "",
            "containers": [_show_container(container) for container in replica.containers],
            "initContainers": [_show_container(container) for container in replica.init_containers],
        },
    }


def _show_container(container: Container) -> Json:
    state, details = "Waiting", container.last_error
    if container.program is not None and container.started_at is not None:
        state = "Running"
        started = time.gmtime(container.started_at)
        details = f"Container started at: {time.strftime('%m/%d/%Y %I:%M:%S %p', started)}."
    elif container.exit_code == 0 and container.ready:
        state, details = "Terminated", "Completed"
    elif container.restarts:
        details = details or f"CrashLoopBackOff: the container ended with exit code {container.exit_code}."
    return {
        "name": container.name,
        "containerId": container.program.id if container.program is not None else "",
        "ready": container.ready,
        "started": container.started,
        "restartCount": container.restarts,
        "runningState": state,
        "runningStateDetails": details,
    }
