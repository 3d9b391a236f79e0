# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands `up` and `down`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sandbox.cli.errors import SandboxError
from sandbox.cli.state import portal_url, server_pid
from sandbox.host.home import PROJECT, Home, lock, read_json, write_private
from sandbox.host.processes import Processes
from sandbox.host.tools import install

if TYPE_CHECKING:
    from sandbox.host.docker_engine import Owned

READY_SECONDS = 60.0
LOCK_SECONDS = 900.0
STOP_SECONDS = 45.0
_OPTIONS = ("latency", "seed", "role_propagation", "entra_replication", "port", "sql_server", "strict", "runtime")


@contextmanager
def _exclusive(home: Home) -> Iterator[None]:
    """Hold the lock of the commands that start or stop a sandbox."""
    with lock(home.lock_file, LOCK_SECONDS, "another `python -m sandbox up` or `down` of this sandbox"):
        yield


def up(home: Home, arguments: argparse.Namespace) -> int:
    """Start the sandbox, unless it runs."""
    home.make()
    with _exclusive(home):
        options = {name: value for name in _OPTIONS if (value := getattr(arguments, name)) is not None}
        _check_options(options)
        recorded = read_json(home.options_file) or {}
        recorded_runtime = recorded.get("runtime", "process")
        if home.database.exists() and options.get("runtime", recorded_runtime) != recorded_runtime:
            raise SandboxError(
                f"--runtime {options['runtime']}: the images and databases of this sandbox were made with --runtime {recorded_runtime}: "
                "run `python -m sandbox down --purge` first, or use another folder (--home)"
            )
        pid = server_pid(home)
        if pid is not None and read_json(home.ready_file):
            if any(recorded.get(name) != value for name, value in options.items()):
                raise SandboxError("the sandbox already runs with other options: run `python -m sandbox down` first")
            print(f"The sandbox already runs ({home.root}). Portal: {portal_url(read_json(home.ready_file))}")
            return 0
        if pid is not None:
            Processes(home.root / "server").end_all(STOP_SECONDS)
        python = install(home.tools)
        write_private(home.options_file, json.dumps({**recorded, **options}))
        _start_server(home, str(python))
    print(f"The sandbox is up. To use it in a shell: . {home.env_file}")
    print(f"Portal: {portal_url(read_json(home.ready_file))}")
    return 0


def _check_options(options: dict[str, Any]) -> None:
    if not 0 <= options.get("latency", 0) <= 1:
        raise SandboxError(
            f"--latency {options['latency']}: set a number from 0 to 1, the fraction of Azure's durations"
        )
    for name in ("role_propagation", "entra_replication"):
        if options.get(name, 0) < 0:
            raise SandboxError(f"--{name.replace('_', '-')} {options[name]}: set a number of seconds from 0")
    if options.get("sql_server"):
        _check_sql_server(options["sql_server"])


def _check_sql_server(value: str) -> None:
    host, separator, port = value.rpartition(":")
    if not (separator and host and port.isdigit()):
        raise SandboxError(f"--sql-server {value}: set host:port, for example 127.0.0.1:1433")
    missing = [name for name in ("SANDBOX_SQL_USER", "SANDBOX_SQL_PASSWORD") if not os.environ.get(name)]
    if missing:
        raise SandboxError(
            f"--sql-server needs {' and '.join(missing)} in the environment: a login that may create databases and logins there"
        )


def _start_server(home: Home, python: str) -> None:
    """Start the server, and wait until it is ready. Raise SandboxError with the last line of its log."""
    home.ready_file.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "SANDBOX_TOOLS": str(home.tools)}
    log_size = home.log.stat().st_size if home.log.exists() else 0
    with home.log.open("ab") as log:
        process = subprocess.Popen(
            [python, "-m", "sandbox.server", "--home", str(home.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=PROJECT,
            env=environment,
        )
    Processes(home.root / "server").add(process.pid, "server")
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        ready = read_json(home.ready_file)
        if ready and ready["pid"] == process.pid:
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    with home.log.open(encoding="utf-8", errors="replace") as stream:
        stream.seek(log_size)
        lines = [line for line in stream.read().splitlines() if line.strip()]
    Processes(home.root / "server").end_all(5.0)
    reason = lines[-1].removeprefix("error: ") if lines else "no reason in its log"
    raise SandboxError(f"the sandbox did not start: {reason} (log: {home.log})")


def down(home: Home, arguments: argparse.Namespace) -> int:
    """Stop the sandbox, and with `--purge` remove its state."""
    if not home.root.exists():
        print("There is no sandbox here.")
        return 0
    if arguments.purge and any(home.root.iterdir()) and not (home.certificates.exists() and home.log.parent.exists()):
        raise SandboxError(f"{home.root} is not the folder of a sandbox: nothing was removed")
    home.make()
    with _exclusive(home):
        servers = Processes(home.root / "server").end_all(STOP_SECONDS)
        others = Processes(home.root / "processes").end_all(5.0)
        home.ready_file.unlink(missing_ok=True)
        try:
            others += _clean_engine(home, _remove_containers)
            if arguments.purge:
                _clean_engine(home, lambda owned: _remove_images(home, owned))
        except SandboxError as error:
            if not arguments.purge:
                raise
            print(f"warning: {error}", file=sys.stderr)
        if arguments.purge:
            shutil.rmtree(home.root)
    outcome = "stopped and removed" if arguments.purge else "stopped; its state is kept"
    print(f"The sandbox is {outcome}." if servers or others or arguments.purge else "The sandbox was not running.")
    return 0


async def _remove_containers(owned: Owned) -> list[str]:
    """Remove the containers and the network of the sandbox in a Docker engine. Return the names of the containers."""
    names = await owned.end_all()
    await owned.remove_network()
    return names


async def _remove_images(home: Home, owned: Owned) -> list[str]:
    """Remove the images that the engine has only for the sandbox. Return their names."""
    # imported here: a sandbox without containers does not wait for the import
    from sandbox.host.docker_engine import ImageRecords

    images = ImageRecords(home.engine_images_file)
    names = images.names()
    await images.remove_all(owned.engine)
    return names


def _clean_engine(home: Home, remove: Callable[[Owned], Coroutine[None, None, list[str]]]) -> list[str]:
    """Remove objects of the sandbox from its Docker engine, if it has one. Return their names. Raise SandboxError."""
    if not home.engine_file.exists():
        return []
    # imported here: a sandbox without containers does not wait for the import
    import asyncio

    from sandbox.host.docker_engine import EngineError, recorded_engine

    owned = recorded_engine(home)
    try:
        return [] if owned is None else asyncio.run(remove(owned))
    except EngineError as error:
        raise SandboxError(
            f"containers of this sandbox may remain, because {error}: start the engine, and run `python -m sandbox down` again"
        ) from error
