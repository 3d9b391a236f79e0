# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a database and a login on a SQL Server. Run by the interpreter of the app's image, for its driver; the job comes on standard input."""

import json
import sys


def connect(job):
    """A connection in autocommit mode, by Microsoft's driver for Python, or by ODBC."""
    parts = f"Server={job['host']},{job['port']};UID={job['user']};PWD={{{job['password'].replace('}', '}}')}}};Encrypt=yes;TrustServerCertificate=yes;"
    try:
        import mssql_python
    except ImportError:
        import pyodbc

        return pyodbc.connect("Driver={ODBC Driver 18 for SQL Server};Database=master;" + parts, autocommit=True)
    return mssql_python.connect(parts + "Database=master;", autocommit=True)


def quoted(name):
    return "[" + name.replace("]", "]]") + "]"


def text(value):
    return "N'" + value.replace("'", "''") + "'"


def attempt(cursor, statements):
    """Runs the first of some statements that the server knows."""
    problem = None
    for statement in statements:
        try:
            cursor.execute(statement)
        except Exception as error:  # the drivers share no base class, and any refusal means: try the next form
            problem = error
            continue
        return
    raise SystemExit(str(problem).replace("\n", " "))


def main():
    job = json.load(sys.stdin)
    connection = connect(job)
    cursor = connection.cursor()
    database, login = quoted(job["database"]), quoted(job["login"])
    cursor.execute(f"SELECT name FROM sys.databases WHERE name = {text(job['database'])}")
    if cursor.fetchone() is None:
        attempt(cursor, [f"CREATE DATABASE {database} COLLATE {job['collation']}", f"CREATE DATABASE {database}"])
    cursor.execute(f"SELECT name FROM sys.server_principals WHERE name = {text(job['login'])}")
    verb = "CREATE" if cursor.fetchone() is None else "ALTER"
    attempt(cursor, [f"{verb} LOGIN {login} WITH PASSWORD = {text(job['login_password'])}"])
    cursor.execute(f"USE {database}")
    cursor.execute(f"SELECT name FROM sys.database_principals WHERE name = {text(job['login'])}")
    if cursor.fetchone() is None:
        attempt(cursor, [f"CREATE USER {login} FOR LOGIN {login}"])
    attempt(cursor, [f"ALTER ROLE db_owner ADD MEMBER {login}", f"EXEC sp_addrolemember N'db_owner', {text(job['login'])}"])
    connection.close()


if __name__ == "__main__":
    main()
