# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Immediate acknowledgement (TCP_QUICKACK) of the data that a client sends.

An HTTP client sends headers and body separately. Through a proxy, urllib3 leaves Nagle's algorithm on, so the body waits until the headers
are acknowledged, which Linux delays by 40 ms: https://datatracker.ietf.org/doc/html/rfc1122#section-4.2.3.2.
"""

from __future__ import annotations

import asyncio
import socket

from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.connection import Client

_QUICK = getattr(socket, "TCP_QUICKACK", None)  # Linux only; other systems acknowledge earlier


class PromptReader:
    """Stream reader that lets the kernel acknowledge each chunk. The kernel resets the option, so it is set for each chunk."""

    def __init__(self, reader: asyncio.StreamReader, connection: socket.socket, option: int) -> None:
        self._reader = reader
        self._connection = connection
        self._option = option

    async def read(self, count: int) -> bytes:
        """Read at most `count` bytes."""
        data = await self._reader.read(count)
        if data:
            self._connection.setsockopt(socket.IPPROTO_TCP, self._option, 1)
        return data


class QuickAck:
    """Proxy addon that acknowledges the data of clients immediately."""

    def __init__(self, proxyserver: Proxyserver) -> None:
        self._proxyserver = proxyserver

    def client_connected(self, client: Client) -> None:
        """Replace the reader of a new connection."""
        if _QUICK is None or client.transport_protocol != "tcp":
            return
        transport = self._proxyserver.connections[client.id].transports[client]
        connection = transport.writer.get_extra_info("socket") if transport.writer is not None else None
        if connection is not None and transport.reader is not None:
            transport.reader = PromptReader(transport.reader, connection, _QUICK)
