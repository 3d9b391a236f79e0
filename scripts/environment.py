# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create a virtual environment and install the packages of lock files into it.

    python -m scripts.environment DIRECTORY LOCK...

Does nothing if they are installed already. It may be killed at any moment: an environment whose installation was
interrupted is created anew, because pip takes a partly installed package for an installed one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.exclusive import Lock, exclusive

# In the environment: a marker that exists during an installation, and a folder with the digest of each installed lock file.
INSTALLING = "being-installed"
INSTALLED = "installed-from"
PIP_SECONDS = 1200


def key(lock_file: Path | None = None) -> str:
    """Return a digest of this Python and of the lock file."""
    digest = hashlib.sha256(f"{sys.executable} {sys.version}".encode())
    digest.update(lock_file.read_bytes() if lock_file else b"")
    return digest.hexdigest()


def run(lock: Lock, *command: str | Path) -> None:
    """Run a command that changes the environment. Raises subprocess.CalledProcessError, subprocess.TimeoutExpired."""
    environment = {**os.environ, "TMPDIR": str(lock.temporary)}
    if not (Path.home() / ".rustup").exists():
        # pip runs rustc to get its version, and rustup's rustc writes into the user's home on its first call.
        environment.setdefault("RUSTUP_HOME", str(Path(".cache", "rustup").resolve()))
    subprocess.run(
        [str(word) for word in command], check=True, env=environment, timeout=PIP_SECONDS, pass_fds=(lock.descriptor,)
    )


def install(directory: Path, lock_file: Path, lock: Lock) -> None:
    """Install the packages of a lock file. Raises as `run` does."""
    run(
        *(lock, directory / "bin" / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check"),
        *("--no-input", "--retries", "5", "--require-hashes", "--requirement", lock_file),
    )


def prepare(directory: Path, lock_files: list[Path], lock: Lock) -> None:
    """Create the environment if it is not complete, and install the lock files that are new. Raises as `run` does."""
    record = directory / INSTALLED
    complete = _has(record / "python", key()) and not (directory / INSTALLING).exists()
    missing = [
        lock_file for lock_file in lock_files if not (complete and _has(record / lock_file.name, key(lock_file)))
    ]
    if not missing:
        return
    if not complete:
        print(f"Creating {directory} for Python {sys.version.split()[0]}", flush=True)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        (directory / INSTALLING).touch()
        # Not venv.create: its child processes would not hold the lock.
        run(lock, sys.executable, "-m", "venv", directory)
        record.mkdir()
        (record / "python").write_text(key(), encoding="ascii")
    (directory / INSTALLING).touch()
    for lock_file in missing:
        print(f"Installing the packages of {lock_file} into {directory}", flush=True)
        install(directory, lock_file, lock)
        (record / lock_file.name).write_text(key(lock_file), encoding="ascii")
    (directory / INSTALLING).unlink()


def _has(file: Path, content: str) -> bool:
    return file.is_file() and file.read_text(encoding="ascii") == content


def main(directory: Path, lock_files: list[Path]) -> int:
    """Prepare an environment and return the exit status."""
    try:
        with exclusive(directory.name, f"the environment {directory}") as lock:
            prepare(directory, lock_files, lock)
    except TimeoutError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.TimeoutExpired:
        print(
            f"The installation into {directory} did not finish within {PIP_SECONDS} s and was stopped; try again.",
            file=sys.stderr,
        )
        return 1
    except subprocess.CalledProcessError as error:
        status = f"exit status {error.returncode}"
        print(f"pip could not install into {directory} ({status}); the message of pip is above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
