# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role assignments: names of roles, names of assignments, and what module role_assignment does."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from .._core.arm import Arm, Json, Operations
from .._core.deadline import DeadlineExceeded
from .._core.errors import ArmError, Failure, InvalidOption
from .._core.info import all_of
from .._core.plan import CREATE, DELETE, NONE, Plan, Rule, is_empty, plan
from .._core.resource import Params

CLIENT = "azure.mgmt.authorization.v2022_04_01:AuthorizationManagementClient"
ASSIGNMENTS = Operations(CLIENT, "role_assignments", "Microsoft.Authorization")
DEFINITIONS = Operations(CLIENT, "role_definitions", "Microsoft.Authorization")

# GUIDs of built-in roles are the same in every tenant; naming the usual ones here spares a read.
BUILT_IN = {
    "acrpull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "acrpush": "8311e382-0749-4cb8-b61a-304f252e45ec",
    "contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "key vault administrator": "00482a5a-887f-4fb3-b363-3b7fe8e74483",
    "key vault secrets officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "key vault secrets user": "4633458b-17de-408a-b874-0445c86b69e6",
    "log analytics contributor": "92aaf0da-9dab-42b6-94a3-d43ce8d16293",
    "log analytics reader": "73c42c96-874c-492b-b04d-ab87d138a893",
    "managed identity operator": "f1a07417-d97a-45cb-824c-7a7467783830",
    "owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "role based access control administrator": "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
    "storage blob data contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "storage blob data owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storage blob data reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "user access administrator": "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
}
RULES = {
    "properties.principalType": Rule(write_only=True),
    "properties.principalId": Rule(compare=lambda wanted, current: _guid(wanted) == _guid(current)),
    "properties.roleDefinitionId": Rule(compare=lambda wanted, current: _guid(wanted) == _guid(current)),
}
# The only version of the language of conditions that Azure takes.
CONDITION_VERSION = "2.0"
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
# Names assignments; never change it, or assignments made before get a second name.
_NAMESPACE = uuid.UUID("6f1c6a2e-6f0e-5d0b-9d6c-3f6a0d1f5a71")


def _guid(value: Any) -> str:
    """Last path segment of an id, in lower case."""
    return str(value or "").rstrip("/").rsplit("/", 1)[-1].lower()


def assignment_name(scope: str, principal_id: str, role_guid: str) -> str:
    """The same three always give the same name, so two runs can never assign twice."""
    return str(uuid.uuid5(_NAMESPACE, f"{scope.lower().rstrip('/')}|{principal_id.lower()}|{role_guid.lower()}"))


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _check_scope(params)
    _check_principal(params)


def _check_scope(params: Params) -> None:
    if not params["scope"].startswith("/"):
        raise InvalidOption("scope", params["scope"], "write a resource id, as /subscriptions/.../resourceGroups/rg.")


def _check_principal(params: Params) -> None:
    if not _GUID.fullmatch(params["principal_id"]):
        raise InvalidOption(
            "principal_id",
            params["principal_id"],
            "write the object id (a GUID) of the principal; of a managed identity its principalId, not its clientId.",
        )


def role_guid(arm: Arm, scope: str, role: str) -> str:
    """GUID of a role given by name, GUID or id. Raises InvalidOption for a name that the scope does not know."""
    last = _guid(role)
    if _GUID.fullmatch(last):
        return last
    if role.lower() in BUILT_IN:
        return BUILT_IN[role.lower()]
    quoted = role.replace("'", "''")
    found = arm.call_all(DEFINITIONS, "list", scope, filter=f"roleName eq '{quoted}'")
    if not found:
        raise InvalidOption("role", role, "no role of that name at this scope: check its spelling, or give its GUID.")
    return _guid(found[0]["name"])


def execute(params: Params, arm: Arm, check_mode: bool) -> dict[str, Any]:
    """Returns C(changed), C(role_assignment) ({} when absent) and C(diff)."""
    check(params)
    scope = params["scope"].rstrip("/") or "/"
    guid = role_guid(arm, scope, params["role"])
    name = assignment_name(scope, params["principal_id"], guid)
    current = find(arm, scope, name, params["principal_id"], guid)
    if params["state"] == "absent":
        if current is not None and not check_mode:
            arm.call(ASSIGNMENTS, "delete", scope, current["name"])
        return _result(Plan(NONE if current is None else DELETE, current or {}, {}, {}), {})
    wanted = {
        "properties": {
            "condition": params["condition"],
            "conditionVersion": CONDITION_VERSION if params["condition"] else params["condition"],
            "description": params["description"],
            "principalId": params["principal_id"],
            "principalType": params["principal_type"],
            "roleDefinitionId": (f"{arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}"),
        }
    }
    planned = plan(current, wanted, RULES, lambda before, after: _body(wanted, before))
    predicted = {
        "id": f"{scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "name": name,
        "type": "Microsoft.Authorization/roleAssignments",
        **planned.after,
    }
    if planned.action == NONE or check_mode:
        return _result(planned, predicted if planned.action == CREATE else planned.after)
    if current is not None:
        name = current["name"]
    try:
        _when_principal_is_known(arm, lambda: arm.submit(ASSIGNMENTS, "create", scope, name, body=planned.body))
    except ArmError as error:
        if error.code != "RoleAssignmentExists":
            raise
        standing = find(arm, scope, name, params["principal_id"], guid) or predicted
        return _result(Plan(NONE, standing, standing, {}), standing)
    return _result(planned, arm.get(ASSIGNMENTS, "get", scope, name) or predicted)


def _body(wanted: Json, before: Json) -> Json:
    """All that Azure takes: an update has to repeat what it cannot change. What is empty goes away."""
    properties = {key: value for key, value in wanted["properties"].items() if value is not None}
    kept = {
        key: value
        for key, value in (before.get("properties") or {}).items()
        if key in ("condition", "conditionVersion", "description", "principalType")
    }
    return {"properties": {key: value for key, value in {**kept, **properties}.items() if not is_empty(value)}}


def find(arm: Arm, scope: str, name: str, principal_id: str, guid: str) -> Json | None:
    """The assignment under our name, or the same one that somebody made under another name."""
    found = arm.get(ASSIGNMENTS, "get", scope, name)
    if found is not None:
        return found
    try:
        candidates = arm.call_all(ASSIGNMENTS, "list_for_scope", scope, filter=f"principalId eq '{principal_id}'")
    except ArmError as error:
        if error.status != 404:
            raise
        return None
    for candidate in candidates:
        properties = candidate["properties"]
        same_scope = str(properties.get("scope")).lower().rstrip("/") == scope.lower().rstrip("/")
        if same_scope and _guid(properties.get("roleDefinitionId")) == guid:
            return dict(candidate)
    return None


def look(params: Params, arm: Arm, _check_mode: bool) -> dict[str, Any]:
    """Returns C(role_assignments): those made at the scope or above it, of a principal, of a role. Raises ArmError, Failure."""
    scope, principal = params["scope"].rstrip("/") or "/", params["principal_id"]
    _check_scope(params)
    if principal is not None:
        _check_principal(params)
    guid = None if params["role"] is None else role_guid(arm, scope, params["role"])
    narrowed = "atScope()" if principal is None else f"principalId eq '{principal}'"
    found = all_of(arm, ASSIGNMENTS, "list_for_scope", scope, filter=narrowed)
    counting = [
        assignment
        for assignment in found
        if _counts_at(scope, assignment["properties"])
        and (guid is None or _guid(assignment["properties"].get("roleDefinitionId")) == guid)
    ]
    return {"changed": False, "role_assignments": counting}


def _counts_at(scope: str, properties: Json) -> bool:
    """Whether an assignment was made at the scope or above it: Azure lists those below as well."""
    made_at = str(properties.get("scope") or "/").lower().rstrip("/")
    above = made_at.startswith("/providers/microsoft.management/managementgroups/")
    return above or f"{scope.lower().rstrip('/')}/".startswith(f"{made_at}/")


def _when_principal_is_known(arm: Arm, attempt: Callable[[], Any]) -> None:
    """A principal just created takes a while to be known everywhere: repeat until the deadline."""
    pause = 1.0
    while True:
        try:
            attempt()
        except ArmError as error:
            if error.code != "PrincipalNotFound":
                raise
            try:
                arm.deadline.pause(pause)
            except DeadlineExceeded:
                raise Failure(
                    f"{error} It stayed unknown for wait_timeout ({arm.deadline.seconds:g} s).", error=error.as_dict()
                ) from error
            pause = min(pause * 2, 10.0)
        else:
            return


def _result(planned: Plan, shown: Json) -> dict[str, Any]:
    return {
        "changed": planned.changed,
        "role_assignment": shown,
        "diff": {"before": planned.before, "after": planned.after},
    }
