# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox that the tests of this folder share, and what an app needs in it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.sandbox_client import Client, Platform, make_platform, run_cli


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A running sandbox for all tests of this folder."""
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
    """The apps that a test makes go with it: they would run on, and come back with each restart of the sandbox."""

    def listed() -> set[str]:
        answer = sandbox.arm("GET", f"{platform.group}/providers/Microsoft.App/containerApps")
        return {app["id"] for app in answer.json()["value"]}

    before = listed()
    yield
    for made in listed() - before:
        sandbox.arm("DELETE", made)
