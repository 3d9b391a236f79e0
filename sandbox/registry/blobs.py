# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blobs of the registries, image layers above all: taken and given in a stream, since they may be larger than the memory.

A small HTTP server of its own behind the proxy, which passes a request on once the registry has decided that it may pass.
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

from sandbox.registry.content import DIGEST, Images

LOG = logging.getLogger(__name__)
PATH = re.compile(r"/v2/(.+?)/blobs/(?:uploads(?:/([0-9a-f-]*))?|(sha256:[0-9a-f]{64}))/?")
KEY, REGISTRY = "x-sandbox-key", "x-sandbox-registry"  # the proxy's word that a request may pass, and to which registry
_PART = 256 * 1024


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()


class _Exchange:
    """One request, and its answer."""

    def __init__(self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connection = connection
        self._reader = reader
        self._writer = writer

    async def next_event(self) -> h11.Request | h11.Data | h11.EndOfMessage | h11.ConnectionClosed:
        while True:
            event = self._connection.next_event()
            if event is h11.NEED_DATA:
                self._connection.receive_data(await self._reader.read(_PART))
            elif isinstance(event, (h11.Request, h11.Data, h11.EndOfMessage, h11.ConnectionClosed)):
                return event

    async def receive(self, into: BinaryIO | None) -> None:
        """Reads the body to its end, and keeps it where there is a file for it."""
        while isinstance(event := await self.next_event(), h11.Data):
            if into is not None:
                into.write(event.data)
        if isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("the client went away")

    async def answer(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        told = {"Content-Length": str(len(body)), "Docker-Distribution-Api-Version": "registry/2.0", **headers}
        self._send(h11.Response(status_code=status, headers=list(told.items())))
        if body:
            self._send(h11.Data(data=body))
        self._send(h11.EndOfMessage())
        await self._writer.drain()

    async def answer_file(self, status: int, headers: Mapping[str, str], content: BinaryIO, count: int) -> None:
        self._send(h11.Response(status_code=status, headers=[("Content-Length", str(count)), *headers.items()]))
        while count > 0 and (part := content.read(min(_PART, count))):
            count -= len(part)
            self._send(h11.Data(data=part))
            await self._writer.drain()
        self._send(h11.EndOfMessage())
        await self._writer.drain()

    def _send(self, event: h11.Event) -> None:
        if (data := self._connection.send(event)) is not None:
            self._writer.write(data)


class Layers:
    """The server. `port` is where it listens once it is open; `key` is what only the proxy knows."""

    def __init__(self, images: Images) -> None:
        self._images = images
        self._uploads = images.folder / "uploads"
        self.key = secrets.token_hex(32)
        self.port = 0

    async def open(self) -> asyncio.Server:
        shutil.rmtree(self._uploads, ignore_errors=True)  # those that an end of the sandbox cut off begin again
        self._uploads.mkdir(parents=True)
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

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
            LOG.info("a connection to a registry's blobs ended early: %s", error)
        finally:
            writer.close()

    async def _handle(self, exchange: _Exchange, request: h11.Request) -> None:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in request.headers}
        url = urlsplit(request.target.decode())
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        found = PATH.fullmatch(unquote(url.path))
        method, registry = request.method.decode(), headers.get(REGISTRY, "")
        try:
            if found is None or not secrets.compare_digest(headers.get(KEY, "").encode(), self.key.encode()):
                raise Refused(404, "NAME_INVALID", "invalid repository name")
            if found[3] is not None and method in ("GET", "HEAD"):
                await exchange.receive(None)
                await self._give(exchange, registry, found[3], headers.get("range", ""), head=method == "HEAD")
            elif method == "POST" and not found[2] and found[3] is None:
                await self._begin(exchange, registry, found[1], query)
            elif found[2] and method in ("PATCH", "PUT", "GET", "DELETE"):
                await self._continue(exchange, method, (registry, found[1], found[2]), query, headers)
            else:
                raise Refused(405, "UNSUPPORTED", "The operation is unsupported.")
        except Refused as refusal:
            await exchange.answer(
                refusal.status, {"Content-Type": "application/json; charset=utf-8", "Connection": "close"}, refusal.body
            )

    async def _give(self, exchange: _Exchange, registry: str, digest: str, asked: str, *, head: bool) -> None:
        if not self._images.holds(registry, digest):
            raise Refused(404, "BLOB_UNKNOWN", "blob unknown to registry")
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
            await exchange.answer(200, {**headers, "Content-Length": str(size)})
            return
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", asked)
        first, last = (int(part[1]), min(int(part[2] or size - 1), size - 1)) if part else (0, size - 1)
        if part and first > last:
            raise Refused(416, "RANGE_INVALID", "invalid content range")
        if part:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        with path.open("rb") as content:
            content.seek(first)
            await exchange.answer_file(206 if part else 200, headers, content, last - first + 1)

    async def _begin(self, exchange: _Exchange, registry: str, repository: str, query: Mapping[str, str]) -> None:
        mounted = query.get("mount", "")
        if re.fullmatch(DIGEST, mounted) and self._images.holds(registry, mounted):
            await exchange.receive(None)
            await self._created(exchange, repository, mounted)
            return
        upload = str(uuid.uuid4())
        path = self._uploads / upload
        with path.open("wb") as into:
            await exchange.receive(into)
        if (digest := query.get("digest")) is not None:
            await self._complete(exchange, registry, repository, path, digest)
        else:
            await self._accepted(exchange, 202, repository, path)

    async def _continue(
        self,
        exchange: _Exchange,
        method: str,
        which: tuple[str, str, str],
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> None:
        registry, repository, upload = which
        path = self._uploads / upload
        if not path.exists():
            raise Refused(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if method in ("GET", "DELETE"):
            await exchange.receive(None)
            if method == "DELETE":
                path.unlink()
            await self._accepted(exchange, 204, repository, path)
            return
        begins = re.match(r"(?:bytes )?(\d+)-", headers.get("content-range", ""))
        if begins is not None and int(begins[1]) != path.stat().st_size:
            raise Refused(
                416, "BLOB_UPLOAD_INVALID", "blob upload invalid: the range does not begin where the last ended"
            )
        with path.open("ab") as into:
            await exchange.receive(into)
        if method == "PATCH":
            await self._accepted(exchange, 202, repository, path)
        else:
            await self._complete(exchange, registry, repository, path, query.get("digest", ""))

    async def _accepted(self, exchange: _Exchange, status: int, repository: str, path: Path) -> None:
        size = path.stat().st_size if path.exists() else 0
        await exchange.answer(
            status,
            {
                "Location": f"/v2/{repository}/blobs/uploads/{path.name}",
                "Docker-Upload-Uuid": path.name,
                "Range": f"0-{max(size - 1, 0)}",
            },
        )

    async def _complete(self, exchange: _Exchange, registry: str, repository: str, path: Path, digest: str) -> None:
        if not re.fullmatch(DIGEST, digest) or await asyncio.to_thread(_digest, path) != digest:
            path.unlink()
            raise Refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self._images.take(registry, path, digest)
        await self._created(exchange, repository, digest)

    async def _created(self, exchange: _Exchange, repository: str, digest: str) -> None:
        await exchange.answer(201, {"Location": f"/v2/{repository}/blobs/{digest}", "Docker-Content-Digest": digest})


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()
