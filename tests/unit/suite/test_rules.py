# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for all test files: tests import helpers from tests.support only, markers declare their order, and each module has a file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]
# Programs that run alone and set their own sys.path[0] are no tests.
FILES = [path for path in sorted(TESTS.rglob("*.py")) if path.parent.name != "benchmarks"]

MODULES = sorted(path.stem for path in (TESTS.parent / "plugins" / "modules").glob("[!_]*.py"))
# Modules whose tests are in another file than tests/unit/plugins/test_<module>.py.
ELSEWHERE = {
    # It needs a real server of MLflow.
    "mlflow_roundtrip": "client/test_mlflow_roundtrip.py",
    # One table tests the modules that only read a resource or a list.
    "resource_info": "unit/plugins/test_info_modules.py",
    "sql_database_info": "unit/plugins/test_info_modules.py",
    "storage_account_info": "unit/plugins/test_info_modules.py",
    "user_assigned_identity_info": "unit/plugins/test_info_modules.py",
}


def imported(source: str) -> Iterator[str]:
    """Return the names of all modules that a file imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from ([f"tests.{alias.name}" for alias in node.names] if node.module == "tests" else [node.module])
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def broken_rules(name: str, source: str) -> list[str]:
    """Return the rules that a test file breaks."""
    broken = [
        f"imports {module}: move what it needs to tests/support"
        for module in imported(source)
        if (module.startswith("tests.") and not module.startswith("tests.support"))
        or module.rpartition(".")[2].startswith(("test_", "conftest"))
        or module.startswith(".")
    ]
    attributes = {ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    if attributes & {"sys.path.insert", "sys.path.append"}:
        broken.append("changes sys.path: pytest sets it (pythonpath in pyproject.toml)")
    if re.match(r"test_([a-z]|[0-9]+)_", name):
        broken.append("has an ordering prefix in its name: use the markers late and last")
    return broken


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TESTS).as_posix())
def test_a_test_file_follows_the_rules(path: Path) -> None:
    assert broken_rules(path.name, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("name", "source", "rule"),
    [
        ("test_x.py", "from tests.unit.plugins.test_faults import CASES", "imports tests.unit.plugins.test_faults"),
        ("test_x.py", "from tests.docker import test_server_image", "imports tests.docker"),
        ("test_x.py", "from tests import e2e", "imports tests.e2e"),
        ("test_x.py", "from test_faults import CASES", "imports test_faults"),
        ("test_x.py", "from . import conftest", "imports ."),
        ("test_x.py", "import sys\nsys.path.insert(0, '.')", "changes sys.path"),
        ("test_z_faults.py", "", "ordering prefix"),
        ("test_01_faults.py", "", "ordering prefix"),
    ],
)
def test_a_broken_rule_is_reported(name: str, source: str, rule: str) -> None:
    assert rule in broken_rules(name, source)[0]


def test_helpers_of_tests_support_may_be_imported() -> None:
    assert (
        broken_rules("test_x.py", "from tests.support.fake_azure import run\nfrom tests.support import grouping") == []
    )


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_one_file_of_tests(module: str) -> None:
    own = TESTS / "unit" / "plugins" / f"test_{module}.py"
    assert own.is_file() is not (module in ELSEWHERE)
    file = TESTS / ELSEWHERE[module] if module in ELSEWHERE else own
    assert module in file.read_text(encoding="utf-8")


def test_the_table_of_other_files_names_modules_only() -> None:
    assert set(ELSEWHERE) <= set(MODULES)
