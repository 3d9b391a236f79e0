# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.App: container apps, their revisions and replicas.

Source: recorded responses of Azure, api-versions 2024-03-01 to 2025-10-02-preview.
"""

from __future__ import annotations

import re
import secrets
import string
import time
from typing import TYPE_CHECKING, Any

from sandbox.arm.bodies import merge_patch, without_nulls
from sandbox.arm.errors import ArmError
from sandbox.arm.locations import region
from sandbox.arm.resource_type import Call, Context, NameRule, Reply, ResourceType, system_data
from sandbox.arm.target import Target
from sandbox.messages import Json, Response, json_response
from sandbox.providers.container_template import (
    check_configuration,
    check_environment,
    check_template,
    container,
    dapr,
    display_name,
    event_stream_url,
    public_secrets,
    registry,
    response_registries,
    secret_names,
    secrets_with_values,
    set_response_defaults,
    stored_secrets,
    volumes,
)
from sandbox.providers.managed_environment import domain_verification_id
from sandbox.providers.template_rules import check_template_rules
from sandbox.services.log_stream import auth_token
from sandbox.store import Operation, Resource

if TYPE_CHECKING:
    from sandbox.apps.containers import Container, Replica
    from sandbox.apps.runtime import Runtime

_TARGETS = {"cooldownPeriod": 300, "pollingInterval": 30}


class ContainerApp(ResourceType):
    """A container app."""

    type = "Microsoft.App/containerApps"
    id_type = "Microsoft.App/containerapps"
    located = True
    name_rule = NameRule(
        r"(?!.*--)[a-z][a-z0-9-]{0,30}[a-z0-9]",
        "ContainerAppInvalidName",
        "Invalid ContainerApp name '{name}'. A name must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        "character, and end with an alphanumeric character and cannot have '--'. The length must not be more than 32 characters.",
    )
    create_reply = update_reply = Reply.ASYNC_OPERATION
    patch_reply = Reply.ACCEPTED
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
        check_environment(self.store, properties)
        check_configuration(self.store, call, existing)
        check_template(properties, secret_names(properties))
        check_template_rules(properties.get("template") or {})
        scale = (properties.get("template") or {}).get("scale") or {}
        low, high = scale.get("minReplicas"), scale.get("maxReplicas")
        if low is not None and high is not None and int(low) > int(high):
            raise ArmError(
                400,
                "ContainerAppInvalidScaleSpec",
                f"Invalid scale specified. MinReplicas {low} must be less than or equal to MaxReplicas {high}.",
                cause="",
            )

    def merge(self, call: Call, existing: Resource) -> Json:
        """Return the merged body with the current secrets where the PATCH has none."""
        body: Json = merge_patch(existing.body, call.body)
        if ((call.body.get("properties") or {}).get("configuration") or {}).get("secrets") is None:
            body["properties"]["configuration"]["secrets"] = secrets_with_values(existing)
        return body

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body["properties"]
        current = existing.properties if existing else {}
        environment = self.store.get(str(requested.get("environmentId") or requested.get("managedEnvironmentId")))
        domain = environment.properties["defaultDomain"] if environment else ""
        name = call.target.name
        private = {"identity_header": str(secrets.token_hex(16)), **(existing.private if existing else {})}
        configuration = requested.get("configuration") or {}
        private |= stored_secrets(configuration)
        private["requested"] = {
            "configuration": {**configuration, "secrets": None},
            "template": requested.get("template") or {},
        }
        ingress = _ingress(configuration.get("ingress"), name, domain)
        template = _template(requested.get("template") or {})
        profile = requested.get("workloadProfileName") or current.get("workloadProfileName") or "Consumption"
        if profile != "Consumption":
            for spec in template["containers"]:
                spec["resources"]["ephemeralStorage"] = ""
        suffix = template["revisionSuffix"]
        previous = current.get("latestRevisionName")
        if previous and template == current.get("template"):
            latest = previous
        elif suffix:
            latest = f"{name}--{suffix}"
        else:
            private["revisions"] = int(private.get("revisions", -1)) + 1
            latest = (
                f"{name}--{private['revisions']:07d}"
                if previous
                else f"{name}--{''.join(secrets.choice(string.ascii_lowercase + string.digits) for _index in range(7))}"
            )
        fqdn = f"{latest}.{'' if ingress and ingress['external'] else 'internal.'}{domain}" if ingress else ""
        properties: Json = {
            "provisioningState": "",
            "runningStatus": current.get("runningStatus") or "Running",
            "managedEnvironmentId": environment.id if environment else None,
            "environmentId": environment.id if environment else None,
            "workloadProfileName": profile,
            "patchingMode": "Automatic",
            "outboundIpAddresses": ["20.50.2.1", "20.50.2.2"],
            "latestRevisionName": latest,
            "latestReadyRevisionName": current.get("latestReadyRevisionName"),
            "latestRevisionFqdn": fqdn,
            "customDomainVerificationId": domain_verification_id(call.target.subscription),
            "configuration": {
                "secrets": public_secrets(private),
                "activeRevisionsMode": str(configuration.get("activeRevisionsMode") or "Single").capitalize(),
                "targetLabel": configuration.get("targetLabel") or "",
                "revisionTransitionThreshold": None,
                "ingress": ingress,
                "registries": [registry(entry) for entry in configuration.get("registries") or []] or None,
                "identitySettings": configuration.get("identitySettings") or [],
                "dapr": dapr(configuration.get("dapr")),
                "runtime": configuration.get("runtime"),
                "maxInactiveRevisions": int(configuration.get("maxInactiveRevisions") or 100),
                "service": configuration.get("service"),
            },
            "template": template,
            "eventStreamEndpoint": event_stream_url(call, f"containerApps/{name}"),
            "delegatedIdentities": [],
        }
        body: Json = {
            "location": display_name(call.body["location"]),
            "systemData": system_data(call.caller, existing),
            "properties": properties,
        }
        body["identity"] = self.identity(call, existing, lower_group=True) or {"type": "None"}
        for name in ("kind", "tags"):
            if call.body.get(name):
                body[name] = call.body[name]
        return body, private

    def write_response(self, resource: Resource) -> Json:
        """Return the response to a PUT: the requested values, without most of the values that Azure sets later."""
        content = self.show(resource)
        properties = content["properties"]
        for name in (
            "runningStatus",
            "latestRevisionName",
            "latestReadyRevisionName",
            "latestRevisionFqdn",
            "eventStreamEndpoint",
        ):
            properties.pop(name, None)
        requested, template = resource.private["requested"]["configuration"], resource.private["requested"]["template"]
        configuration = properties["configuration"]
        for name in ("activeRevisionsMode", "targetLabel"):
            configuration[name] = configuration[name] if requested.get(name) is not None else None
        configuration["registries"] = response_registries(configuration["registries"])
        if configuration["ingress"] is not None:
            ingress = requested["ingress"]
            for name in ("fqdn", "exposedPort", "traffic"):
                configuration["ingress"][name] = (
                    configuration["ingress"][name] if ingress.get(name) is not None else None
                )
        properties["template"]["revisionSuffix"] = template.get("revisionSuffix")
        set_response_defaults(properties["template"], template)
        scale = template.get("scale")
        if not scale:
            properties["template"]["scale"] = None
        else:
            for name in ("cooldownPeriod", "pollingInterval", "maxReplicas"):
                properties["template"]["scale"][name] = scale.get(name)
            if scale.get("rules") == []:
                properties["template"]["scale"]["rules"] = []
        return content

    def show(self, resource: Resource) -> Json:
        content = super().show(resource)
        if content["properties"].get("latestReadyRevisionName") is None:
            content["properties"].pop("latestReadyRevisionName", None)
        return content

    def start_work(self, resource: Resource, operation: Operation, call: Call) -> bool:
        self.runtime.provision(resource, operation)
        return True

    def on_delete(self, resource: Resource) -> None:
        self.runtime.remove(resource)

    def run_action(self, call: Call, resource: Resource, action: str) -> Response:
        match action:
            case "listsecrets":
                return json_response(200, {"value": secrets_with_values(resource)})
            case "getauthtoken":
                token = auth_token(self.context.directory, self.store, resource, self.type, call.caller)
                return json_response(200, token)
            case "start" | "stop":
                return self._start_or_stop(call, resource, action)
        return super().run_action(call, resource, action)

    def busy(self, resource: Resource, running: Operation) -> ArmError:
        return ArmError(
            409,
            "ContainerAppOperationInProgress",
            f"Cannot modify a container app '{resource.name}' because there is an active provisioning operation in progress. "
            f"OperationId: '{running.id}'",
            cause="",
        )

    def _start_or_stop(self, call: Call, app: Resource, action: str) -> Response:
        if running := self.store.running_operations(app.key):
            raise self.busy(app, running[0])
        operation = self.context.start(action, app, self.seconds["update"], work=True)
        if action == "start":
            self.runtime.start_app(app, operation)
        else:
            self.runtime.stop_app(app, operation)
        headers = self.polling_headers(app, operation, call)
        headers.pop("Azure-AsyncOperation")
        return Response(202, b"", headers)


def _template(requested: Json) -> Json:
    scale = requested.get("scale") or {}
    return {
        "revisionSuffix": requested.get("revisionSuffix") or "",
        "terminationGracePeriodSeconds": requested.get("terminationGracePeriodSeconds"),
        "containers": [container(spec) for spec in requested.get("containers") or []],
        "initContainers": [container(spec) for spec in requested.get("initContainers") or []] or None,
        "scale": {
            "minReplicas": scale.get("minReplicas"),
            "maxReplicas": int(scale.get("maxReplicas") or 10),
            **{name: int(scale.get(name) or default) for name, default in _TARGETS.items()},
            "rules": [without_nulls(rule) for rule in scale.get("rules") or []] or None,
        },
        "volumes": volumes(requested),
        "serviceBinds": [{"clientType": "none", **bound} for bound in requested.get("serviceBinds") or []] or None,
    }


def _weight(value: Any) -> int:
    if not re.fullmatch(r"\d{1,3}", str(value)):
        raise ArmError(
            400,
            "InvalidRequestContent",
            f"The request content was invalid and could not be deserialized: 'Could not convert '{value}' to a weight.'.",
        )
    return int(value)


def _ingress(requested: Json | None, name: str, domain: str) -> Json | None:
    if not requested:
        return None
    external = bool(requested.get("external"))

    traffic = [
        # Azure returns a weight as a number, 0 included, and omits members that are false
        {
            key: _weight(value) if key == "weight" else value
            for key, value in item.items()
            if value is not None and value is not False
        }
        for item in requested.get("traffic") or []
    ]
    return {
        "fqdn": f"{name}.{'' if external else 'internal.'}{domain}",
        "external": external,
        "targetPort": int(requested.get("targetPort") or 0),
        "exposedPort": int(requested.get("exposedPort") or 0),
        "transport": str(requested.get("transport") or "Auto").capitalize(),
        "traffic": traffic or [{"weight": 100, "latestRevision": True}],
        "customDomains": requested.get("customDomains") or None,
        "allowInsecure": bool(requested.get("allowInsecure")),
        "ipSecurityRestrictions": without_nulls(requested.get("ipSecurityRestrictions") or None),
        "corsPolicy": requested.get("corsPolicy"),
        "clientCertificateMode": requested.get("clientCertificateMode"),
        "stickySessions": requested.get("stickySessions"),
        "additionalPortMappings": [
            {"exposedPort": None, **item} for item in requested.get("additionalPortMappings") or []
        ]
        or None,
        "targetPortHttpScheme": requested.get("targetPortHttpScheme"),
    }


class Revision(ResourceType):
    """A revision of a container app. Writes to the app create it."""

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

    def run_action(self, call: Call, resource: Resource, action: str) -> Response:
        match action.split("/"):
            case ["restart"]:
                self.runtime.restart(resource)
                return json_response(200, "Restart succeeded")
            case ["activate" | "deactivate"]:
                self.runtime.set_active(resource, action == "activate")
                return json_response(200, f"{action.capitalize()} succeeded")
            case ["replicas"]:
                replicas = [self._show_replica(resource, replica) for replica in self.runtime.replicas(resource)]
                return json_response(200, {"value": replicas})
            case ["replicas", name]:
                for replica in self.runtime.replicas(resource):
                    if replica.name.lower() == name:
                        return json_response(200, self._show_replica(resource, replica))
                raise ArmError(
                    404, "ReplicaNotFound", f"Replica '{name}' was not found in revision '{resource.name}'.", cause=""
                )
        return super().run_action(call, resource, action)

    def _show_replica(self, revision: Resource, replica: Replica) -> Json:
        app = self.store.get(replica.owner)
        place = region(app.body["location"]) if app is not None else ""
        path = f"{revision.id.replace('/providers/Microsoft.App', '')}/replicas/{replica.name}/containers"
        address = f"{place}.azurecontainerapps.dev{path}"
        return {
            "id": f"{revision.id}/replicas/{replica.name}",
            "name": replica.name,
            "type": "Microsoft.App/containerapps/revisions/replicas",
            "properties": {
                "createdTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(replica.created)),
                "runningState": "Running" if replica.ready else "NotRunning",
                "runningStateDetails": "",
                "containers": [_show_container(container, address) for container in replica.containers],
                "initContainers": [_show_container(container, address) for container in replica.init_containers],
            },
        }


def _show_container(container: Container, address: str) -> Json:
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
        "logStreamEndpoint": f"https://{address}/{container.name}/logstream",
        "execEndpoint": f"wss://{address}/{container.name}/exec",
    }
