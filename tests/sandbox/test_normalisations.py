# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox normalises as Azure does: for each request of tests/contract/normalisations.yml it returns what Azure returns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.arm_paths import MINIMAL_BODIES, RESOURCE_ID, ancestors, type_of
from tests.support.normalisations import ANY, Pair, pairs_for, resources
from tests.support.sandbox_in_process import Azure

GROUPS = "2021-04-01"
MISSING = object()


def merged(base: Any, part: Any) -> Any:
    """Return the body with the part over it; lists are replaced."""
    if isinstance(base, dict) and isinstance(part, dict):
        return {key: merged(base.get(key), part[key]) if key in part else base[key] for key in {**base, **part}}
    return part


def prepare(azure: Azure, path: str, body: Any, parent: Any) -> None:
    """Create what the request needs: groups, parents, the resources and principals that the body names."""
    text = json.dumps([path, body])
    for group in {"/".join(match[0].split("/")[:5]) for match in RESOURCE_ID.finditer(text)}:
        azure.put(group, {"location": "westeurope"}, GROUPS)
    named = {parent for match in RESOURCE_ID.finditer(text) for parent in (*ancestors(match[0]), match[0])} - {path}
    bodies = {resource.id: resource for resource in resources().values()}
    for needed in sorted(named, key=len):
        if needed in bodies:
            content = (
                merged(bodies[needed].body, parent or {}) if needed in ancestors(path)[:1] else bodies[needed].body
            )
            prepare(azure, needed, content, None)
            azure.put(needed, content, bodies[needed].api_version)
        elif type_of(needed) in MINIMAL_BODIES:
            version, content = MINIMAL_BODIES[type_of(needed)]
            azure.put(needed, {"location": "westeurope", **content}, version)
    for principal in re.findall(r'"principalId": "([^"]+)"', text):
        azure.add_principal(principal)
    for customer, key in re.findall(r'"customerId": "([^"]+)", "sharedKey": "([^"]+)"', text):
        azure.add_workspace(customer, key)


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Return the paths where the expected part of a body differs; properties that it lacks are not compared."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key, item in expected.items():
            name = next(iter(actual), key) if key == ANY else key
            yield from differences(item, actual.get(name, MISSING), f"{path}.{name}".lstrip("."))
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for place, (item, other) in enumerate(zip(expected, actual, strict=True)):
            yield from differences(item, other, f"{path}[{place}]")
    elif expected == ANY:
        if actual in (MISSING, None, ""):
            yield f"{path}: Azure returns a value"
    elif expected != actual or isinstance(expected, bool) is not isinstance(actual, bool):
        yield f"{path}: Azure returns {expected!r}, the sandbox {'nothing' if actual is MISSING else repr(actual)}"


def present(body: Any, path: str) -> bool:
    """Return whether a body contains a path; [] stands for any item of a list."""
    name, _dot, rest = path.partition(".")
    if name.endswith("[]"):
        return any(present(item, rest) for item in (body or {}).get(name[:-2]) or [])
    if not isinstance(body, dict) or name not in body:
        return False
    return present(body[name], rest) if rest else True


@pytest.mark.parametrize("pair", pairs_for("sandbox"), ids=lambda pair: pair.name)
def test_the_sandbox_returns_what_azure_returns(pair: Pair, tmp_path: Path) -> None:
    resource = resources()[pair.type]
    body = merged(resource.body, pair.sent)
    azure = Azure(tmp_path, tmp_path / "directory.key")
    prepare(azure, resource.id, body, pair.parent)
    azure.put(resource.id, body, resource.api_version)
    response = azure.request("GET", resource.id, **{"api-version": resource.api_version})
    azure.close()
    actual = json.loads(response.body)
    assert response.status == 200, actual
    assert list(differences(pair.returned, actual)) == []
    assert [path for path in pair.absent if present(actual, path)] == []


def test_a_difference_is_reported() -> None:
    expected = {"a": {"b": 1, "c": [{"d": "x"}]}, "e": ANY, "f": None, "g": False}
    actual = {"a": {"b": 2, "c": [{"d": "y", "more": 1}]}, "e": "", "g": 0}
    assert [line.partition(":")[0] for line in differences(expected, actual)] == ["a.b", "a.c[0].d", "e", "f", "g"]


def test_a_present_path_is_reported() -> None:
    body = {"a": {"b": [{"c": None}, {"d": 1}]}}
    assert [path for path in ("a.b[].c", "a.b[].d", "a.b[].e", "a.c", "a") if present(body, path)] == [
        "a.b[].c",
        "a.b[].d",
        "a",
    ]
