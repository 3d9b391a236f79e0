# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas: made from a template, kept running with back-off, probed, and ended."""

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

from sandbox.apps.containers import Container, ContainerRuntime, Replica, StartRefused, Unavailable, write_log
from sandbox.apps.ingress import Ingress
from sandbox.apps.probes import first_verdict, probes_of, watch
from sandbox.arm.resource_type import Context, Json
from sandbox.store import Resource

LOG = logging.getLogger(__name__)
_ADDRESSES = 200
_KEPT_FOLDERS = 100
_GRACE_SECONDS = 30.0
_MAX_BACK_OFF = 300.0
_FORGIVEN_AFTER = 600.0


def back_off(restarts: int, latency: float) -> float:
    """Seconds until a container that ended is started again: Kubernetes' 10 s, doubled each time up to 5 minutes, in the sandbox's time."""
    return min(_MAX_BACK_OFF * max(latency, 0.2), max(10.0 * latency, 0.1) * 2.0 ** min(restarts - 1, 12))


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        LOG.error("a replica failed", exc_info=error)


class Replicas:
    """All replicas that run, by the revision or the execution that they are of."""

    def __init__(self, context: Context, containers: ContainerRuntime, folder: Path) -> None:
        self._context = context
        self._containers = containers
        self._folder = folder
        self._groups: dict[str, list[Replica]] = {}
        self._next_address = 0
        self.changed: Callable[[Replica], None] = lambda replica: None

    def of(self, group: str) -> list[Replica]:
        """The replicas of a revision or an execution, those that are being ended among them."""
        return self._groups.get(group, [])

    def all(self) -> list[Replica]:
        return [replica for group in self._groups.values() for replica in group]

    def make(self, owner: Resource, group: str, template: Json, variables: dict[str, str], port: int | None) -> Replica:
        """A new replica, not started yet. `variables`: those that Azure gives; `port`: the ingress's, None without one."""
        group_name = group.rpartition("/")[2]
        name = f"{group_name}-{secrets.token_hex(5)}-{secrets.token_hex(3)[:5]}"
        folder = self._folder / owner.name / name
        self._forget_logs(folder.parent)
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
        """Runs a replica of an app: its init containers one after the other, then all others, each started again when it ends."""
        task = asyncio.get_running_loop().create_task(self._live(replica))
        task.add_done_callback(_tell_failure)
        replica.tasks.append(task)

    async def run_once(self, replica: Replica) -> bool:
        """Runs a replica of a job to its end. Returns whether every container ended with 0."""
        for container in replica.init_containers:
            if await self._run(replica, container, None) != 0:
                return False
        codes = await asyncio.gather(*(self._run(replica, container, None) for container in replica.containers))
        return all(code == 0 for code in codes)

    async def stop(self, replica: Replica) -> None:
        """Ends a replica, with the grace that its template gives."""
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

    def _forget_logs(self, folder: Path) -> None:
        """Of an app's or a job's replicas that have ended, the logs of the latest are kept."""
        if not folder.exists():
            return
        running = {replica.folder for replica in self.all()}
        ended = sorted(
            (path for path in folder.iterdir() if path not in running), key=lambda path: path.stat().st_mtime
        )
        for path in ended[:-_KEPT_FOLDERS]:
            shutil.rmtree(path, ignore_errors=True)

    def _address(self, port: int | None) -> str:
        """A loopback address on which nothing listens at the port."""
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

    async def _live(self, replica: Replica) -> None:
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
        """Keeps a container running: starts it, probes it, starts it again when it ends, more slowly each time."""
        while True:
            await self._run(replica, container, lambda: self._probe(replica, container, port))
            ran = time.time() - (container.started_at or time.time())
            if ran > _FORGIVEN_AFTER:
                container.restarts = 0
            await self._wait_back_off(container)

    async def _wait_back_off(self, container: Container) -> None:
        container.restarts += 1
        await asyncio.sleep(back_off(container.restarts, self._context.latency))

    async def _run(
        self, replica: Replica, container: Container, probing: Callable[[], Coroutine[Any, Any, None]] | None
    ) -> int:
        """Starts a container, with its probes where it has any, and waits for its end. Returns its exit code."""
        owner = self._context.store.get(replica.owner)
        container.started = container.ready = False
        try:
            if owner is None:
                raise StartRefused("The app or job is gone.")
            container.program = await self._containers.start(owner, replica, container)
        except (StartRefused, OSError) as refused:
            write_log(container.log, str(refused))
            container.last_error = str(refused) if isinstance(refused, Unavailable) else container.last_error
            container.exit_code = 1
            self.changed(replica)
            return 1
        container.started_at, container.last_error = time.time(), ""
        return await self._until_end(replica, container, probing)

    async def _until_end(
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
        """Startup until it succeeds, then readiness and liveness side by side."""
        probes, latency = probes_of(container.spec, port), self._context.latency
        if probes.startup is not None and not await first_verdict(probes.startup, replica.address, latency):
            self._end(replica, container, "its startup probe failed")
            return
        container.started = True

        def set_ready(up: bool) -> None:
            container.ready = up
            self.changed(replica)

        def end_dead(up: bool) -> None:
            if not up:
                self._end(replica, container, "its liveness probe failed")

        if probes.readiness is None:
            set_ready(True)
        watched = [(probes.readiness, set_ready), (probes.liveness, end_dead)]
        await asyncio.gather(
            *(watch(probe, replica.address, latency, tell) for probe, tell in watched if probe is not None)
        )

    def _end(self, replica: Replica, container: Container, reason: str) -> None:
        if container.program is not None:
            write_log(container.log, f"The container is ended: {reason}.")
            ending = asyncio.get_running_loop().create_task(container.program.stop(replica.grace))
            replica.tasks.append(ending)
            ending.add_done_callback(replica.tasks.remove)
