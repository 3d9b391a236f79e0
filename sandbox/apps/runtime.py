# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container Apps engine: provisions apps from their templates, admits requests, and scales revisions.

The resources are in revisions.py, the replicas in replicas.py; scaling.py and traffic.py are the pure decisions.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable

from sandbox.apps.containers import Replica, app_variables, last_line
from sandbox.apps.ingress import REQUEST_SECONDS, Ingress
from sandbox.apps.replicas import Replicas
from sandbox.apps.revisions import Revisions, app_of, now
from sandbox.apps.scaling import Demand, next_count
from sandbox.apps.traffic import Destination, resolve, shares
from sandbox.arm.resource_type import Context
from sandbox.host.background import BackgroundTasks
from sandbox.messages import Json
from sandbox.store import Operation, Resource

LOG = logging.getLogger(__name__)
APPS = "microsoft.app/containerapps"
PROVISION_SECONDS = 900.0
CRASHES_TO_FAIL = 3
_SCALE_SECONDS = 0.25
_WINDOW_SECONDS = 15.0


class NoReplica(Exception):
    """No replica can take a request. `stopped`: the app or revision is stopped; otherwise no replica is ready."""

    def __init__(self, stopped: bool) -> None:
        super().__init__("stopped" if stopped else "not ready")
        self.stopped = stopped


class Runtime:
    """Engine of the apps in the store: reconciles their resources with their replicas."""

    def __init__(self, context: Context, replicas: Replicas, identity_endpoint: str) -> None:
        self._context = context
        self._replicas = replicas
        self._revisions = Revisions(context.store, replicas)
        self._demand: dict[str, Demand] = {}
        self._tasks = BackgroundTasks(LOG, "a task of the runtime failed")
        self._identity_endpoint = identity_endpoint
        self.apps_changed: Callable[[], None] = lambda: None
        replicas.changed = self._replica_changed

    # operations of Resource Manager

    def provision(self, app: Resource, operation: Operation) -> None:
        """Provision a created or updated app, in the background."""
        self._tasks.start(self._provision(app.id, operation.id))

    def remove(self, app: Resource) -> None:
        """Stop the replicas of a deleted app."""
        for revision in self._revisions.of(app.id):
            self._tasks.start(self._stop_revision(revision.key))

    def restart(self, revision: Resource) -> None:
        """Replace the replicas of a revision."""
        self.mark_restarting(revision)
        self._tasks.start(self._restart(revision.key))

    def set_active(self, revision: Resource, active: bool) -> None:
        """Activate or deactivate a revision."""
        revision.properties["active"] = active
        if active:
            self._revisions.mark(revision, "Provisioning", "None", "Activating", "")
            self._tasks.start(self._restart(revision.key))
        else:
            revision.properties["lastActiveTime"] = now()
            self._revisions.mark(revision, "Provisioned", "None", "Stopped", "")
            self._tasks.start(self._stop_revision(revision.key))

    def start_app(self, app: Resource, operation: Operation) -> None:
        """Start the active revisions of a stopped app."""
        app.properties["runningStatus"] = "Running"
        self._context.store.put(app)
        self._tasks.start(self._start_app(app.id, operation.id))

    def stop_app(self, app: Resource, operation: Operation) -> None:
        """Stop all replicas of an app. Its revisions stay active."""
        app.properties["runningStatus"] = "Stopped"
        self._context.store.put(app)
        self._tasks.start(self._stop_app(app.id, operation.id))

    def replicas(self, revision: Resource) -> list[Replica]:
        """Return the replicas of a revision that are not stopping."""
        return self._revisions.running(revision.key)

    # requests

    def resolve(self, host: str) -> Destination | None:
        """Return the destination of a host name of an environment."""
        return resolve(host, self._context.store.of_type(APPS))

    async def admit(self, destination: Destination, request: str) -> tuple[str, Ingress]:
        """Admit a request, and wake a revision that is scaled to zero. Return the key of the revision and the ingress of a replica.

        Raise NoReplica. The caller calls `release` at the end of an admitted request.
        """
        if destination.app.properties.get("runningStatus") == "Stopped":
            raise NoReplica(stopped=True)
        active = {
            revision.name: revision
            for revision in self._revisions.of(destination.app.id)
            if revision.properties["active"]
        }
        candidates = {name: weight for name, weight in shares(destination).items() if name in active}
        if not candidates:
            raise NoReplica(stopped=not active or destination.label is not None or destination.revision is not None)
        (name,) = random.choices(list(candidates), weights=list(candidates.values()))
        revision = active[name]
        demand = self._demand.setdefault(revision.key, Demand())
        demand.requests[request] = demand.requested_at = time.monotonic()
        deadline = time.monotonic() + REQUEST_SECONDS
        while time.monotonic() < deadline:
            ready = [r.ingress for r in self._revisions.running(revision.key) if r.ready and r.ingress is not None]
            if ready:
                return revision.key, random.choice(ready)
            if not self._may_run(revision.key):
                self.release(revision.key, request)
                raise NoReplica(stopped=True)
            if not self._revisions.running(revision.key) and not demand.waking:
                demand.waking = True
                self._tasks.start(self._wake(revision.key))
            if not demand.waking:
                break
            await asyncio.sleep(0.05)
        self.release(revision.key, request)
        raise NoReplica(stopped=False)

    def release(self, revision_key: str, request: str) -> None:
        """Record the end of an admitted request."""
        if (demand := self._demand.get(revision_key)) is not None:
            demand.requests.pop(request, None)

    # start and end of the sandbox

    def recover(self) -> None:
        """Restart the apps that ran when the sandbox ended."""
        store = self._context.store
        resumed = set()
        for operation in store.running_operations():
            if operation.type == APPS and operation.work:
                self._tasks.start(self._resume(operation))
                resumed.add(operation.resource)
        for app in store.of_type(APPS):
            if app.state == "Deleting" or app.properties.get("runningStatus") == "Stopped":
                continue
            for revision in self._revisions.of(app.id):
                properties = revision.properties
                provisioning = app.key in resumed and revision.name == app.properties["latestRevisionName"]
                idle = properties["provisioningState"] == "Failed" or properties["runningState"] == "ScaledToZero"
                if properties["active"] and not provisioning and not idle:
                    self.restart(revision)
        self._tasks.start(self._keep_scaled())

    async def _resume(self, operation: Operation) -> None:
        app = self._context.store.get(operation.resource)
        if operation.verb == "start":
            await self._start_app(operation.resource, operation.id)
        elif operation.verb == "stop":
            await self._stop_app(operation.resource, operation.id)
        elif app is not None:
            await self._provision(app.id, operation.id)

    async def close(self) -> None:
        """Stop all replicas."""
        await self._tasks.cancel()
        await asyncio.gather(*(self._replicas.stop(replica) for replica in self._replicas.all()))

    # provisioning

    async def _provision(self, app_id: str, operation_id: str) -> None:
        app = self._context.store.get(app_id)
        if app is None:
            return
        revision = self._revisions.latest(app)
        if app.properties.get("runningStatus") == "Stopped" or not revision.properties["active"]:
            self._revisions.mark(revision, "Provisioned", "None", "Stopped", "")
            self._revisions.share_traffic(app)
            self._context.work_done(operation_id)
            return
        # crashes before this write say nothing about the new template
        crashed = [
            replica
            for replica in self._revisions.running(revision.key)
            if any(container.restarts for container in replica.containers) and not replica.ready
        ]
        await asyncio.gather(*(self._replicas.stop(replica) for replica in crashed))
        scaled_to_zero = revision.properties["runningState"] == "ScaledToZero"
        error = None if scaled_to_zero else await self._start_replicas(revision.key)
        app, revision_now = self._context.store.get(app_id), self._context.store.get(revision.id)
        if app is None or revision_now is None:
            return
        if app.properties.get("runningStatus") == "Stopped":  # meanwhile
            self._revisions.mark(revision_now, "Provisioned", "None", "Stopped", "")
            self._context.work_done(operation_id)
            return
        if error is not None:
            self._revisions.mark(revision_now, "Failed", "Unhealthy", "Failed", error["message"])
            app.properties["deploymentErrors"] = error["message"]
            self._context.store.put(app)
            await self._stop_revision(revision.key)
            self._context.work_done(operation_id, error)
            return
        app.properties["latestReadyRevisionName"] = revision.name
        app.properties.pop("deploymentErrors", None)
        self._context.store.put(app)
        if not scaled_to_zero:
            self._revisions.mark(
                revision_now, "Provisioned", "Healthy", self._revisions.running_state(revision_now), ""
            )
        self._revisions.share_traffic(app)
        if app.properties["configuration"]["activeRevisionsMode"] == "Single":
            await self._retire_others(app, revision.name)
        self._revisions.delete_inactive(app)
        self._context.work_done(operation_id)
        self.apps_changed()

    async def _retire_others(self, app: Resource, name: str) -> None:
        for other in self._revisions.of(app.id):
            if other.name != name and other.properties["active"]:
                other.properties.update(active=False, trafficWeight=0, lastActiveTime=now())
                failed = other.properties["provisioningState"] == "Failed"
                self._revisions.mark(other, "Failed" if failed else "Provisioned", "None", "Stopped", "")
                await self._stop_revision(other.key)

    async def _start_replicas(self, revision_key: str) -> dict[str, str] | None:
        """Start the minimum of replicas of a revision, at least one, and wait until one is ready.

        Return Azure's error if none becomes ready, else None.
        """
        app_name = revision_key.split("/containerapps/")[1].split("/")[0]
        prefix = f"Failed to provision revision for container app '{app_name}'. Error details: "
        running = self._revisions.running(revision_key)
        try:
            self._scale_to(revision_key, max(1, self._revisions.scale(revision_key).minimum, len(running)))
        except OSError as error:
            return _error(f"{prefix}{error}")
        deadline = time.monotonic() + PROVISION_SECONDS
        while time.monotonic() < deadline:
            replicas = self._revisions.running(revision_key)
            if not replicas or any(replica.ready for replica in replicas):
                return None
            containers = [c for replica in replicas for c in (*replica.init_containers, *replica.containers)]
            for container in containers:
                if container.last_error:
                    return _error(prefix + container.last_error)
                if container.restarts >= CRASHES_TO_FAIL:
                    return _error(
                        f"{prefix}Deployment Progress Deadline Exceeded. 0/1 replicas ready. The container '{container.name}' was "
                        f"terminated with exit code '{container.exit_code}' and reason 'ProcessExited'. Its last line was: {last_line(container.log)}"
                    )
            await asyncio.sleep(0.05)
        return _error(prefix + "Operation expired.")

    # revisions and replicas

    def _may_run(self, revision_key: str) -> bool:
        """Return whether a revision may have replicas: it is active, and its app is neither stopped nor deleting."""
        revision = self._context.store.get(revision_key)
        app = self._context.store.get(app_of(revision_key))
        if revision is None or app is None or app.state == "Deleting":
            return False
        return bool(revision.properties["active"]) and app.properties.get("runningStatus") != "Stopped"

    def _scale_to(self, revision_key: str, count: int) -> None:
        """Start or stop replicas to reach a count, if the revision may run."""
        revision = self._context.store.get(revision_key)
        app = self._context.store.get(app_of(revision_key))
        if revision is None or app is None or not self._may_run(revision_key):
            return
        running = self._revisions.running(revision.key)
        ingress = app.properties["configuration"].get("ingress") or {}
        environment = self._context.store.get(app.properties["environmentId"])
        suffix = environment.properties["defaultDomain"] if environment else ""
        for _time in range(count - len(running)):
            variables = app_variables(app, revision.name, suffix, self._identity_endpoint)
            port = ingress.get("targetPort") or None
            replica = self._replicas.create(app, revision.key, revision.properties["template"], variables, port)
            self._replicas.keep_running(replica)
        for replica in running[count:]:
            replica.stopping = True
            self._tasks.start(self._replicas.stop(replica))

    async def _restart(self, revision_key: str) -> None:
        await self._stop_revision(revision_key)
        app = self._context.store.get(app_of(revision_key))
        revision = self._context.store.get(revision_key)
        if app is not None and revision is not None and app.properties.get("runningStatus") == "Stopped":
            self._revisions.mark(revision, "Provisioned", "None", "Stopped", "")
            return
        error = await self._start_replicas(revision_key)
        revision = self._context.store.get(revision_key)
        if revision is None or not self._may_run(revision_key):
            return
        if error is None:
            self._revisions.mark(revision, "Provisioned", "Healthy", self._revisions.running_state(revision), "")
        else:
            self._revisions.mark(revision, "Provisioned", "Unhealthy", "Failed", error["message"])

    async def _wake(self, revision_key: str) -> None:
        try:
            error = await self._start_replicas(revision_key)
        finally:
            if (demand := self._demand.get(revision_key)) is not None:
                demand.waking = False
        revision = self._context.store.get(revision_key)
        if revision is not None and self._may_run(revision_key):
            healthy = error is None
            state = self._revisions.running_state(revision) if healthy else "Failed"
            details = "" if error is None else error["message"]
            self._revisions.mark(revision, "Provisioned", "Healthy" if healthy else "Unhealthy", state, details)

    def mark_restarting(self, revision: Resource) -> None:
        """Mark a revision as restarting: its replicas take no requests any more."""
        for replica in self._replicas.of(revision.key):
            replica.stopping = True
        self._revisions.mark(revision, "Provisioned", "None", "Processing", "")

    async def _stop_revision(self, revision_key: str) -> None:
        await asyncio.gather(*(self._replicas.stop(replica) for replica in list(self._replicas.of(revision_key))))
        self._demand.pop(revision_key, None)

    async def _start_app(self, app_id: str, operation_id: str) -> None:
        app = self._context.store.get(app_id)
        if app is None:
            return
        if app.properties["configuration"]["activeRevisionsMode"] != "Single":
            for revision in self._revisions.of(app_id):
                if revision.properties["active"] and revision.name != app.properties["latestRevisionName"]:
                    await self._restart(revision.key)
        await self._provision(app_id, operation_id)

    async def _stop_app(self, app_id: str, operation_id: str) -> None:
        for revision in self._revisions.of(app_id):
            await self._stop_revision(revision.key)
            if (latest := self._context.store.get(revision.key)) is not None:
                self._revisions.mark(latest, latest.properties["provisioningState"], "None", "Stopped", "")
        self._context.work_done(operation_id)

    # scaling

    async def _keep_scaled(self) -> None:
        """Scale every running revision by its load, until the sandbox ends."""
        window = max(2 * _SCALE_SECONDS, _WINDOW_SECONDS * self._context.latency)
        while True:
            groups = {replica.group for replica in self._replicas.all()}
            for key in groups:
                if "/revisions/" in key:
                    self._scale(key, window)
            await asyncio.sleep(_SCALE_SECONDS)

    def _scale(self, revision_key: str, window: float) -> None:
        replicas = self._revisions.running(revision_key)
        demand = self._demand.setdefault(revision_key, Demand())
        moment = time.monotonic()
        load = demand.load(moment, window)
        if demand.waking or self._revisions.is_provisioning(revision_key):
            demand.required_at = moment
            return
        scale = self._revisions.scale(revision_key)
        if load > (len(replicas) - 1) * (scale.concurrency or 1):
            demand.required_at = moment
        calm = moment - (max(demand.required_at, demand.requested_at) if len(replicas) == 1 else demand.required_at)
        count = next_count(scale, len(replicas), load, calm)
        if count != len(replicas):
            LOG.info("%s: from %d to %d replicas", revision_key.rpartition("/")[2], len(replicas), count)
            demand.required_at = moment
            try:
                self._scale_to(revision_key, count)
            except OSError:
                LOG.exception("%s could not be scaled", revision_key)
            self._revisions.refresh(revision_key)

    def _replica_changed(self, replica: Replica) -> None:
        if "/revisions/" in replica.group:
            self._revisions.refresh(replica.group)


def _error(message: str) -> Json:
    return {"code": "ContainerAppOperationError", "message": message}
