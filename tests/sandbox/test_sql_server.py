# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL Server behind the Azure SQL databases: the statements of its setup, and the error when it is unavailable."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox_client import APP, PROJECT, Client, Platform, app_body, run_cli

JOB = {
    "host": "127.0.0.1",
    "port": 1433,
    "user": "sa",
    "password": "p}w",
    "database": "sql-a_mlflow]x",
    "collation": "Latin1_General_100_CS_AS_SC_UTF8",
    "login": "sandbox_login",
    "login_password": "it's",
}

# replaces Microsoft's driver: records the statements, and rejects those that REFUSE names
DRIVER = """
import json, os

class Error(Exception):
    pass

class Cursor:
    def execute(self, statement):
        with open(os.environ["STATEMENTS"], "a") as stream:
            stream.write(json.dumps(statement) + "\\n")
        if any(word in statement for word in os.environ.get("REFUSE", "").split("|") if word):
            raise Error("[42000] refused:\\n" + statement.split()[0])
        self.known = "SELECT" in statement and os.environ.get("KNOWN") == "yes"

    def fetchone(self):
        return ("x",) if self.known else None

class Connection:
    def cursor(self):
        return Cursor()

    def close(self):
        pass

def connect(text, autocommit):
    assert autocommit
    with open(os.environ["STATEMENTS"], "a") as stream:
        stream.write(json.dumps(text) + "\\n")
    return Connection()
"""


def set_up(tmp_path: Path, **environment: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    (tmp_path / "mssql_python.py").write_text(DRIVER)
    statements = tmp_path / "statements"
    statements.touch()
    done = subprocess.run(
        [sys.executable, str(PROJECT / "sandbox" / "runners" / "sql_server_setup.py")],
        input=json.dumps(JOB),
        env={"PYTHONPATH": str(tmp_path), "STATEMENTS": str(statements), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done, [json.loads(line) for line in statements.read_text().splitlines()]


def test_a_database_and_a_login_are_created(tmp_path: Path) -> None:
    done, statements = set_up(tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        statements[0]
        == "Server=127.0.0.1,1433;Database=master;Encrypt=yes;TrustServerCertificate=yes;UID=sa;PWD={p}}w};"
    )
    assert [statement for statement in statements[1:] if not statement.startswith("SELECT")] == [
        "CREATE DATABASE [sql-a_mlflow]]x] COLLATE Latin1_General_100_CS_AS_SC_UTF8",
        "CREATE LOGIN [sandbox_login] WITH PASSWORD = N'it''s'",
        "USE [sql-a_mlflow]]x]",
        "CREATE USER [sandbox_login] FOR LOGIN [sandbox_login]",
        "ALTER ROLE db_owner ADD MEMBER [sandbox_login]",
    ]


def test_existing_objects_are_kept(tmp_path: Path) -> None:
    done, statements = set_up(tmp_path, KNOWN="yes")
    assert done.returncode == 0, done.stderr
    assert [statement.split()[0] for statement in statements[1:] if not statement.startswith("SELECT")] == [
        "ALTER",
        "USE",
        "ALTER",
    ]


@pytest.mark.parametrize(
    ("refused", "instead"),
    [
        ("COLLATE", "CREATE DATABASE [sql-a_mlflow]]x]"),
        ("ALTER ROLE", "EXEC sp_addrolemember N'db_owner', N'sandbox_login'"),
    ],
)
def test_a_server_that_does_not_support_a_statement(tmp_path: Path, refused: str, instead: str) -> None:
    done, statements = set_up(tmp_path, REFUSE=refused)
    assert done.returncode == 0, done.stderr
    assert instead in statements


def test_the_error_of_a_server_is_on_one_line(tmp_path: Path) -> None:
    done, _said = set_up(tmp_path, REFUSE="CREATE LOGIN")
    assert done.returncode != 0
    assert done.stderr.strip() == "[42000] refused: CREATE"


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Client]:
    """Sandbox whose SQL Server does not exist."""
    login = {"SANDBOX_SQL_USER": "sa", "SANDBOX_SQL_PASSWORD": f"Aa1!{uuid.uuid4().hex}"}
    home = tmp_path / "home"
    started = run_cli(home, "up", "--sql-server", "127.0.0.1:1", environment=login)
    assert started.returncode == 0, started.stderr
    client = Client(home, json.loads(run_cli(home, "env", "--json").stdout))
    client.environment["PASSWORD"] = login["SANDBOX_SQL_PASSWORD"]
    yield client
    run_cli(home, "down", "--purge")


def test_an_app_without_its_sql_server_fails_with_the_reason(behind: Client, tmp_path: Path) -> None:
    group = behind.group()
    name = f"cr{uuid.uuid4().hex[:10]}"
    registry = f"{group}/providers/Microsoft.ContainerRegistry/registries/{name}"
    behind.put(registry, {"location": "westeurope", "sku": {"name": "Basic"}})
    run = behind.build(registry, "probe:1", context=APP)
    assert run["properties"]["status"] == "Succeeded"
    identity = behind.identity(group)
    behind.assign(registry, "AcrPull", identity["properties"]["principalId"])
    environment = behind.put(
        f"{group}/providers/Microsoft.App/managedEnvironments/env", {"location": "westeurope", "properties": {}}
    )
    platform = Platform(
        group, registry, f"{name}.azurecr.io", environment["id"], environment["properties"]["defaultDomain"], identity
    )
    server = f"{group}/providers/Microsoft.Sql/servers/sql-{uuid.uuid4().hex[:8]}"
    login = {"administratorLogin": "boss", "administratorLoginPassword": "Good-pass-1"}
    behind.put(server, {"location": "westeurope", "properties": login})
    behind.put(f"{server}/databases/db", {"location": "westeurope"})
    behind.arm(
        "PUT", f"{server}/firewallRules/azure", {"properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"}}
    )
    host = server.rpartition("/")[2] + ".database.windows.net"
    uri = f"mssql+mssqlpython://boss:Good-pass-1@{host}:1433/db?Encrypt=yes"
    body = app_body(platform, secrets=[{"name": "uri", "value": uri}], env=[{"name": "URI", "secretRef": "uri"}])
    ended = behind.wait(behind.arm("PUT", f"{group}/providers/Microsoft.App/containerApps/app", body))
    assert ended["status"] == "Failed"
    assert "The SQL Server 127.0.0.1:1 behind the sandbox could not be set up" in ended["error"]["message"]
    logs = b"".join(path.read_bytes() for path in behind.home.rglob("*.log"))
    assert behind.environment["PASSWORD"].encode() not in logs
