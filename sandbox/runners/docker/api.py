# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker API for clients: the engine of this machine, with `<registry>.azurecr.io` served by the sandbox.

An engine pushes and pulls by itself, and uses neither the proxy nor its certificate. So this API responds to logins, pushes and pulls of
the sandbox's registries, with the permissions of the registry; all other requests are relayed to the engine unchanged.
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
from sandbox.registry.content import REGISTRIES, Images
from sandbox.registry.paths import repository_and_reference
from sandbox.registry.tokens import RegistryTokens
from sandbox.runners.docker.images import DockerImages
from sandbox.store import Resource, Store

LOG = logging.getLogger(__name__)
_LIMIT = 1 << 20
_UNAUTHORIZED = "unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information."
_HOST = re.compile(r"([a-z0-9]+)\.azurecr\.io", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """Head of a request to the API."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]

    @classmethod
    def of(cls, head: bytes) -> Call:
        """Return the call of a request head. Raise ValueError for other bytes."""
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _version = first.split(" ")
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {
            name.strip().lower(): value.strip() for name, _mark, value in (line.partition(":") for line in lines)
        }
        return cls(method, re.sub(r"^/v\d+\.\d+(?=/)", "", unquote(parts.path)), query, headers)


class DockerApi:
    """Docker API at a Unix socket of the sandbox."""

    def __init__(
        self, store: Store, engine: Engine, images: Images, docker_images: DockerImages, tokens: RegistryTokens
    ) -> None:
        self._store = store
        self._engine = engine
        self._images = images
        self._docker_images = docker_images
        self._tokens = tokens
        self._server: asyncio.Server | None = None

    async def open(self, socket: Path) -> None:
        """Listen at a socket that only its owner can use, by the umask."""
        socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(socket), limit=_LIMIT)

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            call = Call.of(head)
            if not await self._respond(call, reader, writer):
                await self._relay(head, call, reader, writer)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            LOG.info("a connection to the Docker API was interrupted: %s", error)
        finally:
            writer.close()

    # registries of the sandbox

    async def _respond(self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Respond to a request about a registry of the sandbox. Return False for any other request."""
        match (call.method, *call.path.split("/")[1:]):
            case ("POST", "auth"):
                await self._authenticate(call, reader, writer)
                return True
            case ("POST", "images", "create"):
                registry = self._registry(call.query.get("fromImage", ""))
                messages = None if registry is None else self._pull(registry, call)
            case ("POST", "images", *name, "push"):
                image = "/".join(name)
                registry = self._registry(image)
                messages = None if registry is None else self._push(registry, image, call)
            case _:
                return False
        if messages is None:
            return False
        await _body(call, reader)
        await _stream(writer, messages)
        return True

    def _registry(self, image: str) -> Resource | None:
        host = _HOST.fullmatch(image.removeprefix("https://").partition("/")[0])
        return None if host is None else self._store.named(REGISTRIES, host[1])

    async def _authenticate(self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = await _body(call, reader)
        credentials = _object(body)
        registry = self._registry(str(credentials.get("serveraddress", "")))
        if registry is None:
            await self._relay(_head(call, body) + body, call, reader, writer)
            return
        principal = self._login(registry, credentials)
        status, response = (
            (200, {"Status": "Login Succeeded", "IdentityToken": ""})
            if principal
            else (401, {"message": _UNAUTHORIZED})
        )
        content = json.dumps(response).encode()
        writer.write(
            f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n".encode()
        )
        writer.write(b"Connection: close\r\n\r\n" + content)
        await writer.drain()

    def _login(self, registry: Resource, credentials: dict[str, Any]) -> str | None:
        return self._tokens.login(registry, str(credentials.get("username", "")), str(credentials.get("password", "")))

    def _is_allowed(self, registry: Resource, call: Call, action: str) -> bool:
        try:
            credentials = _object(base64.urlsafe_b64decode(call.headers.get("x-registry-auth", "") + "=="))
        except ValueError:
            return False
        principal = self._login(registry, credentials)
        return principal is not None and self._tokens.is_allowed(registry, principal, action)

    async def _push(self, registry: Resource, image: str, call: Call) -> AsyncIterator[dict[str, Any]]:
        tag = call.query.get("tag") or "latest"
        server, _mark, repository = image.partition("/")
        yield {"status": f"The push refers to repository [{image}]"}
        if not self._is_allowed(registry, call, "push"):
            yield _failed(_UNAUTHORIZED)
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
        image_name = call.query["fromImage"].partition("/")[2]
        tag = call.query.get("tag", "")
        name, tag = repository_and_reference(f"{image_name}{'@' if ':' in tag else ':' if tag else ''}{tag}")
        if not self._is_allowed(registry, call, "pull"):
            yield _failed(_UNAUTHORIZED)
            return
        entry = self._images.image(registry.name, name, tag)
        if entry is None or "sandbox" in entry[2]:
            yield _failed(f"manifest for {registry.properties['loginServer']}/{name}:{tag} not found: manifest unknown")
            return
        digest, manifest, _config = entry
        image = f"{registry.properties['loginServer']}/{name}"
        yield {"status": f"Pulling from {name}", "id": tag}
        try:
            loaded = await self._docker_images.load(image, digest, manifest, None if ":" in tag else tag)
        except EngineError as error:
            yield _failed(str(error))
            return
        yield {"status": f"Digest: {digest}"}
        yield {"status": f"Status: Downloaded newer image for {loaded}"}

    # the engine

    async def _relay(self, head: bytes, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay a request to the engine, and its response back: one on each connection, unless it upgrades to another protocol."""
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
            request = asyncio.ensure_future(copy(reader, to_engine))
            await copy(from_engine, writer)
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
        finally:
            to_engine.close()


async def _body(call: Call, reader: asyncio.StreamReader) -> bytes:
    """Return the body of a request. Raise ValueError for a long or chunked one, which no client sends."""
    size = int(call.headers.get("content-length", "0"))
    if size > _LIMIT or "chunked" in call.headers.get("transfer-encoding", "").lower():
        raise ValueError(f"{call.method} {call.path}: the body is too long or chunked")
    return await reader.readexactly(size)


def _head(call: Call, body: bytes) -> bytes:
    return (
        f"{call.method} {call.path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()


def _object(content: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _failed(message: str) -> dict[str, Any]:
    return {"errorDetail": {"message": message}, "error": message}


async def _stream(writer: asyncio.StreamWriter, messages: AsyncIterator[dict[str, Any]]) -> None:
    """Respond with a stream of messages in chunks, as the engine does: its client for Python requires them."""
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
