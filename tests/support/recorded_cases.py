# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded writes as cases for a module: the resource as Azure returned it, and the request as the module would have sent it."""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import Any, NamedTuple

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import plan as _plan

from tests.support.module_requests import expressible, known_paths
from tests.support.plan_judge import values_at
from tests.support.recordings import golden_writes
from tests.support.resource_types import ResourceType, resource_modules, resource_type

# Recorded requests that Azure did not fulfil; no module could know that in advance.
NOT_FULFILLED = {
    # Add-on services, whose image Azure sets.
    ("container_app", "properties.template.containers[].image", "redis"),
}
# Parts of recorded requests that the module does not send.
NEVER_SENT = {
    # The compute of a provisioned database never pauses: the module refuses these options for it.
    "old__test_sql_db_serverless_mgmt#42": ("properties.autoPauseDelay", "properties.minCapacity"),
    "more/golden/cli__test_sql_db_serverless_mgmt#5": ("properties.autoPauseDelay", "properties.minCapacity"),
    # A rule in Azure's own form, for which the module has no option.
    "ext__test_containerapp_scale_update_azure_queue#19": ("properties.template.scale.rules",),
}
# The recorder wrote this instead of the id of a workspace.
REPLACED_BY_RECORDER = "veryFakedCustomerId=="


class Case(NamedTuple):
    """The settled resource, and the part of the request that the options of the module can express."""

    source: str
    module: str
    current: dict[str, Any]
    desired: dict[str, Any]

    @property
    def resource(self) -> ResourceType:
        return resource_type(self.module)


@cache
def _modules() -> dict[str, str]:
    """Return the module of each resource type, by type in lower case; recordings call resource groups by their path."""
    found = {resource_type(name).type.lower(): name for name in resource_modules()}
    return {**found, "resourcegroups": "resource_group"}


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """Return the pattern of the resource ids of each module."""
    found = {}
    for module in resource_modules():
        path = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(resource_type(module).path))
        found[module] = re.compile(f"/subscriptions/[^/]+{path}", re.IGNORECASE)
    return found


def module_of(path: str) -> str | None:
    """Return the module that manages the resource at a path."""
    return next((module for module, pattern in _patterns().items() if pattern.fullmatch(path)), None)


@cache
def _cases() -> tuple[Case, ...]:
    return tuple(
        case_of(write.source, _modules()[write.type], write.method, write.request, write.settled)
        for write in golden_writes()
        if write.type in _modules() and isinstance(write.request, dict) and isinstance(write.settled, dict)
    )


def golden_cases() -> list[Case]:
    """Return a copy of the case of each golden write of a type that has a module."""
    return copy.deepcopy(list(_cases()))


def case_of(source: str, module: str, method: str, request: dict[str, Any], settled: dict[str, Any]) -> Case:
    """Return the case of a recorded write and the resource that was read after it."""
    current = with_secrets(module, request, copy.deepcopy(settled))
    desired = as_option_types(_expressible_part(module, method, request), current)
    for name, path, value in NOT_FULFILLED:
        if name == module and value in values_at(desired, path):
            desired = _plan.without(desired, [path])
    return Case(source, module, current, _plan.without(desired, NEVER_SENT.get(source, ())))


def _expressible_part(module: str, method: str, request: dict[str, Any]) -> dict[str, Any]:
    request = with_identities(method, request)
    if module == "container_app_environment":
        request = with_consumption(request)
    found: dict[str, Any] | None = expressible(request, known_paths(module), resource_type(module).rules)
    return found or {}


def with_identities(method: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the request with identities as the module writes them: the keys of a mapping.

    A PATCH names the identities to add and, by null, to remove, not all that there are.
    """
    identity = request.get("identity") or {}
    if not identity.get("userAssignedIdentities"):
        return request
    named = None if method == "PATCH" else {key: {} for key in identity["userAssignedIdentities"]}
    return {**request, "identity": {**identity, "userAssignedIdentities": named}}


def with_secrets(module: str, request: Any, current: Any) -> Any:
    """Return the resource with the secret values that the module reads by listSecrets."""
    if module not in ("container_app", "container_app_job"):
        return current
    values = {item["name"]: item.get("value") for item in _secrets(request)}
    for secret in _secrets(current):
        secret["value"] = values.get(secret["name"])
    return current


def _secrets(app: dict[str, Any]) -> list[dict[str, Any]]:
    return ((app.get("properties") or {}).get("configuration") or {}).get("secrets") or []


def with_consumption(request: Any) -> Any:
    """Return the request with the workload profile that Azure adds in any case, and that the module therefore sends."""
    request = copy.deepcopy(request)
    profiles = (request.get("properties") or {}).get("workloadProfiles")
    if profiles and not any("consumption" in str(profile).lower() for profile in profiles):
        profiles.append({"name": "Consumption", "workloadProfileType": "Consumption"})
    return request


def as_option_types(desired: Any, current: Any) -> Any:
    """Return the request with the types of the options of the module.

    The options are numbers where some recorded requests have strings; the module does not send C(latestRevision) false.
    """
    if isinstance(desired, dict):
        current = {key.casefold(): value for key, value in current.items()} if isinstance(current, dict) else {}
        kept = {
            key: value
            for key, value in desired.items()
            if (key, value) != ("latestRevision", False) and value != REPLACED_BY_RECORDER
        }
        return {key: as_option_types(value, current.get(key.casefold())) for key, value in kept.items()}
    if isinstance(desired, list):
        others = current if isinstance(current, list) and len(current) >= len(desired) else [None] * len(desired)
        by_name = {str(item.get("name")): item for item in others if isinstance(item, dict)}
        return [
            as_option_types(item, by_name.get(str(item.get("name")), other) if isinstance(item, dict) else other)
            for item, other in zip(desired, others, strict=False)
        ]
    is_number = isinstance(current, (int, float)) and not isinstance(current, bool)
    if is_number and isinstance(desired, str) and re.fullmatch(r"[0-9.]+", desired):
        return type(current)(desired)
    return desired
