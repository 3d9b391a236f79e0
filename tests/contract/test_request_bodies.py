# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every request body matches what Microsoft publishes: no unknown, read-only or missing property, and the right types.

Two descriptions judge: the models of the SDKs, and the schema of the resource type at the api-version of the module, or at the
next one that is present. The schemas lie beside the recordings, see tests/support/recordings.py.
"""

from __future__ import annotations

import copy
import enum
import functools
import importlib
import inspect
import json
import re
import sys
import typing
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._authorization import (
    role_assignment as _role_assignment,
)
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import plan as _plan
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.api_versions import API_VERSIONS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.arm import Operations

from tests.support.fake_azure import GROUP, FakeCredential
from tests.support.faulty_azure import FaultyAzure
from tests.support.module_requests import samples
from tests.support.recorded_cases import golden_cases
from tests.support.recordings import SCHEMAS
from tests.support.resource_types import execute, module_file, resource_modules, resource_type


class Body(typing.NamedTuple):
    """A request body: its source, and the method of the operation group that takes it.

    kept: paths of what the body keeps of a recorded resource, some of a preview api-version that had more properties.
    """

    where: str
    operations: Operations
    method: str
    content: Any
    kept: frozenset[str] = frozenset()

    @property
    def partial(self) -> bool:
        """Whether required properties may be missing."""
        return bool(self.kept) or ("update" in self.method and "create" not in self.method)

    def own(self, problems: Iterator[str]) -> set[str]:
        """Return the problems of what the module itself sends, with its name."""
        name = re.split(r"[:\[]", self.where)[0]
        own = [problem for problem in problems if problem.partition(":")[0] not in self.kept]
        return {f"{name} {problem}" for problem in own}


# Sources of bodies.


def of_options() -> Iterator[Body]:
    """Return the bodies of all options of a module at once, and that once more for each choice of any option."""
    for name in resource_modules():
        found = resource_type(name)
        for number, params in enumerate(samples(found)):
            desired = _plan.without_none(found.desired(params))
            yield Body(f"{name}: options {number}", found.operations, found.create, desired)


def of_changes() -> Iterator[Body]:
    """Return the updates of every recorded case: its request, for a resource that lacks one property of it."""
    for case in golden_cases():
        found, desired = case.resource, case.desired
        body = (_plan.partial_body if found.partial else _plan.whole_body)(found.read_only)
        for path in (*desired, *(f"properties.{key}" for key in desired.get("properties") or {})):
            lacking = _plan.without(copy.deepcopy(case.current), [path])
            try:
                planned = _plan.plan(lacking, desired, found.rules, body)
            except _plan.ImmutableChange:
                continue
            if planned.action == _plan.UPDATE:
                kept = frozenset(all_paths(case.current)) - frozenset(all_paths(desired)) | {"-"}
                yield Body(f"{case.module}: {case.source} {path}", found.operations, found.update, planned.body, kept)


def all_paths(value: Any, path: str = "") -> Iterator[str]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from all_paths(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from all_paths(item, f"{path}[]")


TEMPLATED = re.compile(r"\{\{.*?\}\}", re.DOTALL)
GUID = "11111111-1111-1111-1111-111111111111"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id"
# The values that replace the variables of an example, by option.
REPLACEMENTS = {
    **dict.fromkeys(("identity", "identity_id", "managed_identity_id", "user_assigned_identities"), IDENTITY),
    "principal_id": GUID,
    "scope": GROUP,
    "sid": GUID,
    "environment_id": f"{GROUP}/providers/Microsoft.App/managedEnvironments/env",
    "workspace_id": f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log",
}


def without_variables(value: Any, option: str = "") -> Any:
    """Return the options of an example with values in place of its variables."""
    if isinstance(value, dict):
        return {key: without_variables(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [without_variables(item, option) for item in value]
    if not isinstance(value, str) or "{{" not in value:
        return value
    return TEMPLATED.sub(REPLACEMENTS.get(option, "Only-4-tests"), value)


def of_examples() -> Iterator[Body]:
    """Return the bodies that the modules send for their examples, in their order."""
    for name in (*resource_modules(), "role_assignment"):
        azure = FaultyAzure()
        for task in yaml.safe_load(module_file(name).EXAMPLES):
            given = task.get(f"mlops.mlflow_azure.{name}")
            if isinstance(given, dict) and given.get("state") != "absent":
                tenant = {"vault_tenant_id": GUID} if name == "key_vault" else {}
                bodies = sent_by(azure, name, {**tenant, **without_variables(given), "wait": False})
                assert bodies, f"{name}: {task['name']} sends nothing"
                yield from [sent._replace(where=f"{name}: {task['name']}") for sent in bodies]


def sent_by(azure: FaultyAzure, name: str, given: dict[str, Any]) -> list[Body]:
    bodies: list[Body] = []
    submit = azure.arm.submit

    def recorded(operations: Operations, method: str, *arguments: Any, body: Any = None, **options: Any) -> Any:
        if body is not None:
            bodies.append(Body("", operations, method, json.loads(json.dumps(body))))
        return submit(operations, method, *arguments, body=body, **options)

    azure.arm.submit = recorded  # type: ignore[method-assign]
    execute(name, azure.arm, given)
    azure.arm.submit = submit  # type: ignore[method-assign]
    return bodies


# The models of the SDKs.


def problems_by_sdk(body: Body) -> Iterator[str]:
    return against_model(body.content, model_of(body.operations, body.method), "", body.partial)


@functools.cache
def model_of(operations: Operations, method: str) -> Any:
    """Return the model of the body of a method."""
    package, client = operations.client.split(":")
    connected = getattr(importlib.import_module(package), client)(
        FakeCredential(), "subscription", credential_scopes=["x/.default"]
    )
    function = getattr(getattr(connected, operations.group), method)
    for parameter in inspect.signature(inspect.unwrap(function)).parameters.values():
        kinds = typing.get_args(parameter.annotation)
        if any("typing.IO" in str(kind) for kind in kinds):
            first = kinds[0]
            if isinstance(first, (str, typing.ForwardRef)):
                name = (first if isinstance(first, str) else first.__forward_arg__).rpartition(".")[2]
                return getattr(importlib.import_module(f"{package}.models"), name)
            return first
    raise AssertionError(f"{operations.group}.{method} takes no body")


def against_model(value: Any, model: Any, path: str, partial: bool) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no object"
        return
    fields = fields_of(model)
    for key, item in value.items():
        below = f"{path}.{key}" if path else key
        if key not in fields:
            yield f"{below}: {model.__name__} has no such property"
            continue
        kind, read_only, _required = fields[key]
        if read_only:
            yield f"{below}: read-only in {model.__name__}"
        yield from against_type(item, kind, below, partial)
    for key, (_kind, read_only, required) in fields.items():
        if required and not read_only and not partial and key not in value:
            yield f"{path}: {model.__name__} needs {key}"


@functools.cache
def fields_of(model: Any) -> dict[str, tuple[Any, bool, bool]]:
    """Return by JSON name: the type, whether it is read-only, whether it is required."""
    if hasattr(model, "_attribute_map"):
        return fields_of_older(model)
    models = importlib.import_module(model.__module__.rpartition(".")[0])
    hints = typing.get_type_hints(model, vars(sys.modules[model.__module__]), {"_models": models})
    model.__new__(model)
    found = {}
    for name, field in model._attr_to_rest_field.items():
        hint = hints[name]
        optional = type(None) in typing.get_args(hint)
        found[field._rest_name_input or name] = (hint, field._visibility == ["read"], not optional)
    return found


def fields_of_older(model: Any) -> dict[str, tuple[Any, bool, bool]]:
    """Return the same for models of the older generation of SDKs, which flatten properties: properties.principalId."""
    found: dict[str, tuple[Any, bool, bool]] = {}
    nested: dict[str, tuple[Any, bool, bool]] = {}
    for name, described in model._attribute_map.items():
        rules = model._validation.get(name, {})
        entry = (described["type"], rules.get("readonly", False), rules.get("required", False))
        outer, _dot, inner = described["key"].partition(".")
        if inner:
            nested[inner] = entry
        else:
            found[outer] = entry
    if nested:
        shell = type("properties", (), {"_attribute_map": {}, "_validation": {}, "nested": nested})
        found["properties"] = (shell, False, any(required for _type, _read_only, required in nested.values()))
    return {**found, **getattr(model, "nested", {})}


OLDER = {"str": str, "bool": bool, "int": int, "iso-8601": str, "object": dict}


def against_type(value: Any, kind: Any, path: str, partial: bool) -> Iterator[str]:
    if isinstance(kind, str):
        if kind.startswith("{"):
            kind = dict[str, OLDER[kind[1:-1]]] if kind[1:-1] in OLDER else dict[str, Any]
        else:
            kind = OLDER.get(kind, str)
    arguments, origin = typing.get_args(kind), typing.get_origin(kind)
    if origin in (typing.Union, __import__("types").UnionType):
        yield from against_any(value, [each for each in arguments if each is not type(None)], path, partial)
    elif value is None:
        # Azure unsets a property that is null.
        return
    elif origin in (list, typing.Sequence):
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for item in value:
            yield from against_type(item, arguments[0], f"{path}[]", partial)
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no object"
            return
        for key, item in value.items():
            yield from against_type(item, arguments[1], f"{path}.{key}", partial)
    elif inspect.isclass(kind) and (
        hasattr(kind, "_attribute_map") or hasattr(kind, "_is_model") or hasattr(kind, "_deserialize")
    ):
        yield from against_model(value, kind, path, partial)
    elif kind in (str, bool, int, float):
        numbers = (int, float) if kind is float else (int,)
        good = (
            isinstance(value, numbers) and not isinstance(value, bool)
            if kind in (int, float)
            else isinstance(value, kind)
        )
        if not good:
            yield f"{path}: {value!r} is no {kind.__name__}"


def folded(value: str) -> str:
    """Return a word as Azure compares it: it ignores case, and the space in a list of words."""
    return value.lower().replace(", ", ",")


def against_any(value: Any, kinds: list[Any], path: str, partial: bool) -> Iterator[str]:
    enums = [kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, enum.Enum)]
    if enums and isinstance(value, str):
        known = {folded(str(member.value)) for kind in enums for member in kind}
        if folded(value) not in known:
            yield f"{path}: {value!r} is none of {', '.join(sorted(known))}"
        return
    each = [list(against_type(value, kind, path, partial)) for kind in kinds if kind not in enums]
    if value is not None and each:
        yield from min(each, key=len)


# The schemas of Microsoft, in the form of Bicep.


@functools.cache
def schema_of(type_: str) -> tuple[str, list[Any], Any] | None:
    """Return the api-version, all types of the file, and the one of the resource; None without a schema."""
    provider = type_.partition("/")[0]
    ours = API_VERSIONS[provider]
    later = sorted(folder.name for folder in (SCHEMAS / provider).glob("20*") if folder.name >= ours)
    for version in later:
        file = SCHEMAS / provider / version / "bicep-types.json"
        if file.is_file():
            types = json.loads(file.read_text())
            name = f"{type_}@{version}".lower()
            for found in types:
                if found["$type"] == "ResourceType" and found["name"].lower() == name:
                    return version, types, found["body"]
    return None


REQUIRED, READ_ONLY = 1, 2


def against_schema(value: Any, types: list[Any], reference: Any, path: str, partial: bool) -> Iterator[str]:
    kind = types[int(reference["$ref"].rpartition("/")[2])]
    name = kind["$type"]
    if value is None or name == "AnyType":
        return
    if name in ("ObjectType", "DiscriminatedObjectType"):
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no object"
            return
        properties = dict(kind.get("properties") or kind.get("baseProperties") or {})
        if name == "DiscriminatedObjectType":
            chosen = kind["elements"].get(value.get(kind["discriminator"]))
            properties |= types[int(chosen["$ref"].rpartition("/")[2])]["properties"] if chosen else {}
        for key, item in value.items():
            below = f"{path}.{key}" if path else key
            if key in properties:
                if properties[key]["flags"] & READ_ONLY:
                    yield f"{below}: read-only"
                yield from against_schema(item, types, properties[key]["type"], below, partial)
            elif "additionalProperties" in kind:
                yield from against_schema(item, types, kind["additionalProperties"], below, partial)
            else:
                yield f"{below}: {kind['name']} has no such property"
        for key, described in properties.items():
            # The resource's name is in the URL.
            missing = described["flags"] & REQUIRED and not described["flags"] & READ_ONLY and key not in value
            if missing and not partial and (path or key != "name"):
                yield f"{path}: {kind['name']} needs {key}"
    elif name == "ArrayType":
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for item in value:
            yield from against_schema(item, types, kind["itemType"], f"{path}[]", partial)
    elif name == "UnionType":
        each = [list(against_schema(value, types, element, path, partial)) for element in kind["elements"]]
        yield from min(each, key=len)
    elif name == "StringLiteralType":
        if not isinstance(value, str) or folded(value) != folded(kind["value"]):
            yield f"{path}: {value!r} is not {kind['value']}"
    else:
        # Bicep has no fractions: an integer of the schema may be 0.5.
        expected = {"StringType": str, "IntegerType": (int, float), "BooleanType": bool}[name]
        if not isinstance(value, expected) or (name == "IntegerType" and isinstance(value, bool)):
            yield f"{path}: {value!r} is no {name}"


# The judges.

SOURCES = {"options": of_options, "changes of recorded cases": of_changes, "examples": of_examples}
EACH_SOURCE = [pytest.param(name, marks=[pytest.mark.recordings] * ("recorded" in name)) for name in SOURCES]
# Problems that only exist because all options of a module are set at once.
OF_ALL_AT_ONCE = {
    # The module writes these with separate requests.
    "sql_database backupLongTermRetentionPolicy",
    "sql_database backupShortTermRetentionPolicy",
    # The module refuses options that do not apply to trigger_type.
    "container_app_job properties.configuration.eventTriggerConfig.cronExpression",
    "container_app_job properties.configuration.manualTriggerConfig.cronExpression",
    "container_app_job properties.configuration.manualTriggerConfig.scale",
    "container_app_job properties.configuration.scheduleTriggerConfig.scale",
}


def judged(source: str, problems: Any) -> tuple[list[Body], list[str]]:
    """Return all bodies of a source, and the problems in them."""
    bodies = list(SOURCES[source]())
    found = set().union(*(body.own(problems(body)) for body in bodies))
    if source == "options":
        found = {problem for problem in found if problem.partition(":")[0] not in OF_ALL_AT_ONCE}
    return bodies, sorted(found)


@pytest.mark.parametrize("source", EACH_SOURCE)
def test_every_body_matches_the_model_of_the_sdk(source: str, report_count: Callable[[str], None]) -> None:
    bodies, problems = judged(source, problems_by_sdk)
    report_count(f"request bodies by {source}: {len(bodies)}, judged by the SDK's models")
    assert bodies
    assert not problems, "\n".join(problems)


@pytest.mark.recordings
@pytest.mark.parametrize("source", SOURCES)
def test_every_body_matches_the_schema_of_microsoft(source: str, report_count: Callable[[str], None]) -> None:
    types = {resource_type(name).operations: resource_type(name).type for name in resource_modules()}
    types[_role_assignment.ASSIGNMENTS] = "Microsoft.Authorization/roleAssignments"
    count: Counter[str] = Counter()

    def problems_by_schema(body: Body) -> Iterator[str]:
        type_ = types.get(body.operations, "")
        described = schema_of(type_) if type_ else None
        if described is None:
            count["without a schema"] += 1
            return iter(())
        version, all_types, reference = described
        count[f"{type_.partition('/')[0]}@{version}"] += 1
        return against_schema(body.content, all_types, reference, "", body.partial)

    _bodies, problems = judged(source, problems_by_schema)
    report_count(
        f"request bodies by {source}, judged by Microsoft's schemas: {', '.join(f'{k} {n}' for k, n in count.items())}"
    )
    assert not problems, "\n".join(problems)


WRONG = [
    ({"location": "x", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "colour": "red"}, "colour"),
    ({"location": 1, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}, "location"),
    ({"location": "x", "kind": "StorageV9", "sku": {"name": "Standard_LRS"}}, "kind"),
    ({"location": "x", "kind": "StorageV2", "sku": {"name": "Standard_LRS", "tier": "Standard"}}, "sku.tier"),
    ({"location": "x", "kind": "StorageV2"}, "needs sku"),
    ({"location": "x", "kind": "StorageV2", "sku": []}, "sku"),
    (
        {
            "location": "x",
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
            "properties": {"networkAcls": {"ipRules": [{"value": 1}]}},
        },
        "networkAcls",
    ),
]


@pytest.mark.parametrize(("content", "where"), WRONG)
def test_the_model_of_the_sdk_refuses_a_wrong_body(content: Any, where: str) -> None:
    found = resource_type("storage_account")
    body = Body("storage_account", found.operations, found.create, content)
    assert any(where in problem for problem in problems_by_sdk(body))


# Bicep's enumerations are open: any value matches.
@pytest.mark.recordings
@pytest.mark.parametrize(("content", "where"), [case for case in WRONG if case[1] != "kind"])
def test_the_schema_of_microsoft_refuses_a_wrong_body(content: Any, where: str) -> None:
    described = schema_of(resource_type("storage_account").type)
    assert described is not None
    _version, types, reference = described
    assert any(where in problem for problem in against_schema(content, types, reference, "", False))
