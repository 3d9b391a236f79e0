# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox accepts and refuses the names that modules and roles accept and refuse."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import sandbox.providers
from sandbox.arm.resource_type import ResourceType
from tests.support.name_examples import NAME_EXAMPLES, NameExamples

COMPARED = [examples for examples in NAME_EXAMPLES if examples.type]


def resource_types() -> dict[str, type[ResourceType]]:
    """Return the classes of all resource types of the sandbox by type."""
    for module in pkgutil.iter_modules(sandbox.providers.__path__, "sandbox.providers."):
        importlib.import_module(module.name)
    pending, found = [ResourceType], {}
    while pending:
        pending += (current := pending.pop()).__subclasses__()
        found[current.type.lower()] = current
    return found


@pytest.mark.parametrize("examples", COMPARED, ids=[examples.type for examples in COMPARED])
def test_sandbox_and_modules_agree_on_names(examples: NameExamples) -> None:
    rule = resource_types()[examples.type.lower()].name_rule
    assert rule is not None
    assert [name for name in examples.accepted if not rule.accepts(name)] == []
    assert [name for name in examples.refused if rule.accepts(name)] == []
