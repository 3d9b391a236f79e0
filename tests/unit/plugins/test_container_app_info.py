# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container apps and their revisions are read without secret values."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError

from tests.support.container_apps import APP, app, revision
from tests.support.fake_azure import BASE, GROUP, NOT_FOUND, FakeAzure, get, options, run

LIST = f"{GROUP}/providers/Microsoft.App/containerApps"


def test_an_app_is_returned_with_its_revisions_and_without_secret_values() -> None:
    current = app()
    current["properties"]["configuration"]["secrets"] = [{"name": "uri", "value": "sql-secret-1"}]
    with FakeAzure(get(APP, 200, current), get(f"{APP}/revisions", 200, {"value": [revision()]})) as azure:
        result = run("container_app_info", azure, resource_group="rg", name="app1", revisions=True)
    assert result == {"changed": False, "container_apps": [app()], "container_app_revisions": [revision()]}


@pytest.mark.parametrize(
    ("given", "path"),
    [({"resource_group": "rg"}, LIST), ({}, f"{BASE}/providers/Microsoft.App/containerApps")],
    ids=["group", "subscription"],
)
def test_apps_are_listed(given: dict[str, Any], path: str) -> None:
    with FakeAzure(get(path, 200, {"value": [app()]})) as azure:
        assert run("container_app_info", azure, **given) == {"changed": False, "container_apps": [app()]}
    with FakeAzure(get(path, 200, {"value": []})) as azure:
        result = run("container_app_info", azure, revisions=True, **given)
    assert result == {"changed": False, "container_apps": [], "container_app_revisions": []}


def test_an_absent_app_is_an_empty_list_and_a_refused_read_an_error() -> None:
    with FakeAzure(get(APP, 404, NOT_FOUND)) as azure:
        assert run("container_app_info", azure, resource_group="rg", name="app1")["container_apps"] == []
    refused = {"error": {"code": "AuthorizationFailed", "message": "no"}}
    with FakeAzure(get(APP, 403, refused)) as azure, pytest.raises(ArmError, match="AuthorizationFailed"):
        run("container_app_info", azure, resource_group="rg", name="app1")


def test_name_requires_resource_group() -> None:
    with pytest.raises(AssertionError, match="resource_group"):
        options("container_app_info", name="app1")
