# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lengths of texts in the SQLite files that replace Azure SQL databases: triggers refuse what Azure SQL refuses.

SQLite ignores the length of a declared VARCHAR(n). In a database with a _UTF8 collation it is a number of bytes, else of
characters. An app creates and alters its tables itself, so the triggers are created again after each change of the schema.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

LOG = logging.getLogger(__name__)
LOOK_SECONDS = 0.5
_PREFIX = "sandbox_length_"
_VARCHAR = re.compile(r"VARCHAR\((\d+)\)", re.IGNORECASE)


@dataclass
class _Watched:
    """A file, the name and the collation of its database, and the version of the schema at the last look and with triggers."""

    database: str
    utf8: bool
    seen: int | None = None
    enforced: int | None = None


class TextLengths:
    """The files whose text lengths are enforced."""

    def __init__(self) -> None:
        self._files: dict[Path, _Watched] = {}

    def add(self, file: Path, database: str, collation: str) -> None:
        """Enforce the lengths in a file from now on. Create the file if it does not exist."""
        if not file.exists():
            # An app in a container has another user.
            file.touch()
            file.chmod(0o666)
        self._files.setdefault(file, _Watched(database, "_UTF8" in collation.upper()))
        self.look(file)

    def remove(self, file: Path) -> None:
        """Forget a file."""
        self._files.pop(file, None)

    async def watch(self) -> None:
        """Look at all files until the task is cancelled."""
        while True:
            for file in list(self._files):
                await asyncio.to_thread(self.look, file)
            await asyncio.sleep(LOOK_SECONDS)

    def look(self, file: Path) -> None:
        """Create the triggers of a file if its schema is the one of the last look, so not in the middle of an upgrade."""
        watched = self._files.get(file)
        if watched is None:
            return
        try:
            # mode=rw does not create the file of a database that is deleted in this moment.
            uri = f"{file.absolute().as_uri()}?mode=rw"
            with closing(sqlite3.connect(uri, uri=True, timeout=0.1, isolation_level=None)) as database:
                version = _schema_version(database)
                if version in (watched.enforced, 0):
                    return
                if version != watched.seen:
                    watched.seen = version
                    return
                watched.enforced = enforce(database, watched.database, watched.utf8)
        except sqlite3.OperationalError as error:
            # An app holds the lock. The next look tries again.
            LOG.debug("%s: %s", file, error)


def enforce(database: sqlite3.Connection, name: str, utf8: bool) -> int:
    """Create the triggers of all tables, and return the version of the schema. Change nothing if they exist."""
    with database:  # commits, or rolls back on any exception
        database.execute("BEGIN IMMEDIATE")
        current = dict(
            database.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE ?", (f"{_PREFIX}%",)
            )
        )
        wanted = _wanted(database, name, utf8)
        for trigger in current.keys() - wanted.keys() | {key for key in wanted if current.get(key) != wanted[key]}:
            database.execute(f'DROP TRIGGER IF EXISTS "{trigger}"')
            if trigger in wanted:
                database.execute(wanted[trigger])
    return _schema_version(database)


def _wanted(database: sqlite3.Connection, name: str, utf8: bool) -> dict[str, str]:
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    result = {}
    for table in tables:
        lengths = {}
        for row in database.execute(f'PRAGMA table_info("{table}")'):
            declared = _VARCHAR.fullmatch(row[2])
            if declared:
                lengths[row[1]] = int(declared[1])
        result.update(triggers(name, table, lengths, utf8))
    return result


def triggers(database: str, table: str, lengths: dict[str, int], utf8: bool) -> dict[str, str]:
    """Return the statements of a table's triggers by name. `lengths` are those of its columns."""
    if not lengths:
        return {}
    result = {}
    for event in ("INSERT", "UPDATE"):
        trigger = f"{_PREFIX}{event.lower()}_{table}"
        checks = " ".join(_check(database, table, column, length, event, utf8) for column, length in lengths.items())
        result[trigger] = f'CREATE TRIGGER "{trigger}" BEFORE {event} ON "{table}" BEGIN {checks} END'
    return result


def _check(database: str, table: str, column: str, length: int, event: str, utf8: bool) -> str:
    """Return the statement that raises SQL Server's error 2628 for a longer value."""
    size = f'length(CAST(NEW."{column}" AS BLOB))' if utf8 else f'length(NEW."{column}")'
    changed = f'NEW."{column}" IS NOT OLD."{column}" AND ' if event == "UPDATE" else ""
    message = f"String or binary data would be truncated in table '{database}.dbo.{table}', column '{column}'."
    quoted = message.replace("'", "''")
    return f"SELECT RAISE(ABORT, '{quoted}') WHERE {changed}{size} > {length};"


def _schema_version(database: sqlite3.Connection) -> int:
    version: int = database.execute("PRAGMA schema_version").fetchone()[0]
    return version
