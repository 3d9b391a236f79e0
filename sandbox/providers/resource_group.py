# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Resources/resourceGroups: resource groups.

Source: https://learn.microsoft.com/rest/api/resources/resource-groups
"""

from __future__ import annotations

from sandbox.arm.bodies import merge_patch
from sandbox.arm.errors import ArmError
from sandbox.arm.locations import REGIONS, region
from sandbox.arm.paging import resource_filter
from sandbox.arm.resource_type import Call, NameRule, Reply, ResourceType
from sandbox.arm.target import Target
from sandbox.messages import Json
from sandbox.store import Operation, Resource

_OPTIONAL = ("managedBy", "tags")


class ResourceGroup(ResourceType):
    """A resource group; its deletion deletes the resources in it."""

    type = "Microsoft.Resources/resourceGroups"
    action_type = "Microsoft.Resources/subscriptions/resourceGroups"
    name_rule = NameRule(
        r"[-\w.()]{1,90}(?<!\.)",
        "InvalidResourceGroup",
        "The provided resource group name '{name}' has these invalid characters or is longer than 90 characters. "
        "The name can only be a letter, digit, '-', '.', '(', ')' or '_' and must not end with '.'.",
        cause="gateway",
    )
    delete_reply = Reply.ACCEPTED_LOCATION
    missing_delete_status = 404
    deleted_result_status = 200
    seconds = {"delete": 50.0}
    operation_api_version = "2021-04-01"
    result_path = "/subscriptions/{subscription}/operationresults/{operation}"

    def resource_id(self, target: Target) -> str:
        return f"/subscriptions/{target.subscription}/resourceGroups/{target.name}"

    def not_found(self, target: Target) -> ArmError:
        return ArmError(404, "ResourceGroupNotFound", f"Resource group '{target.name}' could not be found.")

    def busy(self, resource: Resource, running: Operation) -> ArmError | None:
        """Accept each write: the resources in the group have their own operations."""
        return None

    def select(self, call: Call, scope: str) -> list[Resource]:
        matches = resource_filter(call.query.get("$filter", ""))
        return [group for group in self.store.of_type(self.type) if matches(self.show(group))]

    def check(self, call: Call, existing: Resource | None) -> None:
        location = region(str(call.body.get("location") or ""))
        if location not in REGIONS:
            raise ArmError(
                400,
                "LocationNotAvailableForResourceGroup",
                f"The provided location '{call.body.get('location')}' is not available for resource group.",
            )
        if existing is not None and existing.body["location"] != location:
            raise ArmError(
                409,
                "InvalidResourceGroupLocation",
                f"Invalid resource group location '{location}'. The Resource group already exists in location '{existing.body['location']}'.",
            )

    def merge(self, call: Call, existing: Resource) -> Json:
        body: Json = merge_patch(existing.body, {name: call.body[name] for name in _OPTIONAL if name in call.body})
        return body

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        optional = {name: call.body[name] for name in _OPTIONAL if call.body.get(name) is not None}
        return {"location": region(str(call.body["location"])), **optional, "properties": {}}, {}
