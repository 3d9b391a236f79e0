# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would keep Azure from making resources, found by reads only: names, providers, regions, quotas, permissions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .._authorization import role_assignment as _role_assignment
from .._core.arm import ANY_RESOURCE, Arm, Json
from .._core.errors import ArmError
from .._core.plan import folded_location
from .._core.resource import Params

# Types whose names are unique in all of Azure, and where to ask for one.
_NAMED_EVERYWHERE = frozenset(
    (
        "microsoft.containerregistry/registries",
        "microsoft.keyvault/vaults",
        "microsoft.sql/servers",
        "microsoft.storage/storageaccounts",
    )
)
# Types that a region has a quota of, and the quota's name.
# Source: https://learn.microsoft.com/rest/api/containerapps/usages/list
_QUOTAS = {"microsoft.app/managedenvironments": "ManagedEnvironmentCount"}
_ASSIGN = "Microsoft.Authorization/roleAssignments/write"
_USABLE = frozenset(("Registered", "Registering"))


def look(params: Params, arm: Arm, _check_mode: bool) -> dict[str, Any]:
    """Returns C(problems) and C(unchecked), one line each, and C(existing), ids of what there is in the groups. Raises Failure.

    A read that Azure refuses does not end the look. It is a problem, but for reads that may be refused to somebody who may do all
    that is needed, such as those at the subscription: those are unchecked.
    """
    unchecked: list[str] = []
    wanted = [one for one in params["resources"] if one["name"] and one["resource_group"]]
    problems: list[str] = []
    standing: dict[str, str] = {}
    groups = list(dict.fromkeys(str(one["resource_group"]) for one in wanted))
    present = [group for group in groups if _list_group(arm, group, standing, problems)]
    missing = [one for one in wanted if _key(one["resource_group"], one["type"], one["name"]) not in standing]
    problems += _provider_problems(arm, missing, unchecked)
    for one in missing:
        problems += _name_problems(arm, one, unchecked)
    problems += _quota_problems(arm, missing, unchecked)
    if missing or not wanted:
        # Who only changes what stands, such as the app's image, need not be permitted all that making it took.
        assigned = _missing_role_assignments(arm, wanted, standing, params["role_assignments"], unchecked)
        for scope, needed in _needed(arm, groups, present, missing, params["actions"], assigned).items():
            problems += _permission_problems(arm, scope, needed, unchecked)
    return {
        "changed": False,
        "problems": list(dict.fromkeys(problems)),
        "unchecked": unchecked,
        "existing": sorted(standing.values()),
    }


def _key(group: str, resource_type: str, name: str) -> str:
    return f"{group}|{resource_type}|{name}".lower()


def _id(arm: Arm, one: Json) -> str:
    return f"{arm.subscription}/resourceGroups/{one['resource_group']}/providers/{one['type']}/{one['name']}"


def _list_group(arm: Arm, group: str, standing: dict[str, str], problems: list[str]) -> bool:
    """Keep what stands in a resource group, and tell whether there is such a group."""
    try:
        found = arm.call_all(ANY_RESOURCE, "list_by_resource_group", group)
    except ArmError as error:
        if error.status != 404:
            problems.append(f"The resource group {group} could not be read: {error}")
        return error.status != 404
    standing |= {_key(group, item["type"], item["name"]): str(item["id"]) for item in found}
    return True


def _provider_problems(arm: Arm, missing: list[Json], unchecked: list[str]) -> list[str]:
    """Providers that are not registered, and regions in which there is no such type."""
    problems: list[str] = []
    for namespace in dict.fromkeys(one["type"].partition("/")[0] for one in missing):
        try:
            provider = arm.request(
                ANY_RESOURCE, "GET", f"{arm.subscription}/providers/{namespace}", "Microsoft.Resources"
            )
        except ArmError as error:
            (unchecked if error.status == 403 else problems).append(
                f"The resource provider {namespace} could not be read: {error}"
            )
            continue
        if provider.get("registrationState") not in _USABLE:
            problems.append(
                f"The resource provider {namespace} is not registered in the subscription. Register it once: "
                f"az provider register --namespace {namespace}"
            )
        regions = {item["resourceType"].lower(): item.get("locations") or [] for item in provider["resourceTypes"]}
        for one in missing:
            own, _slash, kind = one["type"].partition("/")
            known = regions.get(kind.lower(), [])
            if own != namespace or not one["location"] or not known:
                continue
            names = {folded_location(region) for region in known}
            if folded_location(one["location"]) not in names:
                problems.append(
                    f"{one['location_option']}: '{one['location']}' has no {one['type']} for this subscription. "
                    f"Give it one of {', '.join(sorted(names))}."
                )
    return problems


def _name_problems(arm: Arm, one: Json, unchecked: list[str]) -> list[str]:
    """A name that somebody else has, anywhere in Azure."""
    namespace = one["type"].partition("/")[0]
    if one["type"].lower() not in _NAMED_EVERYWHERE:
        return []
    path = f"{arm.subscription}/providers/{namespace}/checkNameAvailability"
    option = one["option"]
    try:
        answer = arm.request(ANY_RESOURCE, "POST", path, namespace, {"name": one["name"], "type": one["type"]})
        if answer.get("nameAvailable", True):
            return []
        # What was made a moment ago may not be in the group's list yet: then the name is ours.
        try:
            arm.request(ANY_RESOURCE, "GET", _id(arm, one), namespace)
        except ArmError as error:
            if error.status != 404:
                raise
        else:
            return []
    except ArmError as error:
        line = f"{option}: whether '{one['name']}' is free could not be read: {error}"
        if error.status == 403:
            unchecked.append(line)
        return [] if error.status == 403 or _unregistered(error) else [line]
    said = str(answer.get("message") or answer.get("reason") or "Azure gives no reason").rstrip(".")
    return [f"{option}: '{one['name']}' cannot be had: {said}. Give it another name."]


def _unregistered(error: ArmError) -> bool:
    """Such a provider answers nothing, and is a problem already."""
    return error.code == "MissingSubscriptionRegistration"


def _quota_problems(arm: Arm, missing: list[Json], unchecked: list[str]) -> list[str]:
    """Regions in which the subscription has as many of a type as it may."""
    problems: list[str] = []
    for kind, quota in _QUOTAS.items():
        asked = [one for one in missing if one["type"].lower() == kind and one["location"]]
        for location in dict.fromkeys(folded_location(one["location"]) for one in asked):
            namespace = asked[0]["type"].partition("/")[0]
            place = f"{arm.subscription}/providers/{namespace}/locations/{location}"
            try:
                usages = arm.request(ANY_RESOURCE, "GET", f"{place}/usages", namespace)
            except ArmError as error:
                # A region without the type, or a provider without registration, is a problem already.
                if error.status not in (400, 404) and not _unregistered(error):
                    (unchecked if error.status == 403 else problems).append(
                        f"The quota of {asked[0]['type']} in {location} could not be read: {error}"
                    )
                continue
            more = sum(folded_location(one["location"]) == location for one in asked)
            for usage in usages.get("value", []):
                used, limit = usage.get("currentValue", 0), usage.get("limit", -1)
                if usage.get("name", {}).get("value") == quota and 0 <= limit < used + more:
                    problems.append(
                        f"{asked[0]['location_option']}: the subscription has {used:g} of the {limit:g} "
                        f"{asked[0]['type']} that it may have in {location}. Ask for a higher quota, or use another region."
                    )
    return problems


def _needed(
    arm: Arm, groups: list[str], present: list[str], missing: list[Json], actions: list[str], assigned: list[str]
) -> dict[str, list[str]]:
    """What has to be permitted, by scope: in a group that is there what it lacks, in the subscription what comes with new groups.

    assigned: the groups in which a role is to be assigned.
    """

    def writes(group: str) -> list[str]:
        return [f"{one['type']}/write" for one in missing if one["resource_group"] == group]

    def assignments(group: str) -> list[str]:
        return [_ASSIGN] if group in assigned else []

    scopes = {}
    for group in present:
        needed = [*writes(group), *(actions if writes(group) else []), *assignments(group)]
        if needed:
            scopes[f"{arm.subscription}/resourceGroups/{group}"] = needed
    absent = [group for group in groups if group not in present]
    if absent or not groups:
        new = [action for group in absent for action in [*writes(group), *assignments(group)]]
        more = ["Microsoft.Resources/subscriptions/resourceGroups/write"] if absent else []
        scopes[arm.subscription] = [*new, *actions, *more]
    return scopes


def _missing_role_assignments(
    arm: Arm, wanted: list[Json], standing: dict[str, str], assignments: list[Json], unchecked: list[str]
) -> list[str]:
    """The resource groups in which a role is still to be assigned, on a resource and to an identity that are both in C(wanted)."""
    named = {one["option"]: one for one in wanted}
    groups = []
    for assignment in assignments:
        target, identity = named.get(assignment["resource"]), named.get(assignment["identity"])
        if target is None or identity is None:
            continue
        stand = all(_key(one["resource_group"], one["type"], one["name"]) in standing for one in (target, identity))
        try:
            if not stand or not _is_assigned(arm, _id(arm, target), assignment["role"], _id(arm, identity)):
                groups.append(str(target["resource_group"]))
        except ArmError as error:
            unchecked.append(
                f"Whether {assignment['role']} is assigned on {_id(arm, target)} could not be read: {error}"
            )
    return groups


def _is_assigned(arm: Arm, scope: str, role: str, identity: str) -> bool:
    principal = arm.request(ANY_RESOURCE, "GET", identity, "Microsoft.ManagedIdentity")["properties"]["principalId"]
    found = _role_assignment.look({"scope": scope, "role": role, "principal_id": principal}, arm, True)
    return any(one["properties"]["scope"].lower() == scope.lower() for one in found["role_assignments"])


def _permission_problems(arm: Arm, scope: str, needed: Iterable[str], unchecked: list[str]) -> list[str]:
    """Actions that the caller may not do."""
    path = f"{scope}/providers/Microsoft.Authorization/permissions"
    try:
        permissions = arm.request(ANY_RESOURCE, "GET", path, "Microsoft.Authorization").get("value", [])
    except ArmError as error:
        line = f"What you may do on {scope} could not be read: {error}"
        if error.status == 403:
            unchecked.append(line)
        return [] if error.status == 403 else [line]
    lacking = [action for action in dict.fromkeys(needed) if not may(permissions, action)]
    if not lacking:
        return []
    authorization = [action for action in lacking if action.startswith("Microsoft.Authorization/")]
    if any("/locks/" in action for action in authorization):
        roles = "Contributor and User Access Administrator"
    elif authorization:
        roles = "Contributor and Role Based Access Control Administrator"
    else:
        roles = "Contributor"
    return [f"You may not do {', '.join(lacking)} on {scope}. Have a role assigned that permits it, such as {roles}."]


def may(permissions: Iterable[Mapping[str, Any]], action: str) -> bool:
    """Whether any of the permissions has the action among its actions and not among its notActions."""
    return any(
        _matches(one.get("actions"), action) and not _matches(one.get("notActions"), action) for one in permissions
    )


def _matches(patterns: Iterable[str] | None, action: str) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) for pattern in patterns or []
    )
