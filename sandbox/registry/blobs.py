# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upload and download of the registries' blobs (image layers above all), streamed: a blob may be larger than the memory.

An HTTP server of its own behind the proxy, which forwards a request once the registry has authorized it.
Source: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md, with Azure's error bodies.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import secrets
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

import h11

from sandbox.messages import Connection, Request, Response, Upstream
from sandbox.registry.content import Images
from sandbox.registry.endpoint import RegistryEndpoint
from sandbox.registry.paths import Target, is_digest, parse_path

LOG = logging.getLogger(__name__)
# headers that the proxy adds: proof that the request is authorized, and the name of its registry
_KEY, _REGISTRY = "x-sandbox-key", "x-sandbox-registry"
_CHUNK = 256 * 1024


class RequestError(Exception):
    """Error response to a request."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()


class _Exchange:
    """One request and its response."""

    def __init__(self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connection = connection
        self._reader = reader
        self._writer = writer

    async def next_event(self) -> h11.Request | h11.Data | h11.EndOfMessage | h11.ConnectionClosed:
        while True:
            event = self._connection.next_event()
            if event is h11.NEED_DATA:
                self._connection.receive_data(await self._reader.read(_CHUNK))
            elif isinstance(event, (h11.Request, h11.Data, h11.EndOfMessage, h11.ConnectionClosed)):
                return event

    async def receive(self, file: BinaryIO | None) -> None:
        """Read the body to its end, and write it to a file if one is given."""
        while isinstance(event := await self.next_event(), h11.Data):
            if file is not None:
                file.write(event.data)
        if isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("the client closed the connection")

    async def respond(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Send a response with a short body."""
        fields = {"Content-Length": str(len(body)), "Docker-Distribution-Api-Version": "registry/2.0", **headers}
        self._send(h11.Response(status_code=status, headers=list(fields.items())))
        if body:
            self._send(h11.Data(data=body))
        self._send(h11.EndOfMessage())
        await self._writer.drain()

    async def respond_with_file(self, status: int, headers: Mapping[str, str], content: BinaryIO, count: int) -> None:
        """Send a response whose body is the next `count` bytes of a file."""
        self._send(h11.Response(status_code=status, headers=[("Content-Length", str(count)), *headers.items()]))
        while count > 0 and (chunk := content.read(min(_CHUNK, count))):
            count -= len(chunk)
            self._send(h11.Data(data=chunk))
            await self._writer.drain()
        self._send(h11.EndOfMessage())
        await self._writer.drain()

    def _send(self, event: h11.Event) -> None:
        if (data := self._connection.send(event)) is not None:
            self._writer.write(data)


class RegistryBlobs:
    """Server of the blobs of all registries, and the forwarding of requests to it. `port` is 0 until it is open."""

    def __init__(self, images: Images, endpoint: RegistryEndpoint) -> None:
        self._images = images
        self._endpoint = endpoint
        self._uploads = images.folder / "uploads"
        self._key = secrets.token_hex(32)
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self) -> None:
        """Listen at a free port. Uploads that were interrupted by the end of the sandbox are removed: clients begin again."""
        shutil.rmtree(self._uploads, ignore_errors=True)
        self._uploads.mkdir(parents=True)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    # forwarding

    def streams(self, request: Request) -> bool:
        """Return whether a request to a registry transfers a blob, and is forwarded here."""
        target = parse_path(request.path)
        return target is not None and _transfers_blob(target)

    async def forward(self, request: Request, _connection: Connection) -> Upstream | Response:
        """Authorize a request by its headers. Return this server, or the error response."""
        registry = self._endpoint.find(request.host)
        if registry is None:
            return Response(404)
        denied = self._endpoint.authorize(registry, request, parse_path(request.path))
        if denied is not None:
            return denied
        return Upstream("http", "127.0.0.1", self.port, {_KEY: self._key, _REGISTRY: registry.name})

    # server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        exchange = _Exchange(connection, reader, writer)
        try:
            while isinstance(request := await exchange.next_event(), h11.Request):
                await self._handle(exchange, request)
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    break
                connection.start_next_cycle()
        except (OSError, h11.RemoteProtocolError, h11.LocalProtocolError) as error:
            LOG.info("a connection of a blob transfer was interrupted: %s", error)
        finally:
            writer.close()

    async def _handle(self, exchange: _Exchange, request: h11.Request) -> None:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in request.headers}
        url = urlsplit(request.target.decode())
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        target = parse_path(unquote(url.path))
        method, registry = request.method.decode(), headers.get(_REGISTRY, "")
        try:
            if target is None or not _transfers_blob(target):
                raise RequestError(404, "NAME_INVALID", "invalid repository name")
            if not secrets.compare_digest(headers.get(_KEY, "").encode(), self._key.encode()):
                raise RequestError(404, "NAME_INVALID", "invalid repository name")
            match (method, target.kind):
                case ("GET" | "HEAD", "blobs"):
                    await exchange.receive(None)
                    await self._download(
                        exchange, registry, target.reference, headers.get("range", ""), head=method == "HEAD"
                    )
                case ("POST", "uploads") if not target.reference:
                    await self._start_upload(exchange, registry, target.repository, query)
                case ("PATCH" | "PUT" | "GET" | "DELETE", "uploads") if target.reference:
                    await self._continue_upload(exchange, method, registry, target, query, headers)
                case _:
                    raise RequestError(405, "UNSUPPORTED", "The operation is unsupported.")
        except RequestError as error:
            await exchange.respond(
                error.status, {"Content-Type": "application/json; charset=utf-8", "Connection": "close"}, error.body
            )

    async def _download(self, exchange: _Exchange, registry: str, digest: str, byte_range: str, *, head: bool) -> None:
        if not self._images.has_blob(registry, digest):
            raise RequestError(404, "BLOB_UNKNOWN", "blob unknown to registry")
        path = self._images.blob(digest)
        size = path.stat().st_size
        headers = {
            "Content-Type": "application/octet-stream",
            "Docker-Content-Digest": digest,
            "Accept-Ranges": "bytes",
            "Docker-Distribution-Api-Version": "registry/2.0",
            "ETag": f'"{digest}"',
        }
        if head:
            await exchange.respond(200, {**headers, "Content-Length": str(size)})
            return
        limits = re.fullmatch(r"bytes=(\d+)-(\d*)", byte_range)
        first, last = (int(limits[1]), min(int(limits[2] or size - 1), size - 1)) if limits else (0, size - 1)
        if limits and first > last:
            raise RequestError(416, "RANGE_INVALID", "invalid content range")
        if limits:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        with path.open("rb") as content:
            content.seek(first)
            await exchange.respond_with_file(206 if limits else 200, headers, content, last - first + 1)

    async def _start_upload(
        self, exchange: _Exchange, registry: str, repository: str, query: Mapping[str, str]
    ) -> None:
        mounted = query.get("mount", "")
        if is_digest(mounted) and self._images.has_blob(registry, mounted):
            await exchange.receive(None)
            await self._respond_created(exchange, repository, mounted)
            return
        path = self._uploads / str(uuid.uuid4())
        with path.open("wb") as file:
            await exchange.receive(file)
        if (digest := query.get("digest")) is not None:
            await self._complete_upload(exchange, registry, repository, path, digest)
        else:
            await self._respond_accepted(exchange, 202, repository, path)

    async def _continue_upload(
        self,
        exchange: _Exchange,
        method: str,
        registry: str,
        target: Target,
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> None:
        path = self._uploads / target.reference
        if not path.exists():
            raise RequestError(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if method in ("GET", "DELETE"):
            await exchange.receive(None)
            if method == "DELETE":
                path.unlink()
            await self._respond_accepted(exchange, 204, target.repository, path)
            return
        start = re.match(r"(?:bytes )?(\d+)-", headers.get("content-range", ""))
        if start is not None and int(start[1]) != path.stat().st_size:
            raise RequestError(
                416, "BLOB_UPLOAD_INVALID", "blob upload invalid: the range does not begin where the last ended"
            )
        with path.open("ab") as file:
            await exchange.receive(file)
        if method == "PATCH":
            await self._respond_accepted(exchange, 202, target.repository, path)
        else:
            await self._complete_upload(exchange, registry, target.repository, path, query.get("digest", ""))

    async def _complete_upload(
        self, exchange: _Exchange, registry: str, repository: str, path: Path, digest: str
    ) -> None:
        if not is_digest(digest) or await asyncio.to_thread(_digest_of, path) != digest:
            path.unlink()
            raise RequestError(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self._images.commit_upload(registry, path, digest)
        await self._respond_created(exchange, repository, digest)

    async def _respond_accepted(self, exchange: _Exchange, status: int, repository: str, path: Path) -> None:
        size = path.stat().st_size if path.exists() else 0
        await exchange.respond(
            status,
            {
                "Location": f"/v2/{repository}/blobs/uploads/{path.name}",
                "Docker-Upload-Uuid": path.name,
                "Range": f"0-{max(size - 1, 0)}",
            },
        )

    async def _respond_created(self, exchange: _Exchange, repository: str, digest: str) -> None:
        await exchange.respond(201, {"Location": f"/v2/{repository}/blobs/{digest}", "Docker-Content-Digest": digest})


def _transfers_blob(target: Target) -> bool:
    return target.kind == "uploads" or (target.kind == "blobs" and is_digest(target.reference))


def _digest_of(path: Path) -> str:
    with path.open("rb") as content:
        return "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()
