# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Authorization: role definitions, role assignments and locks."""

from __future__ import annotations

import re
import uuid

from sandbox.arm.errors import ArmError
from sandbox.arm.locks import LEVELS, LOCKS
from sandbox.arm.paging import matches_filter
from sandbox.arm.resource_type import Call, NameRule, ResourceType, utc_now
from sandbox.arm.target import Target, parse_target
from sandbox.entra.rbac import ROLE_DEFINITIONS, ROLES, ROLES_BY_GUID, Role, permissions, role_of
from sandbox.messages import Json, Response, json_response
from sandbox.store import Resource

GUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


def _definition(subscription: str, role: Role) -> Resource:
    return Resource(
        f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role.guid}",
        "microsoft.authorization/roledefinitions",
        role.guid,
        {
            "properties": {
                "roleName": role.name,
                "type": "BuiltInRole",
                "description": "",
                "assignableScopes": ["/"],
                "permissions": [
                    {
                        "actions": list(role.actions),
                        "notActions": list(role.not_actions),
                        "dataActions": list(role.data_actions),
                        "notDataActions": [],
                    }
                ],
                "createdOn": "2015-02-02T21:55:09.8806423Z",
                "updatedOn": "2023-07-10T15:10:53.8037022Z",
                "createdBy": None,
                "updatedBy": None,
            }
        },
    )


class RoleDefinition(ResourceType):
    """A role definition: a built-in role or a custom role."""

    type = ROLE_DEFINITIONS
    shows_state = False
    updated_status = 201
    shows_deleted = True
    name_rule = NameRule(
        GUID.pattern, "InvalidRoleDefinitionId", "The role definition ID '{name}' is not valid. It must be a GUID."
    )

    def resource_id(self, target: Target) -> str:
        return f"/subscriptions/{target.subscription}/providers/{self.type}/{target.name}"

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = call.body.get("properties") or {}
        if call.target.name.lower() in ROLES_BY_GUID:
            raise _role_error("RoleDefinitionUpdateNotPermitted", "A built-in role cannot be changed.")
        if not requested.get("roleName"):
            raise _role_error("InvalidRoleDefinitionName", "The name of the role must be given.")
        if not requested.get("assignableScopes"):
            raise _role_error("InvalidAssignableScopes", "A role needs at least one assignable scope.")
        if not requested.get("permissions"):
            raise _role_error("InvalidPermissions", "A role needs permissions.")
        for other in self.definitions(call.target.subscription):
            same = str(other.properties["roleName"]).lower() == requested["roleName"].lower()
            if same and other.name.lower() != call.target.name.lower():
                message = (
                    f"A custom role with the same name already exists in this directory: '{requested['roleName']}'."
                )
                raise ArmError(409, "RoleDefinitionWithSameNameExists", message, cause="")

    def check_delete(self, resource: Resource) -> None:
        if resource.name.lower() in ROLES_BY_GUID:
            raise _role_error("RoleDefinitionDeleteNotPermitted", "A built-in role cannot be deleted.")
        for assignment in self.store.of_type(RoleAssignment.type):
            if str(assignment.properties["roleDefinitionId"]).lower().endswith(resource.name.lower()):
                message = "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments)."
                raise _role_error("RoleDefinitionHasAssignments", message)

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body["properties"]
        now = utc_now()
        kinds = ("actions", "notActions", "dataActions", "notDataActions")
        properties: Json = {
            "roleName": requested["roleName"],
            "type": "CustomRole",
            "description": requested.get("description"),
            "assignableScopes": requested["assignableScopes"],
            "permissions": [
                {kind: list(entry.get(kind) or []) for kind in kinds} for entry in requested["permissions"]
            ],
            "createdOn": existing.properties["createdOn"] if existing else now,
            "updatedOn": now,
            "createdBy": call.caller.object_id,
            "updatedBy": call.caller.object_id,
        }
        return {"properties": properties}, {}

    def write_response(self, resource: Resource) -> Json:
        content = self.show(resource)
        content["properties"]["createdBy"] = None
        return content

    def default_instance(self, target: Target) -> Resource | None:
        role = ROLES_BY_GUID.get(target.name.lower())
        return None if role is None else _definition(target.subscription, role)

    def select(self, call: Call, scope: str) -> list[Resource]:
        expression = call.query.get("$filter", "")
        return [role for role in self.definitions(call.target.subscription) if matches_filter(role, expression)]

    def definitions(self, subscription: str) -> list[Resource]:
        """Return the built-in roles and the custom roles."""
        return [*(_definition(subscription, role) for role in ROLES), *self.store.of_type(self.type)]

    def not_found(self, target: Target) -> ArmError:
        message = f"The specified role definition with ID '{target.name}' does not exist."
        return ArmError(404, "RoleDefinitionDoesNotExist", message, cause="")


def _role_error(code: str, message: str) -> ArmError:
    return ArmError(400, code, message, cause="")


class RoleAssignment(ResourceType):
    """A role assignment: a role for a principal at a scope."""

    type = "Microsoft.Authorization/roleAssignments"
    shows_state = False
    updated_status = 201
    shows_deleted = True

    provider_actions = {"permissions": "GET"}

    def run_provider_action(self, call: Call, action: str) -> Response:
        return json_response(200, {"value": permissions(self.store, call.caller.object_id, call.target.scope)})

    def not_found(self, target: Target) -> ArmError:
        return ArmError(404, "RoleAssignmentNotFound", f"The role assignment '{target.name}' is not found.", cause="")

    def check(self, call: Call, existing: Resource | None) -> None:
        properties = call.body.get("properties") or {}
        principal = str(properties.get("principalId", ""))
        guid = str(properties.get("roleDefinitionId", "")).rpartition("/")[2].lower()
        if not GUID.fullmatch(call.target.name):
            raise ArmError(
                400,
                "InvalidRoleAssignmentId",
                f"The role assignment ID '{call.target.name}' is not valid. The role assignment ID must be a GUID.",
                cause="",
            )
        if not GUID.fullmatch(principal):
            raise ArmError(
                400,
                "InvalidPrincipalId",
                f"The Principal ID '{principal}' is not valid. Principal ID must be a GUID.",
                cause="",
            )
        if role_of(self.store, guid) is None:
            raise ArmError(
                404,
                "RoleDefinitionDoesNotExist",
                f"The specified role definition with ID '{guid}' does not exist.",
                cause="",
            )
        entry = self.store.principal(principal)
        # https://aka.ms/docs-principaltype: with principalType set, Azure does not wait for replication in the directory
        replicated = entry is not None and (
            bool(properties.get("principalType")) or self.context.directory.replicated(entry)
        )
        if entry is None or not replicated or entry.object_id != principal.lower():
            raise ArmError(
                400,
                "PrincipalNotFound",
                f"Principal {principal.replace('-', '')} does not exist in the directory {self.context.directory.tenant}. "
                "Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a "
                "role, this error might be related to a replication delay. In this case, set the role assignment principalType "
                "property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
                cause="",
            )
        for other in self.store.below(call.target.scope, self.type):
            assigned = other.properties
            if (
                other.name.lower() != call.target.name.lower()
                and assigned["principalId"].lower() == principal.lower()
                and assigned["roleDefinitionId"].lower().endswith(guid)
                and assigned["scope"].lower() == call.target.scope.lower()
            ):
                raise ArmError(409, "RoleAssignmentExists", "The role assignment already exists.", cause="")
        if existing is not None and existing.properties["principalId"].lower() != principal.lower():
            raise ArmError(
                400,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
                cause="",
            )

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body["properties"]
        now = utc_now()
        guid = str(requested["roleDefinitionId"]).rpartition("/")[2]
        return {
            "properties": {
                "roleDefinitionId": f"/subscriptions/{call.target.subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}",
                "principalId": requested["principalId"],
                "principalType": requested.get("principalType") or "ServicePrincipal",
                "scope": call.target.scope,
                "condition": requested.get("condition"),
                "conditionVersion": requested.get("conditionVersion"),
                "createdOn": existing.properties["createdOn"] if existing else now,
                "updatedOn": now,
                "createdBy": call.caller.object_id,
                "updatedBy": call.caller.object_id,
                "delegatedManagedIdentityResourceId": None,
                "description": requested.get("description"),
            }
        }, {"propagates": True}

    def write_response(self, resource: Resource) -> Json:
        content = self.show(resource)
        content["properties"]["createdBy"] = None
        return content

    def select(self, call: Call, scope: str) -> list[Resource]:
        """Return the assignments at, above and below the scope; `atScope()` omits those below."""
        expression = call.query.get("$filter", "")
        at = scope.lower().rstrip("/")
        selected = []
        for assignment in self.store.of_type(self.type):
            own = str(assignment.properties["scope"]).lower().rstrip("/")
            above = (at + "/").startswith(own + "/")
            below = own.startswith(at + "/") and "atscope()" not in expression.lower()
            if (above or below) and matches_filter(assignment, expression):
                selected.append(assignment)
        return selected


def owner_assignment(subscription: str, principal: str) -> Resource:
    """Return the role assignment of the sandbox's caller: Owner of the subscription."""
    scope = f"/subscriptions/{subscription}"
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}/{principal}"))
    now = utc_now()
    return Resource(
        f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "microsoft.authorization/roleassignments",
        name,
        {
            "properties": {
                "roleDefinitionId": f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[0].guid}",
                "principalId": principal,
                "principalType": "ServicePrincipal",
                "scope": scope,
                "condition": None,
                "conditionVersion": None,
                "createdOn": now,
                "updatedOn": now,
                "createdBy": principal,
                "updatedBy": principal,
                "delegatedManagedIdentityResourceId": None,
                "description": None,
            }
        },
    )


class ManagementLock(ResourceType):
    """A lock that prevents changes at and below its scope; `check_locked` enforces it."""

    type = LOCKS
    shows_state = False
    name_rule = NameRule(r"[^<>%&:\\?/]{0,259}[^<>%&:\\?/. ]", "InvalidLockName", "The lock name '{name}' is invalid.")

    def check(self, call: Call, existing: Resource | None) -> None:
        level = str((call.body.get("properties") or {}).get("level", ""))
        if level.lower() not in LEVELS:
            raise ArmError(
                400,
                "InvalidLockLevel",
                f"The lock level '{level}' is invalid. The supported levels are 'CanNotDelete, ReadOnly'.",
            )
        scope = parse_target(call.target.scope)
        if scope is not None and self.store.get(scope.id) is None:
            kind = f"{scope.type}/{scope.name}"
            raise ArmError(
                404,
                "ResourceNotFound",
                f"The Resource '{kind}' under resource group '{scope.resource_group}' was not found.",
            )

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body["properties"]
        notes = {"notes": requested["notes"]} if requested.get("notes") is not None else {}
        return {"properties": {"level": LEVELS[requested["level"].lower()], **notes}}, {}
