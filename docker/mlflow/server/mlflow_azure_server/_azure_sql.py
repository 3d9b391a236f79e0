# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SQLAlchemy engine plugin `azure_sql`: transient errors of Azure SQL, lost connections, and text outside ASCII.

Usage: `mssql+…://…&plugin=azure_sql&azure_sql_wait=60`. The drivers report most of these errors as ProgrammingError or
Error, for which MLflow returns HTTP 400, and a client does not retry. For an OperationalError MLflow returns HTTP 503, which
clients retry, and MLflow itself retries the victim of a deadlock.

Error numbers:
https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues
https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import CreateEnginePlugin, Dialect, ExceptionContext
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from mlflow_azure_server._unicode import NvarcharUnlessAscii, compare_as_utf8

NAME = "azure_sql"
# URL option: the number of seconds for which a login is retried. A paused database must resume within this time. MLflow's
# clients wait 120 s for a response, the ingress of Container Apps 240 s.
WAIT_OPTION = "azure_sql_wait"
DEFAULT_WAIT = 60
# Timeout of one login in seconds. Microsoft recommends at least 30, the drivers' default is 15.
_LOGIN_TIMEOUT = 30
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 10.0


@dataclass(frozen=True)
class _Transient:
    """A transient error. ``text`` is the unique start of its message, because mssql-python reports no error numbers.

    ``at_login``: a login that fails with this error is retried. ``ends``: the error may end the session. ``moved``: the
    database has moved to another node, so the other connections of the pool are invalid too.
    """

    text: str
    at_login: bool = False
    ends: bool = False
    moved: bool = False


TRANSIENT = {
    615: _Transient(r"could not find database id \d+", at_login=True, ends=True, moved=True),
    701: _Transient(r"there is insufficient system memory in resource pool"),
    926: _Transient(r"database .* cannot be opened\. it has been marked suspect", at_login=True, ends=True, moved=True),
    1204: _Transient(r"the instance of the sql server database engine cannot obtain a lock resource at this time"),
    1205: _Transient(r"transaction \(process id \d+\) was deadlocked on .* resources with another process"),
    1222: _Transient(r"lock request time out period exceeded"),
    3960: _Transient(r"snapshot isolation transaction aborted due to update conflict"),
    # A database name that does not exist causes the same error, so it is not retried.
    4060: _Transient(r"cannot open database .* requested by the login"),
    4221: _Transient(r"login to read-secondary failed due to long wait", at_login=True, ends=True),
    8645: _Transient(r"a timeout occurred while waiting for memory resources to execute the query"),
    9002: _Transient(r"the transaction log for database .* is full"),
    10928: _Transient(r"resource id ?: ?\d+\. the .* limit for the database is", at_login=True, ends=True),
    10929: _Transient(r"resource id ?: ?\d+\. the .* minimum guarantee is", at_login=True, ends=True),
    # 40143, 40166 and 40540 have the same text.
    40197: _Transient(
        r"the service has encountered an error processing your request", at_login=True, ends=True, moved=True
    ),
    40143: _Transient(
        r"the service has encountered an error processing your request", at_login=True, ends=True, moved=True
    ),
    40166: _Transient(
        r"the service has encountered an error processing your request", at_login=True, ends=True, moved=True
    ),
    40540: _Transient(
        r"the service has encountered an error processing your request", at_login=True, ends=True, moved=True
    ),
    40501: _Transient(r"the service is currently busy\. retry the request", at_login=True, ends=True),
    40544: _Transient(r"the database .* has reached its size quota"),
    40549: _Transient(r"session is terminated because you have a long.running transaction", ends=True),
    40550: _Transient(r"the session has been terminated because it has acquired too many locks", ends=True),
    40551: _Transient(r"the session has been terminated because of excessive tempdb usage", ends=True),
    40552: _Transient(r"the session has been terminated because of excessive transaction log", ends=True),
    40553: _Transient(r"the session has been terminated because of excessive memory usage", ends=True),
    40613: _Transient(r"database .* on server .* is not currently available", at_login=True, ends=True, moved=True),
    49918: _Transient(r"cannot process request\. not enough resources", at_login=True, ends=True),
    49919: _Transient(r"cannot process create or update request\. too many", at_login=True, ends=True),
    49920: _Transient(r"cannot process request\. too many operations in progress", at_login=True, ends=True),
}
# pyodbc's message ends with the native error number: "… (40613) (SQLDriverConnect)".
_NUMBER = re.compile(r"\((\d{3,5})\)(?= \(SQL\w+\)|; )")
_TEXTS = {number: re.compile(rf"\[SQL Server\]\s*{error.text}", re.IGNORECASE) for number, error in TRANSIENT.items()}


def transient_number(error: BaseException) -> int | None:
    """Return the number of the transient error that a driver reports, or None for any other error."""
    message = str(error)
    numbers = [int(number) for number in _NUMBER.findall(message)]
    if numbers:
        return next((number for number in numbers if number in TRANSIENT), None)
    return next((number for number, text in _TEXTS.items() if text.search(message)), None)


def log_in(
    connect: Callable[[], Any],
    errors: tuple[type[Exception], ...],
    wait: float,
    log: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Any:
    """Call `connect` and return its result. Retry for up to `wait` seconds after a transient error.

    `errors` are the exception classes of the driver. `log` receives one line for each failed attempt. Raise the error of
    the last attempt.
    """
    start, pause, attempt = clock(), _FIRST_PAUSE, 1
    while True:
        try:
            return connect()
        except errors as error:
            number = transient_number(error)
            elapsed = clock() - start
            if number is None or not TRANSIENT[number].at_login or elapsed + pause > wait:
                raise
            log(
                f"error {number} at login, attempt {attempt}: retry in {pause:.0f} s "
                f"({elapsed:.0f} of {wait:.0f} s elapsed)"
            )
        sleep(pause)
        pause, attempt = min(pause * 2, _LONGEST_PAUSE), attempt + 1


class AzureSqlPlugin(CreateEnginePlugin):  # type: ignore[misc]  # mypy has no SQLAlchemy to look into
    """The SQLAlchemy engine plugin `azure_sql`, with the URL option `azure_sql_wait` (seconds)."""

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        """Read the option from the URL. Raise ValueError if it is not a number of seconds, or for fast_executemany."""
        super().__init__(url, kwargs)
        if kwargs.get("fast_executemany") or any(name.lower() == "fast_executemany" for name in url.query):
            raise ValueError("fast_executemany is not allowed, because pyodbc then stores some text wrongly. Remove it")
        seconds = url.query.get(WAIT_OPTION, str(DEFAULT_WAIT))
        if not isinstance(seconds, str) or not re.fullmatch(r"\d{1,4}", seconds):
            raise ValueError(f"{WAIT_OPTION}={seconds!r} is not a number of seconds from 0 to 9999")
        self._wait = int(seconds)
        if kwargs.get("poolclass", QueuePool) is QueuePool:
            kwargs["poolclass"] = _Pool

    def update_url(self, url: URL) -> URL:
        """Return the URL without the option, which no driver supports."""
        return url.difference_update_query([WAIT_OPTION])

    def engine_created(self, engine: Engine) -> None:
        """Register the plugin for the engine's connection and error events."""
        dbapi: Any = engine.dialect.dbapi
        event.listen(engine, "before_cursor_execute", compare_as_utf8, retval=True)
        if engine.driver == "pyodbc":
            event.listen(engine, "do_setinputsizes", NvarcharUnlessAscii(dbapi))
            # unixODBC's own pool would keep connections open that SQLAlchemy has closed, and prevent a serverless database
            # from pausing. It must be disabled before the first connection. mssql-python's dialect disables its pool itself.
            dbapi.pooling = False

        # After a failed login the drivers also raise exceptions of other classes than their own.
        errors = (dbapi.Error, RuntimeError, OSError, ValueError)

        def connect(dialect: Dialect, _record: Any, arguments: Any, options: dict[str, Any]) -> Any:
            options.setdefault("timeout", _LOGIN_TIMEOUT)
            try:
                return log_in(lambda: dialect.connect(*arguments, **options), errors, self._wait, _log)
            except dbapi.OperationalError:
                raise
            except errors as error:
                # The client of the server never causes a failed login, so it must not receive HTTP 400.
                raise _operational(dbapi, error) from error

        event.listen(engine, "do_connect", connect)
        event.listen(engine, "handle_error", _handle_error, retval=True)
        _survive_lost_connections(engine.dialect, errors)


class _Pool(QueuePool):  # type: ignore[misc]  # mypy has no SQLAlchemy to look into
    """SQLAlchemy's default pool. MLflow returns HTTP 400 for its TimeoutError, and HTTP 503 for an OperationalError."""

    def connect(self) -> PoolProxiedConnection:
        """Return a connection. Raise OperationalError if none is free in time."""
        try:
            return super().connect()
        except PoolTimeoutError as error:
            raise OperationalError(None, None, error) from error


def _survive_lost_connections(dialect: Any, errors: tuple[type[Exception], ...]) -> None:
    """Make `dialect` close a connection whose rollback fails, instead of raising one of the `errors`.

    MLflow rolls back after each error. If the connection is lost, the second error would hide the first one, and the response
    would be HTTP 500. The server rolls back the transaction of a connection that ends.
    """
    roll_back, close = dialect.do_rollback, dialect.do_close

    def do_rollback(connection: Any) -> None:
        try:
            roll_back(connection)
        except errors as error:
            # The pool replaces the connection before its next use, and logs the error.
            connection.invalidate(error, soft=True)
            do_close(connection.dbapi_connection)

    def do_close(connection: Any) -> None:
        # mssql-python rolls back before it closes a connection, and pyodbc cannot close one twice.
        with suppress(*errors):
            close(connection)

    dialect.do_rollback, dialect.do_close = do_rollback, do_close


def _log(line: str) -> None:
    # Without the logging module, because MLflow's migrations reconfigure it.
    print(f"mlflow-azure-server: {line}", file=sys.stderr, flush=True)


def _operational(dbapi: Any, error: Exception) -> Exception:
    if hasattr(error, "driver_error") and hasattr(error, "ddbc_error"):
        return dbapi.OperationalError(error.driver_error, error.ddbc_error)  # type: ignore[no-any-return]
    if dbapi.__name__ == "mssql_python":
        return dbapi.OperationalError(str(error), "")  # type: ignore[no-any-return]
    return dbapi.OperationalError(*error.args)  # type: ignore[no-any-return]


def _handle_error(context: ExceptionContext) -> BaseException | None:
    # Messages of these classes contain values, which may match any pattern.
    if isinstance(context.sqlalchemy_exception, (IntegrityError, DataError)):
        return None
    number = transient_number(context.original_exception)
    if number is not None and TRANSIENT[number].ends:
        # Otherwise a rollback on the ended session would hide this error.
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = TRANSIENT[number].moved
    is_transient = number is not None or context.is_disconnect
    if not is_transient or isinstance(context.sqlalchemy_exception, OperationalError):
        return None
    replacement: BaseException = OperationalError(
        context.statement,
        context.parameters,
        context.original_exception,
        hide_parameters=context.engine.hide_parameters if context.engine is not None else True,
        connection_invalidated=context.is_disconnect,
    )
    return replacement
