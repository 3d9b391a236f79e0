# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of tests: pytest-xdist runs the tests of a group on one worker, so that what they share is created once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).resolve().parents[1]
# Markers that order the tests of a group, see pyproject.toml.
ORDER = ("late", "last")


def group_of(item: pytest.Item) -> str | None:
    """Return the group that the fixtures of a test require; None for a test that shares nothing.

    A test that requests a session fixture of a folder's conftest.py belongs to that folder, one that requests a module
    fixture belongs to its file.
    """
    scopes = [(str(definition.scope), Path(definition.func.__code__.co_filename)) for definition in _fixtures(item)]
    folders = {file.parent for scope, file in scopes if scope == "session" and file.name == "conftest.py"}
    for folder in folders - {TESTS}:
        if TESTS in folder.parents:
            return folder.relative_to(TESTS).as_posix()
    return item.path.stem if any(scope == "module" for scope, _file in scopes) else None


class GroupScheduling(LoadScopeScheduling):
    """Gives the tests of a group to one worker, and every other test to the next worker that is free.

    pytest-xdist has `--dist loadgroup` for this, but release 3.8 ignores groups with pytest 9.
    """

    def __init__(self, config: pytest.Config, log: Any, folder: Path) -> None:
        super().__init__(config, log)
        self.folder = folder

    @cached_property
    def groups(self) -> dict[str, str]:
        """The groups by node id, as the workers have reported them."""
        reports = [json.loads(file.read_text(encoding="utf-8")) for file in self.folder.iterdir()]
        return {nodeid: group for report in reports for nodeid, group in report.items()}

    def _split_scope(self, nodeid: str) -> str:
        return self.groups.get(nodeid, nodeid)


def report_groups(items: Iterable[pytest.Item], file: Path) -> None:
    """Write the group of each test that has one."""
    groups = {item.nodeid: group_of(item) for item in items}
    content = {nodeid: group for nodeid, group in groups.items() if group is not None}
    file.write_text(json.dumps(content), encoding="utf-8")


def position(item: pytest.Item) -> int:
    """Return the key by which tests are sorted: 0, and for the tests with a marker of ORDER its place."""
    return max((ORDER.index(marker.name) + 1 for marker in item.iter_markers() if marker.name in ORDER), default=0)


def _fixtures(item: pytest.Item) -> list[pytest.FixtureDef[object]]:
    # pytest has no public way to the definitions of the fixtures that a test requests.
    named = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009
    return [definitions[-1] for definitions in named.values()]
