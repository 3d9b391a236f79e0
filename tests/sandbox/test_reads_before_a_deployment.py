# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reads before a deployment: the permissions of the caller, and the quota of environments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox_in_process import SUBSCRIPTION, Azure

ROOT = f"/subscriptions/{SUBSCRIPTION}"
PERMISSIONS = "providers/Microsoft.Authorization/permissions?api-version=2022-04-01"


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    made = Azure(tmp_path, tmp_path / "directory.key")
    yield made
    made.close()


def values(azure: Azure, path: str) -> list[dict[str, Any]]:
    answer = azure.request("GET", path)
    assert answer.status == 200, answer.body
    result: list[dict[str, Any]] = json.loads(answer.body)["value"]
    return result


def test_permissions_are_those_of_the_roles_that_are_valid_at_the_scope(azure: Azure) -> None:
    azure.put(f"{ROOT}/resourceGroups/rg", {"location": "westeurope"}, "2025-04-01")
    owner = {"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []}
    assert values(azure, f"{ROOT}/{PERMISSIONS}") == [owner]
    assert values(azure, f"{ROOT}/resourceGroups/rg/{PERMISSIONS}") == [owner]


def test_environments_are_counted_by_region(azure: Azure) -> None:
    azure.put(f"{ROOT}/resourceGroups/rg", {"location": "westeurope"}, "2025-04-01")
    place = f"{ROOT}/resourceGroups/rg/providers/Microsoft.App/managedEnvironments/cae?api-version=2025-07-01"
    azure.put(place, {"location": "westeurope", "properties": {}}, "2025-07-01")
    for region, count in (("westeurope", 1), ("northeurope", 0)):
        path = f"{ROOT}/providers/Microsoft.App/locations/{region}/usages?api-version=2025-07-01"
        (usage,) = values(azure, path)
        assert usage["name"]["value"] == "ManagedEnvironmentCount"
        assert (usage["currentValue"], usage["limit"]) == (count, 20)
