# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode in an empty subscription shows the planned role assignments. A run shows only real changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.role_run import run

TASKS = [
    {"name": role, "ansible.builtin.include_role": {"name": f"mlops.mlflow_azure.{role}", "tasks_from": "apply"}}
    for role in ("registry", "storage")
]
MODULES: dict[str, dict[str, Any]] = {
    "container_registry": {"container_registry": {"id": "/r", "properties": {}}},
    "storage_account": {"storage_account": {"id": "/s", "properties": {}}},
    "storage_container": {"storage_container": {"id": "/s/c"}},
    "role_assignment": {},
    "management_lock": {},
    "storage_blob_service": {},
    "storage_account_key_info": {},
}
NAMED = {"registry_pull_principal_name": "id-mlflow-dev", "storage_contributor_principal_name": "id-mlflow-dev"}
PRINCIPAL = "00000000-0000-0000-0000-000000000000"
KNOWN = {"registry_pull_principal_id": PRINCIPAL, "storage_contributor_principal_id": PRINCIPAL}
UNKNOWN = {"registry_pull_principal_id": "", "storage_contributor_principal_id": ""}


def apply(directory: Path, given: dict[str, str], *options: str) -> tuple[list[str], int]:
    """Return the planned role assignments, and the number of changed tasks."""
    settings = {"deployment_location": "westeurope", "deployment_suffix": "", **given}
    done = run(directory, TASKS, settings, MODULES, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    changed = re.search(r"changed=(\d+)", done.stdout)
    assert changed is not None
    return re.findall(r"(\S+ would get the role [^\"\n]*)", done.stdout), int(changed[1])


def test_check_mode_shows_the_role_assignments_of_an_identity_that_does_not_exist(tmp_path: Path) -> None:
    text, changed = apply(tmp_path, {**UNKNOWN, **NAMED}, "--check")
    assert [line.lstrip('"') for line in text] == [
        "id-mlflow-dev would get the role AcrPull on /r",
        "id-mlflow-dev would get the role Storage Blob Data Contributor on /s",
    ]
    assert changed == 2


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({**KNOWN, **NAMED}, ["--check"]),
        ({**KNOWN, **NAMED}, []),
        ({**UNKNOWN, **NAMED}, []),
        ({**UNKNOWN, "registry_pull_principal_name": "", "storage_contributor_principal_name": ""}, ["--check"]),
    ],
    ids=["plan, identity known", "run, identity known", "run, nobody", "plan, nobody"],
)
def test_no_planned_role_assignment_is_shown(tmp_path: Path, given: dict[str, str], options: list[str]) -> None:
    assert apply(tmp_path, given, *options) == ([], 0)
