# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that the sandbox starts: their environment, and that a kill at any moment leaves none unrecorded."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.host.launch import launch
from sandbox.host.processes import Processes, started_at
from tests.support.sandbox_client import PROJECT

SAY = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd(), sys.stdin.read()]))"


def run(tmp_path: Path, command: list[str], environment: dict[str, str]) -> tuple[int, str, int]:
    """Return the exit code, the output and the process id of a program."""

    async def until_end() -> tuple[int, int]:
        with (tmp_path / "out").open("wb") as output:
            process = await launch(Processes(tmp_path / "owned"), "it", command, environment, tmp_path, output)
            return await asyncio.wait_for(process.wait(), 30), process.pid

    code, pid = asyncio.run(until_end())
    return code, (tmp_path / "out").read_text(), pid


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while started_at(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)  # between two polls of the condition
    assert started_at(pid) is None


def test_a_program_gets_exactly_its_command_and_environment(tmp_path: Path) -> None:
    environment = {"A": "b c", "odd.name": "x", "EMPTY": "", "LANG": "C", "MANY": "ü\n" * 20_000}
    code, output, pid = run(tmp_path, [sys.executable, "-I", "-X", "utf8", "-c", SAY, "one two", "'"], environment)
    arguments, seen, folder, read = json.loads(output)
    seen.pop("LC_CTYPE", None)  # Python sets it in the C locale
    assert (code, arguments, seen, folder, read) == (0, ["one two", "'"], environment, str(tmp_path), "")
    (entry,) = Processes(tmp_path / "owned").entries()
    assert entry[:2] == (pid, "it")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["no-such-program"], "no-such-program: No such file or directory"),
        (["/usr"], "/usr: Permission denied"),
    ],
)
def test_a_command_that_cannot_be_executed_ends_with_127(tmp_path: Path, command: list[str], message: str) -> None:
    assert run(tmp_path, command, {"PATH": os.defpath})[:2] == (127, f"exec: {message}\n")


def test_a_missing_folder(tmp_path: Path) -> None:
    async def start() -> int:
        with (tmp_path / "out").open("wb") as output:
            owned = Processes(tmp_path / "owned")
            process = await launch(owned, "it", ["true"], {"PATH": os.defpath}, tmp_path / "none", output)
            return await asyncio.wait_for(process.wait(), 30)

    assert asyncio.run(start()) == 127


def test_secrets_are_in_no_argument(tmp_path: Path) -> None:
    async def look() -> str:
        with (tmp_path / "out").open("wb") as output:
            command, environment = [sys.executable, "-c", "input()"], {"PASS": "s3cr3t"}

            class Watched(Processes):
                seen = ""

                def add(self, pid: int, label: str) -> None:
                    self.seen = Path(f"/proc/{pid}/cmdline").read_text() + Path(f"/proc/{pid}/environ").read_text()

            owned = Watched(tmp_path / "owned")
            process = await launch(owned, "it", command, environment, tmp_path, output)
            await asyncio.wait_for(process.wait(), 30)
            return owned.seen

    assert "s3cr3t" not in asyncio.run(look())


def test_a_cancelled_start_leaves_no_process(tmp_path: Path) -> None:
    """The message is larger than the buffer of a pipe, so the start waits, and is cancelled while it waits."""
    environment = {f"V{number}": "x" * 100_000 for number in range(40)}
    pids = []

    class Cancelled(Processes):
        def add(self, pid: int, label: str) -> None:
            super().add(pid, label)
            pids.append(pid)
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    owned = Cancelled(tmp_path / "owned")

    async def start() -> None:
        with (tmp_path / "out").open("wb") as output:
            await launch(owned, "it", ["touch", str(tmp_path / "ran")], environment, tmp_path, output)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(start())
    until_gone(pids[0])
    assert owned.entries() == []
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_between_start_and_record(tmp_path: Path, moment: str) -> None:
    """The kill comes between the start of the process and its record, or between the record and the command."""
    program = f"""
import asyncio, os, pathlib, signal
from sandbox.host.launch import launch
from sandbox.host.processes import Processes

class Killed(Processes):
    def add(self, pid, label):
        if {moment!r} == "after":
            super().add(pid, label)
        print(pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    with open({str(tmp_path / "out")!r}, "wb") as output:
        command = ["touch", {str(tmp_path / "ran")!r}]
        await launch(Killed(pathlib.Path({str(tmp_path / "owned")!r})), "it", command, dict(os.environ), pathlib.Path("/"), output)

asyncio.run(main())
"""
    started = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert started.returncode == -signal.SIGKILL, started.stderr
    pid = int(started.stdout)
    until_gone(pid)
    assert not (tmp_path / "ran").exists()
    assert len(Processes(tmp_path / "owned").entries()) == (1 if moment == "after" else 0)
