# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specifications of the roles match their defaults, tasks and examples."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir())
TYPES = {"bool": bool, "dict": dict, "float": (int, float), "int": int, "list": list, "path": str, "str": str}


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def options(role: str) -> dict[str, dict[str, Any]]:
    return load(ROLES / role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]


def test_the_roles_of_the_design_exist() -> None:
    design = {
        *("app_environment", "foundation", "image", "mlflow_app", "mlflow_client", "registry"),
        *("sandbox", "sql", "storage", "verify"),
    }
    assert set(NAMES) == design


@pytest.mark.parametrize("role", NAMES)
def test_documented_defaults_are_the_defaults(role: str) -> None:
    documented = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert documented == load(ROLES / role / "defaults" / "main.yml")


@pytest.mark.parametrize("role", NAMES)
def test_an_option_is_either_required_or_has_a_default(role: str) -> None:
    for name, option in options(role).items():
        assert option.get("required", False) is not ("default" in option), name


@pytest.mark.parametrize("role", NAMES)
def test_options_have_a_type_a_description_and_the_prefix_of_their_role(role: str) -> None:
    for name, option in options(role).items():
        assert name.startswith(f"{role}_")
        assert option["description"], name
        if "default" in option:
            assert isinstance(option["default"], TYPES[option["type"]]), name
        if option["type"] == "list":
            assert "elements" in option, name


@pytest.mark.parametrize("role", NAMES)
def test_preflight_has_the_same_options(role: str) -> None:
    entry_points = load(ROLES / role / "meta" / "argument_specs.yml")["argument_specs"]
    has_preflight = (ROLES / role / "tasks" / "preflight.yml").exists()
    assert ("preflight" in entry_points) is has_preflight
    if has_preflight:
        assert entry_points["preflight"]["options"] == entry_points["main"]["options"]


@pytest.mark.parametrize("role", NAMES)
def test_secrets_have_no_log(role: str) -> None:
    words = ("password", "passphrase", "secret_key", "store_uri", "connection_string")
    texts = {
        name: option for name, option in options(role).items() if option["type"] == "str" and "choices" not in option
    }
    for name, option in texts.items():
        assert option.get("no_log", False) is any(word in name for word in words), name


def tasks(role: str) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    for path in sorted((ROLES / role / "tasks").glob("*.yml")):
        todo = list(yaml.safe_load(path.read_text(encoding="utf-8")))
        while todo:
            task = todo.pop()
            result.append(task)
            for part in ("block", "rescue", "always"):
                todo += task.get(part, [])
    return result


@pytest.mark.parametrize("role", NAMES)
def test_each_task_has_a_name_and_a_fully_qualified_module(role: str) -> None:
    for task in tasks(role):
        assert task.get("name"), task
        assert "block" in task or any(key.startswith(("ansible.builtin.", "mlops.mlflow_azure.")) for key in task), task


def test_site_validates_the_settings_of_each_role() -> None:
    variables = yaml.safe_load((ROLES.parent / "playbooks" / "group_vars" / "all.yml").read_text(encoding="utf-8"))
    checked = variables["deployment_roles"]
    assert sorted(checked) == [role for role in NAMES if (ROLES / role / "tasks" / "preflight.yml").exists()]
    assert variables["deployment_problems_by_role"] == {role: f"{{{{ {role}_problems }}}}" for role in checked}
    for role in checked:
        assert f"{role}_problems" in yaml.safe_load((ROLES / role / "vars" / "main.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("role", NAMES)
def test_tasks_use_only_existing_module_options(role: str) -> None:
    for task in tasks(role):
        for key in [key for key in task if key.startswith("mlops.mlflow_azure.")]:
            module = importlib.import_module(
                f"ansible_collections.mlops.mlflow_azure.plugins.modules.{key.rpartition('.')[2]}"
            )
            known = module.MODULE.argument_spec() if hasattr(module, "MODULE") else module.OPTIONS
            assert set(task[key]) <= set(known), key


def test_readmes_match_the_argument_specifications() -> None:
    command = [sys.executable, "scripts/role_readmes.py", "--check"]
    done = subprocess.run(command, cwd=ROLES.parent, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("role", NAMES)
def test_examples_have_all_required_and_no_unknown_options(role: str) -> None:
    (play,) = yaml.safe_load((ROLES / role / "meta" / "example.yml").read_text(encoding="utf-8"))
    (given,) = play["roles"]
    assert given.pop("role") == f"mlops.mlflow_azure.{role}"
    required = {name for name, option in options(role).items() if option.get("required")}
    assert required <= set(given) <= set(options(role))
