# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml validates all settings before the first write."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.bad_settings import ADMINISTRATOR, ADMINISTRATOR_ID, BAD, GOOD, ROLES
from tests.support.task_results import Recorder

CLONE = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent


def role_of(setting: str) -> str:
    """Return the role of a setting: the prefix of its name."""
    (found_items,) = [role for role in ROLES if setting.startswith(f"{role}_")]
    return found_items


def preflight(directory: Path, deployments: list[dict[str, Any]], *options: str) -> subprocess.CompletedProcess[str]:
    """Run preflight of the role of the first setting for each deployment, as hosts case-0, case-1 and so on."""
    groups: dict[str, Any] = {role: {"hosts": {}} for role in ROLES}
    for number, given in enumerate(deployments):
        groups[role_of(next(iter(given)))]["hosts"][f"case-{number}"] = {**GOOD, **given}
    # Errors are ignored, because a play in which all hosts failed would be the last one.
    plays = [
        {
            "hosts": role,
            "gather_facts": False,
            "ignore_errors": True,
            "tasks": [
                {"ansible.builtin.import_role": {"name": f"mlops.mlflow_azure.{role}", "tasks_from": "preflight"}}
            ],
        }
        for role in ROLES
    ]
    inventory, playbook = directory / "hosts.yml", directory / "checks.yml"
    inventory.write_text(yaml.safe_dump({"all": {"children": {"mlflow": {"children": groups}}}}), encoding="utf-8")
    playbook.write_text(yaml.safe_dump(plays), encoding="utf-8")
    (directory / "group_vars").symlink_to(CLONE / "playbooks" / "group_vars")
    return ansible_playbook(playbook, inventory, *options)


def ansible_playbook(
    playbook: Path, inventory: Path, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a playbook for the hosts of an inventory, with the settings of dev and of the hosts."""
    return subprocess.run(
        [BIN / "ansible-playbook", "-i", "inventories/dev", "-i", inventory, "--limit", "case-*", playbook, *options],
        cwd=CLONE,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "MLFLOW_"))},
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_NOCOLOR": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return preflight(tmp_path_factory.mktemp("bad"), [given for given, wanted in BAD], "-vvv")


@pytest.mark.parametrize("number", range(len(BAD)), ids=[" ".join(given) for given, wanted in BAD])
def test_invalid_settings_are_refused_by_option(refused: subprocess.CompletedProcess[str], number: int) -> None:
    wanted = BAD[number][1]
    failure = re.search(rf"^fatal: \[case-{number}\]: FAILED! => (.*?)^\}}", refused.stdout, re.MULTILINE | re.DOTALL)
    assert failure is not None, refused.stdout[-4000:] + refused.stderr
    for part in wanted:
        assert part.replace('"', '\\"') in failure[1]


def test_site_yml_validates_with_each_role() -> None:
    assert sorted(ROLES) == sorted(path.parents[1].name for path in (CLONE / "roles").glob("*/tasks/preflight.yml"))


def test_site_yml_writes_nothing_with_invalid_settings(tmp_path: Path) -> None:
    """One message has the problems of the first and of the last role, and no role runs."""
    inventory = tmp_path / "hosts.yml"
    given = {**GOOD, "registry_sku": "Gold", "mlflow_app_port": 70000}
    inventory.write_text(yaml.safe_dump({"mlflow": {"hosts": {"case-0": given}}}), encoding="utf-8")
    recorder = Recorder(tmp_path / "task_results.jsonl")
    done = ansible_playbook(
        CLONE / "playbooks" / "site.yml", inventory, "--skip-tags", "preflight_azure", **recorder.environment
    )
    assert done.returncode != 0
    results = recorder.take()
    (refusal,) = [result for result in results if result.status == "failed"]
    assert "mlflow_app_port: 70000" in refusal.message
    assert "value of registry_sku must be one of" in refusal.message
    assert not [result for result in results if result.role]


def test_site_yml_refuses_contained_user_in_the_sandbox(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    given = {**GOOD, **ADMINISTRATOR, "sql_authentication": "contained_user"}
    for sandbox in (True, False):
        inventory.write_text(
            yaml.safe_dump({"mlflow": {"hosts": {"case-0": {**given, "deployment_sandbox": sandbox}}}}),
            encoding="utf-8",
        )
        done = ansible_playbook(
            CLONE / "playbooks" / "site.yml", inventory, "--tags", "preflight", "--skip-tags", "preflight_azure"
        )
        assert ("sql_authentication: contained_user cannot be used in the sandbox" in done.stdout) is sandbox
        assert (done.returncode != 0) is sandbox, done.stdout


def test_messages_hold_no_secret(refused: subprocess.CompletedProcess[str]) -> None:
    assert "hush-hush" not in refused.stdout + refused.stderr


ALSO_GOOD: list[dict[str, Any]] = [
    {"sql_authentication": "password", "sql_administrator_password": "Passw0rd-1"},
    {"sql_authentication": "contained_user", **ADMINISTRATOR},
    {
        "sql_authentication": "contained_user",
        "sql_entra_administrator_name": "database administrators",
        "sql_entra_administrator_principal_type": "Group",
        "sql_entra_administrator_object_id": ADMINISTRATOR_ID,
    },
    {"sql_database_max_size_gb": 32},
    {
        "mlflow_app_crypto_kek_passphrase": "x" * 32,
        "mlflow_app_webhook_secret_key": "x" * 43 + "=",
        "mlflow_app_cpu": 4,
        "mlflow_app_memory": "8Gi",
        "mlflow_app_workers": 64,
    },
    {"foundation_workspace_retention_in_days": 7},
    *(
        {"sql_database_sku": sku, "sql_database_auto_pause_delay": 0, "sql_database_max_size_gb": size}
        for sku, size in [("GP_Gen5_2", 33), ("Basic", 2), ("s0", 250), ("S0", 0), ("S3", 1024), ("P11", 1280)]
    ),
]


def test_valid_settings_pass(tmp_path: Path) -> None:
    done = preflight(tmp_path, ALSO_GOOD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    assert len(re.findall(r"^case-\d+ +: ok=1 .* skipped=1 .* ignored=0", done.stdout, re.MULTILINE)) == len(ALSO_GOOD)


def test_site_yml_accepts_the_required_settings_alone(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"mlflow": {"hosts": {"case-0": GOOD}}}), encoding="utf-8")
    done = ansible_playbook(
        CLONE / "playbooks" / "site.yml", inventory, "--tags", "preflight", "--skip-tags", "preflight_azure"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    # The facts and the types of all options are ok. The types by role and the failure are skipped.
    assert "ok=2 " in done.stdout
    assert "skipped=2 " in done.stdout


def test_site_yml_reports_invalid_types_of_all_roles_together(tmp_path: Path) -> None:
    wrong = {f"{role}_build_args" if role == "image" else f"{role}_tags": [1] for role in ROLES}
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"mlflow": {"hosts": {"case-0": {**GOOD, **wrong}}}}), encoding="utf-8")
    done = ansible_playbook(
        CLONE / "playbooks" / "site.yml", inventory, "--tags", "preflight", "--skip-tags", "preflight_azure"
    )
    assert done.returncode == 2, done.stdout + done.stderr
    problems = done.stdout.partition("Nothing has been written.")[2]
    assert [option for option in wrong if option not in problems] == []
