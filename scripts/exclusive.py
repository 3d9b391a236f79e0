# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between processes that work in the same clone, each with a folder for temporary files."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(".cache")
WAIT_SECONDS = 600


@dataclass(frozen=True)
class Lock:
    """A lock that this process holds."""

    # For `pass_fds` of subprocess.run: if the parent is killed and the child is not, the child holds the lock until it ends.
    descriptor: int
    # Absolute path of an empty folder, for TMPDIR: the files of a killed process stay inside the clone.
    temporary: Path


@contextmanager
def exclusive(name: str, work: str) -> Iterator[Lock]:
    """Acquire the lock `name`, and release it at the end of the block. Messages call the locked work `work`.

    Raises TimeoutError, with one line for the user, if another process holds the lock for longer than WAIT_SECONDS.
    """
    CACHE.mkdir(exist_ok=True)
    descriptor = os.open(CACHE / f"{name}.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        _acquire(descriptor, work)
        temporary = (CACHE / "tmp" / name).resolve()
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True, exist_ok=True)
        yield Lock(descriptor, temporary)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, work: str) -> None:
    started = time.monotonic()
    announced = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() - started >= WAIT_SECONDS:
                raise TimeoutError(
                    f"Another process still works on {work} after {WAIT_SECONDS} s: wait until it ends, or stop it, and try again."
                ) from error
        if not announced:
            print(f"Waiting until another process has finished {work} ({WAIT_SECONDS} s at most)", flush=True)
            announced = True
        time.sleep(0.2)
