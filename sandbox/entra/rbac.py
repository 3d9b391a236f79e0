# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role-based access control: the built-in roles, and the authorization of an action at a scope.

Sources: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
"""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.store import Store

ROLE_ASSIGNMENTS = "microsoft.authorization/roleassignments"
ROLE_DEFINITIONS = "Microsoft.Authorization/roleDefinitions"


@dataclass(frozen=True)
class Role:
    """A role: its GUID, its name, and the actions that it permits on the control plane and on data."""

    guid: str
    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers"
_BLOB_KEY = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"
_BLOB_DATA = tuple(f"{_BLOBS}/blobs/{verb}" for verb in ("read", "write", "delete", "add/action", "move/action"))

_SECRETS = "Microsoft.KeyVault/vaults/secrets"

ROLES = (
    Role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", ("*",)),
    Role(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        ("*",),
        ("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"),
    ),
    Role("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", ("*/read",)),
    Role(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        ("*/read", "Microsoft.Authorization/*"),
    ),
    Role(
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        "Role Based Access Control Administrator",
        ("Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete", "*/read"),
    ),
    Role("7f951dda-4ed3-4680-a7ca-43fe172d538d", "AcrPull", ("Microsoft.ContainerRegistry/registries/pull/read",)),
    Role(
        "8311e382-0749-4cb8-b61a-304f252e45ec",
        "AcrPush",
        ("Microsoft.ContainerRegistry/registries/pull/read", "Microsoft.ContainerRegistry/registries/push/write"),
    ),
    Role(
        "c2f4ef07-c644-48eb-af81-4b1b4947fb11",
        "AcrDelete",
        ("Microsoft.ContainerRegistry/registries/artifacts/delete",),
    ),
    Role(
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
        "Storage Blob Data Owner",
        (f"{_BLOBS}/*", _BLOB_KEY),
        (),
        (f"{_BLOBS}/blobs/*",),
    ),
    Role(
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "Storage Blob Data Contributor",
        tuple(f"{_BLOBS}/{verb}" for verb in ("read", "write", "delete")) + (_BLOB_KEY,),
        (),
        _BLOB_DATA,
    ),
    Role(
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        "Storage Blob Data Reader",
        (f"{_BLOBS}/read", _BLOB_KEY),
        (),
        (f"{_BLOBS}/blobs/read",),
    ),
    Role(
        "17d1049b-9a84-46fb-8f53-869881c3d3ab",
        "Storage Account Contributor",
        ("Microsoft.Storage/storageAccounts/*", "*/read"),
    ),
    Role(
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "Key Vault Administrator",
        ("*/read",),
        (),
        ("Microsoft.KeyVault/vaults/*",),
    ),
    Role("f25e0fa2-a7c8-4377-a976-54943a77a395", "Key Vault Contributor", ("Microsoft.KeyVault/*", "*/read")),
    Role("b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "Key Vault Secrets Officer", ("*/read",), (), (f"{_SECRETS}/*",)),
    Role(
        "4633458b-17de-408a-b874-0445c86b69e6",
        "Key Vault Secrets User",
        data_actions=(f"{_SECRETS}/getSecret/action", f"{_SECRETS}/readMetadata/action"),
    ),
    Role(
        "21090545-7ca7-4776-b22c-e363652d74d2",
        "Key Vault Reader",
        ("Microsoft.KeyVault/vaults/read", "*/read"),
        data_actions=("Microsoft.KeyVault/vaults/*/read", f"{_SECRETS}/readMetadata/action"),
    ),
    Role("ba69fcd0-3ee1-4d8b-8a63-d35f5e5a8fc4", "Monitoring Reader", ("*/read",)),
)
ROLES_BY_GUID = {role.guid: role for role in ROLES}


def _matches(patterns: tuple[str, ...], action: str) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def role_of(store: Store, guid: str) -> Role | None:
    """Return a role by its GUID: a built-in or a custom role."""
    if guid.lower() in ROLES_BY_GUID:
        return ROLES_BY_GUID[guid.lower()]
    definition = store.named(ROLE_DEFINITIONS, guid)
    if definition is None:
        return None
    kinds = ("actions", "notActions", "dataActions", "notDataActions")
    entries = definition.properties["permissions"]
    return Role(
        guid.lower(),
        definition.properties["roleName"],
        *(tuple(action for entry in entries for action in entry[kind]) for kind in kinds),
    )


def is_allowed(store: Store, principal: str, action: str, scope: str, *, data: bool = False) -> bool:
    """Return whether a principal (object id) is authorized for an action at a scope.

    A role assignment is valid at its own scope and below, after it has propagated.
    """
    for role in _roles(store, principal, scope):
        if (
            _matches(role.data_actions, action) and not _matches(role.not_data_actions, action)
            if data
            else _matches(role.actions, action) and not _matches(role.not_actions, action)
        ):
            return True
    return False


def permissions(store: Store, principal: str, scope: str) -> list[dict[str, list[str]]]:
    """Return the permissions of a principal at a scope: one entry for each role assignment that is valid there.

    Source: https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group
    """
    return [
        {
            "actions": list(role.actions),
            "notActions": list(role.not_actions),
            "dataActions": list(role.data_actions),
            "notDataActions": list(role.not_data_actions),
        }
        for role in _roles(store, principal, scope)
    ]


def _roles(store: Store, principal: str, scope: str) -> Iterator[Role]:
    """Yield the roles of a principal at a scope or above it."""
    prefix = scope.lower().rstrip("/") + "/"
    delay = float(store.setting("role_propagation") or 0)
    for assignment in store.of_type(ROLE_ASSIGNMENTS):
        properties = assignment.properties
        if str(properties["principalId"]).lower() != principal.lower():
            continue
        if not prefix.startswith(str(properties["scope"]).lower().rstrip("/") + "/"):
            continue
        if assignment.private.get("propagates") and time.time() < assignment.created + delay:
            continue
        role = role_of(store, str(properties["roleDefinitionId"]).rpartition("/")[2])
        if role is not None:
            yield role
