# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sandbox that the tests of this folder share, and the prerequisites of an app."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.sandbox_client import Client, Platform, make_platform, run_cli


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Running sandbox for all tests of this folder."""
    home = tmp_path_factory.mktemp("sandbox") / "home"
    started = run_cli(home, "up", "--strict")
    assert started.returncode == 0, started.stderr
    client = Client(home, json.loads(run_cli(home, "env", "--json").stdout))
    yield client
    stopped = run_cli(home, "down", "--purge")
    assert stopped.returncode == 0, stopped.stderr


@pytest.fixture(scope="session")
def platform(sandbox: Client) -> Platform:
    return make_platform(sandbox)


@pytest.fixture
def own_apps(sandbox: Client, platform: Platform) -> Iterator[None]:
    """Delete the apps of a test after it. They would run on, and restart with the sandbox."""

    def listed() -> set[str]:
        answer = sandbox.arm("GET", f"{platform.group}/providers/Microsoft.App/containerApps")
        return {app["id"] for app in answer.json()["value"]}

    before = listed()
    yield
    for app_id in listed() - before:
        sandbox.arm("DELETE", app_id)


@pytest.fixture(scope="module")
def environment(sandbox: Client, group: str) -> str:
    """Return the id of an environment in the module's own resource group, the fixture `group`."""
    path = f"{group}/providers/Microsoft.App/managedEnvironments/env"
    return str(sandbox.put(path, {"location": "westeurope", "properties": {}})["id"])
