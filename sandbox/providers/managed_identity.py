# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.ManagedIdentity: user-assigned identities, each with a service principal in the directory."""

from __future__ import annotations

import uuid

from sandbox.arm.errors import ArmError
from sandbox.arm.locations import region
from sandbox.arm.resource_type import Call, NameRule, ResourceType
from sandbox.arm.target import Target
from sandbox.messages import Json
from sandbox.store import Operation, Principal, Resource


class UserAssignedIdentity(ResourceType):
    """A user-assigned identity."""

    type = "Microsoft.ManagedIdentity/userAssignedIdentities"
    id_group_segment = "resourcegroups"
    shows_state = False
    located = True
    name_rule = NameRule(
        r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}",
        "InvalidResourceName",
        "The name '{name}' of the user-assigned identity is invalid.",
    )

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        current = existing.properties if existing else {}
        return {
            "location": region(call.body["location"]),
            "tags": call.body.get("tags") or {},
            "properties": {
                "tenantId": self.context.directory.tenant,
                "principalId": current.get("principalId") or str(uuid.uuid4()),
                "clientId": current.get("clientId") or str(uuid.uuid4()),
            },
        }, {}

    def start_work(self, resource: Resource, operation: Operation, call: Call) -> bool:
        properties = resource.properties
        self.store.put_principal(
            Principal(properties["principalId"], properties["clientId"], resource.name, "ManagedIdentity", resource.key)
        )
        return False

    def on_delete(self, resource: Resource) -> None:
        self.store.delete_principals_of(resource.key)


class FederatedIdentityCredential(ResourceType):
    """A federated identity credential. The sandbox stores it only: its Entra ID does not exchange tokens of other issuers."""

    type = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
    id_group_segment = "resourcegroups"
    shows_state = False
    name_rule = NameRule(
        r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}",
        "InvalidResourceName",
        "The name '{name}' of the federated identity credential is invalid.",
    )

    def not_found(self, target: Target) -> ArmError:
        return ArmError(404, "NotFound", f"Resource '{self.resource_id(target)}' was not found.", cause="")

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = call.body.get("properties") or {}
        if missing := [name for name in ("issuer", "subject", "audiences") if not requested.get(name)]:
            message = f"The federated identity credential '{call.target.name}' has no {', '.join(missing)}."
            raise ArmError(400, "BadRequest", message, cause="")

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body["properties"]
        return {"properties": {name: requested[name] for name in ("issuer", "subject", "audiences")}}, {}
