# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in front of a replica, as Envoy does on Azure: hands bytes to and fro, and answers in the replica's place where that
cannot be reached (503) or takes too long (504)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

REQUEST_SECONDS = 240.0
NOT_READY = b"upstream connect error or disconnect/reset before headers. reset reason: connection failure"
TIMED_OUT = b"stream timeout"
_CHUNK = 262_144


@dataclass
class _Connection:
    """A connection to the replica. `answering`: the answer to the latest request has begun."""

    client: asyncio.StreamWriter
    answering: bool = False


class Ingress:
    """In front of one replica, at a port of its address. `port` is 0 until it is open; `target`: the address where the replica listens."""

    def __init__(self, address: str, target_port: int) -> None:
        self.address = address
        self.port = 0
        self.target = address
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._connections: dict[tuple[str, int], _Connection] = {}

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.address, 0, limit=_CHUNK)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Takes no new connections; those that are there end with the replica."""
        if self._server is not None:
            self._server.close()

    def expire(self, client: tuple[str, int]) -> None:
        """Ends the request on the connection that comes from `client`: with 504, where its answer has not begun."""
        connection = self._connections.get(client)
        if connection is None:
            return
        if connection.answering:
            connection.client.transport.abort()
        else:
            connection.client.write(_answer(HTTPStatus.GATEWAY_TIMEOUT, TIMED_OUT))
            connection.client.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_replica, to_replica = await asyncio.open_connection(self.target, self._target_port, limit=_CHUNK)
        except OSError:
            writer.write(_answer(HTTPStatus.SERVICE_UNAVAILABLE, NOT_READY))
            writer.close()
            return
        connection, client = _Connection(writer), writer.get_extra_info("peername")[:2]
        self._connections[client] = connection
        try:
            both = [
                asyncio.ensure_future(self._hand_over(reader, to_replica, connection, answer=False)),
                asyncio.ensure_future(self._hand_over(from_replica, writer, connection, answer=True)),
            ]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not both[1].done():
                # the client has said all that it will; the answer may still be under way
                await asyncio.wait(both, timeout=REQUEST_SECONDS)
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        finally:
            del self._connections[client]
            writer.close()
            to_replica.close()

    async def _hand_over(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: _Connection, *, answer: bool
    ) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                connection.answering = answer
                writer.write(chunk)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
        except OSError:
            return  # one side is gone, and with it the other


def _answer(status: HTTPStatus, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
