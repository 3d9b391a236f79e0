# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories parse, are consistent and hold no secret. The playbooks parse with each of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

CLONE = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
ENVIRONMENTS = ["dev", "prod", "sandbox", "staging"]


def own(environment: str) -> dict[str, Any]:
    """Return the settings in the file of one environment."""
    return yaml.safe_load(
        (CLONE / "inventories" / environment / "group_vars" / "mlflow.yml").read_text(encoding="utf-8")
    )


def settings(environment: str) -> dict[str, Any]:
    """Return the settings of one environment, with the shared ones."""
    shared = CLONE / "inventories" / environment / "group_vars" / "every_environment.yml"
    return {**(yaml.safe_load(shared.read_text(encoding="utf-8")) if shared.exists() else {}), **own(environment)}


def test_shared_settings_exist_once() -> None:
    kept = CLONE / "inventories" / "every_environment.yml"
    for environment in ("dev", "prod", "staging"):
        link = CLONE / "inventories" / environment / "group_vars" / "every_environment.yml"
        assert link.is_symlink()
        assert link.resolve() == kept
    # A setting in all environments, or one with the shared value, is a copy.
    shared = yaml.safe_load(kept.read_text(encoding="utf-8"))
    everywhere = [own(environment).items() for environment in ("dev", "prod", "staging")]
    copies = [name for name, value in everywhere[0] if all((name, value) in other for other in everywhere)]
    assert copies == []
    assert [name for items in everywhere for name, value in items if shared.get(name) == value] == []


def test_dev_is_cheap_and_prod_is_safe() -> None:
    dev, prod = settings("dev"), settings("prod")
    assert dev["mlflow_app_min_replicas"] == 0
    assert dev["sql_database_sku"].startswith("GP_S_")
    assert dev["sql_database_auto_pause_delay"] > 0
    assert dev["sql_database_backup_retention_days"] < 7 < prod["sql_database_backup_retention_days"]
    assert prod["mlflow_app_min_replicas"] >= 2
    zones = ("app_environment_zone_redundant", "registry_zone_redundancy", "sql_database_zone_redundant")
    assert [prod[name] for name in (*zones, "storage_delete_lock", "sql_delete_lock")] == [True] * 5
    assert prod["storage_sku"].endswith("ZRS")
    assert prod["storage_soft_delete_days"] >= 30
    assert prod["foundation_workspace_retention_in_days"] > 30
    for environment in ("dev", "prod", "staging"):
        assert {"environment", "cost-center", "owner"} <= set(settings(environment)["deployment_tags"])


def test_no_other_environment_exists() -> None:
    assert sorted(path.name for path in (CLONE / "inventories").iterdir() if path.is_dir()) == ENVIRONMENTS


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_inventory_parses(environment: str) -> None:
    done = subprocess.run(
        [BIN / "ansible-inventory", "-i", f"inventories/{environment}", "--playbook-dir", "playbooks", "--list"],
        cwd=CLONE,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    inventory = json.loads(done.stdout)
    assert inventory["mlflow"]["hosts"] == [environment]
    assert done.stderr == ""


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_setting_is_an_option_of_a_role_or_of_the_deployment(environment: str) -> None:
    known = set()
    for role in (CLONE / "roles").iterdir():
        specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        known |= set(specs["argument_specs"]["main"]["options"])
    assert {name for name in settings(environment) if not name.startswith("deployment_")} <= known


@pytest.mark.parametrize("environment", ["dev", "prod", "staging"])
def test_environments_on_azure_admit_nobody_and_accept_no_licence_by_default(environment: str) -> None:
    given = settings(environment)
    assert given["mlflow_app_allowed_address_ranges"] == []
    assert given["image_accept_msodbc_eula"] is False
    assert "mlflow_app_allow_public" not in given


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_secret_is_in_plain_text(environment: str) -> None:
    for name, value in settings(environment).items():
        if any(word in name for word in ("password", "passphrase", "secret")):
            assert str(value).startswith("{{"), name


@pytest.mark.parametrize("playbook", ["drift", "site", "status", "teardown", "verify"])
@pytest.mark.parametrize("environment", ["dev", "sandbox"])
def test_playbook_parses(environment: str, playbook: str) -> None:
    done = subprocess.run(
        [BIN / "ansible-playbook", "-i", f"inventories/{environment}", f"playbooks/{playbook}.yml", "--syntax-check"],
        cwd=CLONE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
