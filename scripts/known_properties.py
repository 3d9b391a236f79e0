# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes sandbox/arm/known_properties.json: the properties of the resource types of the sandbox, read from Azure's SDK.

Run it after an update of the SDK's packages, with a Python that has them: `.venv/bin/python scripts/known_properties.py`.
A type is a tree that maps names of properties to trees. The name `*` is for the values of a map. A tree is null for a property
without nested properties or with arbitrary ones.
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
# Resource type: package and model of the request body of PUT.
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
    "microsoft.resources/resourcegroups": ("azure.mgmt.resource.resources", "ResourceGroup"),
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
# The other resource types of the sandbox, and the reason why they are not in MODELS.
_NO_MODEL = "the packages of the SDK in requirements.txt have no model"
_READ_ONLY = "no client writes it by PUT"
EXCEPTIONS = {
    "microsoft.app/containerapps/revisions": _READ_ONLY,
    "microsoft.app/jobs/executions": _READ_ONLY,
    "microsoft.authorization/locks": _NO_MODEL,
    "microsoft.containerregistry/registries/runs": _READ_ONLY,
    "microsoft.containerregistry/registries/tasks": "the sandbox refuses each write",
    "microsoft.insights/diagnosticsettings": _NO_MODEL,
    "microsoft.keyvault/deletedvaults": _READ_ONLY,
    "microsoft.keyvault/locations/deletedvaults": _READ_ONLY,
}
Tree = dict[str, Any] | None


def tree_of(package: Any, hint: Any, above: tuple[Any, ...] = ()) -> Tree:
    """Return the properties of a type hint. Return None if it has none, arbitrary ones, or is recursive."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        trees = [tree_of(package, one, above) for one in arguments if one is not type(None)]
        return next((tree for tree in trees if tree is not None), None)
    if origin in (list, typing.List):  # noqa: UP006 - the SDK's hints use both
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
    """Return the properties of a model and its subclasses as pairs of the name in JSON and the type hint."""
    result: dict[str, Any] = {}
    for kind in (model, *model.__subclasses__()):
        kind.__new__(kind)  # sets the names of its fields
        module = importlib.import_module(kind.__module__)
        hints = typing.get_type_hints(
            kind, globalns=dict(vars(module)), localns={"_models": package, "models": package}
        )
        for attribute, field in kind._attr_to_rest_field.items():
            result.setdefault(field._rest_name, hints[attribute])
    return list(result.items())


def serialized(package: Any, model: Any, above: tuple[Any, ...]) -> Tree:
    """Return the properties of a model of the older generator, whose attribute map contains JSON paths and names of types."""
    tree: dict[str, Any] = {}
    for attribute in model._attribute_map.values():
        *outer, last = attribute["key"].replace("\\\\.", "\\0").split(".")
        inner = tree
        for name in outer:
            inner = inner.setdefault(name, {})
        nested_model = getattr(package, attribute["type"].strip("[]{}"), None)
        nested = tree_of(package, nested_model, above) if nested_model is not None else None
        inner[last.replace("\\0", ".")] = {"*": nested} if attribute["type"].startswith("{") else nested
    return tree


def known_properties() -> dict[str, Tree]:
    """Return the properties of all resource types."""
    result = {}
    for kind, (package, model) in MODELS.items():
        models = importlib.import_module(f"{package}.models")
        result[kind] = tree_of(models, getattr(models, model))
    return result


def file_content() -> str:
    """Return the content of the file, with one type per line."""
    lines = [
        f"{json.dumps(kind)}: {json.dumps(tree, separators=(',', ':'))}" for kind, tree in known_properties().items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(file_content(), encoding="utf-8")
    sys.stdout.write(f"Wrote {TARGET}\n")
