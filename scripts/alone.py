# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that only one process in a clone may do at a time, and the folder for its temporary files."""

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
class Turn:
    """What somebody has who works alone."""

    # For `pass_fds` of subprocess.run: where the parent is killed and the child is not, the lock is held until the child has ended.
    descriptor: int
    # Absolute, and empty at first: for TMPDIR, so that what a killed process leaves is inside the clone.
    temporary: Path


@contextmanager
def alone(name: str, work: str) -> Iterator[Turn]:
    """Wait until nobody else has the lock `name`, and hold it. `work` is what the lock is for, as messages put it.

    Raises TimeoutError, with one line for the user, where somebody else has it for longer than WAIT_SECONDS.
    """
    CACHE.mkdir(exist_ok=True)
    descriptor = os.open(CACHE / f"{name}.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        _take(descriptor, work)
        temporary = (CACHE / "tmp" / name).resolve()
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True, exist_ok=True)
        yield Turn(descriptor, temporary)
    finally:
        os.close(descriptor)


def _take(descriptor: int, work: str) -> None:
    started = time.monotonic()
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() - started >= WAIT_SECONDS:
                raise TimeoutError(
                    f"Somebody else still works on {work} after {WAIT_SECONDS} s: wait until it ends, or end it, and try again."
                ) from error
        if not told:
            print(f"Waiting until somebody else has ended {work} ({WAIT_SECONDS} s at most)", flush=True)
            told = True
        time.sleep(0.2)
