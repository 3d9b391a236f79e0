# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example for those who use the sandbox in a Molecule scenario of their own, run as they run it, outside this clone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
MOLECULE = Path(sys.executable).with_name("molecule")


@pytest.mark.slow
@pytest.mark.skipif(not MOLECULE.exists(), reason="Molecule is not installed beside the Python of the tests")
def test_the_molecule_example_passes(tmp_path: Path) -> None:
    repository = tmp_path / "vision"
    shutil.copytree(PROJECT / "examples" / "molecule", repository)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AZURE_", "SANDBOX_"))
    }
    environment = {
        **kept,
        "PATH": f"{MOLECULE.parent}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".ansible" / "collections"),
        "NO_COLOR": "1",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }

    def molecule(command: str, seconds: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(MOLECULE), command],
            cwd=repository,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    try:
        done = molecule("test", 900)
    except subprocess.TimeoutExpired:
        molecule("destroy", 120)  # else its sandbox would go on after the test
        raise
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-6000:]
    for step in ("create", "converge", "idempotence", "verify", "destroy"):
        assert f"default > {step}" in output or f"default ➜ {step}" in output, output[-6000:]
    assert not list(tmp_path.rglob("state.db")), "the sandbox was not removed"
