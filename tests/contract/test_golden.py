# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure's own recorded answers judge the rules: what was sent is found in what Azure then shows, and any change is seen.

The recordings are not part of the repository. MLFLOW_AZURE_RECORDINGS names their folder, else ../shared/azure beside
the checkout is used; where neither is there, these tests are skipped.
"""

from __future__ import annotations

import copy
import importlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._authorization import (
    role_assignment as _role_assignment,
)
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import plan as _plan

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = Path(os.environ.get("MLFLOW_AZURE_RECORDINGS") or ROOT.parent / "shared" / "azure")
pytestmark = pytest.mark.skipif(
    not (RECORDINGS / "golden").is_dir(), reason=f"no recordings of Azure in {RECORDINGS} (set MLFLOW_AZURE_RECORDINGS)"
)

MODULES = {
    "container_app": "microsoft.app__containerapps",
    "container_app_auth": "microsoft.app__containerapps__authconfigs",
    "container_app_environment": "microsoft.app__managedenvironments",
    "container_app_environment_storage": "microsoft.app__managedenvironments__storages",
    "container_app_job": "microsoft.app__jobs",
    "container_registry": "microsoft.containerregistry__registries",
    "key_vault": "microsoft.keyvault__vaults",
    "log_analytics_workspace": "microsoft.operationalinsights__workspaces",
    "resource_group": "resourcegroups",
    "sql_database": "microsoft.sql__servers__databases",
    "sql_firewall_rule": "microsoft.sql__servers__firewallrules",
    "sql_server": "microsoft.sql__servers",
    "storage_account": "microsoft.storage__storageaccounts",
    "storage_blob_service": "microsoft.storage__storageaccounts__blobservices",
    "storage_container": "microsoft.storage__storageaccounts__blobservices__containers",
    "user_assigned_identity": "microsoft.managedidentity__userassignedidentities",
}
# Recorded requests that Azure did not do as asked; nothing a module could know beforehand.
NOT_DONE = {
    # Asks for 7 days as a string on a workspace whose sku keeps 30.
    ("log_analytics_workspace", "properties.retentionInDays", "7"),
    # Add-on services, whose image Azure puts in.
    ("container_app", "properties.template.containers[].image", "redis"),
}


# Sample of an option that takes a mapping with keys of the user's own.
FREE = {"key": "x"}


def resource(module: str) -> Any:
    return importlib.import_module(f"ansible_collections.mlops.mlflow_azure.plugins.modules.{module}").RESOURCE


def sample(spec: dict[str, Any]) -> Any:
    """A value for an option, with a value for each of its suboptions."""
    if spec.get("type") == "list":
        return [sample({**spec, "type": spec["elements"]})]
    if spec.get("type") == "dict":
        return {name: sample(sub) for name, sub in spec["options"].items()} if "options" in spec else FREE
    if spec.get("choices"):
        return spec["choices"][-1]
    return {"bool": True, "int": 1, "float": 1.0}.get(spec.get("type", "str"), "x")


def shapes(value: Any, rules: _plan.Rules, path: str = "") -> Iterator[str]:
    """Paths of all leaves, with [] for the items of a list. What a rule compares as a whole is a leaf."""
    if is_leaf(value, rules, path):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from shapes(item, rules, f"{path}.{key}" if path else key)
    else:
        for item in value:
            yield from shapes(item, rules, f"{path}[]")


def is_leaf(value: Any, rules: _plan.Rules, path: str) -> bool:
    rule = rules.get(path, _plan.Rule())
    if not isinstance(value, (dict, list)) or not value or value == FREE:
        return True
    return rule.compare is not None or rule.unordered or (rule.whole and isinstance(value, dict))


def expressible(value: Any, known: set[str], rules: _plan.Rules, path: str = "") -> Any:
    """The part of a request that the module's options can say; None when nothing is left."""
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


def spelling(path: str, known: set[str]) -> str:
    """Azure takes property names in any case, and some recorded requests make use of that."""
    for shape in known:
        start = shape[: len(path)]
        if start.casefold() == path.casefold() and shape[len(path) : len(path) + 1] in ("", ".", "["):
            return start
    return path


def cases() -> list[tuple[str, int]]:
    if not (RECORDINGS / "golden").is_dir():
        return []
    return [
        (module, index)
        for module, file in MODULES.items()
        for index, triple in enumerate(json.loads((RECORDINGS / "golden" / f"{file}.json").read_text()))
        if isinstance(triple["settled_get"], dict) and isinstance(triple["request_body"], dict)
    ]


def load(module: str, index: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """The resource, what stands, and what the module would want."""
    found = resource(module)
    triple = json.loads((RECORDINGS / "golden" / f"{MODULES[module]}.json").read_text())[index]
    wanted = found.desired({**{name: sample(spec) for name, spec in found.options.items()}, "name": "x"})
    known = set(shapes(_plan.without_none(wanted), found.rules))
    asked = expressible(with_identities(triple["method"], triple["request_body"]), known, found.rules) or {}
    for name, path, value in NOT_DONE:
        if name == module and value in at(asked, path):
            asked = _plan.without(asked, [path])
    current = triple["settled_get"]
    if module in ("container_app", "container_app_job"):
        # What the module reads by listSecrets.
        values = {item["name"]: item.get("value") for item in _secrets(triple["request_body"])}
        for secret in _secrets(current):
            secret["value"] = values.get(secret["name"])
    return found, current, asked


def with_identities(method: str, request: dict[str, Any]) -> dict[str, Any]:
    """Identities are the keys of a mapping. A PATCH says which of them come and, by null, go, and not which there are."""
    identity = request.get("identity") or {}
    if not identity.get("userAssignedIdentities"):
        return request
    named = None if method == "PATCH" else {key: {} for key in identity["userAssignedIdentities"]}
    return {**request, "identity": {**identity, "userAssignedIdentities": named}}


def _secrets(app: dict[str, Any]) -> list[dict[str, Any]]:
    return ((app.get("properties") or {}).get("configuration") or {}).get("secrets") or []


def decide(found: Any, current: dict[str, Any], asked: dict[str, Any]) -> _plan.Plan:
    return _plan.plan(current, asked, found.rules, _plan.whole_body(found.read_only))


@pytest.mark.parametrize(("module", "index"), cases())
def test_what_was_asked_for_is_there(module: str, index: int) -> None:
    found, current, asked = load(module, index)
    assert decide(found, current, asked).body == {}


def at(value: Any, path: str) -> list[str]:
    """The values under a path, as text."""
    found = [value]
    for part in path.replace("[]", ".[]").split("."):
        if part == "[]":
            found = [item for each in found if each for item in each]
        else:
            found = [each.get(part) for each in found if each]
    return [str(each) for each in found]


def altered(value: Any) -> Iterator[Any]:
    """Other values of the same kind."""
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
    """Every way to alter one leaf, as (shape of the leaf, whole altered value)."""
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


def touched(shape: str, rules: _plan.Rules) -> str:
    """What a changed leaf may change: itself, or the item of a list that is replaced whole or gets another key."""
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


def test_every_change_is_seen_and_nothing_else_is_touched(told: Callable[[str], None]) -> None:
    tried = detected = 0
    missed: list[str] = []
    for module, index in cases():
        found, current, asked = load(module, index)
        kept = leaves(_plan.without(current, found.read_only))
        for shape, other in mutations(asked, found.rules):
            tried += 1
            try:
                planned = decide(found, copy.deepcopy(current), other)
            except _plan.ImmutableChange:
                detected += 1
                continue
            if planned.action != _plan.UPDATE:
                missed.append(f"{module}[{index}] {shape}")
                continue
            detected += 1
            prefix = tuple(part.removesuffix("[]").casefold() for part in touched(shape, found.rules).split("."))
            body = leaves(planned.body)
            for path, value in kept.items():
                names = tuple(part for part in path if isinstance(part, str))
                under = names[: len(prefix)] == prefix[: len(names)]
                assert under or _plan.same(body.get(path), value), f"{module}[{index}] {shape}: lost {path}"
    told(f"recorded cases: {len(cases())}; changes detected: {detected} of {tried}")
    assert not missed


def test_role_assignments() -> None:
    triples = json.loads((RECORDINGS / "golden" / "microsoft.authorization__roleassignments.json").read_text())
    for triple in triples:
        planned = _plan.plan(triple["settled_get"], triple["request_body"], _role_assignment.RULES, lambda _b, a: a)
        assert planned.action == _plan.NONE
        other = copy.deepcopy(triple["request_body"])
        other["properties"]["principalId"] = "00000000-0000-0000-0000-00000000000f"
        assert _plan.plan(triple["settled_get"], other, _role_assignment.RULES, lambda _b, a: a).action == _plan.UPDATE
