# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start of programs. Every program is recorded before it runs, so a kill of the sandbox leaves none behind."""

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

_EXEC_SHIM = Path(__file__).with_name("exec_shim.py")


async def launch(
    processes: Processes,
    label: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    output: IO[bytes],
) -> asyncio.subprocess.Process:
    """Start a program as the leader of a session of its own, recorded under `label` before it runs.

    The command and the environment go through a pipe (see exec_shim.py), so no argument of a process contains a secret.
    If the program cannot be executed, the reason is in `output` and the exit code is 127.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(_EXEC_SHIM),
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
        pass  # the process was ended before it read the command
    except asyncio.CancelledError:
        signal_group(process.pid, signal.SIGKILL)
        processes.forget(process.pid)
        raise
    process.stdin.close()
    return process
