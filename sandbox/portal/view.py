# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Content of the portal as JSON, from the store and the running replicas, without secrets: a resource is as its GET returns it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from sandbox.apps.containers import Container, Replica
from sandbox.apps.replicas import Replicas
from sandbox.apps.revisions import REVISIONS
from sandbox.apps.runtime import APPS
from sandbox.arm.manager import GROUPS, ResourceManager
from sandbox.entra.rbac import ROLES_BY_GUID
from sandbox.messages import Json
from sandbox.store import Operation, Resource

ASSIGNMENTS = "microsoft.authorization/roleassignments"
JOBS = "microsoft.app/jobs"
EXECUTIONS = "microsoft.app/jobs/executions"
_ENDED_OPERATIONS = 25
_LOG_BYTES = 32_768
_LOGS = 8
_EXECUTIONS = 10


@dataclass(frozen=True)
class View:
    """Content of the portal. `logs_folder`: folder of the containers' console logs."""

    manager: ResourceManager
    replicas: Replicas
    logs_folder: Path

    def overview(self) -> Json:
        """Return everything except the JSON of each resource and the logs."""
        store = self.manager.store
        resources = list(store.below("/subscriptions"))
        return {
            "subscription": store.setting("subscription_id"),
            "latency": self.manager.context.latency,
            "groups": [self._group(group, resources) for group in resources if group.type == GROUPS],
            "operations": [self._operation(operation) for operation in store.latest_operations(_ENDED_OPERATIONS)],
            "apps": [self._app(resource) for resource in resources if resource.type == APPS],
            "jobs": [self._job(resource) for resource in resources if resource.type == JOBS],
            "access": [self._assignment(resource) for resource in resources if resource.type == ASSIGNMENTS],
        }

    def resource(self, resource_id: str) -> Json | None:
        """Return a resource as its GET returns it; None if it does not exist."""
        resource = self.manager.store.get(resource_id)
        if resource is None:
            return None
        handler = self.manager.types.get(resource.type)
        if handler is None:
            summary = {"id": resource.id, "name": resource.name, "type": resource.type}
            return {**summary, **_select(resource.body, ("location", "tags"))}
        return handler.show(resource)

    def logs(self, resource_id: str) -> Json | None:
        """Return the ends of the latest console logs of an app or a job."""
        owner = self.manager.store.get(resource_id)
        if owner is None or owner.type not in (APPS, JOBS):
            return None
        running = {replica.name for replica in self.replicas.all()}
        files = sorted((self.logs_folder / owner.name).glob("*/*.log"), key=_modified, reverse=True)
        return {
            "logs": [
                {
                    "replica": path.parent.name,
                    "container": path.stem,
                    "running": path.parent.name in running,
                    "text": _tail(path),
                }
                for path in files[:_LOGS]
            ]
        }

    # sections

    def _group(self, group: Resource, resources: list[Resource]) -> Json:
        members = [resource for resource in resources if resource.key.startswith(group.key + "/")]
        members.sort(key=lambda resource: resource.key.split("/"))  # a child resource follows its parent
        return {
            "id": group.id,
            "name": group.name,
            "location": group.body.get("location"),
            "state": group.state,
            "resources": [
                self._summary(resource) for resource in members if resource.type not in (ASSIGNMENTS, EXECUTIONS)
            ],
        }

    def _summary(self, resource: Resource) -> Json:
        handler = self.manager.types.get(resource.type)
        return {
            "id": resource.id,
            "name": resource.name,
            "type": handler.type if handler is not None else resource.type,
            "location": resource.body.get("location"),
            "state": resource.state,
            "depth": resource.type.count("/") - 1,
        }

    def _operation(self, operation: Operation) -> Json:
        now = time.time()
        planned = operation.due - operation.started
        fraction = 1.0 if operation.ended else min(1.0, (now - operation.started) / planned) if planned > 0 else None
        return {
            "id": operation.id,
            "verb": operation.verb,
            "resource": operation.resource.rpartition("/")[2],
            "type": operation.type,
            "status": operation.status,
            "seconds": round((operation.ended or now) - operation.started, 1),
            "fraction": fraction,
            "error": (operation.error or {}).get("message"),
        }

    def _app(self, app: Resource) -> Json:
        properties = app.properties
        ingress = properties["configuration"].get("ingress") or {}
        port = app.private.get("front_port")
        return {
            "id": app.id,
            "name": app.name,
            "state": app.state,
            "running": properties.get("runningStatus"),
            "mode": properties["configuration"]["activeRevisionsMode"],
            "fqdn": ingress.get("fqdn"),
            "url": f"http://127.0.0.1:{port}" if port and ingress else None,
            "revisions": [self._revision(revision) for revision in self._newest(app, REVISIONS)],
        }

    def _revision(self, revision: Resource) -> Json:
        names = ("active", "trafficWeight", "runningState", "healthState", "provisioningState", "runningStateDetails")
        replicas = [replica for replica in self.replicas.of(revision.key) if not replica.stopping]
        return {
            "id": revision.id,
            "name": revision.name,
            "created": revision.properties.get("createdTime"),
            **_select(revision.properties, names),
            "replicas": [_replica(replica) for replica in replicas],
        }

    def _job(self, job: Resource) -> Json:
        configuration = job.properties["configuration"]
        return {
            "id": job.id,
            "name": job.name,
            "state": job.state,
            "trigger": configuration.get("triggerType"),
            "schedule": (configuration.get("scheduleTriggerConfig") or {}).get("cronExpression"),
            "executions": [
                {
                    "name": execution.name,
                    **_select(execution.properties, ("status", "startTime", "endTime")),
                    "replicas": [_replica(replica) for replica in self.replicas.of(execution.key)],
                }
                for execution in self._newest(job, EXECUTIONS)[:_EXECUTIONS]
            ],
        }

    def _newest(self, parent: Resource, kind: str) -> list[Resource]:
        return list(self.manager.store.below(parent.id, kind))[::-1]

    def _assignment(self, assignment: Resource) -> Json:
        properties = assignment.properties
        principal = self.manager.store.principal(properties["principalId"])
        role = ROLES_BY_GUID.get(str(properties["roleDefinitionId"]).rpartition("/")[2].lower())
        return {
            "id": assignment.id,
            "principal": principal.name if principal is not None else properties["principalId"],
            "kind": principal.kind if principal is not None else properties.get("principalType"),
            "managed": principal is not None and principal.resource is not None,
            "role": role.name if role is not None else properties["roleDefinitionId"],
            "scope": properties["scope"],
        }


def _select(body: Json, names: tuple[str, ...]) -> Json:
    return {name: body[name] for name in names if name in body}


def _replica(replica: Replica) -> Json:
    return {
        "name": replica.name,
        "ready": replica.ready,
        "containers": [_container(container) for container in (*replica.init_containers, *replica.containers)],
    }


def _container(container: Container) -> Json:
    return {
        "name": container.name,
        "ready": container.ready,
        "running": container.program is not None,
        "restarts": container.restarts,
        "exitCode": container.exit_code,
    }


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def _tail(path: Path) -> str:
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _LOG_BYTES))
        return stream.read().decode("utf-8", "replace")
