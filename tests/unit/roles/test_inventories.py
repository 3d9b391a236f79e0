# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories parse, agree with each other and keep no secret; the playbooks parse against each of them."""

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


def settings(environment: str) -> dict[str, Any]:
    return yaml.safe_load((CLONE / "inventories" / environment / "group_vars" / "mlflow.yml").read_text(encoding="utf-8"))


def test_there_is_nothing_but_these_environments() -> None:
    assert sorted(path.name for path in (CLONE / "inventories").iterdir()) == ENVIRONMENTS


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
def test_every_setting_is_an_option_of_a_role_or_the_deployments_own(environment: str) -> None:
    known = set()
    for role in (CLONE / "roles").iterdir():
        specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        known |= set(specs["argument_specs"]["main"]["options"])
    assert {name for name in settings(environment) if not name.startswith("deployment_")} <= known


@pytest.mark.parametrize("environment", ["dev", "prod", "staging"])
def test_environments_on_azure_open_nothing_and_accept_nothing_by_themselves(environment: str) -> None:
    given = settings(environment)
    assert given["mlflow_app_allowed_address_ranges"] == []
    assert given["image_accept_msodbc_eula"] is False
    assert "mlflow_app_allow_public" not in given


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_secret_is_kept_in_the_open(environment: str) -> None:
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
