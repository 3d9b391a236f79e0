# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems of the machine that the demo reports, with stand-ins for Node.js and npm."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from scripts import prerequisites

Usage = namedtuple("Usage", ["total", "used", "free"])


def install(folder: Path, name: str, output: str = "") -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{output}'\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("installed", "problem"),
    [
        ({"node": "v20.0.0", "npm": ""}, ""),
        ({"node": "v24.1.0", "npm": ""}, ""),
        ({}, "node is not on the PATH."),
        ({"node": "v18.20.4", "npm": ""}, "v18.20.4, too old."),
        ({"node": "no release", "npm": ""}, "--version prints 'no release' instead of a version."),
        ({"node": "v22.0.0"}, "npm is not on the PATH, though node is."),
    ],
)
def test_node_and_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], problem: str) -> None:
    for name, output in installed.items():
        install(tmp_path, name, output)
    monkeypatch.setenv("PATH", str(tmp_path))
    message = prerequisites.node_problem()
    assert problem in message
    assert ("Install Node.js 20 or later with npm" in message) == bool(problem)


@pytest.mark.parametrize(
    ("folders", "free", "problem"),
    [
        ((), 3.1e9, ""),
        ((), 2.9e9, "has 2.9 GB free, but 3.0 GB are needed. Free some space, or clone to another disk."),
        ((".venv", ".sandbox"), 0.6e9, ""),
        ((".venv", ".sandbox"), 0.4e9, "has 0.4 GB free, but 0.5 GB are needed."),
    ],
)
def test_free_disk_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folders: tuple[str, ...], free: float, problem: str
) -> None:
    for name in folders:
        (tmp_path / name).mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(0, 0, free))
    message = prerequisites.disk_problem(tmp_path)
    assert problem in message
    assert bool(message) == bool(problem)
