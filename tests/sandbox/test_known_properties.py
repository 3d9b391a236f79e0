# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of properties: case-insensitive as in Azure; in strict mode a name that is in no model of Azure's SDK is an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.arm.known_properties import normalize_names, unknown_properties
from scripts import known_properties
from tests.support.sandbox_client import Client
from tests.support.sandbox_in_process import SUBSCRIPTION, Azure

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
ENVIRONMENT = f"{GROUP}/providers/Microsoft.App/managedEnvironments/env"


def test_the_file_equals_the_output_of_the_script() -> None:
    """Run scripts/known_properties.py where this fails: the packages of the SDK were updated."""
    assert known_properties.TARGET.read_text(encoding="utf-8") == known_properties.file_content()


def test_each_resource_type_has_a_model_or_is_an_exception(tmp_path: Path) -> None:
    here = Azure(tmp_path, tmp_path / "directory.key")
    types = sorted(here.manager.types)
    here.close()
    assert sorted([*known_properties.MODELS, *known_properties.EXCEPTIONS]) == types


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"Location": "westeurope"}, {"location": "westeurope"}),
        (
            {"PROPERTIES": {"Template": {"Containers": [{"Image": "x"}]}}},
            {"properties": {"template": {"containers": [{"image": "x"}]}}},
        ),
        ({"location": "westeurope", "LOCATION": "eastus"}, {"location": "westeurope"}),
        ({"tags": {"Kept": "As Is"}}, {"tags": {"Kept": "As Is"}}),
        ({"Invented": {"Inner": 1}}, {"Invented": {"Inner": 1}}),
        (
            {"identity": {"UserAssignedIdentities": {"/Some/Id": {}}}},
            {"identity": {"userAssignedIdentities": {"/Some/Id": {}}}},
        ),
    ],
)
def test_property_names_are_case_insensitive(given: dict[str, Any], named: dict[str, Any]) -> None:
    assert normalize_names("Microsoft.App/containerApps", given) == named


@pytest.mark.parametrize(
    ("body", "unknown"),
    [
        ({"properties": {"template": {"containers": [{"image": "x", "resources": {"cpu": 1}}]}}}, []),
        (
            {"properties": {"template": {"containers": [{"image": "x"}, {"imag": "x"}]}}},
            ["properties.template.containers[1].imag"],
        ),
        ({"location": "westeurope", "tags": {"any": "thing"}, "kind": "x"}, []),
        ({"propertys": {}}, ["propertys"]),
        (
            {"properties": {"configuration": {"ingress": {"targetport": 80, "port": 80}}}},
            ["properties.configuration.ingress.targetport", "properties.configuration.ingress.port"],
        ),
    ],
)
def test_unknown_properties_are_detected(body: dict[str, Any], unknown: list[str]) -> None:
    assert unknown_properties("Microsoft.App/containerApps", body) == unknown


def test_a_type_without_a_model_accepts_all_properties() -> None:
    assert unknown_properties("Microsoft.Made/up", {"any": {"thing": 1}}) == []


def azure(folder: Path, *, strict: bool) -> Azure:
    made = Azure(folder, folder / "directory.key", strict=strict)
    made.put(GROUP, {"location": "westeurope"}, "2021-04-01")
    return made


@pytest.mark.parametrize("strict", [False, True])
def test_a_write_accepts_property_names_in_any_case(tmp_path: Path, strict: bool) -> None:
    here = azure(tmp_path, strict=strict)
    here.put(ENVIRONMENT, {"Location": "westeurope", "Properties": {"ZoneRedundant": True}}, "2025-07-01")
    content = json.loads(here.request("GET", ENVIRONMENT, **{"api-version": "2025-07-01"}).body)
    here.close()
    assert content["properties"]["zoneRedundant"] is True


@pytest.mark.parametrize(
    ("method", "strict", "status"),
    [("PUT", False, 200), ("PUT", True, 400), ("PATCH", False, 200), ("PATCH", True, 400)],
)
def test_only_strict_mode_rejects_unknown_properties(tmp_path: Path, method: str, strict: bool, status: int) -> None:
    here = azure(tmp_path, strict=strict)
    here.put(ENVIRONMENT, {"location": "westeurope"}, "2025-07-01")
    answer = here.request(
        method,
        ENVIRONMENT,
        {"location": "westeurope", "properties": {"zoneRedundnt": True}},
        **{"api-version": "2025-07-01"},
    )
    here.close()
    assert answer.status == status
    if status == 400:
        error = json.loads(answer.body)["error"]
        assert error["code"] == "InvalidRequestContent"
        assert "Path 'properties.zoneRedundnt'" in error["message"]
        assert "--strict" in error["message"]


def test_the_sandbox_of_the_tests_is_strict(sandbox: Client) -> None:
    path = f"{sandbox.group()}/providers/Microsoft.App/managedEnvironments/env"
    answer = sandbox.arm("PUT", path, {"location": "westeurope", "properties": {"zoneRedundnt": True}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")
