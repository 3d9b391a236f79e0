# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Docker's clients are pointed at: the engine of this machine, in which `<registry>.azurecr.io` is the sandbox's.

An engine pushes and pulls by itself, and knows neither the proxy nor its certificate. So logins, pushes and pulls of the sandbox's
registries are answered here, with the registry's own permissions; everything else is handed to the engine, byte for byte.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.host.docker_engine import Engine, EngineError
from sandbox.host.relay import copy
from sandbox.registry.content import REGISTRIES, Images, RegistryEndpoint, repository_and_reference
from sandbox.runners.docker.images import DockerImages
from sandbox.store import Resource, Store

LOG = logging.getLogger(__name__)
_LIMIT = 1 << 20
_REFUSED = "unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information."
_HOST = re.compile(r"([a-z0-9]+)\.azurecr\.io", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """A request to the engine's API, as far as it has been read."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]

    @classmethod
    def of(cls, head: bytes) -> Call:
        """Raises ValueError where it is no request."""
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _version = first.split(" ")
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {
            name.strip().lower(): value.strip() for name, _mark, value in (line.partition(":") for line in lines)
        }
        return cls(method, re.sub(r"^/v\d+\.\d+(?=/)", "", unquote(parts.path)), query, headers)


class DockerApi:
    """Answers Docker's clients at a socket of the sandbox."""

    def __init__(
        self, store: Store, engine: Engine, images: Images, docker_images: DockerImages, registries: RegistryEndpoint
    ) -> None:
        self._store = store
        self._engine = engine
        self._images = images
        self._docker_images = docker_images
        self._registries = registries
        self._server: asyncio.Server | None = None

    async def open(self, socket: Path) -> None:
        """Listens; the socket is its owner's alone, by the umask."""
        socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(socket), limit=_LIMIT)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            call = Call.of(head)
            if not await self._answer(call, reader, writer):
                await self._hand_over(head, call, reader, writer)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            LOG.info("a client of the Docker API: %s", error)
        finally:
            writer.close()

    # what is the sandbox's

    async def _answer(self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers a request that is about a registry of the sandbox; False where it is not."""
        pushed = re.fullmatch(r"/images/(.+)/push", call.path)
        if call.method != "POST":
            return False
        if call.path == "/auth":
            body = await _body(call, reader)
            return await self._log_in(call, body, reader, writer)
        if pushed is not None and (registry := self._registry(pushed[1])) is not None:
            await _body(call, reader)
            await _tell(writer, self._push(registry, pushed[1], call))
            return True
        if call.path == "/images/create" and (registry := self._registry(call.query.get("fromImage", ""))) is not None:
            await _body(call, reader)
            await _tell(writer, self._pull(registry, call))
            return True
        return False

    def _registry(self, image: str) -> Resource | None:
        found = _HOST.fullmatch(image.removeprefix("https://").partition("/")[0])
        return None if found is None else self._store.named(REGISTRIES, found[1])

    async def _log_in(
        self, call: Call, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        given = _object(body)
        registry = self._registry(str(given.get("serveraddress", "")))
        if registry is None:
            await self._hand_over(_head(call, body) + body, call, reader, writer)
            return True
        who = self._who(registry, given)
        status, answer = (
            (200, {"Status": "Login Succeeded", "IdentityToken": ""}) if who else (401, {"message": _REFUSED})
        )
        content = json.dumps(answer).encode()
        writer.write(
            f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n".encode()
        )
        writer.write(b"Connection: close\r\n\r\n" + content)
        await writer.drain()
        return True

    def _who(self, registry: Resource, given: dict[str, Any]) -> str | None:
        return self._registries.login(registry, str(given.get("username", "")), str(given.get("password", "")))

    def _allows(self, registry: Resource, call: Call, action: str) -> bool:
        try:
            given = _object(base64.urlsafe_b64decode(call.headers.get("x-registry-auth", "") + "=="))
        except ValueError:
            return False
        who = self._who(registry, given)
        return who is not None and self._registries.may(registry, who, action)

    async def _push(self, registry: Resource, image: str, call: Call) -> AsyncIterator[dict[str, Any]]:
        tag = call.query.get("tag") or "latest"
        server, _mark, repository = image.partition("/")
        yield {"status": f"The push refers to repository [{image}]"}
        if not self._allows(registry, call, "push"):
            yield _failed(_REFUSED)
            return
        try:
            digest = await self._docker_images.store(f"{image}:{tag}", registry.name, [f"{repository}:{tag}"])
        except EngineError as error:
            yield _failed(str(error))
            return
        LOG.info("%s/%s:%s was pushed, %s", server, repository, tag, digest)
        size = len(self._images.content(digest) or b"")
        yield {"status": f"{tag}: digest: {digest} size: {size}"}
        yield {"progressDetail": {}, "aux": {"Tag": tag, "Digest": digest, "Size": size}}

    async def _pull(self, registry: Resource, call: Call) -> AsyncIterator[dict[str, Any]]:
        asked = call.query["fromImage"].partition("/")[2]
        tag = call.query.get("tag", "")
        name, tag = repository_and_reference(f"{asked}{'@' if ':' in tag else ':' if tag else ''}{tag}")
        if not self._allows(registry, call, "pull"):
            yield _failed(_REFUSED)
            return
        found = self._images.image(registry.name, name, tag)
        if found is None or "sandbox" in found[2]:
            yield _failed(f"manifest for {registry.properties['loginServer']}/{name}:{tag} not found: manifest unknown")
            return
        digest, manifest, _config = found
        image = f"{registry.properties['loginServer']}/{name}"
        yield {"status": f"Pulling from {name}", "id": tag}
        try:
            known = await self._docker_images.present(image, digest, manifest, None if ":" in tag else tag)
        except EngineError as error:
            yield _failed(str(error))
            return
        yield {"status": f"Digest: {digest}"}
        yield {"status": f"Status: Downloaded newer image for {known}"}

    # what is the engine's

    async def _hand_over(
        self, head: bytes, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Hands a request to the engine, and its answer back. One on each connection, but for those that leave HTTP behind."""
        try:
            from_engine, to_engine = await asyncio.open_unix_connection(str(self._engine.socket), limit=_LIMIT)
        except OSError:
            writer.write(b"HTTP/1.1 502 -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        try:
            if "upgrade" not in call.headers.get("connection", "").lower():
                lines = [
                    line
                    for line in head.split(b"\r\n\r\n")[0].split(b"\r\n")
                    if not line.lower().startswith(b"connection:")
                ]
                rest = head.partition(b"\r\n\r\n")[2]
                head = b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + rest
            to_engine.write(head)
            asking = asyncio.ensure_future(copy(reader, to_engine))
            await copy(from_engine, writer)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        finally:
            to_engine.close()


async def _body(call: Call, reader: asyncio.StreamReader) -> bytes:
    """The body of a short request. Raises ValueError where it is not short, or of a kind that no client sends."""
    size = int(call.headers.get("content-length", "0"))
    if size > _LIMIT or "chunked" in call.headers.get("transfer-encoding", "").lower():
        raise ValueError(f"{call.method} {call.path}: a body like that is not read")
    return await reader.readexactly(size)


def _head(call: Call, body: bytes) -> bytes:
    return (
        f"{call.method} {call.path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _failed(message: str) -> dict[str, Any]:
    return {"errorDetail": {"message": message}, "error": message}


async def _tell(writer: asyncio.StreamWriter, messages: AsyncIterator[dict[str, Any]]) -> None:
    """Answers with a stream of messages, in chunks as the engine sends them: its client for Python reads no others."""
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    writer.write(head.encode())
    async for message in messages:
        line = json.dumps(message).encode() + b"\r\n"
        writer.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()
