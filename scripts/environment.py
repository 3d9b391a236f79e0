# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a virtual environment hold what some lock files name.

    python -m scripts.environment DIRECTORY LOCK...

Does nothing where that is so already. May be killed at any moment: an environment on which somebody was still at work
is made anew, since pip takes a half installed package for an installed one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.alone import Turn, alone

# In the environment: there while somebody is at work on it, and what was installed from each lock file.
BUSY = "being-installed"
RECORD = "installed-from"
PIP_SECONDS = 1200


def key(lock: Path | None = None) -> str:
    """Return what changes with this Python and with the lock file."""
    digest = hashlib.sha256(f"{sys.executable} {sys.version}".encode())
    digest.update(lock.read_bytes() if lock else b"")
    return digest.hexdigest()


def run(turn: Turn, *command: str | Path) -> None:
    """Run what works on the environment. Raises subprocess.CalledProcessError, subprocess.TimeoutExpired."""
    environment = {**os.environ, "TMPDIR": str(turn.temporary)}
    if not (Path.home() / ".rustup").exists():
        # pip asks rustc for its version, and rustup's rustc, on its first call, writes into the user's home.
        environment.setdefault("RUSTUP_HOME", str(Path(".cache", "rustup").resolve()))
    subprocess.run(
        [str(word) for word in command], check=True, env=environment, timeout=PIP_SECONDS, pass_fds=(turn.descriptor,)
    )


def install(directory: Path, lock: Path, turn: Turn) -> None:
    """Install what a lock file names. Raises as `run` does."""
    run(
        *(turn, directory / "bin" / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check"),
        *("--no-input", "--retries", "5", "--require-hashes", "--requirement", lock),
    )


def prepare(directory: Path, locks: list[Path], turn: Turn) -> None:
    """Bring the environment to what the lock files name. Raises as `run` does."""
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
        # Not venv.create: what that starts would not hold the lock.
        run(turn, sys.executable, "-m", "venv", directory)
        record.mkdir()
        (record / "python").write_text(key(), encoding="ascii")
    (directory / BUSY).touch()
    for lock in missing:
        print(f"Installing what {lock} names into {directory}", flush=True)
        install(directory, lock, turn)
        (record / lock.name).write_text(key(lock), encoding="ascii")
    (directory / BUSY).unlink()


def _has(file: Path, content: str) -> bool:
    return file.is_file() and file.read_text(encoding="ascii") == content


def main(directory: Path, locks: list[Path]) -> int:
    """Prepare an environment and return the exit status."""
    try:
        with alone(directory.name, f"the environment {directory}") as turn:
            prepare(directory, locks, turn)
    except TimeoutError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.TimeoutExpired:
        print(
            f"The installation into {directory} did not end within {PIP_SECONDS} s and was stopped; try again.",
            file=sys.stderr,
        )
        return 1
    except subprocess.CalledProcessError as error:
        status = f"exit status {error.returncode}"
        print(f"pip could not install into {directory} ({status}); its own message is above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
