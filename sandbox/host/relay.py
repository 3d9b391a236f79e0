# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying of bytes between connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_CHUNK = 1 << 18


async def copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_chunk: Callable[[], None] | None = None
) -> None:
    """Copy bytes until one side closes, and close the other direction. `on_chunk` is called before each chunk is written."""
    try:
        while chunk := await reader.read(_CHUNK):
            if on_chunk is not None:
                on_chunk()
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        return  # one side is closed, so the other closes too


class Relay:
    """Server that relays connections from an address of this machine to a port of 127.0.0.1. `port` is 0 until it is open."""

    def __init__(self, address: str, target_port: int) -> None:
        self.port = 0
        self._address = address
        self._target_port = target_port
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen at a free port."""
        self._server = await asyncio.start_server(self._serve, self._address, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_target, to_target = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(copy(reader, to_target), copy(from_target, writer))
        finally:
            writer.close()
            to_target.close()
