# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The artefact of ansible-galaxy: the files that a user of the collection needs, and none that only contributors need."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parents[3]
NEEDED = (
    "MANIFEST.json",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "requirements.txt",
    "meta/runtime.yml",
    "meta/execution-environment.yml",
    "docs/quickstart.md",
    "docs/role-definition.json",
    "playbooks/site.yml",
    "playbooks/group_vars/all.yml",
    "inventories/prod/group_vars/mlflow.yml",
    "inventories/sandbox/hosts.yml",
    "docker/mlflow/Dockerfile",
    "docker/mlflow/requirements.lock",
    "docker/mlflow/.dockerignore",
    "sandbox/__main__.py",
    "sandbox/requirements.txt",
    "sandbox/portal/static/index.html",
    "sandbox/arm/known_properties.json",
    "extensions/execution-environment/execution-environment.yml",
)
UNWANTED = re.compile(
    r"(^|/)(tests|\.ci|\.git[^/]*|\.github|\.cache|\.venv[^/]*|\.ansible|\.sandbox|out|__pycache__|scripts)(/|$)"
    r"|^extensions/molecule(/|$)"
    r"|\.pyc$|\.tar\.gz$|^requirements-|^Makefile$|^pyproject\.toml$"
)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of all files and folders in the artefact."""
    target = tmp_path_factory.mktemp("artefact")
    command = [Path(sys.executable).parent / "ansible-galaxy", "collection", "build", "--output-path", str(target)]
    subprocess.run(command, cwd=CLONE, check=True, capture_output=True, timeout=120)
    (artefact,) = target.glob("mlops-mlflow_azure-*.tar.gz")
    with tarfile.open(artefact) as archive:
        return archive.getnames()


def test_the_artefact_contains_the_files_for_users(packed: list[str]) -> None:
    assert [name for name in NEEDED if name not in packed] == []
    for folder in ("roles", "playbooks", "plugins", "inventories", "docker", "sandbox"):
        tracked = subprocess.run(
            ["git", "ls-files", "-z", folder], cwd=CLONE, check=True, capture_output=True, text=True
        ).stdout
        there = [name for name in tracked.split("\0") if name and (CLONE / name).exists()]
        assert len(there) > 3
        assert [name for name in there if name not in packed] == []


def test_the_artefact_contains_no_other_files(packed: list[str]) -> None:
    assert [name for name in packed if UNWANTED.search(name)] == []
