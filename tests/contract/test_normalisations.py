# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure's normalisations are no changes: a module that finds what Azure returns plans nothing, and detects any other value.

The pairs are in normalisations.yml. The recordings (test_golden.py) are more, but not part of the repository.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import plan as _plan

from tests.support.module_requests import expressible, known_paths
from tests.support.normalisations import ANY, KINDS, Pair, pairs, pairs_for, resources
from tests.support.plan_judge import mutations
from tests.support.recorded_cases import with_secrets
from tests.support.resource_types import module_of_type, resource_modules, resource_type, rules_of

GUID = "44444444-4444-4444-4444-444444444444"


def concrete(returned: Any, sent: Any) -> Any:
    """Return the resource with values in place of ANY: the key of the request, or a GUID."""
    if returned == ANY:
        return GUID
    if isinstance(returned, dict):
        keys = {ANY: next(iter(sent))} if ANY in returned else {}
        sent = sent if isinstance(sent, dict) else {}
        return {keys.get(key, key): concrete(item, sent.get(keys.get(key, key))) for key, item in returned.items()}
    return returned


def plan_inputs(pair: Pair) -> tuple[_plan.Rules, dict[str, Any], dict[str, Any]]:
    """Return the rules of the module, the current resource, and the part of the request that the module can send."""
    current = concrete(copy.deepcopy(pair.returned), pair.sent)
    module = module_of_type(pair.type)
    if module is None:
        return rules_of(pair.type), current, pair.sent
    desired = expressible(pair.sent, known_paths(module), rules_of(pair.type)) or {}
    return rules_of(pair.type), with_secrets(module, pair.sent, current), desired


def action(rules: _plan.Rules, current: dict[str, Any], desired: dict[str, Any]) -> str:
    try:
        return _plan.plan(copy.deepcopy(current), desired, rules, lambda _before, after: after).action
    except _plan.ImmutableChange:
        return _plan.UPDATE


@pytest.mark.parametrize("pair", pairs_for("module"), ids=lambda pair: pair.name)
def test_what_azure_returns_for_a_request_is_no_change(pair: Pair) -> None:
    rules, current, desired = plan_inputs(pair)
    assert desired, "no option of the module sends this"
    assert action(rules, current, desired) == _plan.NONE


@pytest.mark.parametrize("pair", pairs_for("module"), ids=lambda pair: pair.name)
def test_any_other_value_is_a_change(pair: Pair) -> None:
    rules, current, desired = plan_inputs(pair)
    others = list(mutations(desired, rules))
    assert others, "every value of the request is write-only"
    assert [path for path, other in others if action(rules, current, other) != _plan.UPDATE] == []


def test_every_type_and_every_kind_has_a_pair(report_count: Callable[[str], None]) -> None:
    count = Counter(pair.type for pair in pairs())
    report_count(f"normalisations: {count.total()} pairs of {len(count)} types and {len(KINDS)} kinds")
    managed = {resource_type(name).type for name in resource_modules()}
    assert set(count) == set(resources())
    assert set(count) >= managed | {"Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/locks"}
    assert {pair.kind for pair in pairs()} == set(KINDS)
    assert {pair.only for pair in pairs()} == {None, "module", "sandbox"}


def test_no_two_pairs_have_the_same_name() -> None:
    assert [name for name, number in Counter(pair.name for pair in pairs()).items() if number > 1] == []
