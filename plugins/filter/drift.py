# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``drift``: the resources that differ from the desired state, from results of tasks in check mode with diff."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

DOCUMENTATION = r"""
name: drift
short_description: Return the resources that differ from the desired state
version_added: 0.3.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - Takes the results of tasks of this collection's modules in check mode with diff, and returns the differences.
  - Each result of a loop is an entry of its own. Results without a change and of skipped tasks have no entry.
  - The differences are those in the diffs of the modules, which hold no secret.
options:
  _input:
    description: The registered results of tasks.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Compare the storage account
  mlops.mlflow_azure.storage_account:
    resource_group: rg-mlflow
    name: stmlflow
    location: westeurope
    allow_shared_key_access: false
  check_mode: true
  diff: true
  register: storage

- name: Show the differences
  ansible.builtin.debug:
    msg: "{{ [storage] | mlops.mlflow_azure.drift | map(attribute='lines') | flatten }}"
"""

RETURN = r"""
_value:
  description: One entry for each resource that differs.
  type: list
  elements: dict
  contains:
    resource:
      description: The id of the resource, or another reference to it.
      type: str
    state:
      description: V(missing), V(unwanted) or V(different).
      type: str
    differences:
      description: With V(different), the properties that differ, each with C(path), C(expected) and C(actual).
      type: list
      elements: dict
    lines:
      description: One line of text for each difference.
      type: list
      elements: str
"""

# The value of a property that one of the sides does not have.
_ABSENT = "nothing"
_UNNAMED = "A resource"


def drift(results: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one entry for each resource with a changed result: resource, state, differences and lines."""
    entries: dict[str, dict[str, Any]] = {}
    for entry in (_entry(result) for result in _flat(results) if result.get("changed")):
        key = str(len(entries)) if entry["resource"] == _UNNAMED else entry["resource"].lower()
        first = entries.setdefault(key, entry)
        if first is not entry:
            # Two tasks about one resource, such as its creation and a later restriction.
            for key in ("differences", "lines"):
                first[key] += [one for one in entry[key] if one not in first[key]]
    return list(entries.values())


def _flat(results: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for result in results:
        if isinstance(result.get("results"), list):
            yield from _flat(result["results"])
        else:
            yield result


def _entry(result: Mapping[str, Any]) -> dict[str, Any]:
    diff = result.get("diff") or {}
    before, after = diff.get("before") or {}, diff.get("after") or {}
    resource = _name(result, before or after)
    label = _label(resource)
    if before and after:
        differences = [
            {"path": path, "expected": expected, "actual": actual}
            for path, expected, actual in _differences(after, before)
        ]
        state, lines = (
            "different",
            [
                f"{label}: {one['path']} is {_text(one['actual'])}, and should be {_text(one['expected'])}"
                for one in differences
            ],
        )
    else:
        state, differences = ("missing", []) if after else ("unwanted", [])
        lines = [f"{label}: is missing" if after else f"{label}: is there, and should not be"]
    # A change that is not in the diff.
    lines = lines or [f"{label}: differs"]
    return {"resource": resource, "state": state, "differences": differences, "lines": lines}


def _name(result: Mapping[str, Any], side: Any) -> str:
    """Return the id of the resource of a result, else its reference or its name."""
    described = [value for value in (side, *result.values()) if isinstance(value, Mapping)]
    for key in ("id", "reference", "name"):
        for value in described:
            if isinstance(value.get(key), str) and value[key]:
                return str(value[key])
    return _UNNAMED


def _label(resource: str) -> str:
    """Return type and name of a resource id: the part after the resource group."""
    group = re.fullmatch(r"/subscriptions/[^/]+/resourceGroups/([^/]+)", resource, re.IGNORECASE)
    if group is not None:
        return f"resourceGroups {group[1]}"
    segments = resource.rpartition("/providers/")[2].split("/")
    if "/providers/" not in resource or len(segments) < 3:
        return resource
    return f"{'/'.join(segments[0:1] + segments[1::2])} {'/'.join(segments[2::2])}"


def _differences(expected: Any, actual: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield path, expected and actual value of each leaf that differs."""
    if expected == actual:
        return
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for key in sorted({*expected, *actual}):
            place = f"{path}.{key}" if path else str(key)
            yield from _differences(expected.get(key, _ABSENT), actual.get(key, _ABSENT), place)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for number, (left, right) in enumerate(zip(expected, actual, strict=True)):
            yield from _differences(left, right, f"{path}[{_item(left, number)}]")
    else:
        yield path or "it", expected, actual


def _item(value: Any, number: int) -> str:
    """Return the name of an item of a list, or its number."""
    name = value.get("name") if isinstance(value, Mapping) else None
    return name if isinstance(name, str) else str(number)


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, sort_keys=True, default=str)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"drift": drift}
