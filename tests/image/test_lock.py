# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock files against the files that they are generated from."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.image_server import CONTEXT, server_environment

LOCKS = ("requirements", "build")


def names(text: str) -> set[str]:
    """Return the normalised names of the distributions in a requirements file."""
    listed = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in listed}


def pins(name: str) -> list[str]:
    """Return the pinned requirements of a lock file, each with its hashes in one line."""
    text = (CONTEXT / f"{name}.lock").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_locked(name: str) -> None:
    assert names((CONTEXT / f"{name}.in").read_text()) <= names("\n".join(pins(name)))


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_is_exact_and_hashed_and_independent_of_an_index(name: str) -> None:
    assert pins(name)
    for pin in pins(name):
        assert re.match(r"[a-z0-9-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", pin), pin[:80]
        assert "://" not in pin


def test_unused_distributions_are_not_locked() -> None:
    left_out = names((CONTEXT / "requirements.exclude").read_text())
    assert left_out
    assert not left_out & names("\n".join(pins("requirements")))


def test_only_the_excluded_dependencies_of_mlflow_are_missing(server_bin: Path) -> None:
    """pip check reports the dependencies that are excluded on purpose, and no other."""
    checked = subprocess.run(
        [str(server_bin / "python"), "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    missing = names("\n".join(re.findall(r"requires ([\w.-]+), which is not installed", checked.stdout)))
    allowed = names((CONTEXT / "requirements.exclude").read_text()) | {"mlflow-skinny", "mlflow-tracing"}
    assert missing <= allowed
    assert "but you have" not in checked.stdout, checked.stdout


def test_the_bill_of_materials_is_that_of_the_lock() -> None:
    bill = json.loads((CONTEXT / "sbom.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    listed = {
        f"{part['name']}=={part['version']}": {
            digest["content"] for reference in part["externalReferences"] for digest in reference.get("hashes", [])
        }
        for part in bill["components"]
    }
    locked = {pin.split()[0]: set(re.findall(r"--hash=sha256:(\w{64})", pin)) for pin in pins("requirements")}
    assert listed == locked


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_every_distribution_has_a_wheel_for(machine: str, version: str, tmp_path: Path) -> None:
    platforms = [
        argument for glibc in (5, 12, 17, 24, 27, 28) for argument in ("--platform", f"manylinux_2_{glibc}_{machine}")
    ]
    command = [
        *(sys.executable, "-m", "pip", "install", "-qq", "--dry-run", "--ignore-installed", "--no-deps"),
        *("--require-hashes", "--only-binary", ":all:", "--python-version", version, "--target", str(tmp_path)),
        *("--platform", f"manylinux2014_{machine}", *platforms, "-r", str(CONTEXT / "requirements.lock")),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_environment_is_created_once(server_bin: Path) -> None:
    assert server_environment() == server_bin
