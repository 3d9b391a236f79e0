# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client of the Docker engine API, and the objects of a sandbox in an engine. Standard library only: the command line and the server share it.

Requests use HTTP/1.0: the engine responds without chunks and closes the connection. Source: https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from sandbox.host.home import Home, read_json, write_private

DEFAULT_SOCKET = "/var/run/docker.sock"
OWNER_LABEL = "io.github.mlops-mlflow-azure.sandbox"
CALL_SECONDS = 120.0
_CHUNK = 1 << 20
_SOCKET_PATH_BYTES = 107


class EngineError(OSError):
    """Error response of the engine, or a failed connection to it. `status`: of the response; 0 without one."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Engine:
    """Docker engine at a Unix socket."""

    socket: Path

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        body: bytes | Path = b"",
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[asyncio.StreamReader]:
        """Send a request, and yield a reader of the response body. `body`: bytes, or the file that contains them.

        Raise EngineError for a status of 400 or more.
        """
        try:
            reader, writer = await asyncio.open_unix_connection(str(self.socket), limit=_CHUNK)
        except OSError as error:
            raise EngineError(0, f"no Docker engine answers at unix://{self.socket}: {error.strerror}") from error
        try:
            size = body.stat().st_size if isinstance(body, Path) else len(body)
            fields = {"Host": "docker", "Content-Type": content_type, "Content-Length": str(size), **(headers or {})}
            head = f"{method} {path} HTTP/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
            writer.write(head.encode() + b"\r\n")
            await _send(writer, body)
            try:
                response = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            except asyncio.IncompleteReadError as error:
                raise EngineError(0, "the Docker engine closed the connection without a response") from error
            status = int(response.split(" ", 2)[1])
            if status >= 400:
                raise EngineError(status, _message(await reader.read()))
            yield reader
        finally:
            writer.close()

    async def call(self, method: str, path: str, body: Any = None, seconds: float | None = CALL_SECONDS) -> Any:
        """Send a request with a JSON body, and return the JSON response. `seconds`: timeout; None for no limit. Raise EngineError."""
        content = b"" if body is None else json.dumps(body).encode()
        try:
            async with asyncio.timeout(seconds), self.stream(method, path, content) as reader:
                response = await reader.read()
        except TimeoutError as error:
            raise EngineError(
                0, f"the Docker engine did not respond to {method} {path} within {seconds:g} s"
            ) from error
        except EngineError:
            raise
        except OSError as error:
            raise EngineError(0, f"the Docker engine closed the connection: {error}") from error
        try:
            return json.loads(response) if response else None
        except ValueError:
            return response.decode(errors="replace")

    async def messages(
        self, method: str, path: str, body: bytes | Path = b"", content_type: str = "application/x-tar"
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the messages of a build or a load. Raise EngineError for an error message."""
        async with self.stream(method, path, body, content_type) as reader:
            async for line in reader:
                message = json.loads(line)
                if "error" in message:
                    raise EngineError(500, str(message["error"]))
                yield message

    async def check(self) -> None:
        """Raise EngineError for an engine that the sandbox cannot use."""
        info = await self.call("GET", "/info", seconds=30)
        if any("rootless" in option for option in info.get("SecurityOptions") or []):
            raise EngineError(
                0,
                f"the Docker engine at unix://{self.socket} is rootless, so its containers cannot be reached from this machine",
            )
        if info.get("OSType") != "linux":
            raise EngineError(0, f"the Docker engine at unix://{self.socket} does not run Linux containers")


async def _send(writer: asyncio.StreamWriter, body: bytes | Path) -> None:
    try:
        if isinstance(body, Path):
            with body.open("rb") as stream:
                while chunk := await asyncio.to_thread(stream.read, _CHUNK):
                    writer.write(chunk)
                    await writer.drain()
        else:
            writer.write(body)
            await writer.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # the engine has rejected the request; its response has the reason


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()


@dataclass(frozen=True)
class Owned:
    """Containers and network of a sandbox in an engine, identified by a label that is recorded before the first is created."""

    engine: Engine
    owner: str

    @property
    def labels(self) -> dict[str, str]:
        return {OWNER_LABEL: self.owner}

    @property
    def network(self) -> str:
        return f"sandbox-{self.owner[:12]}"

    async def create_network(self) -> str:
        """Create the network of the containers, unless it exists. Return the address of this machine in it."""
        body = {"Name": self.network, "Driver": "bridge", "CheckDuplicate": True, "Labels": self.labels}
        try:
            network = await self.engine.call("GET", f"/networks/{self.network}")
        except EngineError as error:
            if error.status != 404:
                raise
            await self.engine.call("POST", "/networks/create", body)
            network = await self.engine.call("GET", f"/networks/{self.network}")
        return next(str(entry["Gateway"]) for entry in network["IPAM"]["Config"] if "." in entry.get("Gateway", ""))

    async def end_all(self) -> list[str]:
        """Stop and remove every container. Return their names."""
        query = urlencode({"all": "1", "filters": json.dumps({"label": [f"{OWNER_LABEL}={self.owner}"]})})
        containers = await self.engine.call("GET", f"/containers/json?{query}")
        await asyncio.gather(*(remove_container(self.engine, entry["Id"]) for entry in containers))
        return [str(entry["Names"][0]).strip("/") for entry in containers]

    async def remove_network(self) -> None:
        """Remove the network, unless another container uses it."""
        try:
            await self.engine.call("DELETE", f"/networks/{self.network}")
        except EngineError as error:
            if error.status not in (403, 404, 409):  # 403: a container of another owner uses it
                raise


@dataclass(frozen=True)
class ImageRecords:
    """Names of the images that an engine has only for a sandbox, recorded in a file before they exist."""

    file: Path

    def names(self) -> list[str]:
        """Return the recorded names."""
        return [str(name) for name in read_json(self.file) or []]

    def add(self, name: str) -> None:
        """Record an image."""
        if name not in (names := self.names()):
            write_private(self.file, json.dumps([*names, name]))

    async def remove(self, engine: Engine, name: str) -> None:
        """Remove an image, unless it is missing or in use by others. Raise EngineError."""
        try:
            await engine.call("DELETE", image_path(name))
        except EngineError as error:
            if error.status not in (404, 409):
                raise
        write_private(self.file, json.dumps([other for other in self.names() if other != name]))

    async def remove_all(self, engine: Engine) -> None:
        """Remove every recorded image. Raise EngineError."""
        for name in self.names():
            await self.remove(engine, name)


async def remove_container(engine: Engine, identifier: str) -> None:
    """Kill a container and remove it with its volumes. Do nothing if it does not exist."""
    try:
        await engine.call("DELETE", f"/containers/{identifier}?force=1&v=1")
    except EngineError as error:
        if error.status not in (404, 409):  # 409: its removal is in progress
            raise


def api_socket(home: Home) -> Path:
    """Return the socket of the sandbox's own Docker API."""
    return home.root / "docker.sock"


def select_engine(home: Home, docker_host: str | None) -> Owned:
    """Return the engine of DOCKER_HOST (unless that is the sandbox itself) or the default one, and record it in the sandbox's folder.

    Raise ValueError with the remedy.
    """
    recorded = read_json(home.engine_file)
    sandbox_api = f"unix://{api_socket(home)}"
    if len(str(api_socket(home)).encode()) > _SOCKET_PATH_BYTES:
        raise ValueError(f"{api_socket(home)} is too long for the path of a socket: choose another folder with --home")
    address = (
        docker_host
        if docker_host and docker_host != sandbox_api
        else f"unix://{(recorded or {}).get('socket', DEFAULT_SOCKET)}"
    )
    if re.fullmatch(r"unix:///.+", address) is None:
        raise ValueError(
            f"DOCKER_HOST={address}: the engine must run on this machine: set it to unix:///path/to/docker.sock"
        )
    if recorded is not None and recorded["socket"] != address.removeprefix("unix://"):
        raise ValueError(
            f"DOCKER_HOST={address}: the sandbox in {home.root} runs its containers in the engine at unix://{recorded['socket']}. "
            "Unset DOCKER_HOST, or remove that sandbox first: python -m sandbox down --purge"
        )
    entry = {"socket": address.removeprefix("unix://"), "owner": (recorded or {}).get("owner") or uuid.uuid4().hex}
    if entry != recorded:
        write_private(home.engine_file, json.dumps(entry))
    return Owned(Engine(Path(entry["socket"])), entry["owner"])


def recorded_engine(home: Home) -> Owned | None:
    """Return the recorded engine of a sandbox; None if it never used one."""
    entry = read_json(home.engine_file)
    return None if entry is None else Owned(Engine(Path(entry["socket"])), entry["owner"])


def image_path(name: str) -> str:
    """Return the API path of an image, by name or id."""
    return f"/images/{quote(name, safe='/:@')}"
