# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.Authorization/roleAssignments: names of roles, names of assignments, and both modules."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from .._core.arguments import STATE, wait_options
from .._core.arm import Arm, Json, Operations
from .._core.deadline import DeadlineExceeded
from .._core.errors import ArmError, Failure, InvalidOption
from .._core.identifiers import check_scope, is_guid
from .._core.info import InfoModule, list_all
from .._core.module import AzureModule
from .._core.plan import CREATE, DELETE, NONE, WRITE_ONLY, Plan, Rule, is_empty, plan

_CLIENT = "azure.mgmt.authorization.v2022_04_01:AuthorizationManagementClient"
ASSIGNMENTS = Operations(_CLIENT, "role_assignments", "Microsoft.Authorization")
_DEFINITIONS = Operations(_CLIENT, "role_definitions", "Microsoft.Authorization")

# GUIDs of built-in roles are the same in every tenant; this table saves a request for the usual ones.
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
# The only version of the condition language that Azure accepts.
CONDITION_VERSION = "2.0"
# Never change it: existing assignments would get a second name.
_NAMESPACE = uuid.UUID("6f1c6a2e-6f0e-5d0b-9d6c-3f6a0d1f5a71")


def _guid(value: Any) -> str:
    """Return the last path segment of an id, in lower case."""
    return str(value or "").rstrip("/").rsplit("/", 1)[-1].lower()


def _same_guid(desired: Json, current: Json) -> bool:
    return _guid(desired) == _guid(current)


RULES = {
    "properties.principalType": WRITE_ONLY,
    "properties.principalId": Rule(compare=_same_guid),
    "properties.roleDefinitionId": Rule(compare=_same_guid),
}


def assignment_name(scope: str, principal_id: str, role_guid: str) -> str:
    """Return the name of an assignment: the same for the same three arguments, so that two runs never assign twice."""
    return str(uuid.uuid5(_NAMESPACE, f"{scope.lower().rstrip('/')}|{principal_id.lower()}|{role_guid.lower()}"))


def role_guid(arm: Arm, scope: str, role: str) -> str:
    """Return the GUID of a role. role: name, GUID or id. Raise InvalidOption for a name that the scope does not have."""
    last = _guid(role)
    if is_guid(last):
        return last
    if role.lower() in BUILT_IN:
        return BUILT_IN[role.lower()]
    quoted = role.replace("'", "''")
    definitions = arm.call_all(_DEFINITIONS, "list", scope, filter=f"roleName eq '{quoted}'")
    if not definitions:
        raise InvalidOption("role", role, "no role of that name at this scope: check its spelling, or give its GUID.")
    return _guid(definitions[0]["name"])


class RoleAssignment(AzureModule):
    """A role assignment. Not a Resource: its name follows from the options, or is that of an equal assignment."""

    options = {
        "scope": {"type": "str", "required": True},
        "role": {"type": "str", "required": True},
        "principal_id": {"type": "str", "required": True},
        "principal_type": {"type": "str", "choices": ["User", "Group", "ServicePrincipal", "ForeignGroup", "Device"]},
        "description": {"type": "str"},
        "condition": {"type": "str"},
        **STATE,
        **wait_options(300),
    }
    packages = {"azure.mgmt.authorization.v2022_04_01": "azure-mgmt-authorization"}

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Return C(changed), C(role_assignment) ({} when absent) and C(diff). Raise ArmError and Failure."""
        check_scope(self.params["scope"])
        _check_principal(self.params["principal_id"])
        guid = role_guid(self.arm, self._scope, self.params["role"])
        name = assignment_name(self._scope, self.params["principal_id"], guid)
        current = self._find(name, guid)
        if self.params["state"] == "absent":
            if current is not None and not check_mode:
                self.arm.call(ASSIGNMENTS, "delete", self._scope, current["name"])
            return _result(Plan(NONE if current is None else DELETE, current or {}, {}, {}), {})
        desired = self._desired(guid)
        planned = plan(current, desired, RULES, lambda before, _after: _update_body(desired, before))
        prediction = {
            "id": f"{self._scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{name}",
            "name": name,
            "type": "Microsoft.Authorization/roleAssignments",
            **planned.after,
        }
        if planned.action == NONE or check_mode:
            return _result(planned, prediction if planned.action == CREATE else planned.after)
        return self._write(name if current is None else current["name"], guid, planned, prediction)

    @property
    def _scope(self) -> str:
        return self.params["scope"].rstrip("/") or "/"

    def _desired(self, guid: str) -> Json:
        condition = self.params["condition"]
        return {
            "properties": {
                "condition": condition,
                "conditionVersion": CONDITION_VERSION if condition else condition,
                "description": self.params["description"],
                "principalId": self.params["principal_id"],
                "principalType": self.params["principal_type"],
                "roleDefinitionId": f"{self.arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}",
            }
        }

    def _find(self, name: str, guid: str) -> Json | None:
        """Return the assignment with our name, or an equal one with another name; None when there is neither."""
        assignment = self.arm.get(ASSIGNMENTS, "get", self._scope, name)
        if assignment is not None:
            return assignment
        principal = self.params["principal_id"]
        try:
            candidates = self.arm.call_all(
                ASSIGNMENTS, "list_for_scope", self._scope, filter=f"principalId eq '{principal}'"
            )
        except ArmError as error:
            if error.status != 404:
                raise
            return None
        for candidate in candidates:
            properties = candidate["properties"]
            same_scope = str(properties.get("scope")).lower().rstrip("/") == self._scope.lower().rstrip("/")
            if same_scope and _guid(properties.get("roleDefinitionId")) == guid:
                return dict(candidate)
        return None

    def _write(self, name: str, guid: str, planned: Plan, prediction: Json) -> dict[str, Any]:
        try:
            _retry_unknown_principal(
                self.arm, lambda: self.arm.submit(ASSIGNMENTS, "create", self._scope, name, body=planned.body)
            )
        except ArmError as error:
            if error.code != "RoleAssignmentExists":
                raise
            # Another client has created the same assignment meanwhile.
            current = self._find(name, guid) or prediction
            return _result(Plan(NONE, current, current, {}), current)
        return _result(planned, self.arm.get(ASSIGNMENTS, "get", self._scope, name) or prediction)


class RoleAssignmentInfo(InfoModule):
    """Role assignments that are effective at a scope, to read."""

    options = {
        "scope": {"type": "str", "required": True},
        "principal_id": {"type": "str"},
        "role": {"type": "str"},
    }
    packages = {"azure.mgmt.authorization": "azure-mgmt-authorization"}

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Return C(role_assignments), those at the scope or above it. Raise ArmError and Failure."""
        scope, principal, role = self.params["scope"], self.params["principal_id"], self.params["role"]
        check_scope(scope)
        if principal is not None:
            _check_principal(principal)
        return {"changed": False, "role_assignments": effective_assignments(self.arm, scope, principal, role)}


def effective_assignments(arm: Arm, scope: str, principal_id: str | None, role: str | None) -> list[Json]:
    """Return the assignments at the scope or above it, of a principal and a role where these are given."""
    scope = scope.rstrip("/") or "/"
    guid = None if role is None else role_guid(arm, scope, role)
    condition = "atScope()" if principal_id is None else f"principalId eq '{principal_id}'"
    return [
        assignment
        for assignment in list_all(arm, ASSIGNMENTS, "list_for_scope", scope, filter=condition)
        if _is_effective_at(scope, assignment["properties"])
        and (guid is None or _guid(assignment["properties"].get("roleDefinitionId")) == guid)
    ]


def _is_effective_at(scope: str, properties: Json) -> bool:
    """Return whether an assignment is at the scope or above it: Azure lists those below as well."""
    assigned_at = str(properties.get("scope") or "/").lower().rstrip("/")
    above = assigned_at.startswith("/providers/microsoft.management/managementgroups/")
    return above or f"{scope.lower().rstrip('/')}/".startswith(f"{assigned_at}/")


def _check_principal(principal_id: str) -> None:
    if not is_guid(principal_id):
        rule = "write the object id (a GUID) of the principal; of a managed identity its principalId, not its clientId."
        raise InvalidOption("principal_id", principal_id, rule)


def _update_body(desired: Json, before: Json) -> Json:
    """Return everything that Azure accepts: an update repeats what it cannot change. Empty values are removed."""
    properties = {key: value for key, value in desired["properties"].items() if value is not None}
    kept = {
        key: value
        for key, value in (before.get("properties") or {}).items()
        if key in ("condition", "conditionVersion", "description", "principalType")
    }
    return {"properties": {key: value for key, value in {**kept, **properties}.items() if not is_empty(value)}}


def _retry_unknown_principal(arm: Arm, attempt: Callable[[], Any]) -> None:
    """Repeat an attempt until the deadline while Entra ID has not replicated a new principal."""
    backoff = arm.deadline.backoff(1.0, 10.0)
    while True:
        try:
            attempt()
        except ArmError as error:
            if error.code != "PrincipalNotFound":
                raise
            try:
                backoff.pause()
            except DeadlineExceeded:
                raise Failure(
                    f"{error} It stayed unknown for wait_timeout ({arm.deadline.seconds:g} s).", error=error.as_dict()
                ) from error
        else:
            return


def _result(planned: Plan, assignment: Json) -> dict[str, Any]:
    return {
        "changed": planned.changed,
        "role_assignment": assignment,
        "diff": {"before": planned.before, "after": planned.after},
    }
