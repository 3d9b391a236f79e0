# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documented use without Azure: compose.yml, and the command with docker run."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow_azure_server._settings import settings

from tests.support.image_server import CONTAINER_SETTINGS, CONTEXT

COMPOSE = CONTEXT / "compose.yml"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services, with a password in place of the variable."""
    text = COMPOSE.read_text()
    text = re.sub(r"\$\{SQL_PASSWORD(:\?[^}]*)?\}", "Passw0rd", text)
    text = re.sub(r"\$\{ACCEPT_\w+:\?[^}]*\}", "Y", text)
    assert "$" not in text
    parsed: dict[str, Any] = yaml.safe_load(text)["services"]
    return parsed


def test_the_server_accepts_the_settings_of_compose(services: dict[str, Any]) -> None:
    env = services["mlflow"]["environment"]
    taken = settings(env, "python").env
    assert taken["MLFLOW_BACKEND_STORE_URI"].startswith("mssql+mssqlpython://sa:Passw0rd@sql:1433/mlflow?Encrypt=yes")
    assert (
        taken["AZURE_STORAGE_CONNECTION_STRING"]
        == services["prepare"]["environment"]["AZURE_STORAGE_CONNECTION_STRING"]
    )


def test_services_refer_to_existing_services_and_volumes(services: dict[str, Any]) -> None:
    top = yaml.safe_load(COMPOSE.read_text())
    for name, service in services.items():
        assert set(service.get("depends_on", [])) <= set(services), name
        volumes = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert volumes <= set(top["volumes"]), name
    assert (CONTEXT / services["mlflow"]["build"]["context"] / "Dockerfile").is_file()
    assert services["mlflow"]["image"] == services["prepare"]["image"]
    # The server has no sign-in, so only this machine may reach it.
    assert services["mlflow"]["ports"] == ["127.0.0.1:5000:5000"]
    assert not any("ports" in services[name] for name in ("sql", "azurite", "prepare"))


def test_the_preparation_imports_packages_of_the_image_only(services: dict[str, Any], server_bin: Path) -> None:
    python, flag, program = services["prepare"]["entrypoint"]
    assert (python, flag) == ("python", "-c")
    imported = {
        name
        for node in ast.walk(ast.parse(program))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([one.name for one in node.names] if isinstance(node, ast.Import) else [str(node.module)])
    }
    packages = next((server_bin.parent / "lib").glob("python3*")) / "site-packages"
    assert (packages / "mssql_python").is_dir()
    assert (packages / "azure" / "storage" / "blob").is_dir()
    assert imported == {"os", "time", "mssql_python", "azure.core.exceptions", "azure.storage.blob"}


def test_the_database_of_compose_has_the_collation_of_the_role_sql(services: dict[str, Any]) -> None:
    """With another collation, keys that differ by case only would clash, and text outside Latin-1 would be lost."""
    defaults = yaml.safe_load((CONTEXT.parents[1] / "roles" / "sql" / "defaults" / "main.yml").read_text())
    assert (
        f'CREATE DATABASE mlflow COLLATE {defaults["sql_database_collation"]}"' in services["prepare"]["entrypoint"][2]
    )


def test_the_documented_command_is_tested() -> None:
    """tests/docker runs a container with these settings and this volume."""
    readme = (CONTEXT / "README.md").read_text()
    line = next(re.finditer(r"^docker run (?:.*\\\n)*.*", readme, re.MULTILINE))[0]
    words = shlex.split(line.replace("\\\n", " "))
    given = dict(words[at + 1].split("=", 1) for at, word in enumerate(words) if word == "--env")
    assert given == {name: value for name, value in CONTAINER_SETTINGS.items() if name != "MLFLOW_WORKERS"}
    assert words[words.index("--volume") + 1].partition(":")[2] == "/home/mlflow"
