# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reasons why Azure would refuse to create resources, read in advance: names, providers, regions, quotas, permissions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .._authorization.role_assignment import effective_assignments
from .._core.arm import ANY_RESOURCE, Arm, Json
from .._core.errors import ArmError
from .._core.info import InfoModule
from .._core.module import Params
from .._core.plan import folded_location

# Types whose names are unique in all of Azure.
_GLOBALLY_UNIQUE = frozenset(
    (
        "microsoft.containerregistry/registries",
        "microsoft.keyvault/vaults",
        "microsoft.sql/servers",
        "microsoft.storage/storageaccounts",
    )
)
# Types that have a quota per region, and the quota's name.
# Source: https://learn.microsoft.com/rest/api/containerapps/usages/list
_QUOTAS = {"microsoft.app/managedenvironments": "ManagedEnvironmentCount"}
_ASSIGN = "Microsoft.Authorization/roleAssignments/write"
_USABLE = frozenset(("Registered", "Registering"))


class Findings:
    """The findings of a preflight: problems, and checks that could not be made. One line each."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.unchecked: list[str] = []

    def add_unreadable(self, line: str, error: ArmError) -> None:
        """Add a read that failed. Without permission to read it is unchecked: the deployment may be permitted all the same."""
        message = f"{line} could not be read: {error}"
        if error.status == 403:
            self.unchecked.append(message)
        else:
            self.problems.append(message)


class PreflightInfo(InfoModule):
    """The check of a deployment before it: reads only."""

    options = {
        "resources": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "type": {"type": "str", "required": True},
                "name": {"type": "str"},
                "resource_group": {"type": "str"},
                "location": {"type": "str"},
                "option": {"type": "str", "default": "name"},
                "location_option": {"type": "str", "default": "location"},
            },
        },
        "actions": {"type": "list", "elements": "str", "default": []},
        "role_assignments": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "role": {"type": "str", "required": True},
                "resource": {"type": "str", "required": True},
                "identity": {"type": "str", "required": True},
            },
        },
    }
    packages = {
        "azure.mgmt.resource.resources": "azure-mgmt-resource",
        "azure.mgmt.authorization": "azure-mgmt-authorization",
    }

    def __init__(self, params: Params, arm: Arm) -> None:
        super().__init__(params, arm)
        self._findings = Findings()
        # Ids of the resources in the groups, by _key.
        self._existing: dict[str, str] = {}

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Return C(problems) and C(unchecked), and C(existing), ids of the resources in the groups. Raise Failure.

        A read that Azure refuses does not end the check: it is a finding.
        """
        groups = list(dict.fromkeys(str(one["resource_group"]) for one in self._resources))
        existing_groups = [group for group in groups if self._read_group(group)]
        missing = [one for one in self._resources if not self._exists(one)]
        self._check_providers(missing)
        for one in missing:
            self._check_name(one)
        self._check_quotas(missing)
        # An update of existing resources needs fewer permissions than their creation.
        if missing or not self._resources:
            for scope, actions in self._needed_actions(groups, existing_groups, missing).items():
                self._check_permissions(scope, actions)
        return {
            "changed": False,
            "problems": list(dict.fromkeys(self._findings.problems)),
            "unchecked": self._findings.unchecked,
            "existing": sorted(self._existing.values()),
        }

    @property
    def _resources(self) -> list[Json]:
        """The resources whose id is known."""
        return [one for one in self.params["resources"] if one["name"] and one["resource_group"]]

    def _id(self, one: Json) -> str:
        return f"{self.arm.subscription}/resourceGroups/{one['resource_group']}/providers/{one['type']}/{one['name']}"

    def _exists(self, one: Json) -> bool:
        return _key(one["resource_group"], one["type"], one["name"]) in self._existing

    def _get(self, path: str, api_version: str) -> Json:
        return self.arm.request(ANY_RESOURCE, "GET", path, api_version)

    def _read_group(self, group: str) -> bool:
        """Keep the resources of a group. Return whether the group exists."""
        try:
            resources = self.arm.call_all(ANY_RESOURCE, "list_by_resource_group", group)
        except ArmError as error:
            if error.status != 404:
                self._findings.problems.append(f"The resource group {group} could not be read: {error}")
            return error.status != 404
        self._existing |= {_key(group, item["type"], item["name"]): str(item["id"]) for item in resources}
        return True

    def _check_providers(self, missing: list[Json]) -> None:
        """Add providers that are not registered, and regions without the type."""
        for namespace in dict.fromkeys(one["type"].partition("/")[0] for one in missing):
            try:
                provider = self._get(f"{self.arm.subscription}/providers/{namespace}", "Microsoft.Resources")
            except ArmError as error:
                self._findings.add_unreadable(f"The resource provider {namespace}", error)
                continue
            if provider.get("registrationState") not in _USABLE:
                self._findings.problems.append(
                    f"The resource provider {namespace} is not registered in the subscription. Register it once: "
                    f"az provider register --namespace {namespace}"
                )
            for one in missing:
                if one["type"].partition("/")[0] == namespace:
                    self._check_location(one, provider)

    def _check_location(self, one: Json, provider: Json) -> None:
        kind = one["type"].partition("/")[2].lower()
        regions = {item["resourceType"].lower(): item.get("locations") or [] for item in provider["resourceTypes"]}
        names = {folded_location(region) for region in regions.get(kind, [])}
        if one["location"] and names and folded_location(one["location"]) not in names:
            self._findings.problems.append(
                f"{one['location_option']}: '{one['location']}' has no {one['type']} for this subscription. "
                f"Give it one of {', '.join(sorted(names))}."
            )

    def _check_name(self, one: Json) -> None:
        """Add a name that is taken, anywhere in Azure."""
        if one["type"].lower() not in _GLOBALLY_UNIQUE:
            return
        option, name, namespace = one["option"], one["name"], one["type"].partition("/")[0]
        path = f"{self.arm.subscription}/providers/{namespace}/checkNameAvailability"
        try:
            answer = self.arm.request(ANY_RESOURCE, "POST", path, namespace, {"name": name, "type": one["type"]})
            # The list of a group may not contain a new resource yet: then the name is ours.
            if answer.get("nameAvailable", True) or self._is_readable(one, namespace):
                return
        except ArmError as error:
            if not _is_unregistered(error):
                self._findings.add_unreadable(f"{option}: whether '{name}' is available", error)
            return
        reason = str(answer.get("message") or answer.get("reason") or "Azure returned no reason").rstrip(".")
        self._findings.problems.append(f"{option}: '{name}' is not available: {reason}. Use another name.")

    def _is_readable(self, one: Json, namespace: str) -> bool:
        try:
            self._get(self._id(one), namespace)
        except ArmError as error:
            if error.status != 404:
                raise
            return False
        return True

    def _check_quotas(self, missing: list[Json]) -> None:
        """Add regions in which the quota of the subscription is used up."""
        for kind, quota in _QUOTAS.items():
            planned = [one for one in missing if one["type"].lower() == kind and one["location"]]
            for location in dict.fromkeys(folded_location(one["location"]) for one in planned):
                self._check_quota(
                    [one for one in planned if folded_location(one["location"]) == location], location, quota
                )

    def _check_quota(self, planned: list[Json], location: str, quota: str) -> None:
        """Add the region when its quota is too small for the planned resources, which are all of one type."""
        first = planned[0]
        namespace = first["type"].partition("/")[0]
        path = f"{self.arm.subscription}/providers/{namespace}/locations/{location}/usages"
        try:
            usages = self._get(path, namespace)
        except ArmError as error:
            # A region without the type, or a provider without registration, is a problem already.
            if error.status not in (400, 404) and not _is_unregistered(error):
                self._findings.add_unreadable(f"The quota of {first['type']} in {location}", error)
            return
        for usage in usages.get("value", []):
            used, limit = usage.get("currentValue", 0), usage.get("limit", -1)
            if usage.get("name", {}).get("value") == quota and 0 <= limit < used + len(planned):
                self._findings.problems.append(
                    f"{first['location_option']}: the subscription has {used:g} of the {limit:g} "
                    f"{first['type']} that it may have in {location}. Request a higher quota, or use another region."
                )

    def _needed_actions(
        self, groups: list[str], existing_groups: list[str], missing: list[Json]
    ) -> dict[str, list[str]]:
        """Return the actions by scope: an existing group for its own resources, the subscription for new groups."""
        actions = self.params["actions"]
        assigned = self._groups_to_assign_in()

        def writes(group: str) -> list[str]:
            return [f"{one['type']}/write" for one in missing if one["resource_group"] == group]

        def assignments(group: str) -> list[str]:
            return [_ASSIGN] if group in assigned else []

        scopes = {}
        for group in existing_groups:
            needed = [*writes(group), *(actions if writes(group) else []), *assignments(group)]
            if needed:
                scopes[f"{self.arm.subscription}/resourceGroups/{group}"] = needed
        absent = [group for group in groups if group not in existing_groups]
        if absent or not groups:
            new = [action for group in absent for action in [*writes(group), *assignments(group)]]
            create_group = ["Microsoft.Resources/subscriptions/resourceGroups/write"] if absent else []
            scopes[self.arm.subscription] = [*new, *actions, *create_group]
        return scopes

    def _groups_to_assign_in(self) -> list[str]:
        """Return the groups of resources to which a role assignment for one of the identities is still missing."""
        by_option = {one["option"]: one for one in self._resources}
        groups = []
        for assignment in self.params["role_assignments"]:
            target, identity = by_option.get(assignment["resource"]), by_option.get(assignment["identity"])
            if target is None or identity is None:
                continue
            exist = self._exists(target) and self._exists(identity)
            try:
                if not exist or not self._is_assigned(self._id(target), assignment["role"], self._id(identity)):
                    groups.append(str(target["resource_group"]))
            except ArmError as error:
                self._findings.unchecked.append(
                    f"Whether {assignment['role']} is assigned on {self._id(target)} could not be read: {error}"
                )
        return groups

    def _is_assigned(self, scope: str, role: str, identity: str) -> bool:
        principal = self._get(identity, "Microsoft.ManagedIdentity")["properties"]["principalId"]
        assignments = effective_assignments(self.arm, scope, principal, role)
        return any(one["properties"]["scope"].lower() == scope.lower() for one in assignments)

    def _check_permissions(self, scope: str, actions: Iterable[str]) -> None:
        """Add the actions that the caller is not permitted."""
        path = f"{scope}/providers/Microsoft.Authorization/permissions"
        try:
            permissions = self._get(path, "Microsoft.Authorization").get("value", [])
        except ArmError as error:
            self._findings.add_unreadable(f"The permissions on {scope}", error)
            return
        lacking = [action for action in dict.fromkeys(actions) if not is_permitted(permissions, action)]
        if lacking:
            self._findings.problems.append(
                f"You do not have permission for {', '.join(lacking)} on {scope}. Have a role assigned that permits it, such as "
                f"{_sufficient_roles(lacking)}."
            )


def _key(group: str, resource_type: str, name: str) -> str:
    return f"{group}|{resource_type}|{name}".lower()


def _is_unregistered(error: ArmError) -> bool:
    """Return whether the provider is not registered, which is a problem already."""
    return error.code == "MissingSubscriptionRegistration"


def _sufficient_roles(actions: list[str]) -> str:
    authorization = [action for action in actions if action.startswith("Microsoft.Authorization/")]
    if any("/locks/" in action for action in authorization):
        return "Contributor and User Access Administrator"
    if authorization:
        return "Contributor and Role Based Access Control Administrator"
    return "Contributor"


def is_permitted(permissions: Iterable[Mapping[str, Any]], action: str) -> bool:
    """Return whether any of the permissions has the action among its actions and not among its notActions."""
    return any(
        _matches(one.get("actions"), action) and not _matches(one.get("notActions"), action) for one in permissions
    )


def _matches(patterns: Iterable[str] | None, action: str) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) for pattern in patterns or []
    )
