# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module preflight_info: all problems in one result, without repeated requests and without requests for existing resources."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._authorization.role_assignment import BUILT_IN
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._mlflow.preflight import is_permitted

from tests.support.fake_azure import BASE, GROUP, Exchange, FakeAzure, get, post, run

ALL = [{"actions": ["*"], "notActions": []}]
CONTRIBUTOR = [
    {"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]}
]
GONE = {"error": {"code": "ResourceGroupNotFound", "message": "Resource group 'rg' could not be found."}}
REFUSED = {"error": {"code": "AuthorizationFailed", "message": "does not have authorization"}}
STORAGE = {
    "type": "Microsoft.Storage/storageAccounts",
    "name": "st1",
    "resource_group": "rg",
    "location": "West Europe",
    "option": "storage_account_name",
    "location_option": "storage_location",
}
ENVIRONMENT = {**STORAGE, "type": "Microsoft.App/managedEnvironments", "name": "cae", "option": "app_environment_name"}
ASSIGN = "Microsoft.Authorization/roleAssignments/write"


def permissions(scope: str, result: Any, status: int = 200) -> Exchange:
    body = {"value": result} if status == 200 else result
    return get(f"{scope}/providers/Microsoft.Authorization/permissions", status, body)


def provider(namespace: str, kind: str, state: str = "Registered", *regions: str) -> Exchange:
    types = [{"resourceType": kind, "locations": list(regions or ("West Europe", "North Europe"))}]
    return get(f"{BASE}/providers/{namespace}", 200, {"registrationState": state, "resourceTypes": types})


def storage_provider(state: str = "Registered", *regions: str) -> Exchange:
    return provider("Microsoft.Storage", "storageAccounts", state, *regions)


def name_check(answer: Any, status: int = 200) -> Exchange:
    sent = {"name": "st1", "type": "Microsoft.Storage/storageAccounts"}
    return post(f"{BASE}/providers/Microsoft.Storage/checkNameAvailability", status, answer, sent=sent)


def usages(used: int, limit: int) -> Exchange:
    result = {"value": [{"name": {"value": "ManagedEnvironmentCount"}, "currentValue": used, "limit": limit}]}
    return get(f"{BASE}/providers/Microsoft.App/locations/westeurope/usages", 200, result)


def group(*result: Any, status: int = 200, body: Any = None) -> Exchange:
    return get(f"{GROUP}/resources", status, body or {"value": list(result)})


ABSENT = group(status=404, body=GONE)
CURRENT = {"id": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st1", "type": STORAGE["type"], "name": "ST1"}
TAKEN = {
    "nameAvailable": False,
    "reason": "AlreadyExists",
    "message": "The storage account named st1 is already taken.",
}


def test_existing_resources_need_one_read_and_no_permissions() -> None:
    with FakeAzure(group(CURRENT)) as azure:
        result = run("preflight_info", azure, resources=[STORAGE], actions=[ASSIGN])
    assert result == {"changed": False, "problems": [], "unchecked": [], "existing": [CURRENT["id"]]}


def test_no_problem_for_valid_missing_resources() -> None:
    exchanges = (ABSENT, storage_provider(), name_check({"nameAvailable": True}), permissions(BASE, ALL))
    with FakeAzure(*exchanges) as azure:
        result = run("preflight_info", azure, check_mode=True, resources=[STORAGE], actions=[ASSIGN])
    assert result == {"changed": False, "problems": [], "unchecked": [], "existing": []}


def test_all_problems_are_reported_together() -> None:
    exchanges = (
        ABSENT,
        storage_provider("NotRegistered", "East US"),
        provider("Microsoft.App", "managedEnvironments"),
        name_check(TAKEN),
        get(f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st1", 404, GONE),
        usages(20, 20),
        permissions(BASE, CONTRIBUTOR),
    )
    with FakeAzure(*exchanges) as azure:
        problems = run("preflight_info", azure, resources=[STORAGE, ENVIRONMENT], actions=[ASSIGN])["problems"]
    assert len(problems) == 5
    assert "az provider register --namespace Microsoft.Storage" in problems[0]
    assert problems[1].startswith("storage_location: 'West Europe' has no Microsoft.Storage/storageAccounts")
    assert "Give it one of eastus." in problems[1]
    assert problems[2].startswith(
        "storage_account_name: 'st1' is not available: The storage account named st1 is already taken."
    )
    assert "20 of the 20 Microsoft.App/managedEnvironments" in problems[3]
    assert problems[4].startswith(f"You do not have permission for {ASSIGN} on {BASE}.")


def test_the_name_of_an_own_resource_is_no_problem() -> None:
    """The list of a group may not contain a new resource yet."""
    own = get(f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st1", 200, CURRENT)
    with FakeAzure(group(), storage_provider(), name_check(TAKEN), own, permissions(GROUP, ALL)) as azure:
        assert run("preflight_info", azure, resources=[STORAGE])["problems"] == []


def test_permission_in_the_group_suffices_without_reads_at_the_subscription() -> None:
    exchanges = (
        group(),
        get(f"{BASE}/providers/Microsoft.Storage", 403, REFUSED),
        name_check(REFUSED, 403),
        permissions(GROUP, ALL),
    )
    with FakeAzure(*exchanges) as azure:
        result = run("preflight_info", azure, resources=[STORAGE])
    assert result["problems"] == []
    assert len(result["unchecked"]) == 2


def test_a_forbidden_read_of_a_group_is_a_problem() -> None:
    """Permissions at the subscription may be unreadable for somebody who has enough of them in the group."""
    exchanges = (group(status=403, body=REFUSED), storage_provider(), name_check({"nameAvailable": True}))
    with FakeAzure(*exchanges, permissions(GROUP, REFUSED, 403)) as azure:
        result = run("preflight_info", azure, resources=[STORAGE])
    (problem,), (unchecked,) = result["problems"], result["unchecked"]
    assert problem.startswith("The resource group rg could not be read: AuthorizationFailed")
    assert unchecked.startswith(f"The permissions on {GROUP} could not be read: AuthorizationFailed")


def test_each_group_needs_permissions_for_its_missing_resources_only() -> None:
    """The group of a shared registry needs no permissions for resources of another group."""
    shared = {**STORAGE, "resource_group": "shared"}
    exchanges = (
        group(),
        get(f"{BASE}/resourceGroups/shared/resources", 200, {"value": [CURRENT]}),
        provider("Microsoft.App", "managedEnvironments"),
        usages(1, 20),
        permissions(GROUP, ALL),
    )
    with FakeAzure(*exchanges) as azure:
        assert run("preflight_info", azure, resources=[ENVIRONMENT, shared])["problems"] == []


def test_a_lock_needs_user_access_administrator() -> None:
    exchanges = (group(), storage_provider(), name_check({"nameAvailable": True}), permissions(GROUP, CONTRIBUTOR))
    with FakeAzure(*exchanges) as azure:
        actions = [ASSIGN, "Microsoft.Authorization/locks/write"]
        (line,) = run("preflight_info", azure, resources=[STORAGE], actions=actions)["problems"]
    assert line.endswith("such as Contributor and User Access Administrator.")


IDENTITY = {
    **STORAGE,
    "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
    "name": "id1",
    "option": "foundation_identity_name",
}
IDENTITY_ID = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1"
BOTH = [
    {"id": CURRENT["id"], "type": STORAGE["type"], "name": "st1"},
    {"id": IDENTITY_ID, "type": IDENTITY["type"], "name": "id1"},
]
ROLES = [{"role": "Reader", "resource": "storage_account_name", "identity": "foundation_identity_name"}]
PRINCIPAL = "22222222-2222-2222-2222-222222222222"


def assignments(*scopes: str, status: int = 200) -> Exchange:
    definition = f"{BASE}/providers/Microsoft.Authorization/roleDefinitions/{BUILT_IN['reader']}"
    result = [
        {"properties": {"scope": scope, "roleDefinitionId": definition, "principalId": PRINCIPAL}} for scope in scopes
    ]
    body = {"value": result} if status == 200 else REFUSED
    return get(f"{CURRENT['id']}/providers/Microsoft.Authorization/roleAssignments", status, body)


@pytest.mark.parametrize(
    ("assigned", "lacking"),
    [
        (assignments(CURRENT["id"].upper()), False),
        (assignments(), True),
        # An assignment at the group is effective, too, but the deployment assigns the role on the account.
        (assignments(GROUP), True),
    ],
)
def test_existing_role_assignments_need_no_permission(assigned: Exchange, lacking: bool) -> None:
    exchanges = (
        group(*BOTH),
        provider("Microsoft.App", "managedEnvironments"),
        usages(1, 20),
        get(IDENTITY_ID, 200, {"properties": {"principalId": PRINCIPAL}}),
        assigned,
        permissions(GROUP, CONTRIBUTOR),
    )
    with FakeAzure(*exchanges) as azure:
        problems = run("preflight_info", azure, resources=[ENVIRONMENT, STORAGE, IDENTITY], role_assignments=ROLES)[
            "problems"
        ]
    assert [ASSIGN in line for line in problems] == ([True] if lacking else [])


def test_a_role_of_a_missing_resource_or_identity_needs_permission() -> None:
    exchanges = (
        group(BOTH[0]),
        provider("Microsoft.ManagedIdentity", "userAssignedIdentities"),
        permissions(GROUP, CONTRIBUTOR),
    )
    with FakeAzure(*exchanges) as azure:
        (line,) = run("preflight_info", azure, resources=[STORAGE, IDENTITY], role_assignments=ROLES)["problems"]
    assert line.startswith(f"You do not have permission for {ASSIGN} on {GROUP}.")


def test_unreadable_role_assignments_are_unchecked() -> None:
    exchanges = (
        group(*BOTH),
        provider("Microsoft.App", "managedEnvironments"),
        usages(1, 20),
        get(IDENTITY_ID, 200, {"properties": {"principalId": PRINCIPAL}}),
        assignments(status=403),
        permissions(GROUP, CONTRIBUTOR),
    )
    with FakeAzure(*exchanges) as azure:
        result = run("preflight_info", azure, resources=[ENVIRONMENT, STORAGE, IDENTITY], role_assignments=ROLES)
    assert result["problems"] == []
    assert result["unchecked"][0].startswith(f"Whether Reader is assigned on {GROUP}")


def test_a_new_group_needs_the_permission_to_create_it() -> None:
    reader = [{"actions": ["*/read"], "notActions": []}]
    exchanges = (ABSENT, storage_provider(), name_check({"nameAvailable": True}), permissions(BASE, reader))
    with FakeAzure(*exchanges) as azure:
        (line,) = run("preflight_info", azure, resources=[STORAGE])["problems"]
    assert "Microsoft.Storage/storageAccounts/write, Microsoft.Resources/subscriptions/resourceGroups/write" in line
    assert line.endswith("such as Contributor.")


def test_a_resource_without_a_name_is_ignored() -> None:
    with FakeAzure(permissions(BASE, ALL)) as azure:
        assert run("preflight_info", azure, resources=[{**STORAGE, "name": ""}])["problems"] == []


@pytest.mark.parametrize(
    ("actions", "not_actions", "action", "allowed"),
    [
        (["*"], [], "Microsoft.Sql/servers/write", True),
        (["*/read"], [], "Microsoft.Sql/servers/write", False),
        (["microsoft.sql/servers/*"], [], "Microsoft.Sql/servers/write", True),
        (["*"], ["Microsoft.Authorization/*/Write"], ASSIGN, False),
        (["Microsoft.Sql/servers/write"], None, "Microsoft.Sql/servers/writes", False),
        (None, None, "Microsoft.Sql/servers/write", False),
    ],
)
def test_action_patterns_of_permissions(actions: Any, not_actions: Any, action: str, allowed: bool) -> None:
    assert is_permitted([{"actions": actions, "notActions": not_actions}], action) is allowed


def test_one_permission_is_enough() -> None:
    """notActions restrict their own permission only: another permission may have the action."""
    assert is_permitted([*CONTRIBUTOR, {"actions": [ASSIGN], "notActions": []}], ASSIGN)


def test_an_unregistered_provider_is_reported_once() -> None:
    unregistered = {"error": {"code": "MissingSubscriptionRegistration", "message": "is not registered"}}
    exchanges = (ABSENT, storage_provider("NotRegistered"), name_check(unregistered, 409), permissions(BASE, ALL))
    with FakeAzure(*exchanges) as azure:
        (line,) = run("preflight_info", azure, resources=[STORAGE])["problems"]
    assert line.endswith("az provider register --namespace Microsoft.Storage")


def test_transient_errors_are_retried() -> None:
    busy = {"error": {"code": "TooManyRequests", "message": "later"}}
    throttled = Exchange("GET", f"{GROUP}/resources", 429, busy, {"Retry-After": "3"})
    with FakeAzure(throttled, group(CURRENT)) as azure:
        assert run("preflight_info", azure, resources=[STORAGE])["problems"] == []


def test_persistent_errors_are_reported_within_the_deadline() -> None:
    broken = {"error": {"code": "InternalServerError", "message": "oh"}}
    exchanges = (group(), *[get(f"{BASE}/providers/Microsoft.Storage", 500, broken)] * 5)
    with FakeAzure(*exchanges, name_check({"nameAvailable": True}), permissions(GROUP, ALL)) as azure:
        (line,) = run("preflight_info", azure, resources=[STORAGE], wait_timeout=60)["problems"]
    assert line.startswith("The resource provider Microsoft.Storage could not be read: InternalServerError")
