# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules and roles apply one set of naming rules."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.filter.setting_problem import setting_problem
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import names
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import InvalidOption

from tests.support.name_examples import NAME_EXAMPLES, NameExamples

ACCEPTED = [(examples, name) for examples in NAME_EXAMPLES for name in examples.accepted]
REFUSED = [(examples, name) for examples in NAME_EXAMPLES for name in examples.refused]


def identify(value: Any) -> str:
    return value.rule if isinstance(value, NameExamples) else repr(value)[:40]


def test_each_rule_has_examples() -> None:
    rules = {name for name, value in vars(names).items() if isinstance(value, names.NameRule)}
    assert rules == {examples.rule for examples in NAME_EXAMPLES}


@pytest.mark.parametrize(("examples", "name"), ACCEPTED, ids=identify)
def test_modules_and_filter_accept_valid_names(examples: NameExamples, name: str) -> None:
    names.check("name", name, getattr(names, examples.rule))
    if examples.kind:
        assert setting_problem(name, examples.kind, "some_option") == ""


@pytest.mark.parametrize(("examples", "name"), REFUSED, ids=identify)
def test_modules_and_filter_refuse_invalid_names_with_the_same_rule(examples: NameExamples, name: str) -> None:
    rule = getattr(names, examples.rule)
    with pytest.raises(InvalidOption) as refusal:
        names.check("some_option", name, rule)
    assert refusal.value.message == f"some_option: {name!r} is not valid: {rule.subject} has {rule.text}."
    if examples.kind:
        assert setting_problem(name, examples.kind, "some_option") == (
            f"some_option: '{name}' cannot be used. Give it {rule.text}."
        )
