# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine of this machine, by its API, and what of it a sandbox owns. Standard library only: command line and server share it.

Requests are of HTTP/1.0, which the engine answers without chunks, to the end of the connection. Source: https://docs.docker.com/reference/api/engine/
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
    """The engine refused a request, or could not be reached. `status`: of its answer; 0 without one."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Engine:
    """An engine, at its socket."""

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
        """Sends a request, and gives the body of its answer to read. `body`: bytes, or the file that holds them.

        Raises EngineError for a status from 400 on.
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
                answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            except asyncio.IncompleteReadError as error:
                raise EngineError(0, "the Docker engine ended the connection without an answer") from error
            status = int(answer.split(" ", 2)[1])
            if status >= 400:
                raise EngineError(status, _message(await reader.read()))
            yield reader
        finally:
            writer.close()

    async def call(self, method: str, path: str, body: Any = None, seconds: float | None = CALL_SECONDS) -> Any:
        """A request with JSON in both directions. `seconds`: None waits for as long as it takes. Raises EngineError."""
        content = b"" if body is None else json.dumps(body).encode()
        try:
            async with asyncio.timeout(seconds), self.stream(method, path, content) as reader:
                answer = await reader.read()
        except TimeoutError as error:
            raise EngineError(0, f"the Docker engine did not answer {method} {path} within {seconds:g} s") from error
        except EngineError:
            raise
        except OSError as error:
            raise EngineError(0, f"the Docker engine ended the connection: {error}") from error
        try:
            return json.loads(answer) if answer else None
        except ValueError:
            return answer.decode(errors="replace")

    async def messages(
        self, method: str, path: str, body: bytes | Path = b"", content_type: str = "application/x-tar"
    ) -> AsyncIterator[dict[str, Any]]:
        """The messages of a build or a load, one after the other. Raises EngineError for one that is an error."""
        async with self.stream(method, path, body, content_type) as reader:
            async for line in reader:
                message = json.loads(line)
                if "error" in message:
                    raise EngineError(500, str(message["error"]))
                yield message

    async def check(self) -> None:
        """Raises EngineError where containers could not run here as the sandbox runs them."""
        info = await self.call("GET", "/info", seconds=30)
        if any("rootless" in option for option in info.get("SecurityOptions") or []):
            raise EngineError(
                0,
                f"the Docker engine at unix://{self.socket} is rootless, so its containers cannot be reached from here",
            )
        if info.get("OSType") != "linux":
            raise EngineError(0, f"the Docker engine at unix://{self.socket} runs no Linux containers")


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
        return  # it has refused the request, and says why


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()


@dataclass(frozen=True)
class Owned:
    """What a sandbox has in an engine: containers and a network, known by a label. Written down before the first is made."""

    engine: Engine
    owner: str

    @property
    def labels(self) -> dict[str, str]:
        return {OWNER_LABEL: self.owner}

    @property
    def network(self) -> str:
        return f"sandbox-{self.owner[:12]}"

    async def make_network(self) -> str:
        """Makes the network of the containers, unless it is there. Returns this machine's address in it."""
        body = {"Name": self.network, "Driver": "bridge", "CheckDuplicate": True, "Labels": self.labels}
        try:
            found = await self.engine.call("GET", f"/networks/{self.network}")
        except EngineError as error:
            if error.status != 404:
                raise
            await self.engine.call("POST", "/networks/create", body)
            found = await self.engine.call("GET", f"/networks/{self.network}")
        return next(str(entry["Gateway"]) for entry in found["IPAM"]["Config"] if "." in entry.get("Gateway", ""))

    async def end_all(self) -> list[str]:
        """Ends and removes every container. Returns their names."""
        query = urlencode({"all": "1", "filters": json.dumps({"label": [f"{OWNER_LABEL}={self.owner}"]})})
        found = await self.engine.call("GET", f"/containers/json?{query}")
        await asyncio.gather(*(remove_container(self.engine, entry["Id"]) for entry in found))
        return [str(entry["Names"][0]).strip("/") for entry in found]

    async def remove_network(self) -> None:
        try:
            await self.engine.call("DELETE", f"/networks/{self.network}")
        except EngineError as error:
            if error.status not in (403, 404, 409):  # 403: somebody else's container is on it
                raise


@dataclass(frozen=True)
class KeptImages:
    """The images that an engine has for a sandbox alone, by name, written down in a file before they are there."""

    file: Path

    def names(self) -> list[str]:
        return [str(name) for name in read_json(self.file) or []]

    def add(self, name: str) -> None:
        if name not in (names := self.names()):
            write_private(self.file, json.dumps([*names, name]))

    async def remove(self, engine: Engine, name: str) -> None:
        """Removes an image, unless it is gone or something else uses it. Raises EngineError."""
        try:
            await engine.call("DELETE", image_path(name))
        except EngineError as error:
            if error.status not in (404, 409):
                raise
        write_private(self.file, json.dumps([known for known in self.names() if known != name]))

    async def remove_all(self, engine: Engine) -> None:
        for name in self.names():
            await self.remove(engine, name)


async def remove_container(engine: Engine, identifier: str) -> None:
    """Ends a container for good, and removes it with its volumes; nothing, where it is gone already."""
    try:
        await engine.call("DELETE", f"/containers/{identifier}?force=1&v=1")
    except EngineError as error:
        if error.status not in (404, 409):  # 409: somebody else removes it
            raise


def api_socket(home: Home) -> Path:
    """The socket at which the sandbox itself answers Docker's clients."""
    return home.root / "docker.sock"


def choose(home: Home, docker_host: str | None) -> Owned:
    """The engine to run containers with, written down in the sandbox's folder: DOCKER_HOST's, unless that is the sandbox itself.

    Raises ValueError with what the user can do.
    """
    known = read_json(home.engine_file)
    own = f"unix://{api_socket(home)}"
    if len(str(api_socket(home)).encode()) > _SOCKET_PATH_BYTES:
        raise ValueError(f"{api_socket(home)} is too long for the name of a socket: choose another folder with --home")
    chosen = (
        docker_host if docker_host and docker_host != own else f"unix://{(known or {}).get('socket', DEFAULT_SOCKET)}"
    )
    if re.fullmatch(r"unix:///.+", chosen) is None:
        raise ValueError(
            f"DOCKER_HOST={chosen}: the engine has to run on this machine: give unix:///path/to/docker.sock"
        )
    if known is not None and known["socket"] != chosen.removeprefix("unix://"):
        raise ValueError(
            f"DOCKER_HOST={chosen}: the sandbox in {home.root} has its containers in the engine at unix://{known['socket']}. "
            "Unset DOCKER_HOST, or end that sandbox first: python -m sandbox down --purge"
        )
    entry = {"socket": chosen.removeprefix("unix://"), "owner": (known or {}).get("owner") or uuid.uuid4().hex}
    if entry != known:
        write_private(home.engine_file, json.dumps(entry))
    return Owned(Engine(Path(entry["socket"])), entry["owner"])


def owned(home: Home) -> Owned | None:
    """What a sandbox has written down of its engine; None where it never used one."""
    entry = read_json(home.engine_file)
    return None if entry is None else Owned(Engine(Path(entry["socket"])), entry["owner"])


def image_path(name: str) -> str:
    """The API's path of an image, by name or id."""
    return f"/images/{quote(name, safe='/:@')}"
