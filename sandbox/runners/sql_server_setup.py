# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a database and a login on a SQL Server. Run by the interpreter of the app's image, for its driver; the job comes on standard input."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from typing import Any


def connect(job: dict[str, Any]) -> tuple[Any, type[Exception]]:
    """A connection in autocommit mode, by Microsoft's driver for Python or else by ODBC, and the error class of its driver."""
    password = job["password"].replace("}", "}}")
    server = f"Server={job['host']},{job['port']};Database=master;Encrypt=yes;TrustServerCertificate=yes;"
    login = f"UID={job['user']};PWD={{{password}}};"
    if importlib.util.find_spec("mssql_python") is not None:
        driver = importlib.import_module("mssql_python")
        return driver.connect(server + login, autocommit=True), driver.Error
    driver = importlib.import_module("pyodbc")
    return driver.connect("Driver={ODBC Driver 18 for SQL Server};" + server + login, autocommit=True), driver.Error


def quoted(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"


def text(value: str) -> str:
    return "N'" + value.replace("'", "''") + "'"


def attempt(cursor: Any, statements: list[str], refused: type[Exception]) -> None:
    """Runs the first of some statements that the server knows."""
    problem: Exception | None = None
    for statement in statements:
        try:
            cursor.execute(statement)
        except refused as error:
            problem = error
            continue
        return
    raise SystemExit(str(problem).replace("\n", " "))


def main() -> None:
    job = json.load(sys.stdin)
    connection, refused = connect(job)
    cursor = connection.cursor()
    database, login = quoted(job["database"]), quoted(job["login"])
    cursor.execute(f"SELECT name FROM sys.databases WHERE name = {text(job['database'])}")
    if cursor.fetchone() is None:
        attempt(
            cursor, [f"CREATE DATABASE {database} COLLATE {job['collation']}", f"CREATE DATABASE {database}"], refused
        )
    cursor.execute(f"SELECT name FROM sys.server_principals WHERE name = {text(job['login'])}")
    verb = "CREATE" if cursor.fetchone() is None else "ALTER"
    attempt(cursor, [f"{verb} LOGIN {login} WITH PASSWORD = {text(job['login_password'])}"], refused)
    cursor.execute(f"USE {database}")
    cursor.execute(f"SELECT name FROM sys.database_principals WHERE name = {text(job['login'])}")
    if cursor.fetchone() is None:
        attempt(cursor, [f"CREATE USER {login} FOR LOGIN {login}"], refused)
    attempt(
        cursor,
        [f"ALTER ROLE db_owner ADD MEMBER {login}", f"EXEC sp_addrolemember N'db_owner', {text(job['login'])}"],
        refused,
    )
    connection.close()


if __name__ == "__main__":
    main()
