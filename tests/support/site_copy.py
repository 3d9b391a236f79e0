# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the project in an empty folder, with its own sandbox, in which tests run the playbooks as a user does."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.sandbox_client import Client
from tests.support.task_results import Recorder, TaskResult

PROJECT = Path(__file__).resolve().parents[2]
PLAY_SECONDS = 900
# Variables that the shell of a user or of a test machine may set, and a fresh shell does not.
FORGOTTEN = (
    "AZURE_",
    "MLFLOW_",
    "ANSIBLE_",
    "SANDBOX_",
    "OTEL_",
    "HTTPS_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
)


@dataclass(frozen=True)
class Play:
    """The end of a playbook run: exit status, output and the results of its tasks."""

    code: int
    output: str
    results: tuple[TaskResult, ...] = ()

    @property
    def changed(self) -> int:
        return int(re.findall(r"changed=(\d+)", self.output)[-1])

    @property
    def failures(self) -> list[str]:
        """Return the messages of failed tasks."""
        return re.findall(r"^\[ERROR\]: (.+)$", self.output, re.MULTILINE)


@dataclass(frozen=True)
class Site:
    """A copy of the project with a home and a folder for temporary files."""

    clone: Path
    home: Path
    temporary: Path

    @property
    def recorder(self) -> Recorder:
        """Return the file with the results of tasks."""
        return Recorder(self.clone.parent / "task_results.jsonl")

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(FORGOTTEN)}
        tools = str(PROJECT / ".cache" / "sandbox")
        return {**kept, "HOME": str(self.home), "TMPDIR": str(self.temporary), "SANDBOX_TOOLS": tools, **extra}

    def run(self, *command: str | Path, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(word) for word in command],
            cwd=self.clone,
            env=self.environment(**extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PLAY_SECONDS,
            check=False,
        )

    def play(self, name: str, *arguments: str, **environment: str) -> Play:
        """Run a playbook against the sandbox of this copy."""
        return self.ansible_playbook("-i", "inventories/sandbox", f"playbooks/{name}", *arguments, **environment)

    def ansible_playbook(self, *arguments: str | Path, folder: Path | None = None, **environment: str) -> Play:
        """Run ansible-playbook, in the copy unless a folder is given, and record the results of its tasks."""
        self.recorder.take()
        command = Path(sys.executable).parent / "ansible-playbook"
        done = self.run(
            *("env", "-C", folder or self.clone, command, *arguments), **{**self.recorder.environment, **environment}
        )
        return Play(done.returncode, done.stdout, self.recorder.take())

    def sandbox(self, *arguments: str) -> str:
        done = self.run(sys.executable, "-m", "sandbox", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def client(self) -> Client:
        """Return a client of the sandbox of this copy."""
        return Client(self.clone / ".sandbox", self.sandbox_environment())

    def sandbox_environment(self) -> dict[str, str]:
        result: dict[str, str] = json.loads(self.sandbox("env", "--json"))
        return result

    def client_settings(self, deployment: str = "sandbox") -> dict[str, str]:
        lines = (self.clone / "out" / deployment / "client.env").read_text(encoding="utf-8").splitlines()
        return dict(line.partition("=")[::2] for line in lines)

    def resources(self, resource_type: str, contains: str = "") -> list[dict[str, Any]]:
        """Return the resources of a type in the state of the sandbox: id, body, state, time of the last write."""
        connection = sqlite3.connect(f"file:{self.clone}/.sandbox/state.db?mode=ro", uri=True)
        rows = connection.execute(
            "SELECT id, body, state, updated FROM resources WHERE type = ?", (resource_type.lower(),)
        ).fetchall()
        connection.close()
        return [
            {"id": row[0], **json.loads(row[1]), "state": row[2], "updated": row[3]}
            for row in rows
            if contains.lower() in row[0].lower()
        ]

    def writes(self) -> list[tuple[str, float]]:
        """Return each resource with the time of its last write."""
        connection = sqlite3.connect(f"file:{self.clone}/.sandbox/state.db?mode=ro", uri=True)
        rows = connection.execute("SELECT key, updated FROM resources ORDER BY key").fetchall()
        connection.close()
        return [(str(row[0]), float(row[1])) for row in rows]

    def secrets(self) -> set[str]:
        """Return what only the sandbox and the app may read: keys, passwords, passphrases and the secrets of the app."""
        connection = sqlite3.connect(f"file:{self.clone}/.sandbox/state.db?mode=ro", uri=True)
        rows = connection.execute("SELECT private FROM resources WHERE type NOT LIKE 'microsoft.sql/%'").fetchall()
        connection.close()
        result = {self.sandbox_environment()["AZURE_CLIENT_SECRET"]}
        for name in ("kek_passphrase", "webhook_secret_key"):
            result.add((self.clone / ".sandbox" / name).read_text(encoding="utf-8").strip())
        for (private,) in rows:
            for value in json.loads(private).values():
                result |= {
                    text for text in (value.values() if isinstance(value, dict) else [value]) if isinstance(text, str)
                }
        return {text for text in result if len(text) > 15}

    def python(self, program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program with the environment of the sandbox and without the client settings."""
        return self.run(sys.executable, "-c", program, *arguments, **{**self.sandbox_environment(), **environment})


@dataclass(frozen=True)
class Deployment:
    """The deployment, and the run that made it."""

    site: Site
    first: Play


def make_site(folder: Path) -> Site:
    """Return a copy of the project in a folder, with an empty home and an empty folder for temporary files beside it."""
    site = Site(folder / "clone", folder / "home", folder / "tmp")
    for made in (site.clone, site.home, site.temporary):
        made.mkdir()
    copy_project(site.clone)
    return site


def copy_project(target: Path) -> None:
    """Copy the files that git tracks, and those that the next commit would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target / name, follow_symlinks=False)
    link = target / ".ansible" / "collections" / "ansible_collections" / "mlops" / "mlflow_azure"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../../..")
