# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge the plan of a module: whether it finds a change, and every way to change one value of a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import plan as _plan

from tests.support.module_requests import is_leaf
from tests.support.resource_types import ResourceType


def decide(found: ResourceType, current: dict[str, Any], desired: dict[str, Any]) -> _plan.Plan:
    """Return the plan for a resource that exists. Raise ImmutableChange."""
    return _plan.plan(current, desired, found.rules, _plan.whole_body(found.read_only))


def values_at(value: Any, path: str) -> list[str]:
    """Return the values under a path, as text."""
    found = [value]
    for part in path.replace("[]", ".[]").split("."):
        if part == "[]":
            found = [item for each in found if each for item in each]
        else:
            found = [each.get(part) for each in found if each]
    return [str(each) for each in found]


def altered(value: Any) -> Iterator[Any]:
    """Return other values of the same kind."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield value + 1
    elif isinstance(value, str):
        number = value.removesuffix("Gi")
        yield f"{float(number) + 1:g}{value[len(number) :]}" if number.replace(".", "", 1).isdigit() else f"{value}x"
    elif isinstance(value, dict):
        if "name" in value:
            yield {**value, "name": f"{value['name']}x"}
        elif value:
            yield {f"{key}x": item for key, item in value.items()}
            yield {**value, "another": "x"}
    elif value:
        yield value[1:]
        yield [*value, *value[:1]]


def mutations(value: Any, rules: _plan.Rules, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return every way to alter one leaf, as (path of the leaf, whole altered value)."""
    if is_leaf(value, rules, path) or rules.get(path, _plan.Rule()).write_only:
        if not rules.get(path, _plan.Rule()).write_only:
            for other in altered(value):
                yield path, other
    elif isinstance(value, dict):
        for key in value:
            for shape, other in mutations(value[key], rules, f"{path}.{key}" if path else key):
                yield shape, {**value, key: other}
    else:
        for position, item in enumerate(value):
            for shape, other in mutations(item, rules, f"{path}[]"):
                yield shape, [*value[:position], other, *value[position + 1 :]]
        yield path, value[1:]
