# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reverse proxy in front of a replica, as Envoy is on Azure. It responds with 503 if the replica cannot be reached, and with 504 after the time limit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

from sandbox.host.relay import copy

REQUEST_SECONDS = 240.0
NOT_READY = b"upstream connect error or disconnect/reset before headers. reset reason: connection failure"
TIMED_OUT = b"stream timeout"
_BUFFER = 262_144


@dataclass
class _Connection:
    """Connection to the replica. `responding`: the response to the latest request has begun."""

    client: asyncio.StreamWriter
    responding: bool = False

    def on_request(self) -> None:
        """Record bytes of a request."""
        self.responding = False

    def on_response(self) -> None:
        """Record bytes of a response."""
        self.responding = True


class Ingress:
    """Reverse proxy of one replica, at a free port of its address. `port` is 0 until it is open; `target` is the address of the replica."""

    def __init__(self, address: str, target_port: int) -> None:
        self.address = address
        self.port = 0
        self.target = address
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._connections: dict[tuple[str, int], _Connection] = {}

    async def open(self) -> None:
        """Listen at a free port."""
        self._server = await asyncio.start_server(self._serve, self.address, 0, limit=_BUFFER)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Accept no new connections. The open ones end with the replica."""
        if self._server is not None:
            self._server.close()

    def expire(self, client: tuple[str, int]) -> None:
        """End the request on the connection from `client`: with 504, unless its response has begun."""
        connection = self._connections.get(client)
        if connection is None:
            return
        if connection.responding:
            connection.client.transport.abort()
        else:
            connection.client.write(_response(HTTPStatus.GATEWAY_TIMEOUT, TIMED_OUT))
            connection.client.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_replica, to_replica = await asyncio.open_connection(self.target, self._target_port, limit=_BUFFER)
        except OSError:
            writer.write(_response(HTTPStatus.SERVICE_UNAVAILABLE, NOT_READY))
            writer.close()
            return
        connection, client = _Connection(writer), writer.get_extra_info("peername")[:2]
        self._connections[client] = connection
        try:
            both = [
                asyncio.ensure_future(copy(reader, to_replica, connection.on_request)),
                asyncio.ensure_future(copy(from_replica, writer, connection.on_response)),
            ]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not both[1].done():
                # the client has closed its direction; the response may still be in transfer
                await asyncio.wait(both, timeout=REQUEST_SECONDS)
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        finally:
            del self._connections[client]
            writer.close()
            to_replica.close()


def _response(status: HTTPStatus, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
