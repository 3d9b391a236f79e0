# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SQLAlchemy engine plugin `azure_sql`: Azure SQL's passing errors are waited out, or reported as what they are.

`mssql+…://…&plugin=azure_sql&azure_sql_wait=60`. The drivers report most of these errors as ProgrammingError or plain
Error, for which MLflow answers 400: a client takes that for its own fault and does not ask again. As OperationalError they
become 503, which clients ask again after, and MLflow itself tries a deadlock's victim anew.

Numbers and their meaning:
https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues
https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import CreateEnginePlugin, Dialect, ExceptionContext
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

NAME = "azure_sql"
# Seconds in the URL that an attempt to log in may go on: as long as a paused database takes to come back. Clients of
# MLflow wait 120 s for an answer, Container Apps' ingress 240 s.
WAIT_OPTION = "azure_sql_wait"
DEFAULT_WAIT = 60
# Seconds for one login. Microsoft asks for 30 at least; the drivers take 15.
_LOGIN_TIMEOUT = 30
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 10.0


@dataclass(frozen=True)
class _Passing:
    """An error that passes. text: what its message begins with, and no other's, for mssql-python reports no numbers.

    at_login: waiting is the cure when it meets a login. ends: it may end the session that it meets. moved: and the
    database is no longer where the other sessions lead.
    """

    text: str
    at_login: bool = False
    ends: bool = False
    moved: bool = False


PASSING = {
    615: _Passing(r"could not find database id \d+", at_login=True, ends=True, moved=True),
    701: _Passing(r"there is insufficient system memory in resource pool"),
    926: _Passing(r"database .* cannot be opened\. it has been marked suspect", at_login=True, ends=True, moved=True),
    1204: _Passing(r"the instance of the sql server database engine cannot obtain a lock resource at this time"),
    1205: _Passing(r"transaction \(process id \d+\) was deadlocked on .* resources with another process"),
    1222: _Passing(r"lock request time out period exceeded"),
    3960: _Passing(r"snapshot isolation transaction aborted due to update conflict"),
    # A name that is not there looks the same, so it is not waited for.
    4060: _Passing(r"cannot open database .* requested by the login"),
    4221: _Passing(r"login to read-secondary failed due to long wait", at_login=True, ends=True),
    8645: _Passing(r"a timeout occurred while waiting for memory resources to execute the query"),
    9002: _Passing(r"the transaction log for database .* is full"),
    10928: _Passing(r"resource id ?: ?\d+\. the .* limit for the database is", at_login=True, ends=True),
    10929: _Passing(r"resource id ?: ?\d+\. the .* minimum guarantee is", at_login=True, ends=True),
    # 40143, 40166 and 40540 have the same text.
    40197: _Passing(
        r"the service has encountered an error processing your request", at_login=True, ends=True, moved=True
    ),
    40143: _Passing(
        r"the service has encountered an error processing your request", at_login=True, ends=True, moved=True
    ),
    40166: _Passing(
        r"the service has encountered an error processing your request", at_login=True, ends=True, moved=True
    ),
    40540: _Passing(
        r"the service has encountered an error processing your request", at_login=True, ends=True, moved=True
    ),
    40501: _Passing(r"the service is currently busy\. retry the request", at_login=True, ends=True),
    40544: _Passing(r"the database .* has reached its size quota"),
    40549: _Passing(r"session is terminated because you have a long.running transaction", ends=True),
    40550: _Passing(r"the session has been terminated because it has acquired too many locks", ends=True),
    40551: _Passing(r"the session has been terminated because of excessive tempdb usage", ends=True),
    40552: _Passing(r"the session has been terminated because of excessive transaction log", ends=True),
    40553: _Passing(r"the session has been terminated because of excessive memory usage", ends=True),
    40613: _Passing(r"database .* on server .* is not currently available", at_login=True, ends=True, moved=True),
    49918: _Passing(r"cannot process request\. not enough resources", at_login=True, ends=True),
    49919: _Passing(r"cannot process create or update request\. too many", at_login=True, ends=True),
    49920: _Passing(r"cannot process request\. too many operations in progress", at_login=True, ends=True),
}
# The native number ends pyodbc's message: "… (40613) (SQLDriverConnect)".
_NUMBER = re.compile(r"\((\d{3,5})\)(?= \(SQL\w+\)|; )")
_TEXTS = {number: re.compile(rf"\[SQL Server\]\s*{passing.text}", re.IGNORECASE) for number, passing in PASSING.items()}


def passing_number(error: BaseException) -> int | None:
    """The number of the passing error that a driver's `error` reports, or None if it reports another."""
    message = str(error)
    numbers = [int(number) for number in _NUMBER.findall(message)]
    if numbers:
        return next((number for number in numbers if number in PASSING), None)
    return next((number for number, text in _TEXTS.items() if text.search(message)), None)


def log_in(
    connect: Callable[[], Any],
    errors: tuple[type[Exception], ...],
    wait: float,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Any:
    """What `connect` returns, which is called anew for up to `wait` seconds while its error is one that passes.

    `errors` are the classes that the driver raises. `say` is told, in one line, of each attempt that failed. Raises the last attempt's error.
    """
    begun, pause, attempt = clock(), _FIRST_PAUSE, 1
    while True:
        try:
            return connect()
        except errors as error:
            number = passing_number(error)
            waited = clock() - begun
            if number is None or not PASSING[number].at_login or waited + pause > wait:
                raise
            say(
                f"error {number} at login, attempt {attempt}: the next in {pause:.0f} s "
                f"({waited:.0f} of {wait:.0f} s gone)"
            )
        sleep(pause)
        pause, attempt = min(pause * 2, _LONGEST_PAUSE), attempt + 1


class AzureSqlPlugin(CreateEnginePlugin):  # type: ignore[misc]  # mypy has no SQLAlchemy to look into
    """Plugin `azure_sql` of SQLAlchemy's engines; takes `azure_sql_wait` (seconds) out of the URL."""

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        """Read the plugin's option. Raises ValueError when it is no number of seconds."""
        super().__init__(url, kwargs)
        given = url.query.get(WAIT_OPTION, str(DEFAULT_WAIT))
        if not isinstance(given, str) or not re.fullmatch(r"\d{1,4}", given):
            raise ValueError(f"{WAIT_OPTION}={given!r} is not a number of seconds from 0 to 9999")
        self._wait = int(given)

    def update_url(self, url: URL) -> URL:
        """Take the plugin's option out, which no driver knows."""
        return url.difference_update_query([WAIT_OPTION])

    def engine_created(self, engine: Engine) -> None:
        """Put the plugin between the engine and its driver."""
        dbapi: Any = engine.dialect.dbapi
        if engine.driver == "pyodbc":
            # unixODBC would keep connections open which SQLAlchemy has closed, and with them a serverless
            # database awake. It counts only before the first connection. mssql-python's dialect does this itself.
            dbapi.pooling = False

        # Where a login fails, the drivers do not keep to their own classes.
        errors = (dbapi.Error, RuntimeError, OSError, ValueError)

        def connect(dialect: Dialect, _record: Any, arguments: Any, options: dict[str, Any]) -> Any:
            options.setdefault("timeout", _LOGIN_TIMEOUT)
            try:
                return log_in(lambda: dialect.connect(*arguments, **options), errors, self._wait, _say)
            except dbapi.OperationalError:
                raise
            except errors as error:
                # A failed login is never the fault of who asked the server for something.
                raise _operational(dbapi, error) from error

        event.listen(engine, "do_connect", connect)
        event.listen(engine, "handle_error", _handle_error, retval=True)


def _say(line: str) -> None:
    # Not a logger: MLflow's migrations set those up anew.
    print(f"mlflow-azure-server: {line}", file=sys.stderr, flush=True)


def _operational(dbapi: Any, error: Exception) -> Exception:
    if hasattr(error, "driver_error") and hasattr(error, "ddbc_error"):
        return dbapi.OperationalError(error.driver_error, error.ddbc_error)  # type: ignore[no-any-return]
    if dbapi.__name__ == "mssql_python":
        return dbapi.OperationalError(str(error), "")  # type: ignore[no-any-return]
    return dbapi.OperationalError(*error.args)  # type: ignore[no-any-return]


def _handle_error(context: ExceptionContext) -> BaseException | None:
    number = passing_number(context.original_exception)
    # Their messages quote values, which may hold anything.
    if number is None or isinstance(context.sqlalchemy_exception, (IntegrityError, DataError)):
        return None
    if PASSING[number].ends:
        # Or a rollback on what is no longer there would hide this error.
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = PASSING[number].moved
    if isinstance(context.sqlalchemy_exception, OperationalError):
        return None
    reported: BaseException = OperationalError(
        context.statement,
        context.parameters,
        context.original_exception,
        hide_parameters=context.engine.hide_parameters if context.engine is not None else True,
        connection_invalidated=context.is_disconnect,
    )
    return reported
