# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parser of the command line, and its entry point."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from sandbox.cli import fault_rules, lifecycle, queries
from sandbox.cli.errors import SandboxError
from sandbox.faults import OPERATION_KINDS, REQUEST_KINDS
from sandbox.host.home import LockTaken, locate
from sandbox.host.tools import MissingTool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Return the exit code."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.umask(0o077)
    parsed = parse(arguments)
    try:
        code: int = parsed.run(locate(parsed.home), parsed)
    except (SandboxError, MissingTool, LockTaken) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return code


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line. `run` of the result is the function of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Emulation of Azure on this machine, for the collection's playbooks and other Azure clients.",
    )
    parser.add_argument("--home", help="folder of the sandbox (default: SANDBOX_HOME, or .sandbox)")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_up(commands)
    down = commands.add_parser("down", help="stop the sandbox and everything that it started")
    down.add_argument("--purge", action="store_true", help="remove its state too")
    down.set_defaults(run=lifecycle.down)
    status = commands.add_parser("status", help="show the state and the resources (exit code 3 if it does not run)")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(run=queries.status)
    logs = commands.add_parser("logs", help="print the sandbox's log, or the console log of a container app")
    logs.add_argument("app", nargs="?", help="name of a container app or job")
    logs.set_defaults(run=queries.logs)
    env = commands.add_parser("env", help="print the variables that point a client to the sandbox")
    env.add_argument("--json", action="store_true", help="print JSON")
    env.set_defaults(run=queries.env)
    url = commands.add_parser("url", help="print the local URL of a container app")
    url.add_argument("app", help="name of a container app")
    url.set_defaults(run=queries.url)
    _add_fault(commands)
    return parser.parse_args(arguments)


def _add_up(commands: Any) -> None:
    up = commands.add_parser("up", help="start the sandbox, unless it runs")
    up.add_argument("--latency", type=float, help="fraction of Azure's real durations, 0 (default) to 1")
    up.add_argument("--role-propagation", type=float, help="seconds until a new role assignment applies (default 0)")
    up.add_argument(
        "--entra-replication", type=float, help="seconds until a new identity exists in all of Entra ID (default 0)"
    )
    up.add_argument("--seed", type=int, help="seed of the random durations (default 0)")
    up.add_argument("--port", type=int, help="port of the proxy (default: a free one, kept over restarts)")
    up.add_argument(
        "--sql-server",
        metavar="HOST:PORT",
        help="SQL Server for the Azure SQL databases; its login is in SANDBOX_SQL_USER and SANDBOX_SQL_PASSWORD",
    )
    up.add_argument(
        "--runtime",
        choices=["process", "docker"],
        help="run apps and jobs as processes (default), or as containers of the pushed image in the Docker engine of this machine",
    )
    up.add_argument(
        "--strict",
        action="store_true",
        default=None,
        help="reject properties that Azure's SDK does not know, which Azure may ignore",
    )
    up.set_defaults(run=lifecycle.up)


def _add_fault(commands: Any) -> None:
    fault = commands.add_parser("fault", help="let requests or operations fail; also while the sandbox runs")
    actions = fault.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="add a rule, and print its number")
    add.add_argument("kind", choices=[*REQUEST_KINDS, *OPERATION_KINDS])
    add.add_argument("--type", help="pattern of resource types, such as 'Microsoft.Sql/*' (default: all)")
    add.add_argument(
        "--host", help="pattern of host names, such as '*.blob.core.windows.net' (default: all hosts of Azure)"
    )
    add.add_argument("--verb", help="GET, PUT, ..., or POLL; for operations create, update, delete (default: all)")
    add.add_argument("--count", type=int, help="number of hits after which the rule rests (default: no limit)")
    add.add_argument("--skip", type=int, help="number of first matches that pass (default 0)")
    add.add_argument("--probability", type=float, help="fraction of matches that are hit, above 0 to 1 (default 1)")
    add.add_argument("--seed", type=int, help="seed of the draws for --probability (default 0)")
    add.add_argument("--after", action="store_true", default=None, help="process the request, and lose its response")
    add.add_argument("--status", type=int, help="status of fail: 500 (default) to 599")
    add.add_argument("--retry-after", type=int, help="seconds of throttle (default 1)")
    add.add_argument("--seconds", type=float, help="seconds of delay (default 1)")
    add.add_argument("--code", help="error code (default InternalServerError)")
    add.add_argument("--message", help="error message")
    add.set_defaults(run=fault_rules.add)
    listing = actions.add_parser("list", help="list the rules, with their matches and hits")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=fault_rules.list_rules)
    clear = actions.add_parser("clear", help="remove rules (default: all); operations that they stalled finish")
    clear.add_argument("id", type=int, nargs="*", help="number of a rule")
    clear.set_defaults(run=fault_rules.clear)
