# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Info modules: reads only, the narrowest list, and a refusal is never an absence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._authorization.role_assignment import BUILT_IN
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, InvalidOption

from tests.support.fake_azure import BASE, GROUP, NOT_FOUND, Exchange, FakeAzure, get, options, run

STORAGE, IDENTITIES = (
    "providers/Microsoft.Storage/storageAccounts",
    "providers/Microsoft.ManagedIdentity/userAssignedIdentities",
)
DATABASES = f"{GROUP}/providers/Microsoft.Sql/servers/s1/databases"
GROUP_ABSENT = {"error": {"code": "ResourceGroupNotFound", "message": "Resource group 'rg' could not be found."}}
REFUSED = {"error": {"code": "AuthorizationFailed", "message": "does not have authorization"}}
ONE, TWO = {"name": "one", "properties": {}}, {"name": "two", "properties": {}}


def listed(path: str, *items: Any) -> Exchange:
    return get(path, 200, {"value": list(items)})


@pytest.mark.parametrize(
    ("module", "key", "given", "path"),
    [
        ("storage_account_info", "storage_accounts", {"resource_group": "rg", "name": "one"}, f"{GROUP}/{STORAGE}/one"),
        (
            "user_assigned_identity_info",
            "user_assigned_identities",
            {"resource_group": "rg", "name": "one"},
            f"{GROUP}/{IDENTITIES}/one",
        ),
        (
            "sql_database_info",
            "sql_databases",
            {"resource_group": "rg", "server": "s1", "name": "one"},
            f"{DATABASES}/one",
        ),
    ],
)
def test_a_named_resource_is_one_read_and_an_absent_one_an_empty_list(
    module: str, key: str, given: dict[str, Any], path: str
) -> None:
    with FakeAzure(get(path, 200, ONE)) as azure:
        assert run(module, azure, **given) == {"changed": False, key: [ONE]}
    with FakeAzure(get(path, 404, NOT_FOUND)) as azure:
        assert run(module, azure, **given) == {"changed": False, key: []}
    with FakeAzure(get(path, 403, REFUSED)) as azure, pytest.raises(ArmError, match="AuthorizationFailed"):
        run(module, azure, **given)


@pytest.mark.parametrize(
    ("module", "key", "given", "path"),
    [
        ("storage_account_info", "storage_accounts", {"resource_group": "rg"}, f"{GROUP}/{STORAGE}"),
        ("storage_account_info", "storage_accounts", {}, f"{BASE}/{STORAGE}"),
        ("user_assigned_identity_info", "user_assigned_identities", {"resource_group": "rg"}, f"{GROUP}/{IDENTITIES}"),
        ("user_assigned_identity_info", "user_assigned_identities", {}, f"{BASE}/{IDENTITIES}"),
        ("sql_database_info", "sql_databases", {"resource_group": "rg", "server": "s1"}, DATABASES),
        ("resource_info", "resources", {"resource_group": "rg"}, f"{GROUP}/resources"),
    ],
)
def test_the_narrowest_list_is_read_to_its_last_page(module: str, key: str, given: dict[str, Any], path: str) -> None:
    first = get(path, 200, {"value": [ONE], "nextLink": f"https://management.azure.com{path}?page=2"})
    with FakeAzure(first, listed(path, TWO)) as azure:
        assert run(module, azure, check_mode=True, **given) == {"changed": False, key: [ONE, TWO]}
    with FakeAzure(get(path, 404, GROUP_ABSENT)) as azure:
        assert run(module, azure, **given)[key] == []
    with FakeAzure(get(path, 403, REFUSED)) as azure, pytest.raises(ArmError, match="AuthorizationFailed"):
        run(module, azure, **given)
    with FakeAzure(get(path, 404, {"error": {"code": "SubscriptionNotFound"}})) as azure, pytest.raises(ArmError):
        run(module, azure, **given)


@pytest.mark.parametrize(
    ("module", "given"),
    [
        ("storage_account_info", {"name": "one"}),
        ("user_assigned_identity_info", {"name": "one"}),
        ("sql_database_info", {"resource_group": "rg", "name": "one"}),
        ("role_assignment_info", {"role": "AcrPull"}),
        ("storage_account_info", {"state": "present"}),
        ("resource_info", {}),
    ],
)
def test_incompatible_options_are_rejected(module: str, given: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        options(module, **given)


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
