# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Authorization: role definitions (the built-in ones) and role assignments."""

from __future__ import annotations

import re
import uuid

from sandbox.access import ROLES, Role
from sandbox.resource_types import ArmError, Call, Json, ResourceType, Target, passes, utc_now
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
    type = "Microsoft.Authorization/roleDefinitions"
    shows_state = False

    def check(self, call: Call, existing: Resource | None) -> None:
        raise ArmError(400, "RoleDefinitionCreateNotSupported", "The sandbox knows the built-in roles only.")

    def select(self, call: Call, scope: str) -> list[Resource]:
        wanted = call.query.get("$filter", "")
        return [found for found in self.definitions(call.target.subscription) if passes(found, wanted)]

    def definitions(self, subscription: str) -> list[Resource]:
        return [_definition(subscription, role) for role in ROLES]

    def not_found(self, target: Target) -> ArmError:
        return ArmError(
            404,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID '{target.name}' does not exist.",
            cause="",
        )


class RoleAssignment(ResourceType):
    type = "Microsoft.Authorization/roleAssignments"
    shows_state = False

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
        if guid not in {role.guid for role in ROLES}:
            raise ArmError(
                404,
                "RoleDefinitionDoesNotExist",
                f"The specified role definition with ID '{guid}' does not exist.",
                cause="",
            )
        known = self.store.principal(principal)
        if known is None or known.object_id != principal.lower():
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
            same = other.properties
            if (
                other.name.lower() != call.target.name.lower()
                and same["principalId"].lower() == principal.lower()
                and same["roleDefinitionId"].lower().endswith(guid)
                and same["scope"].lower() == call.target.scope.lower()
            ):
                raise ArmError(409, "RoleAssignmentExists", "The role assignment already exists.", cause="")
        if existing is not None and existing.properties["principalId"].lower() != principal.lower():
            raise ArmError(
                400,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
                cause="",
            )

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        asked = call.body["properties"]
        now = utc_now()
        guid = str(asked["roleDefinitionId"]).rpartition("/")[2]
        return {
            "properties": {
                "roleDefinitionId": f"/subscriptions/{call.target.subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}",
                "principalId": asked["principalId"],
                "principalType": asked.get("principalType") or "ServicePrincipal",
                "scope": call.target.scope,
                "condition": asked.get("condition"),
                "conditionVersion": asked.get("conditionVersion"),
                "createdOn": existing.properties["createdOn"] if existing else now,
                "updatedOn": now,
                "createdBy": call.caller.object_id,
                "updatedBy": call.caller.object_id,
                "delegatedManagedIdentityResourceId": None,
                "description": asked.get("description"),
            }
        }, {"propagates": True}

    def select(self, call: Call, scope: str) -> list[Resource]:
        """Assignments at, above and below the scope; `atScope()` leaves out those below."""
        wanted = call.query.get("$filter", "")
        asked = scope.lower().rstrip("/")
        found = []
        for assignment in self.store.of_type(self.type):
            own = str(assignment.properties["scope"]).lower().rstrip("/")
            above = (asked + "/").startswith(own + "/")
            below = own.startswith(asked + "/") and "atscope()" not in wanted.lower()
            if (above or below) and passes(assignment, wanted):
                found.append(assignment)
        return found


def owner_assignment(subscription: str, principal: str) -> Resource:
    """The caller's own role: Owner of the subscription."""
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
