# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An unchanged resource is read once (twice where secrets are compared) and not written, by every module."""

from __future__ import annotations

from typing import Any

import pytest
from azure.keyvault.secrets._shared.http_challenge_cache import clear

from tests.support.faulty_azure import FaultyAzure
from tests.support.module_cases import CASES, created, path_of
from tests.support.resource_types import execute

SECRETS = [{"name": "s1", "value": "hidden"}]


@pytest.mark.parametrize("name", CASES)
def test_an_unchanged_resource_is_read_once_and_not_written(name: str) -> None:
    clear()
    azure = FaultyAzure()
    azure.resources = created(name)
    result = execute(name, azure.arm, CASES[name].least)
    assert result["changed"] is False
    assert [method for method, _path in azure.requests] == ["GET"]


@pytest.mark.parametrize("name", CASES)
def test_an_unchanged_resource_without_wait_is_read_once(name: str) -> None:
    clear()
    azure = FaultyAzure()
    azure.resources = created(name)
    result = execute(name, azure.arm, {**CASES[name].least, "wait": False})
    assert (result["changed"], len(azure.requests)) == (False, 1)


@pytest.mark.parametrize("name", ["container_app", "container_app_job"])
def test_secrets_need_a_second_read(name: str) -> None:
    azure = FaultyAzure()
    azure.resources = created(name)
    configuration: dict[str, Any] = azure.resources[path_of(name)]["properties"].setdefault("configuration", {})
    configuration["secrets"] = [{"name": "s1"}]
    azure.action = {"value": SECRETS}
    result = execute(name, azure.arm, {**CASES[name].least, "secrets": SECRETS})
    assert result["changed"] is False
    assert [method for method, _path in azure.requests] == ["GET", "POST"]
