# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text lengths in the SQLite files that replace Azure SQL databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.runners.text_lengths import TextLengths, enforce

UTF8 = "Latin1_General_100_CS_AS_SC_UTF8"
MESSAGE = "String or binary data would be truncated in table 'mlflow.dbo.params', column 'key'."


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as connection:
        connection.execute(
            'CREATE TABLE params ("key" VARCHAR(10) PRIMARY KEY, value TEXT, n INTEGER, other NVARCHAR(3))'
        )
        yield connection


def triggers(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY 1")]


@pytest.mark.parametrize("key", ["a" * 10, "é" * 5, "я" * 5, "请" * 3, "🙂" * 2, "", None])
def test_a_text_within_the_bytes_is_stored(database: sqlite3.Connection, key: str | None) -> None:
    enforce(database, "mlflow", utf8=True)
    database.execute("INSERT INTO params VALUES (?, ?, 1, ?)", (key, "я" * 9000, "я" * 30))
    assert database.execute('SELECT "key", length(value) FROM params').fetchall() == [(key, 9000)]


@pytest.mark.parametrize("key", ["a" * 11, "é" * 6, "я" * 6, "请" * 4, "🙂" * 3])
def test_a_longer_text_is_refused_as_by_sql_server(database: sqlite3.Connection, key: str) -> None:
    enforce(database, "mlflow", utf8=True)
    database.execute("INSERT INTO params (\"key\") VALUES ('a')")
    for statement in (
        'INSERT INTO params ("key") VALUES (?)',
        'INSERT INTO params ("key") VALUES (?) ON CONFLICT DO NOTHING',
        'UPDATE params SET "key" = ?',
    ):
        with pytest.raises(sqlite3.IntegrityError) as error:
            database.execute(statement, (key,))
        assert str(error.value) == MESSAGE
    assert database.execute('SELECT "key" FROM params').fetchall() == [("a",)]


def test_without_a_utf8_collation_characters_count(database: sqlite3.Connection) -> None:
    enforce(database, "mlflow", utf8=False)
    database.execute('INSERT INTO params ("key") VALUES (?)', ("я" * 10,))
    with pytest.raises(sqlite3.IntegrityError):
        database.execute('INSERT INTO params ("key") VALUES (?)', ("я" * 11,))


def test_an_older_row_that_is_too_long_does_not_block_other_changes(database: sqlite3.Connection) -> None:
    database.execute('INSERT INTO params ("key") VALUES (?)', ("a" * 20,))
    enforce(database, "mlflow", utf8=True)
    database.execute("UPDATE params SET n = 2")
    assert database.execute("SELECT n FROM params").fetchall() == [(2,)]


def test_a_second_run_changes_nothing(database: sqlite3.Connection) -> None:
    version = enforce(database, "mlflow", utf8=True)
    assert len(triggers(database)) == 2
    assert enforce(database, "mlflow", utf8=True) == version


def test_a_changed_table_has_new_triggers(database: sqlite3.Connection) -> None:
    enforce(database, "mlflow", utf8=True)
    database.execute("DROP TABLE params")
    database.execute('CREATE TABLE params ("key" VARCHAR(20))')
    database.execute("CREATE TABLE other (name VARCHAR(3))")
    enforce(database, "mlflow", utf8=True)
    database.execute('INSERT INTO params ("key") VALUES (?)', ("a" * 20,))
    with pytest.raises(sqlite3.IntegrityError):
        database.execute("INSERT INTO other VALUES ('abcd')")


def test_triggers_of_others_stay(database: sqlite3.Connection) -> None:
    database.execute("CREATE TRIGGER mine BEFORE INSERT ON params BEGIN SELECT 1; END")
    enforce(database, "mlflow", utf8=True)
    assert "mine" in triggers(database)


def test_a_file_is_created_and_enforced_when_its_schema_has_not_changed_since_the_last_look(tmp_path: Path) -> None:
    file, lengths = tmp_path / "db", TextLengths()
    lengths.add(file, "mlflow", UTF8)
    assert file.stat().st_mode & 0o777 == 0o666
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE params (name VARCHAR(3))")
        lengths.look(file)
        assert triggers(connection) == []
        lengths.look(file)
        assert len(triggers(connection)) == 2
        connection.execute("CREATE TABLE tags (name VARCHAR(3))")
        lengths.look(file)
        lengths.look(file)
        assert len(triggers(connection)) == 4


def test_a_locked_file_is_enforced_later(tmp_path: Path) -> None:
    file, lengths = tmp_path / "db", TextLengths()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE params (name VARCHAR(3))")
        lengths.add(file, "mlflow", UTF8)
        connection.execute("BEGIN IMMEDIATE")
        lengths.look(file)
        connection.execute("COMMIT")
        assert triggers(connection) == []
        lengths.look(file)
        assert len(triggers(connection)) == 2


def test_a_deleted_file_is_not_created_again(tmp_path: Path) -> None:
    file, lengths = tmp_path / "db", TextLengths()
    lengths.add(file, "mlflow", UTF8)
    file.unlink()
    lengths.look(file)
    assert not file.exists()
    lengths.remove(file)
    lengths.look(file)
