# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded responses of Azure judge the rules: a request is found in the resource that Azure returns, and any change is detected.

tests/support/recordings.py says where the recordings are.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._authorization import (
    role_assignment as _role_assignment,
)
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import plan as _plan

from tests.support.plan_judge import decide, mutations
from tests.support.recorded_cases import Case, golden_cases
from tests.support.recordings import golden_writes

pytestmark = pytest.mark.recordings


@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: f"{case.module}-{case.source}")
def test_the_plan_of_a_recorded_request_is_empty(case: Case) -> None:
    assert decide(case.resource, case.current, case.desired).body == {}


def containing(shape: str, rules: _plan.Rules) -> str:
    """Return the path that a changed leaf may affect: itself, or the list whose item is replaced whole or gets another key."""
    for end in (position for position in range(len(shape)) if shape.startswith("[]", position)):
        rule = rules.get(shape[:end], _plan.Rule())
        if rule.key is not None and (rule.whole or shape[end + 2 :] == f".{rule.key}"):
            return shape[:end]
    return shape


def leaves(value: Any, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    if isinstance(value, dict) and value:
        return {key: item for name in value for key, item in leaves(value[name], (*path, name.casefold())).items()}
    if isinstance(value, list) and value:
        return {key: item for place, one in enumerate(value) for key, item in leaves(one, (*path, place)).items()}
    return {path: value}


def test_every_change_is_detected_and_affects_nothing_else(report_count: Callable[[str], None]) -> None:
    tried = detected = 0
    missed: list[str] = []
    cases = golden_cases()
    for case in cases:
        rules = case.resource.rules
        kept = leaves(_plan.without(case.current, case.resource.read_only))
        for shape, other in mutations(case.desired, rules):
            tried += 1
            try:
                planned = decide(case.resource, copy.deepcopy(case.current), other)
            except _plan.ImmutableChange:
                detected += 1
                continue
            if planned.action != _plan.UPDATE:
                missed.append(f"{case.module} {case.source} {shape}")
                continue
            detected += 1
            prefix = tuple(part.removesuffix("[]").casefold() for part in containing(shape, rules).split("."))
            body = leaves(planned.body)
            for path, value in kept.items():
                names = tuple(part for part in path if isinstance(part, str))
                under = names[: len(prefix)] == prefix[: len(names)]
                assert under or _plan.same(body.get(path), value), f"{case.module} {case.source} {shape}: lost {path}"
    report_count(f"recorded cases: {len(cases)}; changes detected: {detected} of {tried}")
    assert not missed


def test_every_resource_type_of_the_golden_files_has_cases(report_count: Callable[[str], None]) -> None:
    count = Counter(case.module for case in golden_cases())
    report_count(f"recorded cases by module: {', '.join(f'{name} {number}' for name, number in sorted(count.items()))}")
    assert len(count) >= 16


def test_role_assignments() -> None:
    writes = [
        write
        for write in golden_writes()
        if write.type == "microsoft.authorization/roleassignments" and write.settled is not None
    ]
    assert writes
    for write in writes:
        planned = _plan.plan(write.settled, write.request, _role_assignment.RULES, lambda _before, after: after)
        assert planned.action == _plan.NONE, write.source
        other = copy.deepcopy(write.request)
        other["properties"]["principalId"] = "00000000-0000-0000-0000-00000000000f"
        changed = _plan.plan(write.settled, other, _role_assignment.RULES, lambda _before, after: after)
        assert changed.action == _plan.UPDATE, write.source
