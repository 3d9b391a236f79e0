# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that a module can express in ARM JSON: sample options, the paths that they set, and the part of a request that those cover."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import plan as _plan

from tests.support.resource_types import ResourceType, resource_type

# Sample of an option that takes a mapping with keys of the user.
FREE = {"key": "x"}


def sample(spec: dict[str, Any]) -> Any:
    """Return a value for an option, with a value for each of its suboptions; of its choices the last."""
    if spec.get("type") == "list":
        return [sample({**spec, "type": spec["elements"]})]
    if spec.get("type") == "dict":
        return {name: sample(sub) for name, sub in spec["options"].items()} if "options" in spec else FREE
    if spec.get("choices"):
        return spec["choices"][-1]
    return {"bool": True, "int": 1, "float": 1.0}.get(spec.get("type", "str"), "x")


def each_choice(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the same spec once for each choice of each option in it, with that choice alone."""
    for value in spec.get("choices") or []:
        yield {**spec, "choices": [value]}
    for name, sub in (spec.get("options") or {}).items():
        for other in each_choice(sub):
            yield {**spec, "options": {**spec["options"], name: other}}


def samples(found: ResourceType) -> Iterator[dict[str, Any]]:
    """Return all options of a module, and that once more for each choice of any option."""
    whole = {"type": "dict", "options": dict(found.options)}
    for spec in (whole, *each_choice(whole)):
        yield {**sample(spec), "name": "x"}


@cache
def known_paths(module: str) -> frozenset[str]:
    """Return the paths of all leaves that the options of a module can set."""
    found = resource_type(module)
    return frozenset(
        path for params in samples(found) for path in leaf_paths(_plan.without_none(found.desired(params)), found.rules)
    )


def leaf_paths(value: Any, rules: _plan.Rules, path: str = "") -> Iterator[str]:
    """Return the paths of all leaves, with [] for the items of a list. A value that a rule compares as a whole is a leaf."""
    if is_leaf(value, rules, path):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from leaf_paths(item, rules, f"{path}.{key}" if path else key)
    else:
        for item in value:
            yield from leaf_paths(item, rules, f"{path}[]")


def is_leaf(value: Any, rules: _plan.Rules, path: str) -> bool:
    rule = rules.get(path, _plan.Rule())
    if not isinstance(value, (dict, list)) or not value or value == FREE:
        return True
    return rule.compare is not None or rule.unordered or (rule.whole and isinstance(value, dict))


def expressible(value: Any, known: frozenset[str], rules: _plan.Rules, path: str = "") -> Any:
    """Return the part of a request that the options of the module can express; None when nothing is left."""
    if value is None:
        return None
    if path in known or is_leaf(value, rules, path):
        covered = path in known or any(shape.startswith((f"{path}.", f"{path}[]")) for shape in known)
        return value if covered else None
    if isinstance(value, dict):
        parts = {}
        for key, item in value.items():
            spelled = spelling(f"{path}.{key}" if path else key, known)
            parts[spelled.rpartition(".")[2]] = expressible(item, known, rules, spelled)
        return {key: item for key, item in parts.items() if item is not None} or None
    items = [expressible(item, known, rules, f"{path}[]") for item in value]
    return [item for item in items if item is not None] or None


def spelling(path: str, known: frozenset[str]) -> str:
    """Return the path as the module spells it: Azure ignores the case of property names, and some requests rely on that."""
    for shape in known:
        start = shape[: len(path)]
        if start.casefold() == path.casefold() and shape[len(path) : len(path) + 1] in ("", ".", "["):
            return start
    return path
