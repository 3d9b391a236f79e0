# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts programs in such a way that none is ever lost, at whatever moment the sandbox is killed."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from sandbox.host.processes import Processes, signal_group

_GATE = Path(__file__).with_name("exec_shim.py")


async def launch(
    processes: Processes,
    label: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    output: IO[bytes],
) -> asyncio.subprocess.Process:
    """Starts a program as the leader of a session of its own, written down under `label` before it runs.

    Command and environment go through a pipe, so that they are in no argument of the process that waits (see gate.py).
    A program that cannot be executed says so in `output`, and ends with 127.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(_GATE),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={},
        cwd="/",
    )
    processes.add(process.pid, label)
    message = json.dumps({"command": list(command), "environment": dict(environment), "folder": str(folder)}).encode()
    if process.stdin is None:
        raise RuntimeError("the process has no standard input")
    try:
        process.stdin.write(message)
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it was ended before it was told
    except asyncio.CancelledError:
        signal_group(process.pid, signal.SIGKILL)
        processes.forget(process.pid)
        raise
    process.stdin.close()
    return process
