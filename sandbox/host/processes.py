# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that a sandbox owns: written down when they start, so that exactly those can be ended, by whoever comes later.

Every one leads a session of its own, so its process group holds whatever it started. A process id alone may have been
given to another program meanwhile; the time at which the process started tells them apart.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from sandbox.host.home import write_private


def started_at(pid: int) -> str | None:
    """When a process started, in the words of the system; None where it is gone (a zombie counts as gone)."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] == "Z" else fields[19]
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def group_members(group: int) -> list[int]:
    """The live processes of a process group, where the system shows them (/proc); else its leader."""
    members = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            members.append(int(entry.name))
    return members


class Processes:
    """The list of owned process groups, on disk, one file each: a crash at any moment loses none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, pid: int, label: str) -> None:
        """Writes down a process group whose leader is `pid`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(self.folder / f"{pid}.json", json.dumps({"pid": pid, "label": label, "started": started_at(pid)}))

    def forget(self, pid: int) -> None:
        (self.folder / f"{pid}.json").unlink(missing_ok=True)

    def entries(self) -> list[tuple[int, str, str | None]]:
        """(process id, label, start) of each written down."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                entry = json.loads(path.read_text(encoding="utf-8"))
            except (FileNotFoundError, ValueError):
                continue
            found.append((int(entry["pid"]), str(entry["label"]), entry["started"]))
        return found

    def alive(self, pid: int, started: str | None) -> bool:
        """Whether the process written down, or one of its group, still runs."""
        now = started_at(pid)
        if now is not None:
            return now == started
        return bool(group_members(pid))

    def end_all(self, patience: float) -> list[str]:
        """Ends every owned process group, politely for `patience` seconds, then for good. Returns the labels of those ended."""
        living = [(pid, label) for pid, label, started in self.entries() if self.alive(pid, started)]
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid, _label in living:
                signal_group(pid, sign)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and any(group_members(pid) or started_at(pid) for pid, _label in living):
                time.sleep(0.02)
        for pid, _label, _started in self.entries():
            self.forget(pid)
        return [label for _pid, label in living]


def signal_group(group: int, sign: signal.Signals) -> None:
    """Sends a signal to a process group, which may have gone meanwhile."""
    try:
        os.killpg(group, sign)
    except ProcessLookupError:
        return
