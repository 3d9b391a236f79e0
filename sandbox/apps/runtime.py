# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container Apps on this machine: brings apps to what their templates say, takes requests in, and scales.

Their resources are kept by revisions.py, their replicas by replicas.py, and a container is run by process_containers.py;
scaling.py and traffic.py decide without doing.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any

from sandbox.apps.containers import Replica, app_variables, last_line
from sandbox.apps.ingress import REQUEST_SECONDS, Ingress
from sandbox.apps.replicas import Replicas
from sandbox.apps.revisions import Revisions, app_of, now
from sandbox.apps.scaling import Demand, next_count
from sandbox.apps.traffic import Way, shares, way_to
from sandbox.arm.resource_type import Context, Json
from sandbox.store import Operation, Resource

LOG = logging.getLogger(__name__)
APPS = "microsoft.app/containerapps"
PROVISION_SECONDS = 900.0
CRASHES_TO_FAIL = 3
_LOOK_SECONDS = 0.25
_LOAD_SECONDS = 15.0


class NotServed(Exception):
    """No replica can take a request. `stopped`: nothing is meant to; otherwise none is ready."""

    def __init__(self, stopped: bool) -> None:
        super().__init__("stopped" if stopped else "not ready")
        self.stopped = stopped


class Runtime:
    """Runs the apps of the store, and keeps their resources in step with what really runs."""

    def __init__(self, context: Context, replicas: Replicas) -> None:
        self._context = context
        self._running = replicas
        self._revisions = Revisions(context.store, replicas)
        self._demand: dict[str, Demand] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.identity_endpoint = ""
        self.apps_changed: Callable[[], None] = lambda: None
        replicas.changed = self._replica_changed

    # what Resource Manager asks for

    def provision(self, app: Resource, operation: Operation) -> None:
        """Brings a written app to what its template says, in the background."""
        self._spawn(self._provision(app.id, operation.id))

    def remove(self, app: Resource) -> None:
        """Stops everything of an app that is being deleted."""
        for revision in self._revisions.of(app.id):
            self._spawn(self._stop_revision(revision.key))

    def restart(self, revision: Resource) -> None:
        """Replaces the replicas of a revision."""
        self.mark_restarting(revision)
        self._spawn(self._restart(revision.key))

    def set_active(self, revision: Resource, active: bool) -> None:
        """Starts or stops a revision."""
        revision.properties["active"] = active
        if active:
            self._revisions.mark(revision, "Provisioning", "None", "Activating", "")
            self._spawn(self._restart(revision.key))
        else:
            revision.properties["lastActiveTime"] = now()
            self._revisions.mark(revision, "Provisioned", "None", "Stopped", "")
            self._spawn(self._stop_revision(revision.key))

    def start_app(self, app: Resource, operation: Operation) -> None:
        """Starts a stopped app's active revisions."""
        app.properties["runningStatus"] = "Running"
        self._context.store.put(app)
        self._spawn(self._start_app(app.id, operation.id))

    def stop_app(self, app: Resource, operation: Operation) -> None:
        """Ends all replicas of an app; its revisions stay active."""
        app.properties["runningStatus"] = "Stopped"
        self._context.store.put(app)
        self._spawn(self._stop_app(app.id, operation.id))

    def replicas(self, revision: Resource) -> list[Replica]:
        """The replicas of a revision that are not being ended."""
        return self._revisions.running(revision.key)

    # requests

    def way_to(self, host: str) -> Way | None:
        """What a host name of an environment leads to."""
        return way_to(host, self._context.store.of_type(APPS))

    async def admit(self, way: Way, request: str) -> tuple[str, Ingress]:
        """Takes a request in, and wakes a revision that was scaled to zero. Returns the revision's key and a replica's ingress.

        Raises NotServed. Who was admitted is to be told of by `finished`.
        """
        if way.app.properties.get("runningStatus") == "Stopped":
            raise NotServed(stopped=True)
        active = {
            revision.name: revision for revision in self._revisions.of(way.app.id) if revision.properties["active"]
        }
        found = {name: weight for name, weight in shares(way).items() if name in active}
        if not found:
            raise NotServed(stopped=not active or way.label is not None or way.revision is not None)
        (name,) = random.choices(list(found), weights=list(found.values()))
        revision = active[name]
        demand = self._demand.setdefault(revision.key, Demand())
        demand.requests[request] = demand.asked_at = time.monotonic()
        deadline = time.monotonic() + REQUEST_SECONDS
        while time.monotonic() < deadline:
            ready = [r.ingress for r in self._revisions.running(revision.key) if r.ready and r.ingress is not None]
            if ready:
                return revision.key, random.choice(ready)
            if not self._may_run(revision.key):
                self.finished(revision.key, request)
                raise NotServed(stopped=True)
            if not self._revisions.running(revision.key) and not demand.waking:
                demand.waking = True
                self._spawn(self._wake(revision.key))
            if not demand.waking:
                break
            await asyncio.sleep(0.05)
        self.finished(revision.key, request)
        raise NotServed(stopped=False)

    def finished(self, revision_key: str, request: str) -> None:
        """A request that was admitted has ended."""
        if (demand := self._demand.get(revision_key)) is not None:
            demand.requests.pop(request, None)

    # life of the sandbox

    def recover(self) -> None:
        """Starts again what ran when the sandbox ended."""
        store = self._context.store
        resumed = set()
        for operation in store.running_operations():
            if operation.type == APPS and operation.work:
                self._spawn(self._resume(operation))
                resumed.add(operation.resource)
        for app in store.of_type(APPS):
            if app.state == "Deleting" or app.properties.get("runningStatus") == "Stopped":
                continue
            for revision in self._revisions.of(app.id):
                properties = revision.properties
                coming = app.key in resumed and revision.name == app.properties["latestRevisionName"]
                given_up = properties["provisioningState"] == "Failed" or properties["runningState"] == "ScaledToZero"
                if properties["active"] and not coming and not given_up:
                    self.restart(revision)
        self._spawn(self._keep_scaled())

    async def _resume(self, operation: Operation) -> None:
        app = self._context.store.get(operation.resource)
        if operation.verb == "start":
            await self._start_app(operation.resource, operation.id)
        elif operation.verb == "stop":
            await self._stop_app(operation.resource, operation.id)
        elif app is not None:
            await self._provision(app.id, operation.id)

    async def close(self) -> None:
        """Stops all replicas."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(self._running.stop(replica) for replica in self._running.all()))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            LOG.error("a task of the runtime failed", exc_info=error)

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
        # what has crashed before this write is no verdict on it
        crashed = [
            replica
            for replica in self._revisions.running(revision.key)
            if any(container.restarts for container in replica.containers) and not replica.ready
        ]
        await asyncio.gather(*(self._running.stop(replica) for replica in crashed))
        scaled_to_zero = revision.properties["runningState"] == "ScaledToZero"
        problem = None if scaled_to_zero else await self._bring_up(revision.key)
        app, revision_now = self._context.store.get(app_id), self._context.store.get(revision.id)
        if app is None or revision_now is None:
            return
        if app.properties.get("runningStatus") == "Stopped":  # meanwhile
            self._revisions.mark(revision_now, "Provisioned", "None", "Stopped", "")
            self._context.work_done(operation_id)
            return
        if problem is not None:
            self._revisions.mark(revision_now, "Failed", "Unhealthy", "Failed", problem["message"])
            app.properties["deploymentErrors"] = problem["message"]
            self._context.store.put(app)
            await self._stop_revision(revision.key)
            self._context.work_done(operation_id, problem)
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
        self._revisions.forget_inactive(app)
        self._context.work_done(operation_id)
        self.apps_changed()

    async def _retire_others(self, app: Resource, kept: str) -> None:
        for other in self._revisions.of(app.id):
            if other.name != kept and other.properties["active"]:
                other.properties.update(active=False, trafficWeight=0, lastActiveTime=now())
                failed = other.properties["provisioningState"] == "Failed"
                self._revisions.mark(other, "Failed" if failed else "Provisioned", "None", "Stopped", "")
                await self._stop_revision(other.key)

    async def _bring_up(self, revision_key: str) -> dict[str, str] | None:
        """Starts the replicas that a revision has at the least, one at any rate, and waits for the first.

        Returns Azure's error where it will not come.
        """
        app_name = revision_key.split("/containerapps/")[1].split("/")[0]
        said = f"Failed to provision revision for container app '{app_name}'. Error details: "
        running = self._revisions.running(revision_key)
        try:
            self._scale_to(revision_key, max(1, self._revisions.scale(revision_key).minimum, len(running)))
        except OSError as error:
            return _error(f"{said}{error}")
        deadline = time.monotonic() + PROVISION_SECONDS
        while time.monotonic() < deadline:
            replicas = self._revisions.running(revision_key)
            if not replicas or any(replica.ready for replica in replicas):
                return None
            containers = [c for replica in replicas for c in (*replica.init_containers, *replica.containers)]
            for container in containers:
                if container.last_error:
                    return _error(said + container.last_error)
                if container.restarts >= CRASHES_TO_FAIL:
                    return _error(
                        f"{said}Deployment Progress Deadline Exceeded. 0/1 replicas ready. The container '{container.name}' was "
                        f"terminated with exit code '{container.exit_code}' and reason 'ProcessExited'. Its last line was: {last_line(container.log)}"
                    )
            await asyncio.sleep(0.05)
        return _error(said + "Operation expired.")

    # revisions and replicas

    def _may_run(self, revision_key: str) -> bool:
        """Whether a revision may have replicas: not one that is inactive, or of an app that is stopped or goes."""
        revision = self._context.store.get(revision_key)
        app = self._context.store.get(app_of(revision_key))
        if revision is None or app is None or app.state == "Deleting":
            return False
        return bool(revision.properties["active"]) and app.properties.get("runningStatus") != "Stopped"

    def _scale_to(self, revision_key: str, count: int) -> None:
        """Starts or ends replicas until there are as many, where there may be any."""
        revision = self._context.store.get(revision_key)
        app = self._context.store.get(app_of(revision_key))
        if revision is None or app is None or not self._may_run(revision_key):
            return
        running = self._revisions.running(revision.key)
        ingress = app.properties["configuration"].get("ingress") or {}
        environment = self._context.store.get(app.properties["environmentId"])
        suffix = environment.properties["defaultDomain"] if environment else ""
        for _time in range(count - len(running)):
            variables = app_variables(app, revision.name, suffix, self.identity_endpoint)
            port = ingress.get("targetPort") or None
            replica = self._running.make(app, revision.key, revision.properties["template"], variables, port)
            self._running.keep_running(replica)
        for replica in running[count:]:
            replica.stopping = True
            self._spawn(self._running.stop(replica))

    async def _restart(self, revision_key: str) -> None:
        await self._stop_revision(revision_key)
        app = self._context.store.get(app_of(revision_key))
        revision = self._context.store.get(revision_key)
        if app is not None and revision is not None and app.properties.get("runningStatus") == "Stopped":
            self._revisions.mark(revision, "Provisioned", "None", "Stopped", "")
            return
        problem = await self._bring_up(revision_key)
        revision = self._context.store.get(revision_key)
        if revision is None or not self._may_run(revision_key):
            return
        if problem is None:
            self._revisions.mark(revision, "Provisioned", "Healthy", self._revisions.running_state(revision), "")
        else:
            self._revisions.mark(revision, "Provisioned", "Unhealthy", "Failed", problem["message"])

    async def _wake(self, revision_key: str) -> None:
        try:
            problem = await self._bring_up(revision_key)
        finally:
            if (demand := self._demand.get(revision_key)) is not None:
                demand.waking = False
        revision = self._context.store.get(revision_key)
        if revision is not None and self._may_run(revision_key):
            healthy = problem is None
            state = self._revisions.running_state(revision) if healthy else "Failed"
            details = "" if problem is None else problem["message"]
            self._revisions.mark(revision, "Provisioned", "Healthy" if healthy else "Unhealthy", state, details)

    def mark_restarting(self, revision: Resource) -> None:
        """A revision is not running from the moment its restart is asked for."""
        for replica in self._running.of(revision.key):
            replica.stopping = True
        self._revisions.mark(revision, "Provisioned", "None", "Processing", "")

    async def _stop_revision(self, revision_key: str) -> None:
        await asyncio.gather(*(self._running.stop(replica) for replica in list(self._running.of(revision_key))))
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

    # scaling, and what is shown of it

    async def _keep_scaled(self) -> None:
        """Looks at the load of every revision that runs, for as long as the sandbox does."""
        window = max(2 * _LOOK_SECONDS, _LOAD_SECONDS * self._context.latency)
        while True:
            groups = {replica.group for replica in self._running.all()}
            for key in groups:
                if "/revisions/" in key:
                    self._look_at(key, window)
            await asyncio.sleep(_LOOK_SECONDS)

    def _look_at(self, revision_key: str, window: float) -> None:
        replicas = self._revisions.running(revision_key)
        demand = self._demand.setdefault(revision_key, Demand())
        moment = time.monotonic()
        load = demand.load(moment, window)
        if demand.waking or self._revisions.is_coming_up(revision_key):
            demand.wanted_at = moment
            return
        scale = self._revisions.scale(revision_key)
        if load > (len(replicas) - 1) * (scale.concurrency or 1):
            demand.wanted_at = moment
        calm = moment - (max(demand.wanted_at, demand.asked_at) if len(replicas) == 1 else demand.wanted_at)
        count = next_count(scale, len(replicas), load, calm)
        if count != len(replicas):
            LOG.info("%s: from %d to %d replicas", revision_key.rpartition("/")[2], len(replicas), count)
            demand.wanted_at = moment
            try:
                self._scale_to(revision_key, count)
            except OSError:
                LOG.exception("%s could not be scaled", revision_key)
            self._revisions.show_running(revision_key)

    def _replica_changed(self, replica: Replica) -> None:
        if "/revisions/" in replica.group:
            self._revisions.show_running(replica.group)


def _error(message: str) -> Json:
    return {"code": "ContainerAppOperationError", "message": message}
