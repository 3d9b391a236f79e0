# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of tests that share an expensive fixture, tests that need recordings of Azure, and counts in the summary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.support import grouping, recordings

GROUPS = pytest.StashKey[Path]()


def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Create the folder through which the workers of pytest-xdist report the groups: the controller does not collect tests."""
    folder = TemporaryDirectory(prefix="test-groups-")
    config.add_cleanup(folder.cleanup)
    config.stash[GROUPS] = Path(folder.name)


def pytest_configure_node(node: Any) -> None:
    node.workerinput["groups"] = str(node.config.stash[GROUPS])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> grouping.GroupScheduling:
    return grouping.GroupScheduling(config, log, config.stash[GROUPS])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that need absent recordings, order the others, and report their groups."""
    if not recordings.PRESENT:
        unable = [item for item in items if item.get_closest_marker("recordings")]
        items[:] = [item for item in items if item not in unable]
        config.hook.pytest_deselected(items=unable)
    items.sort(key=grouping.position)
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        grouping.report_groups(items, Path(worker["groups"]) / worker["workerid"])


@pytest.fixture
def report_count(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """A function that adds a line to the summary of the run: the number of cases, and the result."""
    return lambda line: record_property("count", line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the lines of report_count."""
    reports = [
        report
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    # Tests with several parameters may report the same line.
    lines = dict.fromkeys(value for report in reports for name, value in report.user_properties if name == "count")
    if lines:
        terminalreporter.section("counts")
        for line in lines:
            terminalreporter.write_line(str(line))
