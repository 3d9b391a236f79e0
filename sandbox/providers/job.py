# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.App/jobs: container apps jobs and their executions.

Source: recorded responses of Azure, api-versions 2024-03-01 to 2025-10-02-preview.
"""

from __future__ import annotations

import copy
import secrets
import string
import time
from typing import Any, Protocol

from sandbox.arm.bodies import merge_patch
from sandbox.arm.errors import ArmError
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
    stored_secrets,
    volumes,
)
from sandbox.store import Operation, Resource

JOBS = "microsoft.app/jobs"
EXECUTIONS = "microsoft.app/jobs/executions"
_TRIGGERS = {"manual": "manualTriggerConfig", "schedule": "scheduleTriggerConfig", "event": "eventTriggerConfig"}
_LETTERS = string.ascii_lowercase + string.digits


class JobRunner(Protocol):
    """The runner of jobs."""

    def check_cron(self, expression: str) -> None:
        """Raise ValueError with the rule for an invalid cron expression."""

    def written(self, job: Resource) -> None:
        """Schedule the next run of a job that was created or updated."""

    def removed(self, job: Resource) -> None:
        """End the executions of a job that is being deleted."""

    def start(self, job: Resource, template: Json | None) -> Resource:
        """Start and store an execution, and return it. `template` replaces the containers of the job."""

    def stop(self, execution: Resource) -> None:
        """End an execution that runs."""


class Job(ResourceType):
    """A Container Apps job."""

    type = "Microsoft.App/jobs"
    located = True
    name_rule = NameRule(
        r"(?!.*--)[a-z]([a-z0-9-]{0,30}[a-z0-9])?",
        "ContainerAppsJobInvalidName",
        "Invalid Container Apps Job name '{name}'. A name must consist of lower case alphanumeric characters or '-', start with an "
        "alphabetic character, and end with an alphanumeric character and cannot have '--'. The length must not be more than 32 characters.",
    )
    create_reply = update_reply = Reply.ASYNC_OPERATION
    patch_reply = Reply.ACCEPTED_LOCATION
    delete_reply = Reply.ACCEPTED_LOCATION
    creating_state = updating_state = "InProgress"
    seconds = {"create": 6.0, "update": 9.0, "delete": 9.0}
    status_path = "/subscriptions/{subscription}/providers/Microsoft.App/locations/{location}/containerappsjobOperationStatuses/{operation}"
    result_path = "/subscriptions/{subscription}/providers/Microsoft.App/locations/{location}/containerappsjobOperationResults/{operation}"

    def __init__(self, context: Context, runner: JobRunner) -> None:
        super().__init__(context)
        self.runner = runner

    def check(self, call: Call, existing: Resource | None) -> None:
        properties = call.body.get("properties") or {}
        check_environment(self.store, properties)
        self._check_trigger(call.target.name, properties.get("configuration") or {})
        check_configuration(self.store, call, existing)
        check_template(properties, secret_names(properties))

    def _check_trigger(self, name: str, configuration: Json) -> None:
        trigger = str(configuration.get("triggerType") or "")
        if trigger.lower() not in _TRIGGERS:
            raise _invalid(
                f"TriggerType '{trigger}' of job '{name}' is invalid. It should be one of Manual, Schedule and Event."
            )
        timeout = configuration.get("replicaTimeout")
        if timeout is None or int(timeout) < 1:
            raise _invalid(f"ReplicaTimeout of job '{name}' is required, and must be at least 1 second.")
        if int(configuration.get("replicaRetryLimit") or 0) < 0:
            raise _invalid(f"ReplicaRetryLimit of job '{name}' must not be negative.")
        settings = configuration.get(_TRIGGERS[trigger.lower()]) or {}
        replicas, completions = (int(settings.get(key) or 1) for key in ("parallelism", "replicaCompletionCount"))
        if replicas < 1 or completions < 1 or completions > replicas:
            raise _invalid(
                f"Parallelism {replicas} and ReplicaCompletionCount {completions} of job '{name}' are invalid: both must be at least 1, "
                "and no more replicas can complete than run."
            )
        if trigger.lower() != "schedule":
            return
        try:
            self.runner.check_cron(str(settings.get("cronExpression") or ""))
        except ValueError as error:
            raise _invalid(
                f"CronExpression '{settings.get('cronExpression')}' of job '{name}' is invalid: {error}."
            ) from error

    def merge(self, call: Call, existing: Resource) -> Json:
        """Return the merged body with the current secrets where the PATCH has none."""
        body: Json = merge_patch(existing.body, call.body)
        if ((call.body.get("properties") or {}).get("configuration") or {}).get("secrets") is None:
            body["properties"]["configuration"]["secrets"] = secrets_with_values(existing)
        return body

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body["properties"]
        configuration, template = requested.get("configuration") or {}, requested.get("template") or {}
        environment = self.store.get(str(requested.get("environmentId")))
        trigger = str(configuration["triggerType"]).lower()
        private = {"identity_header": secrets.token_hex(16), **(existing.private if existing else {})}
        private |= stored_secrets(configuration)
        properties: Json = {
            "provisioningState": "",
            "runningStatus": "Ready",
            "environmentId": environment.id if environment else None,
            "workloadProfileName": requested.get("workloadProfileName") or "Consumption",
            "configuration": {
                "secrets": public_secrets(private),
                "triggerType": trigger.capitalize(),
                "replicaTimeout": int(configuration["replicaTimeout"]),
                "replicaRetryLimit": int(configuration.get("replicaRetryLimit") or 0),
                **{
                    key: _settings(configuration, key, sent_whole=call.patch is None) if kind == trigger else None
                    for kind, key in _TRIGGERS.items()
                },
                "registries": [registry(entry) for entry in configuration.get("registries") or []] or None,
                "identitySettings": configuration.get("identitySettings") or [],
                "dapr": dapr(configuration.get("dapr")),
            },
            "template": {
                "containers": [container(spec) for spec in template.get("containers") or []],
                "initContainers": [container(spec) for spec in template.get("initContainers") or []] or None,
                "volumes": volumes(template),
            },
            "eventStreamEndpoint": event_stream_url(call, f"containerApps/{call.target.name}"),
        }
        body: Json = {
            "location": display_name(call.body["location"]),
            "systemData": system_data(call.caller, existing),
            "properties": properties,
            "identity": self.identity(call, existing, lower_group=True) or {"type": "None"},
        }
        if call.body.get("tags"):
            body["tags"] = call.body["tags"]
        return body, private

    def write_response(self, resource: Resource) -> Json:
        content = self.show(resource)
        configuration = content["properties"]["configuration"]
        configuration["registries"] = response_registries(configuration["registries"])
        return content

    def busy(self, resource: Resource, running: Operation) -> ArmError:
        return ArmError(
            409,
            "ContainerAppsJobOperationInProgress",
            f"Cannot modify a container apps job '{resource.name}' because there is an active provisioning operation in progress.",
            cause="",
        )

    def start_work(self, resource: Resource, operation: Operation, call: Call) -> bool:
        self.runner.written(resource)
        return False

    def on_delete(self, resource: Resource) -> None:
        self.runner.removed(resource)

    def run_action(self, call: Call, resource: Resource, action: str) -> Response:
        match action.split("/"):
            case ["listsecrets"]:
                return json_response(200, {"value": secrets_with_values(resource)})
            case ["start"]:
                return self._start(call, resource)
            case ["stop"]:
                for execution in self.store.below(resource.id, EXECUTIONS):
                    self.runner.stop(execution)
                return json_response(200, None)
            case ["stop", name]:
                if (target := self.store.get(f"{resource.id}/executions/{name}")) is None:
                    raise _no_execution(name, resource.name)
                self.runner.stop(target)
                return json_response(200, None)
        return super().run_action(call, resource, action)

    def _start(self, call: Call, resource: Resource) -> Response:
        template = call.body or None
        if template is not None:
            profile = resource.properties["workloadProfileName"]
            requested = {"template": template, "workloadProfileName": profile}
            check_template(requested, {item["name"] for item in resource.properties["configuration"]["secrets"] or []})
        execution = self.runner.start(resource, template)
        return json_response(200, {"id": execution.id, "name": execution.name})


def _invalid(message: str) -> ArmError:
    return ArmError(400, "ContainerAppsJobInvalidConfiguration", message, cause="")


def _no_execution(name: str, job: str) -> ArmError:
    return ArmError(404, "JobExecutionNotFound", f"Job execution '{name}' was not found for job '{job}'.", cause="")


def _settings(configuration: Json, key: str, *, sent_whole: bool) -> Json:
    """Return the settings of a trigger; the scale rules of an event trigger without unset values."""
    requested = copy.deepcopy(configuration.get(key) or {})
    settings: Json = {
        "replicaCompletionCount": int(requested.get("replicaCompletionCount") or 1),
        "parallelism": int(requested.get("parallelism") or 1),
    }
    if requested.get("cronExpression"):
        settings["cronExpression"] = requested["cronExpression"]
    if scale := requested.get("scale"):
        unset: tuple[Any, ...] = (None, []) if sent_whole else (None,)
        rules = [
            {name: value for name, value in rule.items() if value not in unset} for rule in scale.get("rules") or []
        ]
        settings["scale"] = {**{name: value for name, value in scale.items() if value is not None}, "rules": rules}
    return settings


def new_execution(job: Resource, template: Json | None, now: float) -> Resource:
    """Return a new execution of a job. `template` replaces the containers of the job."""
    name = f"{job.name}-{''.join(secrets.choice(_LETTERS) for _index in range(7))}"
    used = template or job.properties["template"]
    return Resource(
        f"{job.id}/executions/{name}",
        EXECUTIONS,
        name,
        {
            "properties": {
                "status": "Running",
                "startTime": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(now)),
                "template": {
                    "containers": [_executed(spec, job.name) for spec in used.get("containers") or []],
                    "initContainers": [_executed(spec, job.name) for spec in used.get("initContainers") or []],
                },
            }
        },
    )


def _executed(spec: Json, job: str) -> Json:
    """Return a container as an execution contains it."""
    content = container(spec)
    variables: list[Any] = content.get("env", [])
    injected = {"CONTAINER_APP_JOB_NAME": job, "CONTAINER_APP_JOB_EXECUTION_NAME": "", "CONTAINER_APP_REPLICA_NAME": ""}
    content["imageType"] = "CloudBuild"
    content["env"] = [*variables, *({"name": name, "value": value} for name, value in injected.items())]
    return content


class Execution(ResourceType):
    """An execution of a job. A start of the job or its schedule creates it."""

    type = "Microsoft.App/jobs/executions"
    shows_state = False

    def __init__(self, context: Context, runner: JobRunner) -> None:
        super().__init__(context)
        self.runner = runner

    def run_action(self, call: Call, resource: Resource, action: str) -> Response:
        if action == "stop":
            self.runner.stop(resource)
            return json_response(200, None)
        return super().run_action(call, resource, action)

    def not_found(self, target: Target) -> ArmError:
        return _no_execution(target.name, target.names[0])

    def check(self, call: Call, existing: Resource | None) -> None:
        raise ArmError(405, "HttpMethodNotAllowed", "Executions are made by starting the job.", cause="")
