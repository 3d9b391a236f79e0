# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands `fault add`, `fault list` and `fault clear`."""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.cli.errors import NOT_STARTED, SandboxError
from sandbox.faults import OPERATION_KINDS, REQUEST_KINDS, SCHEMA, Faults, Rule
from sandbox.host.home import Home

DATABASE_SECONDS = 900.0
_OPTIONS = (
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
# options that only some kinds of rules have
_KINDS_OF_OPTION = {
    "host": REQUEST_KINDS,
    "after": ("fail", "drop", "throttle"),
    "status": ("fail",),
    "retry_after": ("throttle",),
    "seconds": ("delay",),
    "code": ("fail", "fail-operation"),
    "message": ("fail", "fail-operation"),
}
_METHODS = ("*", "get", "head", "put", "patch", "post", "delete", "poll")
_OPERATION_VERBS = ("*", "create", "update", "delete", "start", "stop")


@contextmanager
def _open_faults(home: Home) -> Iterator[Faults]:
    """Open the fault rules of a sandbox, running or not. Raise SandboxError."""
    if not home.database.exists():
        raise SandboxError(NOT_STARTED)
    connection = sqlite3.connect(
        f"file:{home.database}?mode=rw", uri=True, isolation_level=None, timeout=DATABASE_SECONDS
    )
    try:
        connection.executescript(SCHEMA)
        yield Faults(connection)
    finally:
        connection.close()


def add(home: Home, arguments: argparse.Namespace) -> int:
    """Add a rule, and print its number."""
    options = {name: value for name in _OPTIONS if (value := getattr(arguments, name)) is not None}
    rule = Rule(arguments.kind, **options)
    _check_rule(rule, options)
    with _open_faults(home) as faults:
        print(faults.add(rule))
    return 0


def _check_rule(rule: Rule, options: dict[str, Any]) -> None:
    """Raise SandboxError for an option whose value is invalid, or that has no meaning for the kind of the rule."""
    if not 0 < rule.probability <= 1:
        raise SandboxError(f"--probability {rule.probability}: set a number above 0, up to 1")
    for name in ("count", "retry_after"):
        if (value := options.get(name)) is not None and value < 1:
            raise SandboxError(f"--{name.replace('_', '-')} {value}: set a whole number from 1")
    for name in ("skip", "seconds"):
        if (value := options.get(name)) is not None and value < 0:
            raise SandboxError(f"--{name} {value}: set a number from 0")
    if not 500 <= rule.status <= 599:
        raise SandboxError(f"--status {rule.status}: set a status from 500 to 599; `throttle` is for 429")
    for name, kinds in _KINDS_OF_OPTION.items():
        if name in options and rule.kind not in kinds:
            raise SandboxError(
                f"--{name.replace('_', '-')} has no meaning for {rule.kind}, only for {', '.join(kinds)}"
            )
    if rule.kind in OPERATION_KINDS and rule.verb.lower() not in _OPERATION_VERBS:
        raise SandboxError(f"--verb {rule.verb}: the verb of an operation is create, update, delete, start or stop")
    if rule.kind in REQUEST_KINDS and rule.verb.lower() not in _METHODS:
        raise SandboxError(f"--verb {rule.verb}: set an HTTP method, or POLL for the polls of operations")


def list_rules(home: Home, arguments: argparse.Namespace) -> int:
    """Print the rules, with their matches and hits."""
    with _open_faults(home) as faults:
        entries = faults.all()
    if arguments.json:
        print(
            json.dumps(
                [
                    {"id": entry.id, **entry.rule.described(), "seen": entry.seen, "hits": entry.hits}
                    for entry in entries
                ]
            )
        )
        return 0
    for entry in entries:
        options = [f"{name}={value}" for name, value in entry.rule.described().items() if name != "kind"]
        print(f"{entry.id:4d} {entry.rule.kind} {' '.join(options)} (seen {entry.seen}, hit {entry.hits})")
    return 0


def clear(home: Home, arguments: argparse.Namespace) -> int:
    """Remove rules, all of them without a number."""
    with _open_faults(home) as faults:
        unknown = set(arguments.id) - {entry.id for entry in faults.all()}
        if unknown:
            raise SandboxError(f"there is no fault rule {min(unknown)}: `python -m sandbox fault list` shows the rules")
        print(f"Cleared: {faults.clear(arguments.id)}")
    return 0
