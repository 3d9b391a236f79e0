# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of the loopback address: free ones, and those at which a program listens."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable


class PortTaken(Exception):
    """Another program listens at a port that this sandbox has used before or is to use."""


def is_free(port: int) -> bool:
    """Return whether no program listens at a port of the loopback address."""
    return _bind(port) is not None


def free_port(preferred: int | None = None) -> int:
    """Return the preferred port, or any free one. Raise PortTaken."""
    port = _bind(preferred or 0)
    if port is None:
        raise PortTaken(
            f"port {preferred} of 127.0.0.1, which this sandbox used before or is to use, is taken by another program: "
            "stop that program, or start the sandbox with `--port` and another number"
        )
    return port


def _bind(port: int) -> int | None:
    """Return the port that a bind to `port` (0: any) of the loopback address gets; None for a taken one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        return int(probe.getsockname()[1])


async def wait_until_listening(port: int, proceed: Callable[[], bool]) -> bool:
    """Wait until `port` of 127.0.0.1 accepts a connection, for as long as `proceed` returns true. Return whether it does."""
    while proceed():
        try:
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        return True
    return False
