# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each authentication of the app to its database: the administrator of the server, the user of the database, and the URI for MLflow.

The role runs with the real module for users and the driver of Microsoft, at port 1433, against a server that records the statements.
The modules for Resource Manager return their options, which the tests check.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.role_run import CLONE, run, task_results
from tests.support.tds_peer import Certificate, Script, new_certificate, peer

# A loopback address, because the port is fixed.
HOST = f"127.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}.9"
TOKEN = "token-of-the-deployer"
APP, DEPLOYER = "11111111-2222-3333-4444-555555555555", "dddddddd-0000-0000-0000-000000000001"
ROLES = ["db_datareader", "db_datawriter", "db_ddladmin"]
PASSWORD = "hush-hush-Passw0rd"
# A module that returns its options.
ECHO = """#!/usr/bin/python
# WANT_JSON
import json, sys
given = json.load(open(sys.argv[1]))
print(json.dumps({{**{answer!r}, "given": {{key: value for key, value in given.items() if not key.startswith("_ansible")}}}}))
"""
AZ = f"""#!/bin/sh
case "$*" in
  *database.windows.net*) echo '{{"accessToken": "{TOKEN}", "expires_on": 4102444800, "tokenType": "Bearer"}}' ;;
  *) exit 1 ;;
esac
"""
SERVER = {"id": "/sql", "properties": {"fullyQualifiedDomainName": HOST}}
DATABASE = {"id": "/sql/mlflow", "properties": {"databaseId": "1"}}
DEPLOYED_BY = {"sql_entra_administrator_name": "deployer", "sql_entra_administrator_client_id": DEPLOYER}
KEEP = {
    "name": "keep",
    "ansible.builtin.copy": {
        "content": "{{ {'server': __sql_server_result.given, 'user': __sql_database_user_result | default({}), 'uri': sql_backend_store_uri} | to_json }}",
        "dest": "{{ playbook_dir }}/kept.json",
        "mode": "0600",
    },
    "check_mode": False,
    "no_log": True,
}


@dataclass
class Role:
    """The role in its own directory, with the server."""

    directory: Path
    script: Script
    certificate: Certificate

    def run(
        self,
        way: str,
        *options: str,
        database: dict[str, Any] | None = None,
        server_changed: bool = False,
        **given: Any,
    ) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
        """Run the role. Return the process and the kept results. database: the result of its module."""
        collection = self.directory / "collections" / "ansible_collections" / "mlops" / "mlflow_azure"
        plugins = collection / "plugins"
        (plugins / "modules").mkdir(parents=True, exist_ok=True)
        for name, answer in (
            ("sql_server", {"sql_server": SERVER, "changed": server_changed}),
            ("sql_database", {"sql_database": database or DATABASE}),
            ("sql_firewall_rule", {}),
            ("management_lock", {}),
        ):
            (plugins / "modules" / f"{name}.py").write_text(ECHO.format(answer=answer), encoding="utf-8")
        if not (plugins / "plugin_utils").exists():
            (plugins / "plugin_utils").symlink_to(CLONE / "plugins" / "plugin_utils")
            (plugins / "modules" / "sql_database_user.py").symlink_to(
                CLONE / "plugins" / "modules" / "sql_database_user.py"
            )
            az = self.directory / "bin" / "az"
            az.parent.mkdir()
            az.write_text(AZ, encoding="utf-8")
            az.chmod(0o755)
        tasks = [
            {
                "name": "sql",
                "block": [{"name": "sql", "ansible.builtin.include_role": {"name": "mlops.mlflow_azure.sql"}}],
                "environment": self.environment(),
            },
            KEEP,
        ]
        settings = {
            "deployment_location": "westeurope",
            "deployment_suffix": "",
            "sql_authentication": way,
            "sql_wait": True,
            "foundation_identity": {"client_id": APP},
            **given,
        }
        kept = self.directory / "kept.json"
        kept.unlink(missing_ok=True)
        done = run(self.directory, tasks, settings, {}, "-vvv", *options)
        assert TOKEN not in done.stdout + done.stderr
        return done, json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}

    def environment(self) -> dict[str, str]:
        return {
            "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000000",
            "PATH": f"{self.directory / 'bin'}:{os.environ['PATH']}",
            "SSL_CERT_FILE": str(self.certificate.certificate),
        }

    @property
    def written(self) -> list[str]:
        return [text for text in self.script.seen if text.startswith(("CREATE", "ALTER", "DROP"))]

    def set_user(self, roles: list[str] | None) -> None:
        """Set the user of the app with these roles, or no user with None."""
        users = [
            {"name": "id-mlflow-localhost", "type": "E", "sid": APP, "roles": [{"name": role} for role in roles or []]}
        ]
        there = [{"name": role} for role in (*ROLES, "db_owner")]
        self.script.answers = {
            "sys.database_principals": json.dumps({"roles": there, **({} if roles is None else {"users": users})})
        }


@pytest.fixture
def role(tmp_path: Path) -> Iterator[Role]:
    certificate = new_certificate(tmp_path, HOST)
    script = Script()
    with peer(script, certificate, (HOST, 1433)):
        result = Role(tmp_path, script, certificate)
        result.set_user(None)
        yield result


def test_contained_user_has_only_its_roles(role: Role) -> None:
    done, kept = role.run("contained_user", **DEPLOYED_BY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert kept["server"]["entra_administrator"] == {
        "login": "deployer",
        "sid": DEPLOYER,
        "principal_type": "Application",
        "entra_only": True,
    }
    assert "administrator_password" not in kept["server"]
    assert [re.sub(r"0x\w+", "0x", text) for text in role.written] == [
        "CREATE USER [id-mlflow-localhost] WITH SID = 0x, TYPE = E",
        *(f"ALTER ROLE [{one}] ADD MEMBER [id-mlflow-localhost]" for one in ROLES),
    ]
    assert role.script.tokens == [TOKEN]
    assert kept["user"]["changed"]
    # MLflow authenticates as the app, not as the administrator.
    assert f"UID={APP}" in kept["uri"]
    assert "ActiveDirectoryMSI" in kept["uri"]


def test_changed_database_roles_are_drift_and_are_corrected(role: Role) -> None:
    role.set_user([*ROLES, "db_owner"])
    done, kept = role.run("contained_user", "--check", "--diff", **DEPLOYED_BY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert kept["user"]["diff"]["before"]["roles"] == [*ROLES, "db_owner"]
    assert role.written == []
    done, kept = role.run("contained_user", **DEPLOYED_BY)
    assert role.written == ["ALTER ROLE [db_owner] DROP MEMBER [id-mlflow-localhost]"]


def test_a_second_run_with_a_group_as_administrator_reads_once(role: Role) -> None:
    role.set_user(ROLES)
    given = {
        "sql_entra_administrator_name": "database administrators",
        "sql_entra_administrator_principal_type": "Group",
        "sql_entra_administrator_object_id": DEPLOYER,
    }
    done, kept = role.run("contained_user", **given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert kept["server"]["entra_administrator"]["principal_type"] == "Group"
    assert kept["server"]["entra_administrator"]["sid"] == DEPLOYER
    assert (kept["user"]["changed"], role.written, role.script.login_count) == (False, [], 1)


@pytest.mark.parametrize(
    "given",
    [
        {"database": {"id": "/sql/mlflow", "properties": {}}},
        {"server_changed": True},
        {"foundation_identity": {}},
    ],
    ids=["no database yet", "another administrator yet", "no identity yet"],
)
def test_check_mode_shows_the_user_of_a_database_that_does_not_exist(role: Role, given: dict[str, Any]) -> None:
    done, _kept = role.run("contained_user", "--check", **DEPLOYED_BY, **given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "id-mlflow-localhost would be a user of mlflow with the roles db_datareader, db_datawriter, db_ddladmin"
        in done.stdout
    )
    assert role.script.login_count == 0


@pytest.mark.parametrize("way", ["managed_identity", "password"])
def test_other_authentications_do_not_connect_to_the_database(role: Role, way: str) -> None:
    given = {"sql_administrator_password": PASSWORD} if way == "password" else {}
    done, kept = role.run(way, **given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert role.script.login_count == 0
    assert kept["user"] == {}
    if way == "password":
        assert "entra_administrator" not in kept["server"]
    else:
        assert kept["server"]["entra_administrator"]["sid"] == APP
        assert f"UID={APP}" in kept["uri"]


def test_a_missing_driver_is_reported_before_the_first_write(role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = role.directory / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys\nsys.modules['mssql_python'] = None\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(hidden))
    done, _kept = role.run("contained_user", **DEPLOYED_BY)
    assert done.returncode != 0
    assert "sql_authentication: contained_user needs the Python package mssql-python" in done.stdout
    assert "-m pip install mssql-python" in done.stdout
    assert not [one for one in task_results(role.directory) if one.is_azure]
