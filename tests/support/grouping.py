# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of tests: pytest-xdist runs the tests of a group on one worker, so that what they share is created once."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def position(item: pytest.Item) -> int:
    """Return the key by which tests are sorted: 0, and for the tests with a marker of ORDER its place."""
    return max((ORDER.index(marker.name) + 1 for marker in item.iter_markers() if marker.name in ORDER), default=0)


def _fixtures(item: pytest.Item) -> list[pytest.FixtureDef[object]]:
    # pytest has no public way to the definitions of the fixtures that a test requests.
    named = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009
    return [definitions[-1] for definitions in named.values()]
