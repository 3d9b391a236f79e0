# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revisions of a container app: activate, deactivate, restart."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure

from tests.support.container_apps import APP, REVISION, app, revision
from tests.support.fake_azure import NOT_FOUND, FakeAzure, get, post, run

REVISION_OF = {"resource_group": "rg", "app": "app1"}


def test_restart_of_the_latest_revision_waits_until_it_is_ready() -> None:
    with FakeAzure(
        get(APP, 200, app()),
        get(REVISION, 200, revision()),
        post(f"{REVISION}/restart", 200),
        get(REVISION, 200, revision(running="Processing")),
        get(REVISION, 200, revision()),
    ) as azure:
        result = run("container_app_revision", azure, state="restarted", **REVISION_OF)
    assert (result["changed"], result["container_app_revision"]) == (True, revision())


def test_no_change_for_an_active_revision() -> None:
    with FakeAzure(get(REVISION, 200, revision())) as azure:
        result = run("container_app_revision", azure, name="app1--0000001", **REVISION_OF)
    assert result["changed"] is False


def test_a_revision_is_deactivated() -> None:
    inactive = revision(active=False, running="Stopped")
    with FakeAzure(
        get(REVISION, 200, revision()), post(f"{REVISION}/deactivate", 200), get(REVISION, 200, inactive)
    ) as azure:
        result = run("container_app_revision", azure, name="app1--0000001", state="inactive", **REVISION_OF)
    assert result["diff"]["after"] == {"name": "app1--0000001", "active": False}


def test_check_mode_restarts_nothing() -> None:
    with FakeAzure(get(APP, 200, app()), get(REVISION, 200, revision())) as azure:
        assert (
            run("container_app_revision", azure, check_mode=True, state="restarted", **REVISION_OF)["changed"] is True
        )


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ([get(APP, 404, NOT_FOUND)], "has no such container app"),
        ([get(APP, 200, app(latest=""))], "no revision yet"),
        ([get(APP, 200, app()), get(REVISION, 404, NOT_FOUND)], "has no such revision"),
    ],
)
def test_an_absent_app_or_revision_fails_the_task(script: list[Any], message: str) -> None:
    with FakeAzure(*script) as azure, pytest.raises(Failure, match=message):
        run("container_app_revision", azure, state="restarted", **REVISION_OF)
