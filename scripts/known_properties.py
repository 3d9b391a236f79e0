# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes sandbox/arm/known_properties.json: the properties of each resource type that the sandbox serves, read from Azure's SDK.

Run it with a Python that has the SDK's packages, after they were updated: `.venv/bin/python scripts/known_properties.py`.
A type is a tree: names of properties to trees, `*` for the values of a map, null for what has no further properties or any.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import types
import typing
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[1] / "sandbox" / "arm" / "known_properties.json"
# type: package and model of the body of a PUT
MODELS = {
    "microsoft.app/containerapps": ("azure.mgmt.appcontainers", "ContainerApp"),
    "microsoft.app/containerapps/authconfigs": ("azure.mgmt.appcontainers", "AuthConfig"),
    "microsoft.app/jobs": ("azure.mgmt.appcontainers", "Job"),
    "microsoft.app/managedenvironments": ("azure.mgmt.appcontainers", "ManagedEnvironment"),
    "microsoft.app/managedenvironments/daprcomponents": ("azure.mgmt.appcontainers", "DaprComponent"),
    "microsoft.app/managedenvironments/storages": ("azure.mgmt.appcontainers", "ManagedEnvironmentStorage"),
    "microsoft.authorization/roleassignments": ("azure.mgmt.authorization", "RoleAssignmentCreateParameters"),
    "microsoft.authorization/roledefinitions": ("azure.mgmt.authorization", "RoleDefinition"),
    "microsoft.containerregistry/registries": ("azure.mgmt.containerregistry", "Registry"),
    "microsoft.keyvault/vaults": ("azure.mgmt.keyvault", "VaultCreateOrUpdateParameters"),
    "microsoft.managedidentity/userassignedidentities": ("azure.mgmt.msi", "Identity"),
    "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials": (
        "azure.mgmt.msi",
        "FederatedIdentityCredential",
    ),
    "microsoft.operationalinsights/workspaces": ("azure.mgmt.loganalytics", "Workspace"),
    "microsoft.sql/servers": ("azure.mgmt.sql", "Server"),
    "microsoft.sql/servers/administrators": ("azure.mgmt.sql", "ServerAzureADAdministrator"),
    "microsoft.sql/servers/azureadonlyauthentications": ("azure.mgmt.sql", "ServerAzureADOnlyAuthentication"),
    "microsoft.sql/servers/connectionpolicies": ("azure.mgmt.sql", "ServerConnectionPolicy"),
    "microsoft.sql/servers/databases": ("azure.mgmt.sql", "Database"),
    "microsoft.sql/servers/databases/backuplongtermretentionpolicies": ("azure.mgmt.sql", "LongTermRetentionPolicy"),
    "microsoft.sql/servers/databases/backupshorttermretentionpolicies": (
        "azure.mgmt.sql",
        "BackupShortTermRetentionPolicy",
    ),
    "microsoft.sql/servers/databases/transparentdataencryption": (
        "azure.mgmt.sql",
        "LogicalDatabaseTransparentDataEncryption",
    ),
    "microsoft.sql/servers/firewallrules": ("azure.mgmt.sql", "FirewallRule"),
    "microsoft.sql/servers/virtualnetworkrules": ("azure.mgmt.sql", "VirtualNetworkRule"),
    "microsoft.storage/storageaccounts": ("azure.mgmt.storage", "StorageAccountCreateParameters"),
    "microsoft.storage/storageaccounts/managementpolicies": ("azure.mgmt.storage", "ManagementPolicy"),
    "microsoft.storage/storageaccounts/blobservices": ("azure.mgmt.storage", "BlobServiceProperties"),
    "microsoft.storage/storageaccounts/blobservices/containers": ("azure.mgmt.storage", "BlobContainer"),
}
Tree = dict[str, Any] | None


def tree_of(package: Any, hint: Any, above: tuple[Any, ...] = ()) -> Tree:
    """The properties of what a type hint describes; null where it has none, any, or those of what it is inside of."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        found = [tree_of(package, one, above) for one in arguments if one is not type(None)]
        return next((tree for tree in found if tree is not None), None)
    if origin in (list, typing.List):  # noqa: UP006 - what the SDK's hints may be
        return tree_of(package, arguments[0], above)
    if origin in (dict, typing.Dict):  # noqa: UP006
        return {"*": tree_of(package, arguments[1], above)}
    if not inspect.isclass(hint) or hint in above:
        return None
    if hasattr(hint, "_deserialize"):
        return {name: tree_of(package, one, (*above, hint)) for name, one in sorted(fields(package, hint))}
    if getattr(hint, "_attribute_map", None):
        return serialized(package, hint, (*above, hint))
    return None


def fields(package: Any, model: Any) -> list[tuple[str, Any]]:
    """(name on the wire, type hint) of a model's properties, and of those that its kinds add."""
    found: dict[str, Any] = {}
    for kind in (model, *model.__subclasses__()):
        kind.__new__(kind)  # which gives its fields their names
        module = importlib.import_module(kind.__module__)
        hints = typing.get_type_hints(
            kind, globalns=dict(vars(module)), localns={"_models": package, "models": package}
        )
        for attribute, described in kind._attr_to_rest_field.items():
            found.setdefault(described._rest_name, hints[attribute])
    return list(found.items())


def serialized(package: Any, model: Any, above: tuple[Any, ...]) -> Tree:
    """The properties of a model of the older kind, whose map has the path on the wire and the type's name."""
    tree: dict[str, Any] = {}
    for described in model._attribute_map.values():
        *outer, last = described["key"].replace("\\\\.", "\\0").split(".")
        inner = tree
        for name in outer:
            inner = inner.setdefault(name, {})
        kind = described["type"].strip("[]{}")
        found = getattr(package, kind, None)
        below = tree_of(package, found, above) if found is not None else None
        inner[last.replace("\\0", ".")] = {"*": below} if described["type"].startswith("{") else below
    return tree


def known_properties() -> dict[str, Tree]:
    found = {}
    for kind, (package, model) in MODELS.items():
        models = importlib.import_module(f"{package}.models")
        found[kind] = tree_of(models, getattr(models, model))
    return found


def written() -> str:
    """The file's content, one type to a line."""
    lines = [
        f"{json.dumps(kind)}: {json.dumps(tree, separators=(',', ':'))}" for kind, tree in known_properties().items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(written(), encoding="utf-8")
    sys.stdout.write(f"{TARGET} is written\n")
