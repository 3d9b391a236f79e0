# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of tests that share an expensive fixture, tests that need recordings of Azure, and counts in the summary."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import grouping, recordings


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Group and order the tests before pytest-xdist reads the groups; deselect what needs recordings that are not present."""
    if not recordings.PRESENT:
        unable = [item for item in items if item.get_closest_marker("recordings")]
        items[:] = [item for item in items if item not in unable]
        config.hook.pytest_deselected(items=unable)
    for item in items:
        group = grouping.group_of(item)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=grouping.position)


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
