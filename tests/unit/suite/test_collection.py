# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The group and the position of a test follow from its fixtures and markers, and recordings are optional unless demanded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]
CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def deployment():
    return object()
"""
TEST = """
import pytest

@pytest.fixture(scope="module")
def own():
    return object()

@pytest.mark.last
def test_removes(deployment): pass

@pytest.mark.late
def test_disturbs(deployment): pass

def test_uses(deployment): pass

def test_has_its_own(own): pass

def test_shares_nothing(tmp_path_factory): pass

@pytest.mark.recordings
def test_needs_recordings(): pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder with the conftest.py of this project and its helpers, and one folder of tests."""
    clone = tmp_path / "clone"
    (clone / "tests" / "support").mkdir(parents=True)
    (clone / "tests" / "area").mkdir()
    for name in ("conftest.py", "__init__.py"):
        shutil.copy(TESTS / name, clone / "tests")
    for name in ("__init__.py", "grouping.py", "recordings.py"):
        shutil.copy(TESTS / "support" / name, clone / "tests" / "support")
    shutil.copy(TESTS / "contract" / "test_recordings_are_present.py", clone / "tests" / "area")
    shutil.copy(TESTS.parent / "pyproject.toml", clone)
    (clone / "tests" / "area" / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (clone / "tests" / "area" / "test_area.py").write_text(TEST, encoding="utf-8")
    return clone


def run(suite: Path, *arguments: str, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MLFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=suite,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout


def test_the_tests_of_a_group_run_on_one_worker_in_their_order(suite: Path) -> None:
    output = run(suite, "-v", "-n", "3", "--no-loadscope-reorder")
    assert "5 passed, 1 skipped" in output, output
    runs = re.findall(r"\[(gw\d)\].* PASSED \S+test_area\.py::(\S+)", output)
    sharing = [(worker, name) for worker, name in runs if name in ("test_uses", "test_disturbs", "test_removes")]
    assert [name for _worker, name in sharing] == ["test_uses", "test_disturbs", "test_removes"]
    assert len({worker for worker, _name in sharing}) == 1


def test_markers_order_the_tests(suite: Path) -> None:
    output = run(suite, "--collect-only", "-q")
    assert re.findall(r"test_area\.py::(\w+)", output) == [
        "test_uses",
        "test_has_its_own",
        "test_shares_nothing",
        "test_disturbs",
        "test_removes",
    ]


def test_missing_recordings_are_one_skip(suite: Path) -> None:
    output = run(suite)
    assert "5 passed, 1 skipped, 1 deselected" in output
    assert "set MLFLOW_AZURE_RECORDINGS to the folder that contains them" in output


def test_missing_recordings_are_a_failure_where_they_are_demanded(suite: Path) -> None:
    output = run(suite, MLFLOW_AZURE_RECORDINGS=str(suite))
    assert "1 failed, 5 passed, 1 deselected" in output
    assert f"MLFLOW_AZURE_RECORDINGS: {suite} lacks files" in output


def test_an_empty_variable_runs_without_recordings(suite: Path) -> None:
    recordings = suite.parent / "shared" / "azure"
    for folder in ("golden", "more/golden", "recordings", "more/conversations", "schemas"):
        (recordings / folder).mkdir(parents=True)
        (recordings / folder / "one.json").write_text("[]", encoding="utf-8")
    (recordings / "errors.json").write_text("{}", encoding="utf-8")
    assert "7 passed" in run(suite)
    output = run(suite, MLFLOW_AZURE_RECORDINGS="")
    assert "5 passed, 1 skipped, 1 deselected" in output
    assert "MLFLOW_AZURE_RECORDINGS is empty: the tests run without recordings of Azure" in output
