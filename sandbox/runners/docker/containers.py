# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers in a Docker engine, from the images in the sandbox's registries.

They run in a network of the sandbox. Each replica has an address in it, and so has this machine, where the proxy and the identity endpoint
listen too. No port is published, so other machines reach none of them.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import secrets
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.apps.containers import Container, Program, Replica, StartFailed, Unavailable, write_log
from sandbox.host.docker_engine import OWNER_LABEL, Engine, EngineError, Owned, remove_container
from sandbox.messages import Json
from sandbox.registry.content import Images
from sandbox.runners.azure_sql import SETUP_SECONDS, AzureSql, LoginFailed, azure_sql_uris, object_ids
from sandbox.runners.docker.images import DockerImages
from sandbox.runners.image_pull import image_error, pull, readable_secrets
from sandbox.store import Resource, Store

LOG = logging.getLogger(__name__)
# paths in a container
CERTIFICATES = "/sandbox/certificates.pem"
_DATABASES = "/sandbox/sql"
_SETUP = Path(__file__).parents[1] / "sql_server_setup.py"
_LOST = 255
_SHARED_NETWORK_SECONDS = 60.0
# seconds without the first container of a replica
_OTHERS_GRACE = 1.0
_UNITS = {"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "k": 10**3, "m": 10**6, "g": 10**9, "": 1}


def memory_bytes(quantity: str | None) -> int:
    """Return a quantity of Kubernetes, such as 1.5Gi, in bytes; 0 (no limit) for any other value."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(\w*)", str(quantity or ""))
    return int(float(match[1]) * _UNITS.get(match[2].lower(), 0)) if match else 0


class DockerContainer:
    """Started container of the engine."""

    def __init__(self, engine: Engine, identifier: str, console: asyncio.Task[None]) -> None:
        self._engine = engine
        self._identifier = identifier
        self._console = console

    @property
    def id(self) -> str:
        """Return the value of Azure's containerId."""
        return f"docker://{self._identifier}"

    async def wait(self) -> int:
        """Wait until the container ends, and remove it. Return its exit code; 255 if the engine has lost it."""
        try:
            response = await self._engine.call("POST", f"/containers/{self._identifier}/wait", seconds=None)
            if not isinstance(response, dict):  # the head arrives at once, the body with the exit code at the end
                raise EngineError(0, "the Docker engine ended while the container ran")
            code = int(response["StatusCode"])
            await asyncio.wait([self._console], timeout=10)
            await remove_container(self._engine, self._identifier)
        except EngineError as error:
            LOG.warning("container %s was lost: %s", self._identifier[:12], error)
            return _LOST
        return code

    async def stop(self, grace: float) -> None:
        """Stop the container within `grace` seconds, and remove it."""
        try:
            await self._engine.call(
                "POST", f"/containers/{self._identifier}/stop?t={max(0, round(grace))}", seconds=grace + 60
            )
        except EngineError as error:
            if error.status != 404:
                LOG.warning("container %s could not be stopped: %s", self._identifier[:12], error)
        await asyncio.wait([self._console], timeout=10)
        self._console.cancel()
        await remove_container(self._engine, self._identifier)


class DockerContainers:
    """Runtime that starts containers in the engine, each with the labels by which `down` finds it."""

    def __init__(
        self,
        store: Store,
        images: Images,
        docker_images: DockerImages,
        sql: AzureSql,
        engine: Owned,
        environment: Mapping[str, str],
        certificates: Path,
    ) -> None:
        self._store = store
        self._images = images
        self._docker_images = docker_images
        self._sql = sql
        self._owned = engine
        self._engine = engine.engine
        self._base = dict(environment)
        self._certificates = certificates

    async def start(self, owner: Resource, replica: Replica, container: Container) -> Program:
        """Start a container of an app or a job. Raise StartFailed or OSError."""
        values = readable_secrets(self._store, owner)
        pulled = pull(self._store, self._images, owner, container, values)
        if "sandbox" in pulled.config:
            raise Unavailable(image_error(container, "it was built without a Docker engine: build it again"))
        image = await self._docker_images.load(pulled.name, pulled.digest, pulled.manifest)
        spec, mounts = container.spec, set[str]()

        async def substitute(name: str, value: str) -> str:
            return await self._substitute_uris(value, name, owner, container, image, mounts)

        template_variables = {**replica.variables, **container.variables(values)}
        try:
            variables = {name: await substitute(name, value) for name, value in template_variables.items()}
            command = [await substitute("argument", str(word)) for word in spec.get("command") or []]
            arguments = [await substitute("argument", str(word)) for word in spec.get("args") or []]
        except LoginFailed as error:
            raise StartFailed(str(error)) from error
        body: Json = {
            "Image": image,
            "Env": [f"{name}={value}" for name, value in {**variables, **self._base}.items()],
            "Labels": {**self._owned.labels, f"{OWNER_LABEL}.app": owner.name},
            "Healthcheck": {"Test": ["NONE"]},  # Container Apps has its own probes
            "HostConfig": {
                "NetworkMode": await self._network(replica, container),
                "Binds": sorted(mounts),
                "Memory": memory_bytes((spec.get("resources") or {}).get("memory")),
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "20m", "max-file": "2"}},
            },
        }
        body |= {key: words for key, words in (("Entrypoint", command), ("Cmd", arguments)) if words}
        if replica.containers and container is replica.containers[0]:
            await self._stop_others(replica)
        return await self._run(replica, container, body)

    async def _run(self, replica: Replica, container: Container, body: Json) -> Program:
        name = f"{replica.name}-{container.name}-{secrets.token_hex(3)}"
        identifier = await self._create(name, body, {CERTIFICATES: self._certificates.read_bytes()})
        started = False
        try:
            await self._engine.call("POST", f"/containers/{identifier}/start")
            if replica.containers and container is replica.containers[0]:
                details = await self._engine.call("GET", f"/containers/{identifier}/json")
                network = details["NetworkSettings"]["Networks"].get(self._owned.network) or {}
                if address := network.get("IPAddress"):  # empty if the container has ended
                    replica.address = address
                    if replica.ingress is not None:
                        replica.ingress.target = address
            started = True
        except EngineError as error:
            raise StartFailed(f"The container '{container.name}' could not be started: {error}") from error
        finally:
            if not started:
                await self._remove(identifier)
        console = asyncio.get_running_loop().create_task(self._copy_console(identifier, container.log))
        return DockerContainer(self._engine, identifier, console)

    async def _stop_others(self, replica: Replica) -> None:
        """Stop the other containers of a replica, which share the network of its ended first container. They restart in that of the next one."""
        others = [other.program for other in replica.containers[1:] if other.program is not None]
        await asyncio.gather(*(program.stop(_OTHERS_GRACE) for program in others))

    async def _create(self, name: str, body: Json, files: Mapping[str, bytes]) -> str:
        """Create a container with files, not started yet. Return its id."""
        creation = asyncio.ensure_future(self._engine.call("POST", f"/containers/create?name={name}", body))
        complete = False
        try:
            identifier = str((await asyncio.shield(creation))["Id"])
            async with self._engine.stream(
                "PUT", f"/containers/{identifier}/archive?path=/", _archive(files), "application/x-tar"
            ) as reader:
                await reader.read()
            complete = True
        finally:
            if not complete:
                await self._abandon(creation)
        return identifier

    async def _abandon(self, creation: asyncio.Future[Any]) -> None:
        """Remove a container after its creation, which the engine completes even if no client waits for it."""
        try:
            created = await creation
        except EngineError:
            return  # it was not created
        await self._remove(str(created["Id"]))

    async def _remove(self, identifier: str) -> None:
        try:
            await asyncio.shield(remove_container(self._engine, identifier))
        except EngineError as error:
            LOG.warning("container %s could not be removed: %s", identifier[:12], error)

    async def _network(self, replica: Replica, container: Container) -> str:
        """Return the network mode: the network of the sandbox, or for further containers that of the first one, so that they share localhost."""
        if container in replica.init_containers or container is replica.containers[0]:
            return self._owned.network
        try:
            async with asyncio.timeout(_SHARED_NETWORK_SECONDS):
                while replica.containers[0].program is None:
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise StartFailed(
                f"The container '{replica.containers[0].name}', whose network it shares, does not run."
            ) from error
        return f"container:{replica.containers[0].program.id.removeprefix('docker://')}"

    async def _copy_console(self, identifier: str, log: Path) -> None:
        """Copy the output of a container to its console log, as long as it runs."""
        try:
            async with self._engine.stream(
                "GET", f"/containers/{identifier}/logs?follow=1&stdout=1&stderr=1"
            ) as reader:
                with log.open("ab", buffering=0) as stream:
                    while True:
                        # a frame: stream number, three zeros, length
                        frame = await reader.readexactly(8)
                        stream.write(await reader.readexactly(int.from_bytes(frame[4:], "big")))
        except asyncio.IncompleteReadError:
            return
        except EngineError as error:
            write_log(log, f"The console could not be read: {error}")

    # Azure SQL

    async def _substitute_uris(
        self, value: str, name: str, owner: Resource, container: Container, image: str, mounts: set[str]
    ) -> str:
        """Return a variable or an argument with the URIs of Azure SQL databases replaced, and add their mounts. Raise LoginFailed."""
        for uri in azure_sql_uris(value):
            substitute = self._sql.substitute(uri, object_ids(self._store, owner))
            substitute_uri = substitute.uri
            if substitute.file is not None:
                folder = substitute.file.parent
                folder.chmod(0o777)  # for the user of the image; only the owner can enter its parent
                inside = f"{_DATABASES}/{folder.name}"
                mounts.add(f"{folder}:{inside}")
                substitute_uri = f"sqlite:///{inside}/{substitute.file.name}"
            if substitute.job is not None:
                await self._set_up(substitute.job, image)
            value = value.replace(uri, substitute_uri)
            write_log(container.log, f"{name}: {substitute.message}")
        return value

    async def _set_up(self, job: Json, image: str) -> None:
        """Create the database and the login of a substitute, with the driver of the image. Raise LoginFailed."""
        label = f"The SQL Server {job['host']}:{job['port']} behind the sandbox"
        program = (
            "import runpy, sys; sys.stdin = open('/sandbox/job.json'); "
            "runpy.run_path('/sandbox/runners/sql_server_setup.py', run_name='__main__')"
        )
        body = {
            "Image": image,
            "Entrypoint": ["python3", "-I", "-c", program],
            "Cmd": [],
            "Labels": self._owned.labels,
            "Healthcheck": {"Test": ["NONE"]},
            "HostConfig": {"NetworkMode": self._owned.network},
        }
        files = {
            "/sandbox/job.json": json.dumps(job).encode(),
            "/sandbox/runners/sql_server_setup.py": _SETUP.read_bytes(),
        }
        identifier = await self._create(f"sql-setup-{secrets.token_hex(6)}", body, files)
        try:
            await self._engine.call("POST", f"/containers/{identifier}/start")
            result = await self._engine.call("POST", f"/containers/{identifier}/wait", seconds=SETUP_SECONDS)
            if result["StatusCode"] != 0:
                async with self._engine.stream("GET", f"/containers/{identifier}/logs?stdout=1&stderr=1") as reader:
                    output = _console(await reader.read())
                reason = (output.strip().splitlines() or ["no reason given"])[-1]
                raise LoginFailed(f"{label} could not be set up: {reason}")
        except EngineError as error:
            raise LoginFailed(f"{label} could not be set up: {error}") from error
        finally:
            await self._remove(identifier)


def _console(content: bytes) -> str:
    """Return the output of a container, without the frames of the engine's API."""
    output, position = b"", 0
    while position + 8 <= len(content):
        end = position + 8 + int.from_bytes(content[position + 4 : position + 8], "big")
        output, position = output + content[position + 8 : end], end
    return output.decode(errors="replace")


def _archive(files: Mapping[str, bytes]) -> bytes:
    """Return a tar of files that all users of the container can read."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        folder = tarfile.TarInfo("sandbox")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        for name, data in files.items():
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size, entry.mode = len(data), 0o444
            tar.addfile(entry, io.BytesIO(data))
    return content.getvalue()
