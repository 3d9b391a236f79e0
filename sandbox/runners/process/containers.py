# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers as processes: each runs in the Python environment of its image (see image_build.py)."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from pathlib import Path

from sandbox.apps.containers import Container, Program, Replica, StartFailed, Unavailable, write_log
from sandbox.host.home import Home
from sandbox.host.launch import launch
from sandbox.host.processes import Processes, signal_group
from sandbox.messages import Json
from sandbox.registry.content import Images
from sandbox.runners.azure_sql import AzureSql, LoginFailed, azure_sql_uris, object_ids, set_up
from sandbox.runners.image_pull import image_error, pull, readable_secrets
from sandbox.store import Resource, Store

_ANY_ADDRESS = re.compile(r"(?<![\d.])0\.0\.0\.0(?![\d.])")
_KILL_SECONDS = 5.0


class Process:
    """Container that runs as a process, the leader of its own process group."""

    def __init__(self, processes: Processes, process: asyncio.subprocess.Process) -> None:
        self._processes = processes
        self._process = process

    @property
    def id(self) -> str:
        """Return the value of Azure's containerId."""
        return f"process://{self._process.pid}"

    async def wait(self) -> int:
        """Wait until the process ends. Return its exit code."""
        code = await self._process.wait()
        signal_group(self._process.pid, signal.SIGKILL)  # processes that it has left behind
        self._processes.forget(self._process.pid)
        return 128 - code if code < 0 else code

    async def stop(self, grace: float) -> None:
        """Terminate the process group, and kill it after `grace` seconds."""
        for sign, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, _KILL_SECONDS)):
            signal_group(self._process.pid, sign)
            try:
                await asyncio.wait_for(self._process.wait(), patience)
            except TimeoutError:
                continue
            break
        signal_group(self._process.pid, signal.SIGKILL)
        self._processes.forget(self._process.pid)


class ProcessContainers:
    """Runtime that starts containers as processes of this machine.

    Every replica has its own loopback address, so that all replicas can listen on the same port. It replaces the address 0.0.0.0 in the
    environment and the arguments of a container.
    """

    def __init__(
        self,
        store: Store,
        images: Images,
        sql: AzureSql,
        home: Home,
        processes: Processes,
        base_environment: dict[str, str],
    ) -> None:
        self._store = store
        self._images = images
        self._sql = sql
        self._layers = home.tools / "layers"
        self._processes = processes
        self._base = base_environment

    async def start(self, owner: Resource, replica: Replica, container: Container) -> Program:
        """Start a container of an app or a job. Raise StartFailed or OSError."""
        values = readable_secrets(self._store, owner)
        config = pull(self._store, self._images, owner, container, values).config
        if "sandbox" not in config:
            raise Unavailable(
                image_error(container, "it was pushed by a Docker engine, and this sandbox runs without one")
            )
        layer = self._layers / config["sandbox"]["layer"]
        if not (layer / "complete").exists():
            raise Unavailable(image_error(container, f"{layer} does not exist any more: build the image again"))
        image = config["config"]
        try:
            environment = await self._environment(owner, replica, container, image, layer, values)
            words = self._command(container.spec, image, layer, replica.address, environment["PATH"])
            command = [await self._substitute_uris(word, "argument", owner, container, layer) for word in words]
        except LoginFailed as error:
            raise StartFailed(str(error)) from error
        workdir = _local_path(image.get("WorkingDir") or "/", layer / "rootfs")
        folder = Path(workdir) if workdir and Path(workdir).is_dir() else replica.folder
        label = f"{owner.name} {replica.name} {container.name}"
        with container.log.open("ab") as stream:
            return Process(self._processes, await launch(self._processes, label, command, environment, folder, stream))

    def _command(self, spec: Json, image: Json, layer: Path, address: str, path: str) -> list[str]:
        entry = spec.get("command") or image.get("Entrypoint") or []
        arguments = spec.get("args") or ([] if spec.get("command") else image.get("Cmd") or [])
        words = [_ANY_ADDRESS.sub(address, str(word)) for word in (*entry, *arguments)]
        if not words:
            raise Unavailable(
                f"Container '{spec['name']}' has no command, and its image has neither ENTRYPOINT nor CMD."
            )
        words = [_local_path(word, layer / "rootfs") or word for word in words]
        words[0] = shutil.which(words[0], path=path) or words[0]
        return words

    async def _environment(
        self,
        owner: Resource,
        replica: Replica,
        container: Container,
        image: Json,
        layer: Path,
        values: dict[str, str],
    ) -> dict[str, str]:
        """Return the environment of a process: variables of the image, the platform and the app, and those that point to the sandbox."""
        temporary = replica.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        from_image = dict(entry.partition("=")[::2] for entry in image.get("Env") or [])
        path = os.pathsep.join([str(layer / "venv" / "bin"), from_image.get("PATH", ""), os.defpath, "/usr/local/bin"])
        environment = {**from_image, **replica.variables, **container.variables(values)}
        environment = {name: _ANY_ADDRESS.sub(replica.address, value) for name, value in environment.items()}
        for name, value in environment.items():
            environment[name] = await self._substitute_uris(value, name, owner, container, layer)
        fixed = {
            "PATH": path,
            "HOME": str(replica.folder),
            "TMPDIR": str(temporary),
            "VIRTUAL_ENV": str(layer / "venv"),
        }
        return {"LANG": "C.UTF-8", **environment, **fixed, **self._base}

    async def _substitute_uris(self, value: str, name: str, owner: Resource, container: Container, layer: Path) -> str:
        """Return a variable or an argument with the URIs of Azure SQL databases replaced. Raise LoginFailed."""
        for uri in azure_sql_uris(value):
            substitute = self._sql.substitute(uri, object_ids(self._store, owner))
            if substitute.job is not None:
                await asyncio.to_thread(set_up, substitute.job, layer / "venv" / "bin" / "python")
            value = value.replace(uri, substitute.uri)
            write_log(container.log, f"{name}: {substitute.message}")
        return value


def _local_path(word: str, rootfs: Path) -> str | None:
    """Return the path of an image's file on this machine; None if the image does not have it."""
    if not word.startswith("/") or word == "/":
        return None
    local = rootfs / word.lstrip("/")
    return str(local) if local.exists() else None
