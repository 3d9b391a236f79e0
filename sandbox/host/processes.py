# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of a sandbox. Each is recorded when it starts, so that a later command ends exactly these.

Every process leads a session of its own, so its process group contains its children. The system may reuse a process id for another
program; the start time distinguishes them.
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
    """Return the start time of a process, as the system formats it; None for a process that has ended (or is a zombie)."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] == "Z" else fields[19]
    listing = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listing.stdout.strip() or None


def group_members(group: int) -> list[int]:
    """Return the running processes of a process group; empty on a system without /proc."""
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
    """Records of the process groups of a sandbox, one file each: a crash loses none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, pid: int, label: str) -> None:
        """Record the process group whose leader is `pid`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(self.folder / f"{pid}.json", json.dumps({"pid": pid, "label": label, "started": started_at(pid)}))

    def forget(self, pid: int) -> None:
        """Remove the record of a process group."""
        (self.folder / f"{pid}.json").unlink(missing_ok=True)

    def entries(self) -> list[tuple[int, str, str | None]]:
        """Return (process id, label, start time) of each record."""
        entries = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                entry = json.loads(path.read_text(encoding="utf-8"))
            except (FileNotFoundError, ValueError):
                continue
            entries.append((int(entry["pid"]), str(entry["label"]), entry["started"]))
        return entries

    def alive(self, pid: int, started: str | None) -> bool:
        """Return whether a recorded process, or a process of its group, runs."""
        current = started_at(pid)
        if current is not None:
            return current == started
        return bool(group_members(pid))

    def end_all(self, patience: float) -> list[str]:
        """End every recorded process group: SIGTERM, and SIGKILL after `patience` seconds. Return the labels of those that ran."""
        running = [(pid, label) for pid, label, started in self.entries() if self.alive(pid, started)]
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid, _label in running:
                signal_group(pid, sign)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and any(group_members(pid) or started_at(pid) for pid, _label in running):
                time.sleep(0.02)
        for pid, _label, _started in self.entries():
            self.forget(pid)
        return [label for _pid, label in running]


def signal_group(group: int, sign: signal.Signals) -> None:
    """Send a signal to a process group, if it still exists."""
    try:
        os.killpg(group, sign)
    except ProcessLookupError:
        return
