# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a sandbox. Standard library only: the command line and the server share it."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Home:
    """Folder of a sandbox. Everything it writes is below `root`, except for the installed tools."""

    root: Path
    tools: Path

    @property
    def database(self) -> Path:
        return self.root / "state.db"

    @property
    def log(self) -> Path:
        return self.root / "logs" / "sandbox.log"

    @property
    def env_file(self) -> Path:
        return self.root / "env"

    @property
    def ready_file(self) -> Path:
        return self.root / "ready.json"

    @property
    def options_file(self) -> Path:
        return self.root / "options.json"

    @property
    def engine_file(self) -> Path:
        return self.root / "engine.json"

    @property
    def engine_images_file(self) -> Path:
        return self.root / "engine-images.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def certificates(self) -> Path:
        return self.root / "certificates"

    @property
    def ca_bundle(self) -> Path:
        return self.certificates / "bundle.pem"

    def make(self) -> None:
        """Create the folders, readable by their owner alone."""
        for folder in (self.root, self.log.parent, self.certificates):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        self.tools.mkdir(parents=True, exist_ok=True)


def locate(root: str | None) -> Home:
    """Return the sandbox in `root`, SANDBOX_HOME or `./.sandbox`, with its tools in SANDBOX_TOOLS or the project's cache."""
    folder = root or os.environ.get("SANDBOX_HOME") or ".sandbox"
    tools = os.environ.get("SANDBOX_TOOLS") or str(PROJECT / ".cache" / "sandbox")
    return Home(Path(folder).resolve(), Path(tools).resolve())


def without_rustup(environment: dict[str, str], folder: Path) -> dict[str, str]:
    """Return an environment for pip, which calls rustc. The first call of rustup's rustc would write into the user's home."""
    if "RUSTUP_HOME" in environment or (Path.home() / ".rustup").exists():
        return environment
    return {**environment, "RUSTUP_HOME": str(folder / "rustup")}


class LockTaken(Exception):
    """Timeout: another process holds a lock."""


@contextmanager
def lock(path: Path, seconds: float, holder: str) -> Iterator[None]:
    """Hold the lock file at a path; wait at most `seconds` for it. The system releases it when its holder ends. Raise LockTaken."""
    deadline = time.monotonic() + seconds
    with path.open("w") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise LockTaken(
                        f"{holder} holds {path} for more than {seconds:.0f} s: wait for it, or end it"
                    ) from error
                time.sleep(0.1)
                continue
            break
        yield


def write_private(path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner alone."""
    # one for each thread: two may write the same file
    partial = path.with_name(f".{path.name}.{threading.get_ident()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    partial.replace(path)


def read_json(path: Path) -> Any:
    """Return the JSON of a file; None if it does not exist."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
