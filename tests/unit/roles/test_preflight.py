# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What site.yml is given is checked, all of it, before anything is written."""

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

CLONE = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent


def role_of(setting: str) -> str:
    """The role whose check refuses a setting: the one that its name begins with."""
    (found,) = [role for role in ROLES if setting.startswith(f"{role}_")]
    return found


def preflight(directory: Path, deployments: list[dict[str, Any]], *options: str) -> subprocess.CompletedProcess[str]:
    """Run the check of the role that the first setting belongs to for each deployment, as hosts case-0, case-1 and so on."""
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


def ansible_playbook(playbook: Path, inventory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook for the hosts of an inventory that has nothing but them, with the settings of dev beside theirs."""
    return subprocess.run(
        [BIN / "ansible-playbook", "-i", "inventories/dev", "-i", inventory, "--limit", "case-*", playbook, *options],
        cwd=CLONE,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "MLFLOW_"))},
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_NOCOLOR": "1",
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
def test_bad_input_is_refused_by_name(refused: subprocess.CompletedProcess[str], number: int) -> None:
    wanted = BAD[number][1]
    failure = re.search(rf"^fatal: \[case-{number}\]: FAILED! => (.*?)^\}}", refused.stdout, re.MULTILINE | re.DOTALL)
    assert failure is not None, refused.stdout[-4000:] + refused.stderr
    for part in wanted:
        assert part.replace('"', '\\"') in failure[1]


def test_site_yml_checks_with_every_role_that_has_a_check() -> None:
    assert sorted(ROLES) == sorted(path.parents[1].name for path in (CLONE / "roles").glob("*/tasks/preflight.yml"))


def test_site_yml_writes_nothing_for_bad_input(tmp_path: Path) -> None:
    """What the first and the last of the checks refuse is told together, and no task after the checks begins."""
    inventory = tmp_path / "hosts.yml"
    given = {**GOOD, "registry_sku": "Gold", "mlflow_app_port": 70000}
    inventory.write_text(yaml.safe_dump({"mlflow": {"hosts": {"case-0": given}}}), encoding="utf-8")
    done = ansible_playbook(CLONE / "playbooks" / "site.yml", inventory, "--skip-tags", "preflight_azure")
    assert done.returncode != 0
    refusal = done.stdout.partition("Refuse what cannot be made")[2]
    assert "mlflow_app_port: 70000" in refusal
    assert "value of registry_sku must be one of" in refusal
    assert "Make the resource group" not in done.stdout


def test_site_yml_refuses_in_the_sandbox_what_it_cannot_have(tmp_path: Path) -> None:
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
        assert ("sql_authentication: contained_user cannot be had in the sandbox" in done.stdout) is sandbox
        assert (done.returncode != 0) is sandbox, done.stdout


def test_secrets_do_not_come_out(refused: subprocess.CompletedProcess[str]) -> None:
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


def test_good_input_passes(tmp_path: Path) -> None:
    done = preflight(tmp_path, ALSO_GOOD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    assert len(re.findall(r"^case-\d+ +: ok=1 .* skipped=1 .* ignored=0", done.stdout, re.MULTILINE)) == len(ALSO_GOOD)


def test_the_checks_of_site_yml_pass_with_nothing_but_what_has_to_be_set(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"mlflow": {"hosts": {"case-0": GOOD}}}), encoding="utf-8")
    done = ansible_playbook(
        CLONE / "playbooks" / "site.yml", inventory, "--tags", "preflight", "--skip-tags", "preflight_azure"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    # What is resolved once and the types of all roles' options; no role with other types, and no problem to tell.
    assert "ok=2 " in done.stdout
    assert "skipped=2 " in done.stdout


def test_site_yml_tells_wrong_types_of_all_roles_together(tmp_path: Path) -> None:
    wrong = {f"{role}_build_args" if role == "image" else f"{role}_tags": [1] for role in ROLES}
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"mlflow": {"hosts": {"case-0": {**GOOD, **wrong}}}}), encoding="utf-8")
    done = ansible_playbook(
        CLONE / "playbooks" / "site.yml", inventory, "--tags", "preflight", "--skip-tags", "preflight_azure"
    )
    assert done.returncode == 2, done.stdout + done.stderr
    told = done.stdout.partition("Nothing has been written.")[2]
    assert [option for option in wrong if option not in told] == []
