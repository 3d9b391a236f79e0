# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module role_assignment_info."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._authorization.role_assignment import BUILT_IN
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, InvalidOption

from tests.support.fake_azure import BASE, GROUP, FakeAzure, get, run

GROUP_ABSENT = {"error": {"code": "ResourceGroupNotFound", "message": "Resource group 'rg' could not be found."}}
REFUSED = {"error": {"code": "AuthorizationFailed", "message": "does not have authorization"}}
PRINCIPAL = "22222222-2222-2222-2222-222222222222"
ASSIGNMENTS = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"


def assignment(name: str, scope: str, role: str = "acrpull") -> dict[str, Any]:
    definition = f"/providers/Microsoft.Authorization/roleDefinitions/{BUILT_IN[role]}"
    return {"name": name, "properties": {"scope": scope, "roleDefinitionId": definition, "principalId": PRINCIPAL}}


HERE = assignment("here", GROUP.upper())
ABOVE = assignment("above", BASE, "reader")
TOP = assignment("top", "/providers/Microsoft.Management/managementGroups/m")
BELOW = assignment("below", f"{GROUP}/providers/x/y/z")
BESIDE = assignment("beside", f"{GROUP}2")


@pytest.mark.parametrize(
    ("given", "query", "names"),
    [
        ({}, "atScope()", ["here", "above", "top"]),
        ({"principal_id": PRINCIPAL}, f"principalId eq '{PRINCIPAL}'", ["here", "above", "top"]),
        ({"role": "AcrPull"}, "atScope()", ["here", "top"]),
        ({"role": BUILT_IN["reader"], "principal_id": PRINCIPAL}, "principalId", ["above"]),
    ],
)
def test_role_assignments_effective_at_a_scope(given: dict[str, Any], query: str, names: list[str]) -> None:
    answer = get(ASSIGNMENTS, 200, {"value": [HERE, ABOVE, TOP, BELOW, BESIDE]}, query=query)
    with FakeAzure(answer) as azure:
        result = run("role_assignment_info", azure, scope=GROUP, **given)
    assert [items["name"] for items in result["role_assignments"]] == names


def test_role_assignments_of_an_absent_or_forbidden_scope() -> None:
    with FakeAzure(get(ASSIGNMENTS, 404, GROUP_ABSENT)) as azure:
        assert run("role_assignment_info", azure, scope=GROUP)["role_assignments"] == []
    with FakeAzure(get(ASSIGNMENTS, 403, REFUSED)) as azure, pytest.raises(ArmError):
        run("role_assignment_info", azure, scope=GROUP)


@pytest.mark.parametrize(
    ("given", "option"),
    [({"scope": "rg"}, "scope"), ({"scope": GROUP, "principal_id": "id-mlflow"}, "principal_id")],
)
def test_invalid_scope_or_principal_is_rejected(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("role_assignment_info", azure, **given)
    assert caught.value.fields["option"] == option
