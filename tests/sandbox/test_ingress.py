# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ingress in front of a replica: it forwards bytes, and responds with 503 and 504."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox.apps.ingress import REQUEST_SECONDS, Ingress
from tests.support.sandbox_client import Client, Platform, app_body

HERE = "127.0.0.1"
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def with_ingress(
    replica: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    client: Callable[[Ingress, Streams], Awaitable[bytes]],
) -> bytes:
    """Return the bytes that a client receives through an ingress in front of a replica."""
    server = await asyncio.start_server(replica, HERE, 0)
    ingress = Ingress(HERE, server.sockets[0].getsockname()[1])
    await ingress.open()
    streams = await asyncio.open_connection(HERE, ingress.port)
    try:
        return await asyncio.wait_for(client(ingress, streams), 30)
    finally:
        streams[1].close()
        ingress.close()
        server.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun")
    await silent(reader, writer)


def test_bytes_are_forwarded_unchanged_in_both_directions() -> None:
    sent = bytes(range(256)) * 40_000

    async def talk(_ingress: Ingress, streams: Streams) -> bytes:
        reader, writer = streams

        async def send() -> None:
            writer.write(sent)
            await writer.drain()
            writer.write_eof()

        _none, got = await asyncio.gather(send(), reader.read(-1))
        return got

    assert asyncio.run(with_ingress(echo, talk)) == sent


def test_the_end_of_a_replica_closes_its_connections() -> None:
    async def end(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.close()

    async def listen(_ingress: Ingress, streams: Streams) -> bytes:
        return await streams[0].read(-1)

    assert asyncio.run(with_ingress(end, listen)) == b"bye"


def test_a_request_without_a_response_ends_with_504() -> None:
    async def wait(ingress: Ingress, streams: Streams) -> bytes:
        reader, writer = streams
        writer.write(REQUEST)
        own = writer.get_extra_info("sockname")
        while not reader.at_eof():
            ingress.expire(own)  # again, if the ingress did not have the connection yet
            try:
                return await asyncio.wait_for(reader.read(-1), 0.2)
            except TimeoutError:
                continue
        return b""

    response = asyncio.run(with_ingress(silent, wait))
    assert response.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
    assert response.endswith(b"\r\n\r\nstream timeout")


def test_a_response_that_has_begun_is_cut_off() -> None:
    async def wait(ingress: Ingress, streams: Streams) -> bytes:
        reader, writer = streams
        writer.write(REQUEST)
        got = await reader.readuntil(b"begun")
        ingress.expire(writer.get_extra_info("sockname"))
        try:
            return got + await reader.read(-1)
        except ConnectionResetError:
            return got

    response = asyncio.run(with_ingress(half, wait))
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert response.endswith(b"\r\n\r\nbegun")


def test_a_replica_that_does_not_listen_gets_503() -> None:
    async def talk() -> bytes:
        closed = await asyncio.start_server(silent, HERE, 0)
        port = closed.sockets[0].getsockname()[1]
        closed.close()
        await closed.wait_closed()
        ingress = Ingress(HERE, port)
        await ingress.open()
        reader, writer = await asyncio.open_connection(HERE, ingress.port)
        writer.write(REQUEST)
        try:
            return await asyncio.wait_for(reader.read(-1), 30)
        finally:
            writer.close()
            ingress.close()

    response = asyncio.run(talk())
    assert response.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"upstream connect error" in response


def test_expiring_an_unknown_client_leaves_other_connections_open() -> None:
    async def talk(ingress: Ingress, streams: Streams) -> bytes:
        reader, writer = streams
        writer.write(REQUEST)
        first = await reader.readexactly(len(REQUEST))
        ingress.expire((HERE, 1))
        writer.write(b"more")
        writer.write_eof()
        return first + await reader.read(-1)

    assert asyncio.run(with_ingress(echo, talk)) == REQUEST + b"more"


@pytest.mark.slow
def test_requests_have_a_time_limit(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    """The limit of 240 s does not depend on `--latency`."""
    endless = (
        "import socket, sys; s = socket.create_server((sys.argv[1], 8080)); kept = [s.accept() for _ in iter(int, 1)]"
    )
    body = app_body(platform, command=["python", "-c", endless, "0.0.0.0"])
    app = sandbox.put(f"{platform.group}/providers/Microsoft.App/containerApps/app-{uuid.uuid4().hex[:8]}", body)
    began = time.monotonic()
    fqdn = app["properties"]["configuration"]["ingress"]["fqdn"]
    response = sandbox.session.get(f"https://{fqdn}/", timeout=300)
    took = time.monotonic() - began
    assert (response.status_code, response.text) == (504, "stream timeout")
    assert REQUEST_SECONDS <= took < REQUEST_SECONDS + 10
