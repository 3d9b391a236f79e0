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

from tests.support.task_results import Recorder

CLONE = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
# A secret in the settings that must not be in the output.
SECRET = "hush-hush-0123456789"

GOOD: dict[str, Any] = {
    "deployment_suffix": "x1",
    "deployment_location": "westeurope",
    "deployment_subscription_id": "00000000-0000-0000-0000-000000000000",
    "image_accept_msodbc_eula": True,
    "mlflow_app_crypto_kek_passphrase": f"{SECRET}-0123456789-",
    "mlflow_app_allowed_address_ranges": [{"name": "office", "range": "203.0.113.0/24"}],
}

ADMINISTRATOR_ID = "dddddddd-0000-0000-0000-000000000001"
ADMINISTRATOR = {"sql_entra_administrator_name": "deployer", "sql_entra_administrator_client_id": ADMINISTRATOR_ID}

# Invalid settings, and the parts of the expected message.
BAD: list[tuple[dict[str, Any], list[str]]] = [
    ({"foundation_resource_group": "rg-."}, ["foundation_resource_group", "'rg-.'", "not ending with '.'"]),
    ({"foundation_location": "west/europe"}, ["foundation_location", "'west/europe'", "region"]),
    ({"foundation_location": None}, ["foundation_location"]),
    ({"foundation_identity_name": "-x"}, ["foundation_identity_name", "'-x'"]),
    ({"foundation_workspace_name": "log"}, ["foundation_workspace_name", "'log'", "4 to 63"]),
    ({"foundation_workspace_retention_in_days": 1000}, ["foundation_workspace_retention_in_days", "1000", "730"]),
    ({"foundation_workspace_retention_in_days": 8}, ["foundation_workspace_retention_in_days", "8", "7, or 30 to 730"]),
    ({"foundation_workspace_retention_in_days": "many"}, ["foundation_workspace_retention_in_days", "int"]),
    ({"foundation_tags": "red"}, ["foundation_tags", "dict"]),
    ({"registry_name": "my-registry"}, ["registry_name", "'my-registry'", "letters and digits"]),
    ({"registry_name": ""}, ["registry_name is not set"]),
    ({"registry_sku": "Gold"}, ["registry_sku", "Gold", "Premium"]),
    ({"registry_public_network_access": False}, ["registry_sku", "'Basic'", "Premium"]),
    ({"storage_account_name": "My_Account"}, ["storage_account_name", "'My_Account'", "3 to 24 lowercase"]),
    ({"storage_account_name": "a" * 25}, ["storage_account_name", "3 to 24"]),
    ({"storage_container_name": "a--b"}, ["storage_container_name", "'a--b'", "single hyphens"]),
    ({"storage_path": "/root"}, ["storage_path", "'/root'"]),
    ({"storage_sku": "Cheap_LRS"}, ["storage_sku", "Cheap_LRS", "Standard_LRS"]),
    ({"sql_server_name": "SQL"}, ["sql_server_name", "'SQL'", "lowercase"]),
    ({"sql_database_name": "a/b"}, ["sql_database_name", "'a/b'"]),
    ({"sql_authentication": "kerberos"}, ["sql_authentication", "kerberos", "managed_identity"]),
    ({"sql_authentication": "password"}, ["sql_administrator_password is not set", "8 to 128"]),
    (
        {"sql_authentication": "password", "sql_administrator_password": "hush-hush-weak"},
        ["sql_administrator_password", "three of"],
    ),
    (
        {"sql_authentication": "password", "sql_administrator_password": f"{SECRET}-MlflowAdmin"},
        ["sql_administrator_password", "contains the login"],
    ),
    (
        {
            "sql_authentication": "password",
            "sql_administrator_password": f"{SECRET}-A",
            "sql_administrator_login": "sa",
        },
        ["sql_administrator_login", "'sa'", "reserves"],
    ),
    (
        {"sql_authentication": "contained_user", **ADMINISTRATOR, "sql_entra_administrator_name": ""},
        ["sql_entra_administrator_name is not set"],
    ),
    (
        {"sql_authentication": "contained_user", **ADMINISTRATOR, "sql_entra_administrator_client_id": ""},
        ["sql_entra_administrator_client_id is not set", "GUID"],
    ),
    (
        {"sql_authentication": "contained_user", **ADMINISTRATOR, "sql_entra_administrator_principal_type": "Group"},
        ["sql_entra_administrator_object_id is not set", "GUID"],
    ),
    (
        {
            "sql_authentication": "contained_user",
            **ADMINISTRATOR,
            "sql_database_user_client_id": ADMINISTRATOR_ID.upper(),
        },
        ["sql_entra_administrator_client_id", "sql_database_user_client_id", "managed_identity"],
    ),
    (
        {"sql_authentication": "contained_user", **ADMINISTRATOR, "sql_database_user_name": ""},
        ["sql_database_user_name is not set"],
    ),
    (
        {"sql_authentication": "contained_user", **ADMINISTRATOR, "sql_database_user_client_id": "id-mlflow-dev"},
        ["sql_database_user_client_id", "'id-mlflow-dev'", "GUID"],
    ),
    (
        {"sql_authentication": "contained_user", **ADMINISTRATOR, "sql_database_user_roles": []},
        ["sql_database_user_roles is empty", "db_ddladmin"],
    ),
    ({"sql_entra_administrator_principal_type": "Group"}, ["sql_entra_administrator_principal_type", "contained_user"]),
    ({"sql_database_auto_pause_delay": 5}, ["sql_database_auto_pause_delay", "5", "15 to 10080 minutes"]),
    ({"sql_database_auto_pause_delay": 10081}, ["sql_database_auto_pause_delay", "10081", "15 to 10080 minutes"]),
    ({"storage_soft_delete_days": 366}, ["storage_soft_delete_days", "366", "1 to 365 days"]),
    (
        {"sql_database_backup_retention_days": 36},
        ["sql_database_backup_retention_days", "36", "GP_S_Gen5_1", "1 to 35 days"],
    ),
    (
        {"sql_database_sku": "Basic", "sql_database_backup_retention_days": 8},
        ["sql_database_backup_retention_days", "8", "Basic", "1 to 7 days"],
    ),
    ({"sql_state": "absent"}, ["sql_state", "absent", "teardown.yml"]),
    ({"sql_database_max_size_gb": -1}, ["sql_database_max_size_gb", "-1", "0 to leave it to Azure"]),
    (
        {"sql_database_sku": "S0", "sql_database_auto_pause_delay": 0, "sql_database_max_size_gb": 32},
        ["sql_database_max_size_gb", "32", "sql_database_sku S0", "30, 40", "200, 250 GB", "0 to leave it to Azure"],
    ),
    (
        {"sql_database_sku": "Basic", "sql_database_auto_pause_delay": 0, "sql_database_max_size_gb": 5},
        ["sql_database_max_size_gb", "5", "sql_database_sku Basic", "one of 1, 2 GB"],
    ),
    (
        {"sql_database_sku": "S3", "sql_database_auto_pause_delay": 0, "sql_database_max_size_gb": 1280},
        ["sql_database_max_size_gb", "1280", "sql_database_sku S3", "750, 1024 GB"],
    ),
    (
        {"sql_database_sku": "P15", "sql_database_auto_pause_delay": 0, "sql_database_max_size_gb": 2000},
        ["sql_database_max_size_gb", "2000", "sql_database_sku P15", "3840, 4096 GB"],
    ),
    (
        {"sql_database_sku": "S0", "sql_database_auto_pause_delay": 60},
        ["sql_database_auto_pause_delay", "S0", "GP_S_Gen5_1"],
    ),
    (
        {"sql_firewall_rules": [{"name": "x", "start_ip_address": "1.2.3", "end_ip_address": "1.2.3.4"}]},
        ["sql_firewall_rules[].start_ip_address", "'1.2.3'"],
    ),
    ({"sql_firewall_rules": [{"name": "x"}]}, ["sql_firewall_rules", "start_ip_address"]),
    ({"image_accept_msodbc_eula": False}, ["image_accept_msodbc_eula", "https://aka.ms/odbc18eula", "true"]),
    ({"image_repository": "Upper"}, ["image_repository", "'Upper'"]),
    ({"image_context": "/nowhere"}, ["image_context", "/nowhere", "Dockerfile"]),
    ({"image_builder": "kaniko"}, ["image_builder", "kaniko", "acr"]),
    ({"app_environment_name": "x_y"}, ["app_environment_name", "'x_y'"]),
    ({"app_environment_name": "a--b"}, ["app_environment_name", "'a--b'", "single hyphens"]),
    ({"app_environment_internal": True}, ["app_environment_infrastructure_subnet_id is not set"]),
    (
        {"app_environment_infrastructure_subnet_id": "default"},
        ["app_environment_infrastructure_subnet_id", "/subscriptions/"],
    ),
    ({"mlflow_app_name": "Mlflow"}, ["mlflow_app_name", "'Mlflow'", "2 to 32 lowercase"]),
    (
        {"mlflow_app_allowed_address_ranges": []},
        ["mlflow_app_allowed_address_ranges is empty", "mlflow_app_allow_public"],
    ),
    ({"mlflow_app_allow_public": True}, ["mlflow_app_allow_public", "Keep one"]),
    (
        {"mlflow_app_allowed_address_ranges": [{"name": "x", "range": "203.0.113.7/24"}]},
        ["mlflow_app_allowed_address_ranges[].range", "'203.0.113.7/24'", "CIDR"],
    ),
    ({"mlflow_app_crypto_kek_passphrase": ""}, ["mlflow_app_crypto_kek_passphrase is not set"]),
    ({"mlflow_app_crypto_kek_passphrase": "hush-hush"}, ["mlflow_app_crypto_kek_passphrase", "32 random characters"]),
    ({"mlflow_app_crypto_kek_passphrase": SECRET}, ["mlflow_app_crypto_kek_passphrase", "32 random characters"]),
    (
        {"mlflow_app_crypto_kek_passphrase": "mlflow-default-kek-passphrase-for-development-only"},
        ["mlflow_app_crypto_kek_passphrase", "MLflow's source"],
    ),
    ({"mlflow_app_cpu": 0.3}, ["mlflow_app_cpu", "0.3", "0.25"]),
    ({"mlflow_app_cpu": 4.25, "mlflow_app_memory": "8.5Gi"}, ["mlflow_app_cpu", "4.25", "0.25 to 4"]),
    ({"mlflow_app_cpu": 0.5, "mlflow_app_memory": "4Gi"}, ["mlflow_app_memory: 4Gi", "mlflow_app_cpu 0.5", "1.0Gi"]),
    ({"mlflow_app_memory": "2GB"}, ["mlflow_app_memory", "'2GB'", "2Gi"]),
    ({"mlflow_app_port": 70000}, ["mlflow_app_port", "70000", "65535"]),
    ({"mlflow_app_workers": 0}, ["mlflow_app_workers", "0", "1 to 64"]),
    ({"mlflow_app_workers": 65}, ["mlflow_app_workers", "65", "1 to 64"]),
    ({"mlflow_app_min_replicas": 3}, ["mlflow_app_min_replicas", "3 and 1"]),
    ({"mlflow_app_max_replicas": 1001}, ["mlflow_app_max_replicas", "1001", "1 to 1000"]),
    (
        {"mlflow_app_environment": {"AZURE_STORAGE_ACCESS_KEY": "x"}},
        ["mlflow_app_environment", "AZURE_STORAGE_ACCESS_KEY"],
    ),
]


ROLES: list[str] = yaml.safe_load((CLONE / "playbooks" / "group_vars" / "all.yml").read_text(encoding="utf-8"))[
    "deployment_roles"
]


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
    told = done.stdout.partition("Nothing has been written.")[2]
    assert [option for option in wrong if option not in told] == []
