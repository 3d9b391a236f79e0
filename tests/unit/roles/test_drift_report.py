# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""drift.yml reports what roles register: so every resource that a role has made is registered under the name that it looks for."""

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
    """The roles whose apply tasks a playbook imports."""
    tasks = [task for play in load(f"playbooks/{playbook}.yml") for task in play["tasks"]]
    roles = [task["ansible.builtin.import_role"] for task in tasks if "ansible.builtin.import_role" in task]
    return list(dict.fromkeys(role["name"].rpartition(".")[2] for role in roles))


def test_drift_compares_every_role_of_site() -> None:
    assert sorted(roles_of("drift")) == sorted(roles_of("site"))


@pytest.mark.parametrize("role", roles_of("drift"))
def test_what_a_role_makes_is_registered_for_the_report(role: str) -> None:
    pattern = re.search(r"'(\^\([^']+)'", load("playbooks/group_vars/all.yml")["deployment_results"])
    assert pattern is not None
    made = 0
    for path in (CLONE / "roles" / role / "tasks").glob("*.yml"):
        if path.stem == "remove":
            continue
        for task in yaml.safe_load(path.read_text(encoding="utf-8")):
            modules = [key for key in task if key.startswith("mlops.mlflow_azure.") and not key.endswith("_info")]
            if modules:
                made += 1
                assert re.search(pattern[1], task.get("register", "")), f"{path.name}: {task['name']}"
                assert task["register"].startswith(f"{role}_")
    assert made > 0
