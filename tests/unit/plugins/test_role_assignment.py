# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module role_assignment: never two equal assignments, and no refusal as an absence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._authorization.role_assignment import (
    BUILT_IN,
    assignment_name,
)
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, Failure, InvalidOption

from tests.support.fake_azure import BASE, GROUP, FakeAzure, delete, get, put, run

PRINCIPAL = "22222222-2222-2222-2222-222222222222"
ROLE = BUILT_IN["acrpull"]
NAME = assignment_name(GROUP, PRINCIPAL, ROLE)
ASSIGNMENTS = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"
OURS = f"{ASSIGNMENTS}/{NAME}"
DEFINITION = f"{BASE}/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"
OPTIONS: dict[str, Any] = {
    "scope": GROUP,
    "role": "AcrPull",
    "principal_id": PRINCIPAL,
    "principal_type": "ServicePrincipal",
}
SENT = {"properties": {"principalId": PRINCIPAL, "principalType": "ServicePrincipal", "roleDefinitionId": DEFINITION}}
MISSING = {"error": {"code": "RoleAssignmentNotFound", "message": "not found"}}


def assignment(name: str = NAME, **properties: Any) -> dict[str, Any]:
    return {
        "id": f"{ASSIGNMENTS}/{name}",
        "name": name,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "scope": GROUP,
            "principalId": PRINCIPAL.upper(),
            "principalType": "ServicePrincipal",
            "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{ROLE}",
            "description": None,
            **properties,
        },
    }


def listed(*assignments: dict[str, Any]) -> Any:
    return get(ASSIGNMENTS, 200, {"value": list(assignments)}, query="principalId eq ")


def test_create() -> None:
    with FakeAzure(
        get(OURS, 404, MISSING), listed(), put(OURS, 201, assignment(), sent=SENT), get(OURS, 200, assignment())
    ) as azure:
        result = run("role_assignment", azure, **OPTIONS)
    assert (result["changed"], result["role_assignment"]) == (True, assignment())


def test_an_unchanged_assignment_is_read_once() -> None:
    with FakeAzure(get(OURS, 200, assignment())) as azure:
        assert run("role_assignment", azure, **OPTIONS)["changed"] is False


@pytest.mark.parametrize("role", ["acrpull", ROLE, DEFINITION, ROLE.upper()])
def test_a_role_by_name_guid_or_id_is_the_same_assignment(role: str) -> None:
    with FakeAzure(get(OURS, 200, assignment())) as azure:
        assert run("role_assignment", azure, **{**OPTIONS, "role": role})["changed"] is False


def test_other_roles_are_read_by_name() -> None:
    definitions = f"{GROUP}/providers/Microsoft.Authorization/roleDefinitions"
    with FakeAzure(
        get(definitions, 200, {"value": [{"name": ROLE, "id": DEFINITION}]}, query="roleName eq 'My Role'"),
        get(OURS, 200, assignment()),
    ) as azure:
        assert run("role_assignment", azure, **{**OPTIONS, "role": "My Role"})["changed"] is False


def test_an_unknown_role_is_an_error() -> None:
    definitions = f"{GROUP}/providers/Microsoft.Authorization/roleDefinitions"
    with (
        FakeAzure(get(definitions, 200, {"value": []})) as azure,
        pytest.raises(InvalidOption, match="check its spelling"),
    ):
        run("role_assignment", azure, **{**OPTIONS, "role": "AcrPul"})


def test_an_equal_assignment_with_another_name_is_used() -> None:
    with FakeAzure(get(OURS, 404, MISSING), listed(assignment("theirs"))) as azure:
        result = run("role_assignment", azure, **OPTIONS)
    assert (result["changed"], result["role_assignment"]["name"]) == (False, "theirs")


def test_an_inherited_assignment_is_not_used() -> None:
    inherited = assignment("theirs", scope=BASE)
    with FakeAzure(get(OURS, 404, MISSING), listed(inherited)) as azure:
        assert run("role_assignment", azure, check_mode=True, **OPTIONS)["changed"] is True


def test_an_unknown_principal_is_retried() -> None:
    unknown = {"error": {"code": "PrincipalNotFound", "message": "does not exist"}}
    with FakeAzure(
        get(OURS, 404, MISSING),
        listed(),
        put(OURS, 400, unknown),
        put(OURS, 400, unknown),
        put(OURS, 201, assignment()),
        get(OURS, 200, assignment()),
    ) as azure:
        run("role_assignment", azure, **OPTIONS)
    assert azure.clock.pauses == [1, 2]


def test_a_principal_that_stays_unknown_is_an_error_at_the_deadline() -> None:
    unknown = {"error": {"code": "PrincipalNotFound", "message": "does not exist"}}
    azure = FakeAzure(get(OURS, 404, MISSING), listed(), *[put(OURS, 400, unknown)] * 30, wait_timeout=60)
    with pytest.raises(Failure, match="stayed unknown") as caught:
        run("role_assignment", azure, **OPTIONS)
    assert caught.value.fields["error"]["code"] == "PrincipalNotFound"
    assert azure.clock.now == pytest.approx(60)


def test_an_assignment_created_by_another_client_is_no_change() -> None:
    exists = {"error": {"code": "RoleAssignmentExists", "message": "already exists"}}
    with FakeAzure(
        get(OURS, 404, MISSING), listed(), put(OURS, 409, exists), get(OURS, 404, MISSING), listed(assignment("theirs"))
    ) as azure:
        assert run("role_assignment", azure, **OPTIONS)["changed"] is False


def test_a_refused_read_is_not_absence() -> None:
    refused = {"error": {"code": "AuthorizationFailed", "message": "may not"}}
    with FakeAzure(get(OURS, 403, refused)) as azure, pytest.raises(ArmError, match="AuthorizationFailed"):
        run("role_assignment", azure, **OPTIONS)


def test_an_update_of_the_description_repeats_other_properties() -> None:
    body = {"properties": {**SENT["properties"], "description": "why"}}
    with FakeAzure(
        get(OURS, 200, assignment()), put(OURS, 201, assignment(), sent=body), get(OURS, 200, assignment())
    ) as azure:
        assert run("role_assignment", azure, description="why", **OPTIONS)["changed"] is True


CONDITION = "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})))"
CONDITIONAL = {"condition": CONDITION, "conditionVersion": "2.0"}


def test_a_condition_is_sent_with_its_version_and_other_properties() -> None:
    body = {"properties": {**SENT["properties"], **CONDITIONAL, "description": "why"}}
    with FakeAzure(
        get(OURS, 200, assignment(description="why")),
        put(OURS, 201, assignment(), sent=body),
        get(OURS, 200, assignment()),
    ) as azure:
        assert run("role_assignment", azure, condition=CONDITION, **OPTIONS)["changed"] is True


@pytest.mark.parametrize(("condition", "current"), [(CONDITION, CONDITIONAL), (None, CONDITIONAL), ("", {})])
def test_an_equal_or_unset_condition_is_no_change(condition: Any, current: dict[str, Any]) -> None:
    with FakeAzure(get(OURS, 200, assignment(**current))) as azure:
        assert run("role_assignment", azure, condition=condition, **OPTIONS)["changed"] is False


def test_an_empty_condition_removes_the_condition() -> None:
    body = {"properties": {**SENT["properties"], "description": "why"}}
    with FakeAzure(
        get(OURS, 200, assignment(description="why", **CONDITIONAL)),
        put(OURS, 201, assignment(), sent=body),
        get(OURS, 200, assignment()),
    ) as azure:
        assert run("role_assignment", azure, condition="", **OPTIONS)["changed"] is True


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"principal_id": "id-mlflow"}, "principal_id"),
        ({"scope": "rg-mlflow"}, "scope"),
    ],
)
def test_invalid_options_are_rejected_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("role_assignment", azure, **{**OPTIONS, **given})
    assert caught.value.fields["option"] == option


def test_absent_deletes_the_assignment_whatever_its_name() -> None:
    with FakeAzure(
        get(OURS, 404, MISSING), listed(assignment("theirs")), delete(f"{ASSIGNMENTS}/theirs", 200, {})
    ) as azure:
        result = run("role_assignment", azure, state="absent", **OPTIONS)
    assert (result["changed"], result["role_assignment"]) == (True, {})


def test_absent_of_an_absent_assignment_or_scope_changes_nothing() -> None:
    gone = {"error": {"code": "ResourceGroupNotFound", "message": "gone"}}
    with FakeAzure(get(OURS, 404, gone), get(ASSIGNMENTS, 404, gone)) as azure:
        assert run("role_assignment", azure, state="absent", **OPTIONS)["changed"] is False


def test_the_name_follows_from_scope_principal_and_role() -> None:
    assert assignment_name(GROUP.upper() + "/", PRINCIPAL.upper(), ROLE) == NAME
    assert (
        len({NAME, assignment_name(BASE, PRINCIPAL, ROLE), assignment_name(GROUP, PRINCIPAL, BUILT_IN["reader"])}) == 3
    )
