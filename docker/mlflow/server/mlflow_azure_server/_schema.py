# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creation and upgrade of the database schema by one process, even if several replicas start at the same time.

STEPS is the only list of changes to the schema. The server's start and the command `mlflow-azure-schema` run it.

MLflow's own lock is a file in the temporary directory of each container, so replicas do not exclude each other. If several
start on an empty database, all but one fail. Therefore this module holds a lock in the database itself while it reads the
schema and upgrades it.
"""

from __future__ import annotations

import fcntl
import importlib
import importlib.util
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from mlflow_azure_server import _widening
from mlflow_azure_server._azure_sql import WAIT_OPTION
from mlflow_azure_server._settings import SettingError, secrets_in

_VARIABLE = "MLFLOW_BACKEND_STORE_URI"
_LOCK_NAME = "mlflow_azure_schema"
# Key for pg_advisory_lock, an arbitrary number that must be unique in the database.
_LOCK_NUMBER = 5_000_318_541
_PAUSE = 2.0

# Messages of permanent errors: wrong credentials, or a database or server that does not exist. They are not retried.
_FINAL = re.compile(
    r"18456|login failed|password authentication failed|role \".*\" does not exist|database \".*\" does not exist"
    r"|40532|cannot open server .* requested by the login|40615|is not allowed to access the server"
    r"|unable to open database file|attempt to write a readonly database|file is not a database",
    re.IGNORECASE,
)
_NO_PROCEDURE = re.compile(r"\b2812\b|could not find stored procedure|sp_getapplock.* does not exist", re.IGNORECASE)
_NO_DRIVER = re.compile(r"failed to load the driver|can't open lib", re.IGNORECASE)


def known_revisions(versions: Path) -> set[str]:
    """Return all schema revisions of MLflow, read from its migration scripts without importing them."""
    return set(_parents(versions))


def expected_revision(versions: Path) -> str:
    """Return the head of MLflow's schema revisions, which is the one that no other revision is based on.

    Raise ValueError if there is not exactly one.
    """
    parents = _parents(versions)
    heads = parents.keys() - {parent for revisions in parents.values() for parent in revisions}
    if len(heads) != 1:
        raise ValueError(f"{versions} has {len(heads)} head revisions instead of one")
    return heads.pop()


def _parents(versions: Path) -> dict[str, list[str]]:
    """Return the parent revisions of each schema revision."""
    parents = {}
    for script in versions.glob("*.py"):
        source = script.read_text(encoding="utf-8")
        down_revision = re.search(r"^down_revision\s*(?::[^=]+)?=\s*(.+)$", source, re.MULTILINE)
        for revision in re.findall(r"^revision\s*(?::[^=]+)?=\s*[\"'](\w+)[\"']", source, re.MULTILINE):
            parents[revision] = re.findall(r"[\"'](\w+)[\"']", down_revision.group(1)) if down_revision else []
    return parents


def migration_scripts() -> Path:
    """Return the directory of the migration scripts of the installed MLflow."""
    spec = importlib.util.find_spec("mlflow")
    if spec is None or not spec.submodule_search_locations:
        raise SettingError("PATH", None, "selects a Python without MLflow", "Use the image's own entry point")
    return Path(spec.submodule_search_locations[0], "store", "db_migrations", "versions")


def _migrations(connection: Connection) -> list[str]:
    """Return the missing upgrade of the schema revision. Raise SettingError if a newer MLflow made the schema."""
    current, expected = _revision(connection), expected_revision(migration_scripts())
    if current == expected:
        return []
    if current is not None and current not in known_revisions(migration_scripts()):
        raise SettingError(
            _VARIABLE,
            None,
            f"the database has schema {current}, which a newer MLflow created and this MLflow does not support",
            "Use an image with the newer MLflow, or restore a backup from before its upgrade",
        )
    return [f"{current or 'none'} to {expected}"]


def _migrate(connection: Connection, uri: str, log: Callable[[str], None]) -> None:
    current, expected = _revision(connection), expected_revision(migration_scripts())
    # End the read transaction. On SQL Server it would hold a lock on tables that MLflow changes.
    connection.rollback()
    log(f"database schema {current or 'none'}: upgrading to {expected}")
    # This import takes seconds, and only an upgrade needs it.
    utils = importlib.import_module("mlflow.store.db.utils")
    engine = utils.create_sqlalchemy_engine_with_retry(uri)
    if engine.dialect.name == "sqlite":
        _make_migrations_atomic(engine)
    if utils._is_empty_database(engine):
        utils._initialize_tables(engine)
    else:
        utils._upgrade_db(engine)
    engine.dispose()


def _make_migrations_atomic(engine: Engine) -> None:
    """Run all migrations of SQLite in one transaction, as on SQL Server and PostgreSQL.

    alembic does not expect SQLite to have transactions for DDL, and Python's sqlite3 begins none. A process that is killed
    would leave a table half copied, at which every later upgrade fails.
    https://docs.sqlalchemy.org/en/latest/dialects/sqlite.html#sqlite-transactions
    """
    engine.dispose()
    event.listen(engine, "connect", lambda driver, _record: setattr(driver, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    importlib.import_module("alembic.ddl.sqlite").SQLiteImpl.transactional_ddl = True


def _default_experiment(connection: Connection) -> list[str]:
    """Return the missing default experiment. On SQL Server its creation requires the rights of the schema's owner."""
    if not sqlalchemy.inspect(connection).has_table("experiments"):
        return ["missing"]
    return [] if connection.scalar(text("SELECT COUNT(*) FROM experiments")) else ["missing"]


def _create_default_experiment(connection: Connection, uri: str, log: Callable[[str], None]) -> None:
    connection.rollback()
    log("default experiment: creating")
    importlib.import_module("mlflow.store.tracking.sqlalchemy_store").SqlAlchemyStore(uri, "mlflow-artifacts:/")


@dataclass(frozen=True)
class Step:
    """A part of the schema. `pending` returns a line for each missing change. `run` makes them, and can be repeated."""

    name: str
    pending: Callable[[Connection], list[str]]
    run: Callable[[Connection, str, Callable[[str], None]], None]


# In the order in which they run.
STEPS = (
    Step("migrations", _migrations, _migrate),
    Step("default experiment", _default_experiment, _create_default_experiment),
    Step("widening", _widening.pending, _widening.widen),
)


@dataclass(frozen=True)
class Status:
    """The schema revision of a database, that of the installed MLflow, and the missing changes by step."""

    head: str | None
    expected: str
    pending: dict[str, list[str]]


def check(uri: str, timeout: int, log: Callable[[str], None], steps: Sequence[Step] = STEPS) -> Status:
    """Return the status of the schema at `uri`, and change nothing.

    Wait up to `timeout` seconds for the database and for the upgrade by another process. `log` receives one line for each
    wait. Raise SettingError if the database rejects the login, is unreachable, or has the schema of a newer MLflow.
    """
    return _exclusively(uri, timeout, log, lambda connection: _status(connection, steps))


def upgrade(uri: str, timeout: int, log: Callable[[str], None], steps: Sequence[Step] = STEPS) -> Status:
    """Run the steps that are pending, in their order, and return the status after them.

    See `check` for the parameters and errors. Raise SettingError also if a step leaves something pending.
    """

    def run(connection: Connection) -> Status:
        for step in steps:
            if not step.pending(connection):
                continue
            step.run(connection, uri, log)
            left = step.pending(connection)
            if left:
                raise SettingError(
                    _VARIABLE,
                    None,
                    f"the step {step.name!r} is not complete: {'; '.join(left)[:300]}",
                    "Restore the schema of MLflow, which somebody has changed, and run the upgrade again",
                )
        return _status(connection, steps)

    return _exclusively(uri, timeout, log, run)


def require(status: Status) -> None:
    """Raise SettingError if a step is pending."""
    if status.pending:
        raise SettingError(
            _VARIABLE,
            None,
            f"the database has schema {status.head or 'none'}, and this MLflow requires {status.expected} "
            f"(pending: {', '.join(status.pending)})",
            "Run `mlflow-azure-schema upgrade` as the owner of the schema after a backup, "
            "or set MLFLOW_AZURE_UPGRADE_SCHEMA=true",
        )


def _status(connection: Connection, steps: Sequence[Step]) -> Status:
    pending = {step.name: step.pending(connection) for step in steps}
    head = _revision(connection)
    connection.rollback()
    return Status(head, expected_revision(migration_scripts()), {name: left for name, left in pending.items() if left})


def _exclusively(uri: str, timeout: int, log: Callable[[str], None], action: Callable[[Connection], Status]) -> Status:
    """Return the result of `action` under the schema lock of the database at `uri`.

    The lock ends with its connection. So `action` begins again when the connection is lost, until `timeout` seconds are over.
    Raise SettingError for an error of the database.
    """
    deadline = time.monotonic() + timeout
    engine = _engine(uri)
    try:
        while True:
            try:
                with _connected(engine, uri, deadline, log) as connection, _locked(connection, uri, deadline, log):
                    return action(connection)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                reason = _one_line(error, uri)
                if time.monotonic() + _PAUSE > deadline:
                    raise _unavailable(reason) from None
                log(f"the connection to the database was lost: {reason}")
            time.sleep(_PAUSE)
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise SettingError(
            _VARIABLE,
            None,
            f"the database returned an error: {_one_line(error, uri)}",
            "Correct it in the database. The login must own the schema "
            "(db_owner, or db_ddladmin, db_datareader and db_datawriter)",
        ) from None
    finally:
        engine.dispose()


def _engine(uri: str) -> Engine:
    try:
        path = sqlite_file(uri)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        url = sqlalchemy.make_url(uri)
        if WAIT_OPTION in url.query:
            # _connected() retries until its own deadline.
            url = url.update_query_dict({WAIT_OPTION: "0"})
        return sqlalchemy.create_engine(url, poolclass=NullPool)
    except OSError as error:
        raise _not_writable(error) from None
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise SettingError(
            _VARIABLE, None, f"cannot be used: {_one_line(error, uri)}", "Use one of the forms in the README"
        ) from None


@contextmanager
def _connected(engine: Engine, uri: str, deadline: float, log: Callable[[str], None]) -> Iterator[Connection]:
    while True:
        try:
            connection = engine.connect()
            break
        # The drivers raise exceptions of several classes for a failed login, and SQLAlchemy does not wrap all of them.
        except (SQLAlchemyError, RuntimeError, OSError, ValueError) as error:
            reason = _one_line(error, uri)
            if _NO_DRIVER.search(reason):
                raise SettingError(
                    _VARIABLE,
                    None,
                    f"the database's driver cannot be loaded: {reason}",
                    "Install the libraries that the image's Dockerfile lists, libltdl7 among them",
                ) from None
            if _FINAL.search(reason):
                raise SettingError(
                    _VARIABLE, None, f"the database rejects it: {reason}", "Correct user, password, server or database"
                ) from None
            if time.monotonic() + _PAUSE > deadline:
                raise _unavailable(reason) from None
            log(f"waiting for the database: {reason}")
            time.sleep(_PAUSE)
    with connection:
        yield connection


@contextmanager
def _locked(connection: Connection, uri: str, deadline: float, log: Callable[[str], None]) -> Iterator[None]:
    """Hold the schema lock of the database. Wait for it until `deadline`. It ends with the connection at the latest."""
    path = sqlite_file(uri)
    if path is not None:
        try:
            file = path.with_name(path.name + ".schema-lock").open("a")
        except OSError as error:
            raise _not_writable(error) from None
        with file:
            _acquire(lambda: _try_flock(file.fileno()), deadline)
            yield
        return
    dialect = connection.dialect.name
    if dialect == "mssql":
        acquire = text(
            "SET NOCOUNT ON; DECLARE @result int; "
            f"EXEC @result = sp_getapplock @Resource = '{_LOCK_NAME}', @LockMode = 'Exclusive', "
            "@LockOwner = 'Session', @LockTimeout = 0; SELECT @result"
        )
        try:
            _acquire(lambda: int(connection.scalar(acquire)) >= 0, deadline)
        except SQLAlchemyError as error:
            # Azure SQL and SQL Server have sp_getapplock. A server that only emulates their protocol may not have it.
            if not _NO_PROCEDURE.search(str(error)):
                raise
            connection.rollback()
            log("this server has no sp_getapplock: start only one replica while the schema changes")
            yield
            return
        connection.commit()
        yield
        connection.execute(text(f"EXEC sp_releaseapplock @Resource = '{_LOCK_NAME}', @LockOwner = 'Session'"))
        connection.commit()
        return
    if dialect == "postgresql":
        _acquire(lambda: bool(connection.scalar(text(f"SELECT pg_try_advisory_lock({_LOCK_NUMBER})"))), deadline)
        connection.commit()
        yield
        connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK_NUMBER})"))
        connection.commit()
        return
    # SQLite in memory: no other process can access it.
    yield


def _unavailable(reason: str) -> SettingError:
    return SettingError(
        _VARIABLE,
        None,
        f"the database did not answer in time: {reason}",
        "Verify the server name, the firewall rules and that the database is online, "
        "or raise MLFLOW_AZURE_DATABASE_TIMEOUT",
    )


def _not_writable(error: OSError) -> SettingError:
    return SettingError(
        _VARIABLE,
        None,
        f"{error.filename} cannot be written ({error.strerror}), and it belongs to the SQLite database",
        "Mount a writable volume there, or use another file",
    )


def _acquire(attempt: Callable[[], bool], deadline: float) -> None:
    """Repeat `attempt` until it returns True. Raise SettingError at `deadline`."""
    while not attempt():
        if time.monotonic() + _PAUSE > deadline:
            raise SettingError(
                _VARIABLE,
                None,
                "another process is still upgrading the database's schema",
                "Wait for it, or raise MLFLOW_AZURE_DATABASE_TIMEOUT",
            )
        time.sleep(_PAUSE)


def _try_flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _revision(connection: Connection) -> str | None:
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if revision is None else str(revision)


def sqlite_file(uri: str) -> Path | None:
    """Return the path of a SQLite URI, None for another database and for a database in memory."""
    if not uri.startswith("sqlite:"):
        return None
    name = sqlalchemy.make_url(uri).database
    return Path(name) if name and name != ":memory:" else None


def _one_line(error: BaseException, uri: str) -> str:
    message = str(getattr(error, "orig", None) or error)
    for secret in secrets_in(uri):
        message = message.replace(secret, "***")
    return " ".join(message.split())[:400].rstrip(".?! ")
