# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which interpreter scripts/find-python prints, with stand-ins for the installed ones."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "find-python"


def install(folder: Path, name: str, minor: int, venv: bool = True) -> None:
    """Create a stand-in for an interpreter: it evaluates the range of releases that the script passes, as Python would."""
    interpreter = folder / name
    interpreter.write_text(
        "#!/bin/sh\n"
        'case "$2" in\n'
        f'*version_info.minor*) if [ "$3" -le {minor} ] && [ {minor} -le "$4" ]; then echo {interpreter}; fi;;\n'
        f"*ensurepip*) exit {0 if venv else 1};;\n"
        f"*) echo 3.{minor};;\n"
        "esac\n"
    )
    interpreter.chmod(0o755)


def find(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", SCRIPT], env={"PATH": str(folder), **environ}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"python3": 11}, "python3"),
        ({"python3": 14}, "python3"),
        ({"python3.11": 11, "python3.14": 14}, "python3.14"),
        ({"python3.13": 13, "python3": 15}, "python3.13"),
        ({"python3": 10, "python3.12": 12}, "python3.12"),
    ],
)
def test_the_newest_tested_release_is_printed(tmp_path: Path, installed: dict[str, int], expected: str) -> None:
    for name, minor in installed.items():
        install(tmp_path, name, minor)
    ended = find(tmp_path)
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (0, str(tmp_path / expected), "")


def test_an_active_virtual_environment_gives_way_to_its_base(tmp_path: Path) -> None:
    """make would otherwise remove the interpreter that creates .venv."""
    venv.create(tmp_path / "venv", with_pip=False)
    ended = find(tmp_path / "venv" / "bin")
    base = Path(ended.stdout.strip())
    assert tmp_path not in base.parents
    assert base.resolve() == Path(sys.executable).resolve()


def test_a_release_newer_than_the_tested_ones_gets_a_warning(tmp_path: Path) -> None:
    install(tmp_path, "python3", 15)
    ended = find(tmp_path)
    assert (ended.returncode, ended.stdout.strip()) == (0, str(tmp_path / "python3"))
    assert "newer than Python 3.14" in ended.stderr


@pytest.mark.parametrize(
    ("installed", "environ", "message"),
    [
        ({"python3": 10}, {}, "No Python 3.11 or newer found"),
        ({}, {}, "No Python 3.11 or newer found"),
        ({"python3": 10}, {"PYTHON": "python3"}, "PYTHON is 'python3'"),
        ({"python3": 12}, {"PYTHON": "/nowhere/python"}, "PYTHON is '/nowhere/python'"),
    ],
)
def test_a_missing_interpreter_is_an_error_with_the_remedy(
    tmp_path: Path, installed: dict[str, int], environ: dict[str, str], message: str
) -> None:
    for name, minor in installed.items():
        install(tmp_path, name, minor)
    ended = find(tmp_path, **environ)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert message in ended.stderr


def test_an_interpreter_without_venv_is_an_error_that_names_the_package(tmp_path: Path) -> None:
    install(tmp_path, "python3.12", 12, venv=False)
    ended = find(tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "apt install python3.12-venv" in ended.stderr


def test_a_release_without_venv_gives_way_to_one_with_it(tmp_path: Path) -> None:
    install(tmp_path, "python3.13", 13, venv=False)
    install(tmp_path, "python3.12", 12)
    assert find(tmp_path).stdout.strip() == str(tmp_path / "python3.12")
