# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server of the image as a process: its environment from the lock file, started and stopped by tests."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]
CACHE = CLONE / ".cache"
CONTEXT = CLONE / "docker" / "mlflow"
# Build arguments of the image that the tests build, and the minimal settings of a container.
BUILD_ARGUMENTS = {"ACCEPT_MSODBC_EULA": "Y", "VERSION": "1.2.3", "REVISION": "abc"}
CONTAINER_SETTINGS = {
    "MLFLOW_BACKEND_STORE_URI": "sqlite:////home/mlflow/mlflow.db",
    "MLFLOW_ARTIFACTS_DESTINATION": "/home/mlflow/artifacts",
    "MLFLOW_WORKERS": "1",
}
# A cold start on a busy machine with two cores takes half of this time.
START_SECONDS = 90


def environment(name: str, *installs: list[str]) -> Path:
    """Create a virtual environment under .cache, once for each content of `installs`, the arguments of pip install.

    Requirement files and folders among the arguments count by their content. Return the bin folder.
    """
    key = hashlib.sha256(f"{sys.executable} {sys.version}".encode())
    for arguments in installs:
        for argument in arguments:
            key.update(argument.encode())
            path = Path(argument)
            files = (
                sorted([*path.rglob("*.py"), *path.rglob("*.toml")])
                if path.is_dir()
                else [path]
                if path.is_file()
                else []
            )
            for file in files:
                key.update(file.read_bytes())
    directory = CACHE / f"{name}-{key.hexdigest()[:12]}"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.making").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        complete = directory / "complete"
        if not complete.exists():
            for old in CACHE.glob(f"{name}-????????????"):
                shutil.rmtree(old)
            venv.create(directory, with_pip=True)
            pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
            for arguments in installs:
                subprocess.run([*pip, *arguments], check=True)
            complete.touch()
    return directory / "bin"


def server_environment() -> Path:
    """Return the bin folder of an environment with the packages of the image."""
    hashed = ["--no-deps", "--require-hashes", "-r"]
    return environment(
        "mlflow-server",
        [*hashed, str(CONTEXT / "requirements.lock")],
        [*hashed, str(CONTEXT / "build.lock")],
        ["--no-deps", "--no-build-isolation", str(CONTEXT / "server")],
    )


def bare(**variables: str) -> dict[str, str]:
    """Return an environment with `variables`, and of the caller's only the paths of programs and temporary files."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "HOME", "LANG") if name in os.environ}
    return {**kept, **variables}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    retry_after: str | None = None


@dataclass(frozen=True)
class Server:
    """A running server. process: the entry point, which MLflow replaces. log: all output."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            body = response.read().decode(errors="replace")
            return Answer(response.status, body, response.headers.get("Retry-After"))
        finally:
            connection.close()

    def processes(self) -> list[int]:
        """Return the ids of the process of the server and of its descendants."""
        parents: dict[int, list[int]] = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(parent, []).append(int(entry.name))
        tree = [self.process.pid]
        for process in tree:
            tree += parents.get(process, [])
        return tree

    def stop(self) -> int:
        """Send SIGTERM. Return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def wait_until_healthy(self, seconds: float = START_SECONDS) -> None:
        """Wait until /health answers. Fail with the log when the server ends or is not healthy within `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if self.ask("GET", "/health").status == 200:
                    return
            except OSError:
                pass
            try:
                self.process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            break
        raise AssertionError(f"The server did not come up:\n{self.log.read_text()}")


def settings(directory: Path, port: int, **variables: str) -> dict[str, str]:
    """Return the settings of a server with its database and artifacts in `directory`, and `variables`."""
    return bare(
        **{
            "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{directory}/mlflow.db",
            "MLFLOW_ARTIFACTS_DESTINATION": str(directory / "artifacts"),
            "MLFLOW_HOST": "127.0.0.1",
            "MLFLOW_PORT": str(port),
            **variables,
        }
    )


@contextmanager
def starting(executable: Path, env: Mapping[str, str], log: Path) -> Iterator[Server]:
    """Start a server without waiting until it answers. It and its processes end with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(executable)], env=dict(env), stdout=output, stderr=output, cwd=log.parent, start_new_session=True
        )
    try:
        yield Server(process, int(env["MLFLOW_PORT"]), log)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def running(executable: Path, env: Mapping[str, str], log: Path) -> Iterator[Server]:
    """Run a server that answers."""
    with starting(executable, env, log) as server:
        server.wait_until_healthy()
        yield server
