# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `python -m sandbox up|down|status|logs|env|url|fault`. Standard library only."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sandbox.faults import OPERATION_KINDS, REQUEST_KINDS, SCHEMA, Faults, Rule
from sandbox.host.home import PROJECT, Home, LockTaken, locate, lock, read_json, write_private
from sandbox.host.processes import Processes, started_at
from sandbox.host.tools import MissingTool, install

if TYPE_CHECKING:
    from sandbox.host.docker_engine import Owned

READY_SECONDS = 60.0
LOCK_SECONDS = 900.0
STOP_SECONDS = 45.0


class SandboxError(Exception):
    """Something the user can mend; one line."""


@contextmanager
def exclusive(home: Home) -> Iterator[None]:
    """Only one command at a time starts or stops a sandbox."""
    with lock(home.lock_file, LOCK_SECONDS, "another `python -m sandbox up` or `down` of this sandbox"):
        yield


def server_pid(home: Home) -> int | None:
    """The process id of the running server; None where none runs."""
    for pid, label, started in Processes(home.root / "server").entries():
        if label == "server" and started_at(pid) == started and started is not None:
            return pid
    return None


def up(home: Home, arguments: argparse.Namespace) -> int:
    home.make()
    with exclusive(home):
        asked = {
            name: value
            for name in (
                "latency",
                "seed",
                "role_propagation",
                "entra_replication",
                "port",
                "sql_server",
                "strict",
                "runtime",
            )
            if (value := getattr(arguments, name)) is not None
        }
        if not 0 <= asked.get("latency", 0) <= 1:
            raise SandboxError(
                f"--latency {asked['latency']}: give a number from 0 to 1, the share of Azure's durations"
            )
        for name in ("role_propagation", "entra_replication"):
            if asked.get(name, 0) < 0:
                raise SandboxError(f"--{name.replace('_', '-')} {asked[name]}: give a number of seconds from 0")
        if asked.get("sql_server"):
            _check_sql_server(asked["sql_server"])
        known = read_json(home.options_file) or {}
        before = known.get("runtime", "process")
        if home.database.exists() and asked.get("runtime", before) != before:
            raise SandboxError(
                f"--runtime {asked['runtime']}: the images and databases of this sandbox were made with --runtime {before}: "
                "run `python -m sandbox down --purge` first, or use another folder (--home)"
            )
        pid = server_pid(home)
        if pid is not None and read_json(home.ready_file):
            if any(known.get(name) != value for name, value in asked.items()):
                raise SandboxError("the sandbox already runs with other options: run `python -m sandbox down` first")
            print(f"The sandbox already runs ({home.root}). Its portal: {_portal(read_json(home.ready_file))}")
            return 0
        if pid is not None:
            Processes(home.root / "server").end_all(STOP_SECONDS)
        python = install(home.tools)
        write_private(home.options_file, json.dumps({**known, **asked}))
        _start(home, str(python))
    print(f"The sandbox is up. To use it from a shell: . {home.env_file}")
    print(f"Its portal: {_portal(read_json(home.ready_file))}")
    return 0


def _portal(ready: dict[str, Any] | None) -> str | None:
    """The address of the portal, by what a running server has written down."""
    return f"http://127.0.0.1:{ready['portal']}/" if ready and "portal" in ready else None


def _check_sql_server(value: str) -> None:
    host, found, port = value.rpartition(":")
    if not (found and host and port.isdigit()):
        raise SandboxError(f"--sql-server {value}: give host:port, for example 127.0.0.1:1433")
    missing = [name for name in ("SANDBOX_SQL_USER", "SANDBOX_SQL_PASSWORD") if not os.environ.get(name)]
    if missing:
        raise SandboxError(
            f"--sql-server needs {' and '.join(missing)} in the environment: a login that may create databases and logins there"
        )


def _start(home: Home, python: str) -> None:
    home.ready_file.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "SANDBOX_TOOLS": str(home.tools)}
    before = home.log.stat().st_size if home.log.exists() else 0
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
        stream.seek(before)
        lines = [line for line in stream.read().splitlines() if line.strip()]
    Processes(home.root / "server").end_all(5.0)
    reason = lines[-1].removeprefix("error: ") if lines else "it said nothing"
    raise SandboxError(f"the sandbox did not start: {reason} (log: {home.log})")


def down(home: Home, arguments: argparse.Namespace) -> int:
    if not home.root.exists():
        print("There is no sandbox here.")
        return 0
    if arguments.purge and any(home.root.iterdir()) and not (home.certificates.exists() and home.log.parent.exists()):
        raise SandboxError(f"{home.root} is no sandbox's folder: nothing was removed")
    home.make()
    with exclusive(home):
        servers = Processes(home.root / "server").end_all(STOP_SECONDS)
        others = Processes(home.root / "processes").end_all(5.0)
        home.ready_file.unlink(missing_ok=True)
        try:
            others += _of_engine(home, _end_containers)
            if arguments.purge:
                _of_engine(home, lambda owned: _remove_images(home, owned))
        except SandboxError as error:
            if not arguments.purge:
                raise
            print(f"warning: {error}", file=sys.stderr)
        if arguments.purge:
            shutil.rmtree(home.root)
    what = "stopped and removed" if arguments.purge else "stopped; its state is kept"
    print(f"The sandbox is {what}." if servers or others or arguments.purge else "The sandbox was not running.")
    return 0


async def _end_containers(owned: Owned) -> list[str]:
    """Ends what the sandbox has in a Docker engine. Returns the names of the containers."""
    ended = await owned.end_all()
    await owned.remove_network()
    return ended


async def _remove_images(home: Home, owned: Owned) -> list[str]:
    """Removes the images that the engine has for the sandbox alone. Returns their names."""
    # only here: who runs no containers need not wait for its import
    from sandbox.host.docker_engine import KeptImages

    kept = KeptImages(home.engine_images_file)
    names = kept.names()
    await kept.remove_all(owned.engine)
    return names


def _of_engine(home: Home, what: Callable[[Owned], Coroutine[None, None, list[str]]]) -> list[str]:
    """Does something with what the sandbox has in a Docker engine, where it ever had any. Returns the names that it is about."""
    if not home.engine_file.exists():
        return []
    # only here: who runs no containers need not wait for their import
    import asyncio

    from sandbox.host.docker_engine import EngineError, owned

    found = owned(home)
    try:
        return [] if found is None else asyncio.run(what(found))
    except EngineError as error:
        raise SandboxError(
            f"containers of this sandbox may still be there, for {error}: start the engine, and run `python -m sandbox down` again"
        ) from error


def environment_of(home: Home) -> dict[str, str]:
    """What `.sandbox/env` exports."""
    if not home.env_file.exists():
        raise SandboxError("the sandbox has not been started: run `python -m sandbox up`")
    words = shlex.split(home.env_file.read_text(encoding="utf-8"))
    return dict(word.partition("=")[::2] for word in words if word != "export")


def env(home: Home, arguments: argparse.Namespace) -> int:
    found = environment_of(home)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in found.items()))
    return 0


def _rows(home: Home, query: str, *values: Any) -> list[sqlite3.Row]:
    if not home.database.exists():
        return []
    connection = sqlite3.connect(f"file:{home.database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def _apps(home: Home) -> list[dict[str, Any]]:
    rows = _rows(
        home,
        "SELECT name, state, body, private FROM resources WHERE type = 'microsoft.app/containerapps' ORDER BY name",
    )
    found = []
    for row in rows:
        properties, port = json.loads(row["body"])["properties"], json.loads(row["private"]).get("front_port")
        ingress = properties["configuration"].get("ingress") or {}
        found.append(
            {
                "name": row["name"],
                "state": row["state"],
                "fqdn": ingress.get("fqdn"),
                "url": f"http://127.0.0.1:{port}" if port else None,
                "revision": properties.get("latestReadyRevisionName"),
            }
        )
    return found


def status(home: Home, arguments: argparse.Namespace) -> int:
    pid = server_pid(home)
    ready = read_json(home.ready_file) if pid is not None else None
    counted = {
        row["type"]: row["n"]
        for row in _rows(home, "SELECT type, count(*) AS n FROM resources GROUP BY type ORDER BY type")
    }
    shown = {
        "running": bool(ready),
        "pid": pid,
        "proxy": f"http://127.0.0.1:{ready['port']}" if ready else None,
        "portal": _portal(ready),
        "home": str(home.root),
        "resources": counted,
        "apps": _apps(home),
    }
    if arguments.json:
        print(json.dumps(shown, indent=2))
        return 0 if ready else 3
    print(
        f"The sandbox in {home.root} {'runs' if ready else 'does not run'}"
        + (f" (process {pid}, proxy {shown['proxy']}, portal {shown['portal']})." if ready else ".")
    )
    for kind, count in counted.items():
        print(f"  {count:4d} {kind}")
    for app in _apps(home):
        print(f"  app {app['name']}: {app['state']}, https://{app['fqdn']}, {app['url']}")
    return 0 if ready else 3


def url(home: Home, arguments: argparse.Namespace) -> int:
    for app in _apps(home):
        if app["name"] == arguments.app and app["url"]:
            print(app["url"])
            return 0
    known = ", ".join(app["name"] for app in _apps(home)) or "none"
    raise SandboxError(f"no container app named '{arguments.app}' has an ingress here; there are: {known}")


def logs(home: Home, arguments: argparse.Namespace) -> int:
    paths = (
        [home.log]
        if arguments.app is None
        else sorted((home.root / "apps" / arguments.app).glob("*/*.log"), key=lambda path: path.stat().st_mtime)
    )
    if not paths or not paths[0].exists():
        raise SandboxError(f"there is no log of {arguments.app or 'the sandbox'} yet")
    for path in paths:
        if len(paths) > 1:
            print(f"==> {path.parent.name} {path.stem}")
        shutil.copyfileobj(path.open(encoding="utf-8", errors="replace"), sys.stdout)
    return 0


@contextmanager
def _faults(home: Home) -> Iterator[Faults]:
    """The rules of a sandbox, which runs or not."""
    if not home.database.exists():
        raise SandboxError("the sandbox has not been started: run `python -m sandbox up`")
    connection = sqlite3.connect(f"file:{home.database}?mode=rw", uri=True, isolation_level=None, timeout=LOCK_SECONDS)
    try:
        connection.executescript(SCHEMA)
        yield Faults(connection)
    finally:
        connection.close()


def fault_add(home: Home, arguments: argparse.Namespace) -> int:
    given = {name: value for name in _RULE_OPTIONS if (value := getattr(arguments, name)) is not None}
    rule = Rule(arguments.kind, **given)
    _check_rule(rule, given)
    with _faults(home) as faults:
        print(faults.add(rule))
    return 0


def _check_rule(rule: Rule, given: dict[str, Any]) -> None:
    """Refuses what a rule of its kind cannot use, before it is kept."""
    if not 0 < rule.probability <= 1:
        raise SandboxError(f"--probability {rule.probability}: give a number above 0, up to 1")
    for name in ("count", "retry_after"):
        if (value := given.get(name)) is not None and value < 1:
            raise SandboxError(f"--{name.replace('_', '-')} {value}: give a whole number from 1")
    for name in ("skip", "seconds"):
        if (value := given.get(name)) is not None and value < 0:
            raise SandboxError(f"--{name} {value}: give a number from 0")
    if not 500 <= rule.status <= 599:
        raise SandboxError(f"--status {rule.status}: give a status from 500 to 599; `throttle` is for 429")
    for name, kinds in _ONLY_FOR.items():
        if name in given and rule.kind not in kinds:
            raise SandboxError(
                f"--{name.replace('_', '-')} has no meaning for {rule.kind}, only for {', '.join(kinds)}"
            )
    if rule.kind in OPERATION_KINDS and rule.verb.lower() not in ("*", "create", "update", "delete", "start", "stop"):
        raise SandboxError(f"--verb {rule.verb}: the verb of an operation is create, update, delete, start or stop")
    methods = ("*", "get", "head", "put", "patch", "post", "delete", "poll")
    if rule.kind in REQUEST_KINDS and rule.verb.lower() not in methods:
        raise SandboxError(f"--verb {rule.verb}: give an HTTP method, or POLL for the polls of operations")


def fault_list(home: Home, arguments: argparse.Namespace) -> int:
    with _faults(home) as faults:
        standing = faults.all()
    if arguments.json:
        print(
            json.dumps([{"id": one.id, **one.rule.described(), "seen": one.seen, "hits": one.hits} for one in standing])
        )
        return 0
    for one in standing:
        words = [f"{name}={value}" for name, value in one.rule.described().items() if name != "kind"]
        print(f"{one.id:4d} {one.rule.kind} {' '.join(words)} (seen {one.seen}, hit {one.hits})")
    return 0


def fault_clear(home: Home, arguments: argparse.Namespace) -> int:
    with _faults(home) as faults:
        unknown = set(arguments.id) - {one.id for one in faults.all()}
        if unknown:
            raise SandboxError(f"there is no fault rule {min(unknown)}: `python -m sandbox fault list` shows them")
        print(f"Cleared: {faults.clear(arguments.id)}")
    return 0


_RULE_OPTIONS = (
    "type",
    "host",
    "verb",
    "count",
    "skip",
    "probability",
    "seed",
    "after",
    "status",
    "retry_after",
    "seconds",
    "code",
    "message",
)
_ONLY_FOR = {
    "host": REQUEST_KINDS,
    "after": ("fail", "drop", "throttle"),
    "status": ("fail",),
    "retry_after": ("throttle",),
    "seconds": ("delay",),
    "code": ("fail", "fail-operation"),
    "message": ("fail", "fail-operation"),
}


def _parse_faults(commands: Any) -> None:
    fault = commands.add_parser("fault", help="make requests or operations go wrong, also while it runs")
    actions = fault.add_subparsers(dest="action", required=True)
    adding = actions.add_parser("add", help="add a rule; prints its number")
    adding.add_argument("kind", choices=[*REQUEST_KINDS, *OPERATION_KINDS])
    adding.add_argument("--type", help="a pattern of resource types, such as 'Microsoft.Sql/*' (default: all)")
    adding.add_argument(
        "--host", help="a pattern of host names, such as '*.blob.core.windows.net' (default: all of Azure's)"
    )
    adding.add_argument("--verb", help="GET, PUT, ..., or POLL; for operations create, update, delete (default: all)")
    adding.add_argument("--count", type=int, help="rest after so many hits (default: never)")
    adding.add_argument("--skip", type=int, help="let so many pass first (default 0)")
    adding.add_argument("--probability", type=float, help="the share that is hit, above 0 to 1 (default 1)")
    adding.add_argument("--seed", type=int, help="of the draws for --probability (default 0)")
    adding.add_argument("--after", action="store_true", default=None, help="carry the request out, and lose its answer")
    adding.add_argument("--status", type=int, help="of fail: 500 (default) to 599")
    adding.add_argument("--retry-after", type=int, help="of throttle: seconds (default 1)")
    adding.add_argument("--seconds", type=float, help="of delay (default 1)")
    adding.add_argument("--code", help="the error's code (default InternalServerError)")
    adding.add_argument("--message", help="the error's message")
    adding.set_defaults(run=fault_add)
    listing = actions.add_parser("list", help="the rules, how many each has seen, and how many it hit")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=fault_list)
    clearing = actions.add_parser("clear", help="take rules away (default: all); operations that they stalled end")
    clearing.add_argument("id", type=int, nargs="*")
    clearing.set_defaults(run=fault_clear)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Azure on this machine, for the collection's plays and other Azure clients.",
    )
    parser.add_argument("--home", help="the sandbox's folder (default: SANDBOX_HOME, or .sandbox)")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="start it, where it does not run yet")
    starting.add_argument("--latency", type=float, help="share of Azure's real durations, 0 (default) to 1")
    starting.add_argument(
        "--role-propagation", type=float, help="seconds until a new role assignment counts (default 0)"
    )
    starting.add_argument(
        "--entra-replication", type=float, help="seconds until a new identity is found in all of Entra ID (default 0)"
    )
    starting.add_argument("--seed", type=int, help="of the draws from Azure's durations (default 0)")
    starting.add_argument("--port", type=int, help="the proxy's port (default: a free one, kept over restarts)")
    starting.add_argument(
        "--sql-server",
        metavar="HOST:PORT",
        help="a SQL Server to stand behind the Azure SQL databases; its login in SANDBOX_SQL_USER and SANDBOX_SQL_PASSWORD",
    )
    starting.add_argument(
        "--runtime",
        choices=["process", "docker"],
        help="what apps and jobs run as: processes (default), or containers of the pushed image in this machine's Docker engine",
    )
    starting.add_argument(
        "--strict",
        action="store_true",
        default=None,
        help="refuse properties that Azure's SDK does not know, which Azure may ignore",
    )
    starting.set_defaults(run=up)
    stopping = commands.add_parser("down", help="stop it and all that it started")
    stopping.add_argument("--purge", action="store_true", help="remove its state too")
    stopping.set_defaults(run=down)
    showing = commands.add_parser("status", help="what runs and what there is (exit code 3 where it does not run)")
    showing.add_argument("--json", action="store_true")
    showing.set_defaults(run=status)
    telling = commands.add_parser("logs", help="the sandbox's log, or a container app's console")
    telling.add_argument("app", nargs="?")
    telling.set_defaults(run=logs)
    exporting = commands.add_parser("env", help="the variables that point a client at it")
    exporting.add_argument("--json", action="store_true")
    exporting.set_defaults(run=env)
    linking = commands.add_parser("url", help="the plain local address of a container app")
    linking.add_argument("app")
    linking.set_defaults(run=url)
    _parse_faults(commands)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.umask(0o077)
    parsed = parse(arguments)
    try:
        code: int = parsed.run(locate(parsed.home), parsed)
    except (SandboxError, MissingTool, LockTaken) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return code
