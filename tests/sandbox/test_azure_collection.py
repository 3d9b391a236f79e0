# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unmodified modules of azure.azcollection with the sandbox; their only settings are the variables of the `env` file."""

from __future__ import annotations

import os
import re
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.support.sandbox_client import PROJECT, Client

OWN = PROJECT / ".cache" / "azcollection"
PLAYBOOK = Path(__file__).parent / "azure_collection" / "playbook.yml"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (OWN / "complete").exists(), reason="azure.azcollection is not in .cache/azcollection"),
]


def test_each_module_creates_reads_and_deletes_its_resource(sandbox: Client, tmp_path: Path) -> None:
    source = tmp_path / "one.txt"
    source.write_text("one")
    mark = uuid.uuid4().hex[:8]
    given = {
        "mark": mark,
        "source_file": str(source),
        "password": f"Aa1-{uuid.uuid4()}",
        "caller": sandbox.me(),
        "ansible_python_interpreter": str(OWN / "bin" / "python"),
    }
    # Bytecode is written: each module imports half of Azure's SDK.
    left_out = ("AZURE_", "ARM_", "ANSIBLE_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    settings = {
        "COLLECTIONS_PATH": OWN / "collections",
        "HOME": tmp_path,
        "LOCAL_TEMP": tmp_path,
        "REMOTE_TMP": tmp_path,
    }
    environment = {**kept, **sandbox.environment, **{f"ANSIBLE_{name}": str(value) for name, value in settings.items()}}
    words = [f"{name}={value}" for name, value in given.items()]
    done = subprocess.run(
        [
            str(OWN / "bin" / "ansible-playbook"),
            "--inventory",
            "data,platform,",
            "--connection",
            "local",
            str(PLAYBOOK),
            *(part for word in words for part in ("--extra-vars", word)),
        ],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    made = re.findall(r"TASK \[Remove the resource: (\w+)\]", done.stdout)
    assert len(made) >= 14, done.stdout
    left = sandbox.arm("GET", f"{sandbox.subscription}/resources").json()["value"]
    assert [one["name"] for one in left if mark in one["name"]] == []
