# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests tell whoever runs them, and which of them stay together where several run side by side (pytest -n)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# What the tests of such a folder share (a deployment, a sandbox, a server, an image) is made once. Who waits longest comes first.
SHARING = ("tests/sandbox/", "tests/e2e/", "tests/docker/", "tests/client/", "tests/image/")

# But these make what they need themselves, and take minutes.
ALONE = tuple(
    f"tests/e2e/test_{name}.py"
    for name in (
        "bad_inventories",
        "environments",
        "killed",
        "killed_at_each_write",
        "molecule_example",
        "roles_alone",
        "z_artefact",
    )
)


def _place(nodeid: str) -> int:
    return next((place for place, folder in enumerate(SHARING) if nodeid.startswith(folder)), len(SHARING))


class FolderScheduling(LoadScopeScheduling):
    """Gives a folder that shares to one worker, and all else file by file or test by test."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ALONE):
            return nodeid.partition("::")[0]
        place = _place(nodeid)
        return SHARING[place] if place < len(SHARING) else nodeid.partition("[")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FolderScheduling:
    return FolderScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _place(item.nodeid))


@pytest.fixture
def told(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Gives the summary a line: how many cases there were, and what came of them."""
    return lambda line: record_property("told", line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        report
        for found in terminalreporter.stats.values()
        for report in found
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    # Tests with several parameters may say the same.
    lines = dict.fromkeys(value for report in reports for name, value in report.user_properties if name == "told")
    if lines:
        terminalreporter.section("what was counted")
        for line in lines:
            terminalreporter.write_line(str(line))
