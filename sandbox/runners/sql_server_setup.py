# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creation of a database and a login on a SQL Server. It runs in the interpreter of the app's image, whose driver it uses; the job is on standard input."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from typing import Any


def connect(job: dict[str, Any]) -> tuple[Any, type[Exception]]:
    """Connect in autocommit mode, with Microsoft's driver for Python or else ODBC. Return the connection and the error class of the driver."""
    password = job["password"].replace("}", "}}")
    server = f"Server={job['host']},{job['port']};Database=master;Encrypt=yes;TrustServerCertificate=yes;"
    login = f"UID={job['user']};PWD={{{password}}};"
    if importlib.util.find_spec("mssql_python") is not None:
        driver = importlib.import_module("mssql_python")
        return driver.connect(server + login, autocommit=True), driver.Error
    driver = importlib.import_module("pyodbc")
    return driver.connect("Driver={ODBC Driver 18 for SQL Server};" + server + login, autocommit=True), driver.Error


def quoted(name: str) -> str:
    """Return a name as a quoted identifier."""
    return "[" + name.replace("]", "]]") + "]"


def text(value: str) -> str:
    """Return a value as a string literal."""
    return "N'" + value.replace("'", "''") + "'"


def execute_first(cursor: Any, statements: list[str], error_class: type[Exception]) -> None:
    """Execute the first statement that the server supports. Exit with its message if it supports none."""
    failure: Exception | None = None
    for statement in statements:
        try:
            cursor.execute(statement)
        except error_class as error:
            failure = error
            continue
        return
    raise SystemExit(str(failure).replace("\n", " "))


def main() -> None:
    """Create the database, the login and its user, unless they exist."""
    job = json.load(sys.stdin)
    connection, error_class = connect(job)
    cursor = connection.cursor()
    database, login = quoted(job["database"]), quoted(job["login"])
    cursor.execute(f"SELECT name FROM sys.databases WHERE name = {text(job['database'])}")
    if cursor.fetchone() is None:
        execute_first(
            cursor,
            [f"CREATE DATABASE {database} COLLATE {job['collation']}", f"CREATE DATABASE {database}"],
            error_class,
        )
    cursor.execute(f"SELECT name FROM sys.server_principals WHERE name = {text(job['login'])}")
    verb = "CREATE" if cursor.fetchone() is None else "ALTER"
    execute_first(cursor, [f"{verb} LOGIN {login} WITH PASSWORD = {text(job['login_password'])}"], error_class)
    cursor.execute(f"USE {database}")
    cursor.execute(f"SELECT name FROM sys.database_principals WHERE name = {text(job['login'])}")
    if cursor.fetchone() is None:
        execute_first(cursor, [f"CREATE USER {login} FOR LOGIN {login}"], error_class)
    execute_first(
        cursor,
        [f"ALTER ROLE db_owner ADD MEMBER {login}", f"EXEC sp_addrolemember N'db_owner', {text(job['login'])}"],
        error_class,
    )
    connection.close()


if __name__ == "__main__":
    main()
