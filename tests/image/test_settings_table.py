# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of settings in the README against the code and the pages that name settings."""

from __future__ import annotations

import ast
import re

from mlflow_azure_server._settings import SETTINGS

from tests.support.image_server import CLONE, CONTEXT

PACKAGE = CONTEXT / "server" / "mlflow_azure_server"
VARIABLE = re.compile(r"(?:MLFLOW|AZURE|CONTAINER_APP)_[A-Z_]*[A-Z]|TMPDIR")
# MLflow and the libraries of Azure read these; the package does not.
READ_BY_OTHERS = {
    "AZURE_CLIENT_ID",
    "AZURE_TOKEN_CREDENTIALS",
}


def table() -> list[str]:
    text = (CONTEXT / "README.md").read_text().partition("\n## Settings\n")[2].partition("\n#")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("|")]
    return [name for row in rows for name in re.findall(r"`([^`]*)`", row)]


def names_in_code() -> set[str]:
    """Return the variables in the code of the package, except the set of all settings."""
    names = set()
    for file in PACKAGE.glob("*.py"):
        for statement in ast.parse(file.read_text()).body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "SETTINGS":
                continue
            names |= {
                node.value
                for node in ast.walk(statement)
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and VARIABLE.fullmatch(node.value)
            }
    return names


def test_the_table_and_the_code_have_the_same_settings() -> None:
    assert len(table()) == len(set(table()))
    assert set(table()) == SETTINGS
    assert names_in_code() | READ_BY_OTHERS == SETTINGS
    assert not names_in_code() & READ_BY_OTHERS


def test_the_dockerfile_sets_settings_of_the_table() -> None:
    text = (CONTEXT / "Dockerfile").read_text().replace("\\\n", " ")
    given = re.findall(r"(MLFLOW_\w+)=(\S+)", "\n".join(re.findall(r"^ENV .*", text, re.MULTILINE)))
    assert given
    assert {name for name, _value in given} <= SETTINGS
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", (CONTEXT / "README.md").read_text(), re.MULTILINE))
    assert {name: rows[name] for name, _value in given} == dict(given)


def test_pages_and_compose_name_existing_settings() -> None:
    pages = [*CLONE.glob("docs/*.md"), *CLONE.glob("*.md"), *CLONE.glob("roles/*/README.md"), CONTEXT / "compose.yml"]
    for page in pages:
        # Variables of the collection on the controller have this prefix too.
        names = set(re.findall(r"\bMLFLOW_AZURE_(?!AUTH_SOURCE|PROGRESS|RECORDINGS)[A-Z_]*[A-Z]\b", page.read_text()))
        assert names <= SETTINGS, page
