# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: rules that throttle, fail, drop or delay requests, and stall or fail operations.

The rules lie in the store's file, where the command line writes them and the server reads them at each request.
Standard library only: the command line and the server share it.
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
NEVER = 1e12  # when a stalled operation ends


@dataclass(frozen=True)
class Rule:
    """What happens to which requests or operations.

    `type` and `host` are patterns (`*`, `?`) without case: a resource type such as `Microsoft.Sql/*`, which only requests to
    Resource Manager have, and a host name. `verb` is an HTTP method, or POLL for the polls of an operation; for an operation
    it is create, update, delete, start or stop. Of the matching ones the first `skip` pass; each other one is hit with `probability`, drawn
    from `seed`; after `count` hits (None: never) the rule rests. `after`: the request is carried out, and its answer is lost.
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
        return (
            fnmatch.fnmatchcase(resource_type.lower(), self.type.lower())
            and fnmatch.fnmatchcase(host.lower(), self.host.lower())
            and self.verb.lower() in ("*", verb.lower())
        )

    def described(self) -> dict[str, Any]:
        """What makes this rule, without what it leaves as it is."""
        plain = asdict(Rule(self.kind))
        return {name: value for name, value in asdict(self).items() if name == "kind" or value != plain[name]}


@dataclass(frozen=True)
class Standing:
    """A rule that stands, and what it did so far."""

    id: int
    rule: Rule
    seen: int
    hits: int


class Faults:
    """The rules in a store's file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    def add(self, rule: Rule) -> int:
        cursor = self._sql.execute("INSERT INTO faults (rule) VALUES (?)", (json.dumps(rule.described()),))
        return int(cursor.lastrowid or 0)

    def all(self) -> list[Standing]:
        rows = self._sql.execute("SELECT id, rule, seen, hits FROM faults ORDER BY id").fetchall()
        return [Standing(row[0], Rule(**json.loads(row[1])), row[2], row[3]) for row in rows]

    def clear(self, ids: list[int]) -> int:
        """Takes rules away, all of them where no id is given; operations that they stalled end. Returns how many were taken away."""
        gone = [standing for standing in self.all() if not ids or standing.id in ids]
        for standing in gone:
            self._sql.execute("DELETE FROM faults WHERE id = ?", (standing.id,))
        if any(standing.rule.kind == "stall" for standing in gone):
            self._sql.execute("UPDATE operations SET due = started WHERE status = 'InProgress' AND due >= ?", (NEVER,))
        return len(gone)

    def hit(self, kinds: tuple[str, ...], resource_type: str, host: str, verb: str) -> Rule | None:
        """The first rule of some kinds that strikes this request or operation."""
        for standing in self.all():
            rule = standing.rule
            if rule.kind not in kinds or not rule.matches(resource_type, host, verb):
                continue
            rests = rule.count is not None and standing.hits >= rule.count
            draw = random.Random(f"{rule.seed} {rule.kind} {standing.seen}").random()
            struck = not rests and standing.seen >= rule.skip and draw < rule.probability
            self._sql.execute(
                "UPDATE faults SET seen = seen + 1, hits = hits + ? WHERE id = ?", (int(struck), standing.id)
            )
            if struck:
                return rule
        return None
