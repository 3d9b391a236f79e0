# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""drift.yml compares the results of all tasks that write: each role lists them in <role>_results."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

CLONE = Path(__file__).resolve().parents[3]


def load(path: str) -> Any:
    return yaml.safe_load((CLONE / path).read_text(encoding="utf-8"))


def roles_of(playbook: str) -> list[str]:
    """Return the roles whose tasks a playbook imports."""
    tasks = [task for play in load(f"playbooks/{playbook}.yml") for task in play.get("tasks", [])]
    roles = [task["ansible.builtin.import_role"] for task in tasks if "ansible.builtin.import_role" in task]
    return list(dict.fromkeys(role["name"].rpartition(".")[2] for role in roles))


def test_drift_compares_every_role_of_site() -> None:
    assert sorted(roles_of("drift")) == sorted(roles_of("site"))


def test_drift_reads_the_results_of_every_role() -> None:
    (play,) = [play for play in load("playbooks/drift.yml") if "vars" in play]
    results = re.findall(r"(\w+)_results", play["vars"]["deployment_results"])
    assert results == roles_of("drift")


@pytest.mark.parametrize("role", roles_of("drift"))
def test_each_task_that_writes_is_in_the_results_of_its_role(role: str) -> None:
    reported = re.findall(r"\{\{ (\w+)", " ".join(load(f"roles/{role}/vars/main.yml")[f"{role}_results"]))
    registered = set()
    for path in (CLONE / "roles" / role / "tasks").glob("*.yml"):
        if path.stem.startswith("remove"):
            continue
        for task in yaml.safe_load(path.read_text(encoding="utf-8")):
            if any(key.startswith("mlops.mlflow_azure.") and not key.endswith("_info") for key in task):
                assert task.get("register"), f"{path.name}: {task['name']}"
                registered.add(task["register"])
    assert registered == set(reported)
    assert registered
