# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database's schema, made or upgraded by one process however many replicas start at once.

MLflow's own lock for this is a file in each container's temporary directory, so replicas do not see each other:
several that start on an empty database collide, and all but one exit. Here a lock in the database itself goes
before the look at its schema version.
"""

from __future__ import annotations

import fcntl
import importlib
import importlib.util
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from mlflow_azure_server._azure_sql import WAIT_OPTION
from mlflow_azure_server._settings import SettingError, secrets_in

_VARIABLE = "MLFLOW_BACKEND_STORE_URI"
_LOCK_NAME = "mlflow_azure_schema"
# pg_advisory_lock takes a number: any will do that nobody else in this database uses.
_LOCK_NUMBER = 5_000_318_541
_PAUSE = 2.0

# Errors that no waiting cures, as the servers word them: a wrong login, a database or server name that is not there.
_FINAL = re.compile(
    r"18456|login failed|password authentication failed|role \".*\" does not exist|database \".*\" does not exist"
    r"|40532|cannot open server .* requested by the login|40615|is not allowed to access the server"
    r"|unable to open database file|attempt to write a readonly database|file is not a database",
    re.IGNORECASE,
)
_NO_PROCEDURE = re.compile(r"\b2812\b|could not find stored procedure|sp_getapplock.* does not exist", re.IGNORECASE)
_NO_DRIVER = re.compile(r"failed to load the driver|can't open lib", re.IGNORECASE)


def known_revisions(versions: Path) -> set[str]:
    """All of MLflow's schema revisions, read from its migration scripts without importing them."""
    return set(_ancestors(versions))


def expected_revision(versions: Path) -> str:
    """The newest of MLflow's schema revisions: the one that no other builds upon.

    Raises ValueError if there is not exactly one.
    """
    ancestors = _ancestors(versions)
    heads = ancestors.keys() - {below for revisions in ancestors.values() for below in revisions}
    if len(heads) != 1:
        raise ValueError(f"{versions} has {len(heads)} newest schema revisions instead of one")
    return heads.pop()


def _ancestors(versions: Path) -> dict[str, list[str]]:
    """What each revision builds upon."""
    found = {}
    for script in versions.glob("*.py"):
        source = script.read_text(encoding="utf-8")
        below = re.search(r"^down_revision\s*(?::[^=]+)?=\s*(.+)$", source, re.MULTILINE)
        for revision in re.findall(r"^revision\s*(?::[^=]+)?=\s*[\"'](\w+)[\"']", source, re.MULTILINE):
            found[revision] = re.findall(r"[\"'](\w+)[\"']", below.group(1)) if below else []
    return found


def migration_scripts() -> Path:
    """Where the installed MLflow keeps its migration scripts."""
    spec = importlib.util.find_spec("mlflow")
    if spec is None or not spec.submodule_search_locations:
        raise SettingError("PATH", None, "leads to a Python without MLflow", "Use the image's own entry point")
    return Path(spec.submodule_search_locations[0], "store", "db_migrations", "versions")


def prepare(uri: str, upgrade: Callable[[str], None] | None, timeout: int, say: Callable[[str], None]) -> None:
    """Wait for the database at `uri`, and see to it that its schema is the installed MLflow's.

    `upgrade` brings a database to that schema; None when that is not wanted. Waits `timeout` seconds for the
    database to answer and for another replica's upgrade. `say` is told, in one line each, what is waited for.
    Raises SettingError when the database refuses, stays away, or has another schema that may not be upgraded.
    """
    expected = expected_revision(migration_scripts())
    deadline = time.monotonic() + timeout
    engine = _engine(uri)
    try:
        with _connected(engine, uri, deadline, say) as connection, _locked(connection, uri, deadline, say):
            found = _revision(connection)
            # Ends the transaction of the look: on SQL Server it would hold a lock on what upgrade() changes.
            connection.rollback()
            if found == expected:
                return
            if found is not None and found not in known_revisions(migration_scripts()):
                raise SettingError(
                    _VARIABLE,
                    None,
                    f"leads to a database with schema {found}, which this MLflow does not know: a newer one made it",
                    "Use an image with that MLflow or a newer one, or a backup from before its upgrade",
                )
            if upgrade is None:
                raise SettingError(
                    _VARIABLE,
                    None,
                    f"leads to a database with schema {found or 'none'}, and this MLflow needs {expected}",
                    "Run `mlflow db upgrade` after a backup, or set MLFLOW_AZURE_UPGRADE_SCHEMA=true",
                )
            say(f"database schema {found or 'none'}: bringing it to {expected}")
            upgrade(uri)
    except SQLAlchemyError as error:
        raise SettingError(
            _VARIABLE,
            None,
            f"the database answered: {_one_line(error, uri)}",
            "Mend that in the database; the login must own the schema (db_owner, or db_ddladmin and reader and writer)",
        ) from None
    finally:
        engine.dispose()


def upgrade_with_mlflow(uri: str) -> None:
    """Create or upgrade the schema, and the experiment that every server expects, by MLflow's own code."""
    # Seconds of imports, needed only when there is something to upgrade.
    utils = importlib.import_module("mlflow.store.db.utils")
    store = importlib.import_module("mlflow.store.tracking.sqlalchemy_store")

    engine = utils.create_sqlalchemy_engine_with_retry(uri)
    if utils._is_empty_database(engine):
        utils._initialize_tables(engine)
    else:
        utils._upgrade_db(engine)
    engine.dispose()
    store.SqlAlchemyStore(uri, "mlflow-artifacts:/")


def _engine(uri: str) -> Engine:
    try:
        path = sqlite_file(uri)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        url = sqlalchemy.make_url(uri)
        if WAIT_OPTION in url.query:
            # Here _connected() waits, until its own deadline.
            url = url.update_query_dict({WAIT_OPTION: "0"})
        return sqlalchemy.create_engine(url, poolclass=NullPool)
    except OSError as error:
        raise _not_writable(error) from None
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise SettingError(
            _VARIABLE, None, f"cannot be used: {_one_line(error, uri)}", "Compare it with the README's forms"
        ) from None


@contextmanager
def _connected(engine: Engine, uri: str, deadline: float, say: Callable[[str], None]) -> Iterator[Connection]:
    while True:
        try:
            connection = engine.connect()
            break
        # The drivers report failed logins under different classes, and not always as SQLAlchemy's.
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
                    _VARIABLE, None, f"the database refuses it: {reason}", "Correct user, password, server or database"
                ) from None
            if time.monotonic() + _PAUSE > deadline:
                raise SettingError(
                    _VARIABLE,
                    None,
                    f"the database did not answer in time: {reason}",
                    "Check server name, firewall rule and that the database is online, "
                    "or raise MLFLOW_AZURE_DATABASE_TIMEOUT",
                ) from None
            say(f"waiting for the database: {reason}")
            time.sleep(_PAUSE)
    with connection:
        yield connection


@contextmanager
def _locked(connection: Connection, uri: str, deadline: float, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the one lock of this database, waiting for it until `deadline`; it ends with the connection at the latest."""
    path = sqlite_file(uri)
    if path is not None:
        try:
            file = path.with_name(path.name + ".schema-lock").open("a")
        except OSError as error:
            raise _not_writable(error) from None
        with file:
            _until(lambda: _try_flock(file.fileno()), deadline)
            yield
        return
    dialect = connection.dialect.name
    if dialect == "mssql":
        take = text(
            "SET NOCOUNT ON; DECLARE @result int; "
            f"EXEC @result = sp_getapplock @Resource = '{_LOCK_NAME}', @LockMode = 'Exclusive', "
            "@LockOwner = 'Session', @LockTimeout = 0; SELECT @result"
        )
        try:
            _until(lambda: int(connection.scalar(take)) >= 0, deadline)
        except SQLAlchemyError as error:
            # Azure SQL and SQL Server have it; what only speaks their language may not, and is no place for replicas.
            if not _NO_PROCEDURE.search(str(error)):
                raise
            connection.rollback()
            say("this server has no sp_getapplock: start one replica only while the schema changes")
            yield
            return
        connection.commit()
        yield
        connection.execute(text(f"EXEC sp_releaseapplock @Resource = '{_LOCK_NAME}', @LockOwner = 'Session'"))
        connection.commit()
        return
    if dialect == "postgresql":
        _until(lambda: bool(connection.scalar(text(f"SELECT pg_try_advisory_lock({_LOCK_NUMBER})"))), deadline)
        connection.commit()
        yield
        connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK_NUMBER})"))
        connection.commit()
        return
    # SQLite in memory: nobody else can see it.
    yield


def _not_writable(error: OSError) -> SettingError:
    return SettingError(
        _VARIABLE,
        None,
        f"{error.filename} cannot be written ({error.strerror}), and SQLite's database is there",
        "Mount a writable volume there, or name another file",
    )


def _until(take: Callable[[], bool], deadline: float) -> None:
    while not take():
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
    """The file of a SQLite URI; None for another database, and for one in memory."""
    if not uri.startswith("sqlite:"):
        return None
    name = sqlalchemy.make_url(uri).database
    return Path(name) if name and name != ":memory:" else None


def _one_line(error: BaseException, uri: str) -> str:
    message = str(getattr(error, "orig", None) or error)
    for secret in secrets_in(uri):
        message = message.replace(secret, "***")
    return " ".join(message.split())[:400].rstrip(".?! ")
