# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas: created from a template, restarted with back-off, probed, and stopped."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from sandbox.apps.containers import Container, ContainerRuntime, Replica, StartFailed, Unavailable, write_log
from sandbox.apps.ingress import Ingress
from sandbox.apps.probes import probes_of, wait_for_result, watch
from sandbox.arm.resource_type import Context
from sandbox.host.background import BackgroundTasks
from sandbox.messages import Json
from sandbox.store import Resource

LOG = logging.getLogger(__name__)
_ADDRESSES = 200
_KEPT_FOLDERS = 100
_GRACE_SECONDS = 30.0
_MAX_BACK_OFF = 300.0
_RESET_AFTER = 600.0


def back_off(restarts: int, latency: float) -> float:
    """Return the seconds until a restart: Kubernetes' 10 s, doubled each time up to 5 minutes, scaled by the latency."""
    return min(_MAX_BACK_OFF * max(latency, 0.2), max(10.0 * latency, 0.1) * 2.0 ** min(restarts - 1, 12))


class Replicas:
    """Running replicas of all revisions and executions."""

    def __init__(self, context: Context, containers: ContainerRuntime, folder: Path) -> None:
        self._context = context
        self._containers = containers
        self._folder = folder
        self._groups: dict[str, list[Replica]] = {}
        self._next_address = 0
        self._tasks = BackgroundTasks(LOG, "a replica failed")
        self.changed: Callable[[Replica], None] = lambda replica: None

    def of(self, group: str) -> list[Replica]:
        """Return the replicas of a revision or an execution, stopping ones included."""
        return self._groups.get(group, [])

    def all(self) -> list[Replica]:
        """Return every replica."""
        return [replica for group in self._groups.values() for replica in group]

    def create(
        self, owner: Resource, group: str, template: Json, variables: dict[str, str], port: int | None
    ) -> Replica:
        """Create a replica, not started yet. `variables`: set by the platform; `port`: target port of the ingress, None without one."""
        group_name = group.rpartition("/")[2]
        name = f"{group_name}-{secrets.token_hex(5)}-{secrets.token_hex(3)[:5]}"
        folder = self._folder / owner.name / name
        self._remove_old_logs(folder.parent)
        folder.mkdir(parents=True)
        folder.chmod(0o700)
        grace = template.get("terminationGracePeriodSeconds")
        address = self._address(port)
        ingress = Ingress(address, port) if port else None
        replica = Replica(
            name,
            owner.key,
            group,
            address,
            folder,
            [Container(spec, folder / f"{spec['name']}.log") for spec in template.get("containers") or []],
            [Container(spec, folder / f"{spec['name']}.log") for spec in template.get("initContainers") or []],
            {**variables, "CONTAINER_APP_REPLICA_NAME": name},
            ingress,
            port,
            _GRACE_SECONDS if grace is None else float(grace),
        )
        self._groups.setdefault(group, []).append(replica)
        return replica

    def keep_running(self, replica: Replica) -> None:
        """Run a replica of an app: its init containers in sequence, then its containers, each restarted when it ends."""
        replica.tasks.append(self._tasks.start(self._run_forever(replica)))

    async def run_once(self, replica: Replica) -> bool:
        """Run a replica of a job to its end. Return whether every exit code is 0."""
        for container in replica.init_containers:
            if await self._run(replica, container, None) != 0:
                return False
        codes = await asyncio.gather(*(self._run(replica, container, None) for container in replica.containers))
        return all(code == 0 for code in codes)

    async def stop(self, replica: Replica) -> None:
        """Stop a replica, within the termination grace period of its template."""
        replica.stopping = True
        for task in replica.tasks:
            task.cancel()
        await asyncio.gather(*replica.tasks, return_exceptions=True)
        await asyncio.gather(
            *(
                self._stop_container(container, replica.grace)
                for container in [*replica.init_containers, *replica.containers]
            )
        )
        if replica.ingress is not None:
            replica.ingress.close()
        group = self._groups.get(replica.group, [])
        if replica in group:
            group.remove(replica)
        if not group:
            self._groups.pop(replica.group, None)
        shutil.rmtree(replica.folder / "tmp", ignore_errors=True)

    async def _stop_container(self, container: Container, grace: float) -> None:
        container.ready = False
        if container.program is not None:
            await container.program.stop(grace)
            container.program = None

    def _remove_old_logs(self, folder: Path) -> None:
        """Remove the logs of ended replicas of an app or a job, except for the latest."""
        if not folder.exists():
            return
        running = {replica.folder for replica in self.all()}
        ended = sorted(
            (path for path in folder.iterdir() if path not in running), key=lambda path: path.stat().st_mtime
        )
        for path in ended[:-_KEPT_FOLDERS]:
            shutil.rmtree(path, ignore_errors=True)

    def _address(self, port: int | None) -> str:
        """Return a loopback address with a free port."""
        base = int(self._context.store.setting("address_block") or 64)
        for _attempt in range(_ADDRESSES):
            self._next_address += 1
            address = f"127.{base}.{self._next_address // 250 % 250}.{self._next_address % 250 + 1}"
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port or 0))
                except OSError:
                    continue
            return address
        raise OSError(
            f"none of {_ADDRESSES} addresses in 127.{base}.0.0/16 is free at port {port}; the sandbox needs Linux"
        )

    async def _run_forever(self, replica: Replica) -> None:
        if replica.ingress is not None:
            await replica.ingress.open()
        for container in replica.init_containers:
            while await self._run(replica, container, None) != 0:
                await self._wait_back_off(container)
            container.started = container.ready = True
        async with asyncio.TaskGroup() as group:
            for index, container in enumerate(replica.containers):
                group.create_task(self._supervise(replica, container, replica.port if index == 0 else None))

    async def _supervise(self, replica: Replica, container: Container, port: int | None) -> None:
        """Keep a container running: start it, probe it, and restart it with back-off when it ends."""
        while True:
            await self._run(replica, container, lambda: self._probe(replica, container, port))
            uptime = time.time() - (container.started_at or time.time())
            if uptime > _RESET_AFTER:
                container.restarts = 0
            await self._wait_back_off(container)

    async def _wait_back_off(self, container: Container) -> None:
        container.restarts += 1
        await asyncio.sleep(back_off(container.restarts, self._context.latency))

    async def _run(
        self, replica: Replica, container: Container, probing: Callable[[], Coroutine[Any, Any, None]] | None
    ) -> int:
        """Start a container, with its probes if it has any, and wait for its end. Return its exit code."""
        owner = self._context.store.get(replica.owner)
        container.started = container.ready = False
        try:
            if owner is None:
                raise StartFailed("The app or job does not exist any more.")
            container.program = await self._containers.start(owner, replica, container)
        except (StartFailed, OSError) as error:
            write_log(container.log, str(error))
            container.last_error = str(error) if isinstance(error, Unavailable) else container.last_error
            container.exit_code = 1
            self.changed(replica)
            return 1
        container.started_at, container.last_error = time.time(), ""
        return await self._wait_for_end(replica, container, probing)

    async def _wait_for_end(
        self, replica: Replica, container: Container, probing: Callable[[], Coroutine[Any, Any, None]] | None
    ) -> int:
        if container.program is None:
            raise RuntimeError("the container was not started")
        probes = asyncio.get_running_loop().create_task(probing()) if probing is not None else None
        try:
            container.exit_code = await container.program.wait()
        finally:
            if probes is not None:
                probes.cancel()
        container.program, container.ready = None, False
        write_log(container.log, f"The container ended with exit code {container.exit_code}.")
        self.changed(replica)
        return container.exit_code

    async def _probe(self, replica: Replica, container: Container, port: int | None) -> None:
        """Run the startup probe until it succeeds, then the readiness and liveness probes concurrently."""
        probes, latency = probes_of(container.spec, port), self._context.latency
        if probes.startup is not None and not await wait_for_result(probes.startup, replica.address, latency):
            self._stop_failed(replica, container, "its startup probe failed")
            return
        container.started = True

        def set_ready(up: bool) -> None:
            container.ready = up
            self.changed(replica)

        def stop_if_down(up: bool) -> None:
            if not up:
                self._stop_failed(replica, container, "its liveness probe failed")

        if probes.readiness is None:
            set_ready(True)
        watches = [(probes.readiness, set_ready), (probes.liveness, stop_if_down)]
        await asyncio.gather(
            *(watch(probe, replica.address, latency, on_change) for probe, on_change in watches if probe is not None)
        )

    def _stop_failed(self, replica: Replica, container: Container, reason: str) -> None:
        if container.program is not None:
            write_log(container.log, f"The container is stopped: {reason}.")
            stop = self._tasks.start(container.program.stop(replica.grace))
            replica.tasks.append(stop)
            stop.add_done_callback(replica.tasks.remove)
