# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: rules that throttle, fail, drop or delay requests, and stall or fail operations.

The rules are in the file of the store: the command line writes them, and the server reads them at each request.
This module uses the standard library only, because the command line imports it without the requirements of the server.
"""

from __future__ import annotations

import fnmatch
import json
import random
import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 0, hits INTEGER NOT NULL DEFAULT 0);
"""
REQUEST_KINDS = ("throttle", "fail", "drop", "delay")
OPERATION_KINDS = ("stall", "fail-operation")
NEVER = 1e12  # the time when a stalled operation ends


@dataclass(frozen=True)
class Rule:
    """A fault, and the requests or operations that it applies to.

    `type` and `host` are case-insensitive patterns (`*`, `?`): a resource type such as `Microsoft.Sql/*`, which only requests to
    Resource Manager have, and a host name. `verb` is an HTTP method, or POLL for the polls of an operation; for an operation
    it is create, update, delete, start or stop. The rule skips the first `skip` matches and applies to each later one with
    `probability`, drawn from `seed`, until it has applied `count` times (None: no limit). `after`: the request is processed,
    and its response is lost.
    """

    kind: str
    type: str = "*"
    host: str = "*"
    verb: str = "*"
    count: int | None = None
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    after: bool = False
    status: int = 500
    retry_after: int = 1
    seconds: float = 1.0
    code: str = "InternalServerError"
    message: str = "An unexpected error occured while processing the request."

    def matches(self, resource_type: str, host: str, verb: str) -> bool:
        """Return whether the rule applies to a request or an operation."""
        return (
            fnmatch.fnmatchcase(resource_type.lower(), self.type.lower())
            and fnmatch.fnmatchcase(host.lower(), self.host.lower())
            and self.verb.lower() in ("*", verb.lower())
        )

    def described(self) -> dict[str, Any]:
        """Return the fields of the rule that differ from their defaults."""
        defaults = asdict(Rule(self.kind))
        return {name: value for name, value in asdict(self).items() if name == "kind" or value != defaults[name]}


@dataclass(frozen=True)
class ActiveRule:
    """A rule of the store, with the numbers of its matches and hits."""

    id: int
    rule: Rule
    seen: int
    hits: int


class Faults:
    """The rules in the file of a store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    def add(self, rule: Rule) -> int:
        """Add a rule and return its id."""
        cursor = self._sql.execute("INSERT INTO faults (rule) VALUES (?)", (json.dumps(rule.described()),))
        return int(cursor.lastrowid or 0)

    def all(self) -> list[ActiveRule]:
        """Return all rules, oldest first."""
        rows = self._sql.execute("SELECT id, rule, seen, hits FROM faults ORDER BY id").fetchall()
        return [ActiveRule(row[0], Rule(**json.loads(row[1])), row[2], row[3]) for row in rows]

    def clear(self, ids: list[int]) -> int:
        """Delete rules, all of them without ids, and end the operations that they stalled. Return the number of deleted rules."""
        deleted = [active for active in self.all() if not ids or active.id in ids]
        for active in deleted:
            self._sql.execute("DELETE FROM faults WHERE id = ?", (active.id,))
        if any(active.rule.kind == "stall" for active in deleted):
            self._sql.execute("UPDATE operations SET due = started WHERE status = 'InProgress' AND due >= ?", (NEVER,))
        return len(deleted)

    def hit(self, kinds: tuple[str, ...], resource_type: str, host: str, verb: str) -> Rule | None:
        """Return the first rule of some kinds that applies to a request or an operation, and count its matches and hits."""
        for active in self.all():
            rule = active.rule
            if rule.kind not in kinds or not rule.matches(resource_type, host, verb):
                continue
            exhausted = rule.count is not None and active.hits >= rule.count
            draw = random.Random(f"{rule.seed} {rule.kind} {active.seen}").random()
            applies = not exhausted and active.seen >= rule.skip and draw < rule.probability
            self._sql.execute(
                "UPDATE faults SET seen = seen + 1, hits = hits + ? WHERE id = ?", (int(applies), active.id)
            )
            if applies:
                return rule
        return None
