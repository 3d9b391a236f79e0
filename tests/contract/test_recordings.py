# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded conversations with Azure judge the rules: what a request wrote is found in the resource that a later GET returns.

And a request that Azure fulfilled plans no change, in whatever way its values are spelled. tests/support/recordings.py says
where the recordings are.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import plan as _plan

from tests.support.module_requests import leaf_paths, sample
from tests.support.plan_judge import decide, values_at
from tests.support.recorded_cases import Case, case_of, golden_cases, module_of
from tests.support.recordings import conversations, path_of
from tests.support.resource_types import resource_type

pytestmark = pytest.mark.recordings


def is_settled(body: Any) -> bool:
    state = str((body.get("properties") or {}).get("provisioningState", "Succeeded")).lower()
    return state == "succeeded"


@cache
def recorded_writes() -> tuple[Case, ...]:
    """Return each write with the last settled resource that was read before a write above or below that path."""
    found = []
    for name, entries in conversations():
        for place, entry in enumerate(entries):
            path, request = path_of(entry), entry.get("request_body")
            module = module_of(path)
            accepted = entry["method"] in ("PUT", "PATCH") and 200 <= (entry["status"] or 0) < 300
            if module is None or not accepted or not isinstance(request, dict):
                continue
            current = None
            for later in entries[place + 1 :]:
                other = path_of(later)
                related = other.startswith(path) or path.startswith(f"{other}/")
                if related and later["method"] in ("PUT", "PATCH", "DELETE"):
                    break
                body = later.get("response_body")
                if other == path and later["method"] == "GET" and later["status"] == 200 and isinstance(body, dict):
                    current = body if is_settled(body) else current
            if current is not None:
                found.append(case_of(f"{name}#{entry['i']}", module, entry["method"], request, current))
    return tuple(found)


@pytest.mark.parametrize("case", recorded_writes(), ids=lambda case: f"{case.module}-{case.source}")
def test_the_plan_of_a_recorded_write_is_empty(case: Case) -> None:
    assert decide(case.resource, copy.deepcopy(case.current), case.desired).body == {}


def test_count_of_recorded_writes(report_count: Callable[[str], None]) -> None:
    count = Counter(case.module for case in recorded_writes())
    report_count(f"recorded writes: {count.total()} ({', '.join(f'{m} {n}' for m, n in sorted(count.items()))})")
    assert count.total() > 200


# The same request in another spelling.


def marked(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the spec once for each option with choices, which then has "enumerated" as its only choice."""
    if spec.get("choices") and spec.get("type", "str") == "str":
        yield {**spec, "choices": ["enumerated"]}
    for name, sub in (spec.get("options") or {}).items():
        for other in marked(sub):
            yield {**spec, "options": {**spec["options"], name: other}}


@cache
def enumerations(module: str) -> frozenset[str]:
    """Return the paths whose values are choices of an option."""
    found, paths = resource_type(module), set()
    for spec in marked({"type": "dict", "options": dict(found.options)}):
        try:
            described = _plan.without_none(found.desired({**sample(spec), "name": "x"}))
        except KeyError:
            # The choice selects where other values go, and is not sent itself.
            continue
        paths |= {path for path in leaf_paths(described, found.rules) if "enumerated" in values_at(described, path)}
    return frozenset(paths)


def spellings(value: Any, module: str, rules: _plan.Rules, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return the request with one value spelled in another way, as (path and kind of spelling, request)."""
    for kind, other in respelled(value, module, rules.get(path, _plan.Rule()), path):
        yield f"{path}: {kind}", other
    if isinstance(value, dict):
        for key in value:
            for change, other in spellings(value[key], module, rules, f"{path}.{key}" if path else key):
                yield change, {**value, key: other}
    elif isinstance(value, list):
        for place, item in enumerate(value):
            for change, other in spellings(item, module, rules, f"{path}[]"):
                yield change, [*value[:place], other, *value[place + 1 :]]


def respelled(value: Any, module: str, rule: _plan.Rule, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list) and len(value) > 1 and (rule.key or rule.unordered):
        yield "order", value[::-1]
    if path == "location":
        yield "location", "".join(value.split()).lower()
        yield "location", value.upper()
    elif isinstance(value, str) and value.lower().startswith("/subscriptions/"):
        yield "id", value.lower()
        yield (
            "id",
            value.replace("/resourceGroups/", "/RESOURCEGROUPS/").replace("/resourcegroups/", "/resourceGroups/"),
        )
    elif isinstance(value, str) and path in enumerations(module):
        yield "enum", value.lower()
        yield "enum", value.upper()
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and rule.compare is _plan.same_number:
        yield "number", str(value)
        yield "number", float(value)
    elif isinstance(value, str) and rule.compare is _plan.same_quantity and value.endswith("Gi"):
        yield "quantity", f"{float(value[:-2]):.2f}Gi"
        yield "quantity", f"{float(value[:-2]) * 1024:g}Mi"
    elif isinstance(value, dict) and value and all(key.lower().startswith("/subscriptions/") for key in value):
        yield "ids", {key.lower(): item for key, item in value.items()}


def unset(value: Any, form: str) -> Any:
    """Return the resource with everything unset in one form: missing or null."""
    if isinstance(value, dict):
        parts = {key: unset(item, form) for key, item in value.items()}
        empty = {key for key, item in value.items() if item is None or item in ("", [])}
        if form == "missing":
            return {key: item for key, item in parts.items() if key not in empty}
        return {key: None if key in empty else item for key, item in parts.items()}
    return [unset(item, form) for item in value] if isinstance(value, list) else value


def test_another_spelling_plans_no_change(report_count: Callable[[str], None]) -> None:
    tried: Counter[str] = Counter()
    wrong = []
    for case in golden_cases():
        variants = [
            (change, other, case.current) for change, other in spellings(case.desired, case.module, case.resource.rules)
        ]
        variants += [(f": unset as {form}", case.desired, unset(case.current, form)) for form in ("missing", "null")]
        for change, desired, current in variants:
            tried[change.rpartition(": ")[2]] += 1
            try:
                planned = decide(case.resource, copy.deepcopy(current), desired)
            except _plan.ImmutableChange as failure:
                wrong.append(f"{case.module} {case.source} {change}: {failure}")
                continue
            if planned.action != _plan.NONE:
                wrong.append(f"{case.module} {case.source} {change}")
    counts = ", ".join(f"{kind} {number}" for kind, number in tried.items())
    report_count(f"other spellings of the recorded cases: {tried.total()} ({counts})")
    assert not wrong
    assert set(tried) >= {
        "order",
        "location",
        "id",
        "ids",
        "enum",
        "number",
        "quantity",
        "unset as missing",
        "unset as null",
    }
