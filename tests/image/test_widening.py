# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of MLflow's text columns against the models, limits and indexes of the locked MLflow, and the schema step."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from mlflow_azure_server._widening import ASCII, TEXT, Change, Column, changes, declare, pending, widen

from tests.support.image_server import bare

# The largest entry of a nonclustered index, the longest varchar and nvarchar, and the bytes of a number or date.
INDEX_BYTES = 1700
LONGEST = {"varchar": 8000, "nvarchar": 4000}
NUMBER_BYTES = 8

# Prints MLflow's text columns with a length, its constants, and the primary keys and indexes of a migrated database.
MODELS = """
import importlib, json, pkgutil, sys
from sqlalchemy import UniqueConstraint, inspect
from sqlalchemy.dialects import mssql
import mlflow.store
from mlflow.store.db.base_sql_model import Base
from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine
for module in pkgutil.walk_packages(mlflow.store.__path__, "mlflow.store."):
    if module.name.endswith(".dbmodels.models"):
        importlib.import_module(module.name)
engine = create_sqlalchemy_engine("sqlite:///" + sys.argv[1])
_initialize_tables(engine)
tables = Base.metadata.tables.values()
columns = {
    f"{table.name}.{column.name}": {
        "type": column.type.compile(dialect=mssql.dialect()).lower(),
        "key": column.primary_key or bool(column.foreign_keys),
        "default": column.server_default is not None,
    }
    for table in tables
    for column in table.columns
    if getattr(column.type, "length", None) and "char" in column.type.compile(dialect=mssql.dialect()).lower()
}
referenced = [f"{key.column.table.name}.{key.column.name}" for table in tables for key in table.foreign_keys]
indexes = [
    [f"{table.name}.{column.name}" for column in index.columns]
    for table in tables
    for index in [*table.indexes, *(part for part in table.constraints if isinstance(part, UniqueConstraint))]
]
database = inspect(engine)
migrated = {}
for table in database.get_table_names():
    keys = database.get_pk_constraint(table)["constrained_columns"]
    for column in database.get_columns(table):
        migrated[f"{table}.{column['name']}"] = str(column["type"]).lower()
        if f"{table}.{column['name']}" in columns and column["name"] in keys:
            columns[f"{table}.{column['name']}"]["key"] = True
    for index in [*database.get_indexes(table), *database.get_unique_constraints(table)]:
        indexes.append([f"{table}.{name}" for name in index["column_names"]])
def value(path):
    module, _, name = path.rpartition(".")
    constant = getattr(importlib.import_module(module), name)
    return constant if isinstance(constant, int) else constant.default
limits = {path: value(path) for path in json.loads(sys.argv[2])}
print(json.dumps({
    "columns": columns, "referenced": referenced, "indexes": indexes, "limits": limits, "migrated": migrated
}))
"""


@pytest.fixture(scope="module")
def mlflow(server_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The models and limits of the locked MLflow."""
    rules = sorted({text.rule for text in TEXT.values() if text.rule})
    database = tmp_path_factory.mktemp("models") / "mlflow.db"
    command = [str(server_bin / "python"), "-c", MODELS, str(database), json.dumps(rules)]
    printed = subprocess.run(command, env=bare(), check=True, timeout=120, capture_output=True, text=True).stdout
    result: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return result


def ascii_columns() -> list[str]:
    return [
        f"{table}.{column}" for group in ASCII.values() for table, names in group.items() for column in names.split()
    ]


def parts(declared: str) -> tuple[str, int]:
    match = re.fullmatch(r"(n?varchar)\((\d+)\)", declared)
    assert match, declared
    return match[1], int(match[2])


def size(declared: str | None) -> int:
    """Return the bytes of a column in an index."""
    if declared is None:
        return NUMBER_BYTES
    base, length = parts(declared)
    return length * (2 if base == "nvarchar" else 1)


def expected_type(name: str, characters: int, mlflow: dict[str, Any]) -> str:
    """Return the type of a column by the rules in the docstring of the table."""
    columns = mlflow["columns"]
    base, length = parts(columns[name]["type"])
    if columns[name]["key"] or name in mlflow["referenced"]:
        return f"{base}({length})"
    units = 2 if base == "nvarchar" else 1
    rooms = [
        (INDEX_BYTES - sum(size(columns.get(other, {}).get("type")) for other in index if other != name)) // units
        for index in mlflow["indexes"]
        if name in index
    ]
    wanted = characters * (2 if base == "nvarchar" else 4)
    if rooms:
        return f"{base}({max(length, min(wanted, *rooms))})"
    return f"{base}({wanted if wanted <= LONGEST[base] else 'max'})"


def test_the_table_contains_each_text_column_of_mlflow_once(mlflow: dict[str, Any]) -> None:
    listed = [*TEXT, *ascii_columns()]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(mlflow["columns"])


def test_the_characters_of_each_column_are_those_that_mlflow_accepts(mlflow: dict[str, Any]) -> None:
    limits = {
        name: mlflow["limits"][text.rule] if text.rule else parts(mlflow["columns"][name]["type"])[1]
        for name, text in TEXT.items()
    }
    assert {name: text.characters for name, text in TEXT.items()} == limits


def test_each_column_is_as_wide_as_its_characters_and_indexes_permit(mlflow: dict[str, Any]) -> None:
    types = {name: expected_type(name, text.characters, mlflow) for name, text in TEXT.items()}
    assert {name: text.type for name, text in TEXT.items()} == types


def test_every_validated_limit_of_mlflow_is_in_the_table(server_bin: Path) -> None:
    """A new limit in mlflow/utils/validation.py either belongs to a column of the table or is listed here with its reason."""
    script = (
        "import json, mlflow.utils.validation as v;"
        "print(json.dumps([n for n in vars(v) if n.startswith('MAX_') and n.endswith(('_LENGTH', '_SIZE'))]))"
    )
    command = [str(server_bin / "python"), "-c", script]
    printed = subprocess.run(command, env=bare(), check=True, timeout=120, capture_output=True, text=True).stdout
    other = {
        "MAX_BATCH_LOG_REQUEST_SIZE": "the request",
        "MAX_DATASET_PROFILE_SIZE": "varchar(max)",
        "MAX_DATASET_SCHEMA_SIZE": "varchar(max)",
        "MAX_DATASET_SOURCE_SIZE": "varchar(max)",
        "MAX_EXPERIMENT_TAG_VAL_LENGTH": "nvarchar(max)",
        "MAX_TRACE_ARCHIVAL_RETENTION_LENGTH": "digits and a letter",
    }
    used = {text.rule.rpartition(".")[2] for text in TEXT.values() if text.rule.startswith("mlflow.utils.validation.")}
    assert set(json.loads(printed.splitlines()[-1])) == used | set(other)


def test_no_column_that_changes_its_type_has_a_default(mlflow: dict[str, Any]) -> None:
    """ALTER COLUMN can change the length of a column with a default, and not its type."""
    assert not [name for name in TEXT if mlflow["columns"][name]["default"]]


def test_the_migrated_database_has_the_types_of_the_models(mlflow: dict[str, Any]) -> None:
    models = {name: mlflow["columns"][name]["type"].removeprefix("n") for name in TEXT}
    assert {name: mlflow["migrated"][name] for name in TEXT} == models


def columns_as_wanted(**changed: Column) -> dict[str, Column]:
    return {name: Column(text.type, True) for name, text in TEXT.items()} | changed


def test_a_database_with_all_widths_has_no_change() -> None:
    assert changes(columns_as_wanted()) == []


@pytest.mark.parametrize(
    ("name", "declared", "target"),
    [
        ("trace_info.request_preview", "varchar(1000)", "varchar(max)"),
        ("runs.name", "VARCHAR(250)", "varchar(1000)"),
        ("runs.name", "varchar(999)", "varchar(1000)"),
        ("spans.model_name", "nvarchar(500)", "nvarchar(1000)"),
        ("spans.model_name", "VARCHAR(500)", "nvarchar(1000)"),
    ],
)
def test_a_column_that_is_too_narrow_is_changed(name: str, declared: str, target: str) -> None:
    table, column = name.split(".")
    columns = columns_as_wanted() | {name: Column(declared, False)}
    assert changes(columns) == [Change(table, column, declared, target, False)]


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("runs.name", "varchar(1001)"),
        ("runs.name", "varchar(max)"),
        ("runs.name", "nvarchar(250)"),
        ("params.value", "TEXT"),
        ("params.key", "varchar(250)"),
    ],
)
def test_a_column_that_is_wide_enough_or_of_another_type_is_not_changed(name: str, declared: str) -> None:
    assert changes(columns_as_wanted() | {name: Column(declared, True)}) == []


def test_a_missing_column_is_reported() -> None:
    columns = columns_as_wanted()
    del columns["runs.name"]
    assert [str(change) for change in changes(columns)] == ["runs.name: missing to varchar(1000)"]


def test_a_statement_restates_null_and_names_no_collation() -> None:
    change = Change("assessments", "name", "varchar(250)", "varchar(1000)", nullable=False)
    assert change.statement() == "ALTER TABLE [assessments] ALTER COLUMN [name] varchar(1000) NOT NULL"
    change = Change("trace_info", "request_preview", "varchar(1000)", "varchar(max)")
    assert change.statement() == "ALTER TABLE [trace_info] ALTER COLUMN [request_preview] varchar(max) NULL"


def test_a_declared_type_of_sqlite_changes_and_nothing_else() -> None:
    before = (
        'CREATE TABLE "runs" (run_uuid VARCHAR(32) NOT NULL, name VARCHAR(250), "value" VARCHAR(250) NOT NULL, '
        "user_name VARCHAR(250), CONSTRAINT named UNIQUE (name), CHECK (name != 'name VARCHAR(250)'))"
    )
    after = before.replace(" name VARCHAR(250),", " name VARCHAR(1000),").replace(
        '"value" VARCHAR(250)', '"value" TEXT'
    )
    found = [
        Change("runs", "name", "VARCHAR(250)", "varchar(1000)"),
        Change("runs", "value", "VARCHAR(250)", "varchar(max)"),
    ]
    assert declare(before, found) == after


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("CREATE TABLE runs (other VARCHAR(250))", ValueError),
        ("CREATE TABLE runs (name VARCHAR(250), (name VARCHAR(250))", ValueError),
        ("CREATE TABLE runs (name VARCHAR(250)", sqlite3.OperationalError),
    ],
)
def test_a_schema_that_cannot_be_changed_safely_is_refused(statement: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        declare(statement, [Change("runs", "name", "VARCHAR(250)", "varchar(1000)")])


@dataclass
class SqlServer:
    """A connection to a SQL Server that records statements. `fails`: the statement at which the session ends."""

    columns: dict[str, tuple[str, int, str]]
    fails: str | None = None
    executed: list[str] = field(default_factory=list)
    dialect: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="mssql"))

    def exec_driver_sql(self, statement: str) -> list[tuple[Any, ...]]:
        if statement == self.fails:
            raise ConnectionError(statement)
        if "INFORMATION_SCHEMA.COLUMNS" in statement:
            return [(*name.split("."), *column) for name, column in self.columns.items()]
        self.executed.append(statement)
        return []

    def commit(self) -> None:
        """Make the changes of the last statement visible."""
        table, column, kind, length = re.fullmatch(
            r"ALTER TABLE \[(\w+)\] ALTER COLUMN \[(\w+)\] (\w+)\((\w+)\) (?:NOT )?NULL", self.executed[-1]
        ).groups()  # type: ignore[union-attr]
        octets = -1 if length == "max" else int(length) * (2 if kind == "nvarchar" else 1)
        name = f"{table}.{column}"
        self.columns[name] = (kind, octets, self.columns[name][2])


def sql_server(mlflow: dict[str, Any]) -> SqlServer:
    """Return a SQL Server with the columns of MLflow's models, as its migrations create them."""
    columns = {}
    for name in TEXT:
        kind, length = parts(mlflow["columns"][name]["type"])
        columns[name] = (
            kind,
            length * (2 if kind == "nvarchar" else 1),
            "NO" if mlflow["columns"][name]["key"] else "YES",
        )
    return SqlServer(columns)


def test_sql_server_receives_one_committed_statement_for_each_column(mlflow: dict[str, Any]) -> None:
    server = sql_server(mlflow)
    lines: list[str] = []
    expected = len(pending(cast(Any, server)))
    widen(cast(Any, server), "", lines.append)
    assert len(server.executed) == len(lines) == expected
    assert "ALTER TABLE [params] ALTER COLUMN [value] varchar(max) NULL" in server.executed
    assert "ALTER TABLE [spans] ALTER COLUMN [model_name] nvarchar(1000) NULL" in server.executed
    assert "widening: params.value: varchar(8000) to varchar(max)" in lines
    keys = [name for name in TEXT if mlflow["columns"][name]["key"]]
    assert keys
    altered = {re.sub(r"ALTER TABLE \[(\w+)\] ALTER COLUMN \[(\w+)\].*", r"\1.\2", line) for line in server.executed}
    assert not altered & set(keys)
    assert pending(cast(Any, server)) == []
    widen(cast(Any, server), "", lines.append)
    assert len(lines) == expected


def test_a_session_that_ends_leaves_the_committed_columns(mlflow: dict[str, Any]) -> None:
    server = sql_server(mlflow)
    before = len(pending(cast(Any, server)))
    server.fails = "ALTER TABLE [params] ALTER COLUMN [value] varchar(max) NULL"
    with pytest.raises(ConnectionError):
        widen(cast(Any, server), "", lambda line: None)
    done = len(server.executed)
    assert 0 < done < before
    assert len(pending(cast(Any, server))) == before - done
    server.fails = None
    widen(cast(Any, server), "", lambda line: None)
    assert pending(cast(Any, server)) == []


def test_postgresql_has_no_pending_column() -> None:
    assert pending(cast(Any, SimpleNamespace(dialect=SimpleNamespace(name="postgresql")))) == []


# Creates MLflow's schema, and prints the pending lines before, after, and after a second run.
WIDEN = """
import json, sys
from sqlalchemy import create_engine
from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine
from mlflow_azure_server import _widening
uri = "sqlite:///" + sys.argv[1]
_initialize_tables(create_sqlalchemy_engine(uri))
import shutil
shutil.copyfile(sys.argv[1], sys.argv[1] + ".before")
lines = []
with create_engine(uri).connect() as connection:
    counts = [len(_widening.pending(connection))]
    for _ in range(2):
        _widening.widen(connection, uri, lines.append)
        counts.append(len(_widening.pending(connection)))
print(json.dumps({"counts": counts, "lines": lines}))
"""


def schema_of(file: Path) -> list[tuple[str, str, str | None]]:
    with closing(sqlite3.connect(file)) as database:
        return database.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()


def test_the_step_changes_only_types_and_a_second_run_changes_nothing(server_bin: Path, tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    command = [str(server_bin / "python"), "-c", WIDEN, str(file)]
    printed = subprocess.run(command, env=bare(), check=True, timeout=120, capture_output=True, text=True).stdout
    result = json.loads(printed.splitlines()[-1])
    assert result["lines"] == ["widening: 99 declared types of SQLite", "widening: 0 declared types of SQLite"]
    assert result["counts"][0] == 99
    assert result["counts"][1:] == [0, 0]
    before, after = schema_of(tmp_path / "mlflow.db.before"), schema_of(file)
    without_types = re.compile(r"\b(?:N?VARCHAR(?:\(\d+\))?|TEXT)(?=[\s,)])")
    assert [(kind, name, without_types.sub("", sql or "")) for kind, name, sql in before] == [
        (kind, name, without_types.sub("", sql or "")) for kind, name, sql in after
    ]
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        declared = {row[1]: row[2] for row in database.execute("PRAGMA table_info(trace_info)")}
    assert declared["request_preview"] == "TEXT"
    assert declared["session_id"] == "VARCHAR(1000)"
