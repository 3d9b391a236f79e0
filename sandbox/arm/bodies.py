# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transformations of the JSON bodies of resources."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.arm.errors import ArmError
from sandbox.messages import Json
from sandbox.store import Store


def merge_patch(current: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396): members of `patch` replace those of `current`, null removes, lists are replaced whole."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(current) if isinstance(current, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def without_nulls(value: Any) -> Any:
    """Return a value without the members that are null, at any depth."""
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def assigned_identities(store: Store, identity: Json | None, *, lower_group: bool) -> Json | None:
    """Return an `identity` block with the principal id and client id that Azure adds to each user-assigned identity."""
    if not identity:
        return None
    requested = identity.get("userAssignedIdentities") or {}
    block: Json = {"type": str(identity.get("type", "None")).replace(",", ", ").replace(",  ", ", ")}
    if not requested:
        return block
    assigned: Json = {}
    for identity_id in requested:
        resource = store.get(identity_id)
        if resource is None:
            raise ArmError(
                400,
                "FailedIdentityOperation",
                f"Identity operation failed with error 'Failed to perform resource identity operation. Status: 'BadRequest'. "
                f'Response: \'{{"error":{{"code":"BadRequest","message":"Resource \'{identity_id}\' was not found."}}}}\'.',
                cause="",
            )
        key = resource.id if lower_group else identity_id
        assigned[key] = {"principalId": resource.properties["principalId"], "clientId": resource.properties["clientId"]}
    block["userAssignedIdentities"] = assigned
    return block
