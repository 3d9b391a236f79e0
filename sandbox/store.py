# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the sandbox in one SQLite file: resources, operations, the directory, and settings.

Each change is one transaction, so the state stays consistent when the process ends at any moment.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import faults

SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL,
    state TEXT NOT NULL, body TEXT NOT NULL, private TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL);
CREATE INDEX IF NOT EXISTS resources_by_type ON resources (type, name COLLATE NOCASE);
CREATE TABLE IF NOT EXISTS operations (
    id TEXT PRIMARY KEY, verb TEXT NOT NULL, resource TEXT NOT NULL, type TEXT NOT NULL, status TEXT NOT NULL,
    started REAL NOT NULL, due REAL NOT NULL, work INTEGER NOT NULL, ended REAL, error TEXT);
CREATE TABLE IF NOT EXISTS principals (
    object_id TEXT PRIMARY KEY, client_id TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    resource TEXT, secret TEXT, created REAL NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

SUCCEEDED = "Succeeded"


@dataclass
class Resource:
    """A resource: its final `body` without id, name and type, and the `private` data that no response contains."""

    id: str
    type: str
    name: str
    body: dict[str, Any]
    private: dict[str, Any] = field(default_factory=dict)
    state: str = SUCCEEDED
    created: float = 0.0
    updated: float = 0.0

    @property
    def key(self) -> str:
        """The id in lower case, which is the primary key."""
        return self.id.lower()

    @property
    def properties(self) -> dict[str, Any]:
        """The `properties` of the body; they are created where the body has none."""
        properties: dict[str, Any] = self.body.setdefault("properties", {})
        return properties


@dataclass
class Operation:
    """A long-running operation. It ends when the time `due` has passed and `work` is False."""

    id: str
    verb: str
    resource: str
    type: str
    status: str
    started: float
    due: float
    work: bool
    ended: float | None = None
    error: dict[str, str] | None = None


@dataclass(frozen=True)
class Principal:
    """A service principal of the directory: that of the caller, or of a managed identity."""

    object_id: str
    client_id: str
    name: str
    kind: str
    resource: str | None = None
    secret: str | None = None
    created: float = 0.0


class Store:
    """The SQLite file. All calls come from one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open the file and create its tables; only its owner can read it."""
        self.path.touch(mode=0o600, exist_ok=True)
        self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(SCHEMA + faults.SCHEMA)
        if "created" not in {row["name"] for row in self._connection.execute("PRAGMA table_info (principals)")}:
            self._connection.execute("ALTER TABLE principals ADD COLUMN created REAL NOT NULL DEFAULT 0")

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def sql(self) -> sqlite3.Connection:
        """The connection to the open file."""
        if self._connection is None:
            raise RuntimeError("the store is not open")
        return self._connection

    @property
    def faults(self) -> faults.Faults:
        """The fault rules, which the command line changes."""
        return faults.Faults(self.sql)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all writes of the block, or none of them."""
        self.sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.sql.execute("ROLLBACK")
            raise
        self.sql.execute("COMMIT")

    # resources

    def get(self, resource_id: str) -> Resource | None:
        """Return a resource; the case of the id does not matter."""
        row = self.sql.execute("SELECT * FROM resources WHERE key = ?", (resource_id.lower(),)).fetchone()
        return None if row is None else _resource(row)

    def put(self, resource: Resource) -> None:
        """Insert or update a resource."""
        now = time.time()
        resource.created = resource.created or now
        resource.updated = now
        self.sql.execute(
            "INSERT INTO resources VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
            "state = excluded.state, body = excluded.body, private = excluded.private, updated = excluded.updated",
            (
                resource.key,
                resource.id,
                resource.type.lower(),
                resource.name,
                resource.state,
                json.dumps(resource.body),
                json.dumps(resource.private),
                resource.created,
                resource.updated,
            ),
        )

    def delete(self, resource_id: str) -> None:
        """Delete a resource and everything below it."""
        key = resource_id.lower()
        self.sql.execute("DELETE FROM resources WHERE key = ? OR substr(key, 1, ?) = ?", (key, len(key) + 1, key + "/"))

    def below(self, scope: str, resource_type: str | None = None) -> Iterator[Resource]:
        """Yield the resources below a scope, without the scope itself, oldest first. `resource_type`: of this type only."""
        prefix = scope.lower().rstrip("/") + "/"
        rows = self.sql.execute(
            "SELECT * FROM resources WHERE substr(key, 1, ?) = ? AND (? IS NULL OR type = ?) ORDER BY created",
            (len(prefix), prefix, resource_type, (resource_type or "").lower()),
        ).fetchall()
        yield from map(_resource, rows)

    def named(self, resource_type: str, name: str) -> Resource | None:
        """Return the resource of a type with a globally unique name."""
        row = self.sql.execute(
            "SELECT * FROM resources WHERE type = ? AND name = ? COLLATE NOCASE", (resource_type.lower(), name)
        ).fetchone()
        return None if row is None else _resource(row)

    def of_type(self, resource_type: str) -> list[Resource]:
        """Return all resources of a type, oldest first."""
        rows = self.sql.execute("SELECT * FROM resources WHERE type = ? ORDER BY created", (resource_type.lower(),))
        return [_resource(row) for row in rows.fetchall()]

    # operations

    def put_operation(self, operation: Operation) -> None:
        """Insert or update an operation."""
        self.sql.execute(
            "INSERT OR REPLACE INTO operations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                operation.id,
                operation.verb,
                operation.resource,
                operation.type,
                operation.status,
                operation.started,
                operation.due,
                int(operation.work),
                operation.ended,
                json.dumps(operation.error),
            ),
        )

    def operation(self, operation_id: str) -> Operation | None:
        """Return an operation by its id."""
        row = self.sql.execute("SELECT * FROM operations WHERE id = ?", (operation_id,)).fetchone()
        return None if row is None else _operation(row)

    def running_operations(self, resource_id: str | None = None) -> list[Operation]:
        """Return the operations in progress, oldest first; of one resource, or of all."""
        rows = self.sql.execute(
            "SELECT * FROM operations WHERE status = 'InProgress' AND (? IS NULL OR resource = ?) ORDER BY started",
            (resource_id, (resource_id or "").lower()),
        )
        return [_operation(row) for row in rows.fetchall()]

    def operations_of(self, key: str) -> list[Operation]:
        """Return the operations on a resource, latest first."""
        rows = self.sql.execute("SELECT * FROM operations WHERE resource = ? ORDER BY started DESC", (key,)).fetchall()
        return [_operation(row) for row in rows]

    def end_operations_below(self, key: str) -> None:
        """Cancel the operations on a deleted resource and below it, so that a new resource can use its name."""
        self.sql.execute(
            "UPDATE operations SET status = 'Canceled', ended = ? WHERE status = 'InProgress' "
            "AND (resource = ? OR substr(resource, 1, ?) = ?)",
            (time.time(), key, len(key) + 1, key + "/"),
        )

    def count_operations(self, resource_type: str, verb: str) -> int:
        """Return the number of operations of a verb on a type, ended ones included."""
        query = "SELECT count(*) FROM operations WHERE type = ? AND verb = ?"
        return int(self.sql.execute(query, (resource_type, verb)).fetchone()[0])

    def latest_operations(self, count: int) -> list[Operation]:
        """Return the operations in progress, then the ended ones, latest first."""
        rows = self.sql.execute(
            "SELECT * FROM operations ORDER BY status <> 'InProgress', started DESC LIMIT ?", (count,)
        )
        return [_operation(row) for row in rows.fetchall()]

    # directory

    def put_principal(self, principal: Principal) -> None:
        """Insert or update a principal."""
        self.sql.execute(
            "INSERT INTO principals VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (object_id) DO UPDATE SET "
            "client_id = excluded.client_id, name = excluded.name, resource = excluded.resource, secret = excluded.secret",
            (
                principal.object_id,
                principal.client_id,
                principal.name,
                principal.kind,
                principal.resource,
                principal.secret,
                principal.created or time.time(),
            ),
        )

    def principal(self, identifier: str) -> Principal | None:
        """Return a principal by its object id or client id."""
        row = self.sql.execute(
            "SELECT * FROM principals WHERE object_id = ? OR client_id = ?", (identifier.lower(), identifier.lower())
        ).fetchone()
        return None if row is None else Principal(**dict(row))

    def principals(self) -> list[Principal]:
        """Return all principals, oldest first."""
        return [Principal(**dict(row)) for row in self.sql.execute("SELECT * FROM principals ORDER BY created")]

    def delete_principals_of(self, resource_id: str) -> None:
        """Delete the principals of the managed identities of a resource."""
        self.sql.execute("DELETE FROM principals WHERE resource = ?", (resource_id.lower(),))

    # settings

    def setting(self, name: str) -> str | None:
        """Return the value of a setting."""
        row = self.sql.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def set_setting(self, name: str, value: str) -> None:
        """Insert or update a setting."""
        self.sql.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))


def _resource(row: sqlite3.Row) -> Resource:
    return Resource(
        id=row["id"],
        type=row["type"],
        name=row["name"],
        body=json.loads(row["body"]),
        private=json.loads(row["private"]),
        state=row["state"],
        created=row["created"],
        updated=row["updated"],
    )


def _operation(row: sqlite3.Row) -> Operation:
    return Operation(
        id=row["id"],
        verb=row["verb"],
        resource=row["resource"],
        type=row["type"],
        status=row["status"],
        started=row["started"],
        due=row["due"],
        work=bool(row["work"]),
        ended=row["ended"],
        error=json.loads(row["error"]),
    )
