# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of properties: taken in any case as Azure does, and refused where the sandbox is strict and Azure's SDK does not know them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.arm.known_properties import unknown_properties, with_azures_names
from scripts import known_properties
from tests.support.sandbox_client import Client
from tests.support.sandbox_in_process import SUBSCRIPTION, Azure

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
ENVIRONMENT = f"{GROUP}/providers/Microsoft.App/managedEnvironments/env"


def test_the_file_is_what_the_script_makes_of_the_sdk() -> None:
    """Run scripts/known_properties.py where this fails: the SDK's packages were updated."""
    assert known_properties.TARGET.read_text(encoding="utf-8") == known_properties.file_content()


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
def test_names_are_taken_in_any_case(given: dict[str, Any], named: dict[str, Any]) -> None:
    assert with_azures_names("Microsoft.App/containerApps", given) == named


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
def test_unknown_properties_are_found(body: dict[str, Any], unknown: list[str]) -> None:
    assert unknown_properties("Microsoft.App/containerApps", body) == unknown


def test_a_type_without_a_model_takes_everything() -> None:
    assert unknown_properties("Microsoft.Made/up", {"any": {"thing": 1}}) == []


def azure(folder: Path, *, strict: bool) -> Azure:
    made = Azure(folder, folder / "directory.key", strict=strict)
    made.put(GROUP, {"location": "westeurope"}, "2021-04-01")
    return made


@pytest.mark.parametrize("strict", [False, True])
def test_azure_does_not_mind_the_case(tmp_path: Path, strict: bool) -> None:
    here = azure(tmp_path, strict=strict)
    here.put(ENVIRONMENT, {"Location": "westeurope", "Properties": {"ZoneRedundant": True}}, "2025-07-01")
    shown = json.loads(here.ask("GET", ENVIRONMENT, **{"api-version": "2025-07-01"}).body)
    here.close()
    assert shown["properties"]["zoneRedundant"] is True


@pytest.mark.parametrize(
    ("method", "strict", "status"),
    [("PUT", False, 200), ("PUT", True, 400), ("PATCH", False, 200), ("PATCH", True, 400)],
)
def test_only_the_strict_sandbox_refuses_what_nobody_knows(
    tmp_path: Path, method: str, strict: bool, status: int
) -> None:
    here = azure(tmp_path, strict=strict)
    here.put(ENVIRONMENT, {"location": "westeurope"}, "2025-07-01")
    answer = here.ask(
        method,
        ENVIRONMENT,
        {"location": "westeurope", "properties": {"zoneRedundnt": True}},
        **{"api-version": "2025-07-01"},
    )
    here.close()
    assert answer.status == status
    if status == 400:
        told = json.loads(answer.body)["error"]
        assert told["code"] == "InvalidRequestContent"
        assert "Path 'properties.zoneRedundnt'" in told["message"]
        assert "--strict" in told["message"]


def test_the_tests_own_sandbox_is_strict(sandbox: Client) -> None:
    path = f"{sandbox.group()}/providers/Microsoft.App/managedEnvironments/env"
    answer = sandbox.arm("PUT", path, {"location": "westeurope", "properties": {"zoneRedundnt": True}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")
