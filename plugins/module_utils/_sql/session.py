# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions in a database of Azure SQL, with a token of Microsoft Entra ID and Microsoft's own driver.

Errors and their texts:
https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues
https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
"""

from __future__ import annotations

import re
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

from .._core.arm import Arm
from .._core.deadline import Deadline, DeadlineExceeded
from .._core.errors import Failure
from .._core.retry import ATTEMPTS
from .._core.sdk import require

# Only module sql_database_user needs it, so the collection's requirements.txt does not have it.
DRIVER = "mssql-python>=1.16,<2"
# Seconds for one login (Microsoft recommends 30 at least) and for one statement; the deadline may shorten them.
LOGIN_TIMEOUT = 30
STATEMENT_TIMEOUT = 60
LONGEST_PAUSE = 10.0
# Attributes of an ODBC connection: SQL_ATTR_LOGIN_TIMEOUT, SQL_COPT_SS_ACCESS_TOKEN.
_LOGIN_TIMEOUT, _ACCESS_TOKEN = 103, 1256

# The driver returns no error numbers, so errors are recognized by their texts. These are transient: 40613 (a paused
# database while it resumes), 40197, 40501, 49918 to 49920, 10928, 10929, 4221, 615 and 1205.
_TRANSIENT = re.compile(
    r"is not currently available|encountered an error processing your request|the service is currently busy"
    r"|cannot process (create or update )?request\.|resource id ?: ?\d+\. the|login to read-secondary failed"
    r"|could not find database id|was deadlocked on",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"communication link failure|connection is broken|TCP Provider: Error code 0x(20|68|2746)\b|during handshakes before login",
    re.IGNORECASE,
)
_REMEDIES = (
    (
        r"login failed for user",
        "Sign in as the server's Entra administrator or a member of its group (entra_administrator of "
        "mlops.mlflow_azure.sql_server), or as a user of the database.",
    ),
    (
        r"not allowed to access the server|deny public network access",
        "Allow this machine with mlops.mlflow_azure.sql_firewall_rule, or run the task on a machine that the server allows.",
    ),
    (r"cannot open database", "Check database: it does not exist, or the identity may not open it."),
    (
        r"certificate",
        "Check server, and SSL_CERT_FILE where the server's certificate is signed by an authority of your own.",
    ),
    (
        r"TCP Provider|login timeout|unable to (establish|complete)",
        "The driver connects to the server directly, without HTTPS_PROXY: permit this machine to connect to that port, or run "
        "the task on a machine that can.",
    ),
    (
        r"permission",
        "Sign in as the server's Entra administrator or a db_owner, or with ALTER ANY USER and ALTER ANY ROLE in the database.",
    ),
    (r"owns a ", "Transfer what the user owns to another one first, with ALTER AUTHORIZATION."),
)
Result = TypeVar("Result")


class TransientError(Failure):
    """An error that ends by itself: the server is busy, fails over or resumes."""


class BrokenConnection(TransientError):
    """The connection was lost after it was established."""


class UnknownHost(Failure):
    """The host name of the server does not resolve, as for a server that does not exist."""


class Session:
    """One connection in autocommit mode."""

    def __init__(self, connection: Any, errors: tuple[type[Exception], ...], where: str, deadline: Deadline) -> None:
        self._connection = connection
        self._errors = errors
        self._where = where
        self._deadline = deadline

    def value(self, statement: str, *parameters: str | bytes) -> str | None:
        """Return the first column of the first row; None for NULL and without a row. Raise Failure."""
        rows = self._execute(statement, parameters, lambda cursor: cursor.fetchone())
        return None if rows is None else rows[0]

    def run(self, statement: str) -> None:
        """Execute a statement without a result. Raise Failure."""
        self._execute(statement, (), lambda _cursor: None)

    def _execute(self, statement: str, parameters: tuple[str | bytes, ...], read: Callable[[Any], Any]) -> Any:
        self._connection.timeout = _seconds(STATEMENT_TIMEOUT, self._deadline)
        try:
            cursor = self._connection.cursor()
            try:
                cursor.execute(statement, list(parameters)) if parameters else cursor.execute(statement)
                return read(cursor)
            finally:
                cursor.close()
        except self._errors as error:
            raise _failure(self._where, error) from error


def load_driver() -> Any:
    """Return the driver's module. Raise Failure that names the command to install it."""
    try:
        require({"mssql_python": "mssql-python"})
    except Failure as failure:
        raise Failure(f"{failure.message} Install it with: {sys.executable} -m pip install '{DRIVER}'") from failure
    return import_module("mssql_python")


@contextmanager
def open_session(arm: Arm, host: str, port: int, database: str) -> Iterator[Session]:
    """Open a session for the block. Raise TransientError, UnknownHost and other Failures."""
    driver = load_driver()
    # A failed login may raise classes that are not the driver's.
    errors = (driver.Error, RuntimeError, OSError, ValueError)
    where = f"{host}:{port}/{database}"
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnknownHost(
            f"{where}: the name {host} has no address here ({error}). Check server, and that there is one of that name "
            "(mlops.mlflow_azure.sql_server).",
            option="server",
        ) from error
    token = arm.credential.get_token(f"https://{arm.connection.cloud.sql_suffix}/.default").token.encode("utf-16-le")
    # A pool would keep the connection open, and a serverless database from pausing.
    driver.pooling(enabled=False)
    try:
        connection = driver.connect(
            f"Server=tcp:{host},{port};Database={_braced(database)};Encrypt=yes;TrustServerCertificate=no;",
            autocommit=True,
            attrs_before={
                _LOGIN_TIMEOUT: _seconds(LOGIN_TIMEOUT, arm.deadline),
                _ACCESS_TOKEN: struct.pack("<I", len(token)) + token,
            },
        )
    except errors as error:
        raise _failure(where, error) from error
    try:
        yield Session(connection, errors, where, arm.deadline)
    finally:
        connection.close()


def retry_transient(deadline: Deadline, wait: bool, attempt: Callable[[], Result]) -> Result:
    """Repeat an attempt that meets a transient error, until the deadline; after a lost connection ATTEMPTS times at most.

    attempt: idempotent. wait: False for one attempt only. Raise Failure.
    """
    backoff, broken = deadline.backoff(1.0, LONGEST_PAUSE), 0
    while True:
        try:
            return attempt()
        except TransientError as transient:
            broken += isinstance(transient, BrokenConnection)
            if not wait or broken >= ATTEMPTS:
                raise
            try:
                backoff.pause()
            except DeadlineExceeded as error:
                raise Failure(
                    f"{transient.message} It has not ended within wait_timeout ({deadline.seconds:g} s): run the task again, "
                    "or raise wait_timeout."
                ) from error


def quote_name(name: str) -> str:
    """Return a name as a delimited identifier of T-SQL."""
    return "[" + name.replace("]", "]]") + "]"


def _braced(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"


def _seconds(most: int, deadline: Deadline) -> int:
    return max(1, min(most, int(deadline.remaining())))


def _failure(where: str, error: Exception) -> Failure:
    text = str(error).rpartition("DDBC Error:")[2].strip()
    text = " ".join(text.replace("[Microsoft]", "").replace("[SQL Server]", "").split())
    if _TRANSIENT.search(text):
        return TransientError(f"{where}: {text}")
    if _BROKEN.search(text):
        return BrokenConnection(f"{where}: {text} Check port, and that it is a SQL server that answers there.")
    remedy = next((action for pattern, action in _REMEDIES if re.search(pattern, text, re.IGNORECASE)), "")
    return Failure(f"{where}: {text} {remedy}".strip())
