# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a virtual environment hold what some lock files name.

    python scripts/environment.py DIRECTORY LOCK...

Does nothing where that is so already. May be killed at any moment: an environment on which somebody was still at work
is made anew, since pip takes a half installed package for an installed one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# In the environment: there while somebody is at work on it, and what was installed from each lock file.
BUSY = "being-installed"
WAIT_SECONDS = 1200
PIP_SECONDS = 1200
RECORD = "installed-from"


def key(lock: Path | None = None) -> str:
    """Return what changes with this Python and with the lock file."""
    digest = hashlib.sha256(f"{sys.executable} {sys.version}".encode())
    digest.update(lock.read_bytes() if lock else b"")
    return digest.hexdigest()


@contextmanager
def alone(directory: Path) -> Iterator[int]:
    """Hold the lock beside an environment, so that two of these never work on it at once. Gives the lock's file descriptor.

    Raises TimeoutError.
    """
    lock = directory.with_name(directory.name + ".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + WAIT_SECONDS
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"somebody else has been installing into {directory} for {WAIT_SECONDS} s: end it") from error
                time.sleep(0.2)
        yield descriptor
    finally:
        os.close(descriptor)


def install(directory: Path, lock: Path, holding: int) -> None:
    """Install what a lock file names. Raises subprocess.CalledProcessError where pip fails, subprocess.TimeoutExpired."""
    # A pip that is killed leaves what it was unpacking: inside the clone, where `make down` finds it.
    temporary = Path(".cache", "tmp").resolve()
    temporary.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(temporary)}
    if not (Path.home() / ".rustup").exists():
        # pip asks rustc for its version, and rustup's rustc, on its first call, writes into the user's home.
        environment.setdefault("RUSTUP_HOME", str(Path(".cache", "rustup").resolve()))
    subprocess.run(
        [
            *(str(directory / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"),
            *("--no-input", "--retries", "5", "--require-hashes", "--requirement", str(lock)),
        ],
        check=True,
        env=environment,
        timeout=PIP_SECONDS,
        # Where this is killed and pip is not, the lock is held until pip has ended.
        pass_fds=(holding,),
    )


def prepare(directory: Path, locks: list[Path], holding: int) -> None:
    """Bring the environment to what the lock files name."""
    record = directory / RECORD
    made = _has(record / "python", key()) and not (directory / BUSY).exists()
    missing = [lock for lock in locks if not (made and _has(record / lock.name, key(lock)))]
    if not missing:
        return
    if not made:
        print(f"Making {directory} for Python {sys.version.split()[0]}", flush=True)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        (directory / BUSY).touch()
        venv.create(directory, with_pip=True)
        record.mkdir()
        (record / "python").write_text(key(), encoding="ascii")
    (directory / BUSY).touch()
    for lock in missing:
        print(f"Installing what {lock} names into {directory}", flush=True)
        install(directory, lock, holding)
        (record / lock.name).write_text(key(lock), encoding="ascii")
    (directory / BUSY).unlink()


def _has(file: Path, content: str) -> bool:
    return file.is_file() and file.read_text(encoding="ascii") == content


def main() -> int:
    """Prepare the environment that the command line names and return the exit status."""
    directory = Path(sys.argv[1])
    try:
        with alone(directory) as holding:
            prepare(directory, [Path(name) for name in sys.argv[2:]], holding)
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        status = f"exit status {error.returncode}"
        print(f"pip could not install into {sys.argv[1]} ({status}); its own message is above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
