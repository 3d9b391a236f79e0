# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox accepts and refuses the names that modules and roles accept and refuse."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import pytest

import sandbox.providers
from sandbox.arm.resource_type import ResourceType
from sandbox.providers.sql.server import LOGIN_RULE
from sandbox.providers.template_rules import CONTAINER_NAME, REVISION_SUFFIX, SCALE_RULE_NAME, SECRET_NAME
from sandbox.registry.paths import is_repository, is_tag
from sandbox.services.vault_secrets import is_secret_name
from tests.support.name_examples import NAME_EXAMPLES, NameExamples

# Kinds that are no names of resources of Resource Manager: the rule in the sandbox.
OTHER_RULES: dict[str, Callable[[str], bool]] = {
    "SQL_LOGIN": LOGIN_RULE.accepts,
    "KEY_VAULT_SECRET": is_secret_name,
    "REPOSITORY": is_repository,
    "TAG": is_tag,
    "SECRET": SECRET_NAME.accepts,
    "CONTAINER": CONTAINER_NAME.accepts,
    "SCALE_RULE": SCALE_RULE_NAME.accepts,
    "REVISION_SUFFIX": REVISION_SUFFIX.accepts,
}
# Kinds without a rule in the sandbox, and the reason.
EXCEPTIONS = {"SQL_DATABASE_USER": "the sandbox has no server that executes CREATE USER"}
COMPARED = [examples for examples in NAME_EXAMPLES if examples.rule not in EXCEPTIONS]


def resource_types() -> dict[str, type[ResourceType]]:
    """Return the classes of all resource types of the sandbox by type."""
    for module in pkgutil.walk_packages(sandbox.providers.__path__, "sandbox.providers."):
        importlib.import_module(module.name)
    pending, found = [ResourceType], {}
    while pending:
        pending += (current := pending.pop()).__subclasses__()
        found[current.type.lower()] = current
    return found


def accepts(examples: NameExamples) -> Callable[[str], bool]:
    """Return the rule of the sandbox for a kind of names."""
    if not examples.type:
        return OTHER_RULES[examples.rule]
    rule = resource_types()[examples.type.lower()].name_rule
    assert rule is not None
    return rule.accepts


def test_each_kind_of_names_has_one_rule_in_the_sandbox_or_is_an_exception() -> None:
    kinds = [examples.rule for examples in NAME_EXAMPLES]
    assert sorted(kinds) == sorted(
        [*(examples.rule for examples in NAME_EXAMPLES if examples.type), *OTHER_RULES, *EXCEPTIONS]
    )


@pytest.mark.parametrize("examples", COMPARED, ids=[examples.rule for examples in COMPARED])
def test_sandbox_and_modules_agree_on_names(examples: NameExamples) -> None:
    rule = accepts(examples)
    assert [name for name in examples.accepted if not rule(name)] == []
    assert [name for name in examples.refused if rule(name)] == []
