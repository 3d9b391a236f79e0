# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource type of a module, as tests need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from inspect import isclass
from pathlib import Path
from typing import Any

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._authorization import role_assignment
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.arm import Arm, Operations
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.generic_resource import ExtensionResource
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.plan import Rules
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.resource import Resource

from tests.support.fake_azure import options

MODULES = Path(__file__).resolve().parents[2] / "plugins" / "modules"

# The rules of types whose modules are not a Resource.
OTHER_RULES: dict[str, Rules] = {"Microsoft.Authorization/roleAssignments": role_assignment.RULES}


@dataclass(frozen=True)
class ResourceType:
    """The resource type of a module. methods: of the operation group, by HTTP method. polls: whether writes are polled."""

    type: str
    path: str
    address: tuple[str, ...]
    options: Mapping[str, Any]
    rules: Rules
    read_only: tuple[str, ...]
    partial: bool
    operations: Operations
    methods: Mapping[str, str]
    desired: Callable[[Mapping[str, Any]], dict[str, Any]]
    is_pending: Callable[[Any], bool]
    polls: bool

    @property
    def create(self) -> str:
        return self.methods["PUT"]

    @property
    def update(self) -> str:
        return self.methods["PATCH"]


def module_file(name: str) -> Any:
    """Return the imported Python module of an Ansible module."""
    return import_module(f"ansible_collections.mlops.mlflow_azure.plugins.modules.{name}")


def module_names() -> list[str]:
    return sorted(file.stem for file in MODULES.glob("*.py"))


@cache
def find_resource_type(name: str) -> ResourceType | None:
    """Return the resource type of a module, None for a module that manages none."""
    module = getattr(module_file(name), "MODULE", None)
    return _of_class(module) if isclass(module) and issubclass(module, Resource) else None


def resource_type(name: str) -> ResourceType:
    found = find_resource_type(name)
    assert found is not None, f"{name} manages no resource type"
    return found


def resource_modules() -> list[str]:
    """Return the names of the modules that manage a resource type."""
    return [name for name in module_names() if find_resource_type(name) is not None]


def module_of_type(name: str) -> str | None:
    """Return the module of an Azure resource type, None where a module of another kind manages it."""
    return next((module for module in resource_modules() if resource_type(module).type == name), None)


def rules_of(name: str) -> Rules:
    """Return the rules by which resources of an Azure resource type are compared."""
    module = module_of_type(name)
    return OTHER_RULES[name] if module is None else resource_type(module).rules


def execute(name: str, arm: Arm, given: Mapping[str, Any]) -> dict[str, Any]:
    """Run the logic of a module with options that its argument spec accepts."""
    result: dict[str, Any] = module_file(name).MODULE(options(name, **given), arm).execute(False)
    return result


def _of_class(found: type[Resource]) -> ResourceType:
    arm: Any = None
    return ResourceType(
        found.type,
        found.path,
        found.address,
        found.options,
        found.rules,
        found.read_only,
        found.partial,
        found.operations,
        {
            "GET": found.get_method,
            "PUT": found.create_method,
            "PATCH": found.update_method,
            "DELETE": found.delete_method,
        },
        lambda params: found({"tags": None, **params}, arm).desired(),
        lambda resource: found({}, arm).is_pending(resource),
        not issubclass(found, ExtensionResource),
    )
