# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One resource per module: the options that create it and the options that change it."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

from tests.support.fake_azure import GROUP, options
from tests.support.faulty_azure import FaultyAzure
from tests.support.resource_types import execute, module_file

ANYBODY = "11111111-1111-1111-1111-111111111111"
HERE: dict[str, Any] = {"resource_group": "rg", "location": "westeurope"}
LOGIN = {"administrator_login": "ml", "administrator_password": "Only-4-tests"}
ENVIRONMENT = f"{GROUP}/providers/Microsoft.App/managedEnvironments/e"
WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log1"
TAGGED: dict[str, Any] = {"tags": {"team": "ops"}}


class Case(NamedTuple):
    """The minimal options that create the resource, and options that change it."""

    least: dict[str, Any]
    change: dict[str, Any] = TAGGED


# One entry for each module that manages a resource.
CASES = {
    "container_app": Case(
        {**HERE, "name": "app", "environment_id": ENVIRONMENT, "containers": [{"name": "c", "image": "i"}]}
    ),
    "container_app_auth": Case({"resource_group": "rg", "app": "app"}, {"excluded_paths": ["/health"]}),
    "container_app_environment": Case({**HERE, "name": "env"}),
    "container_app_environment_storage": Case(
        {
            "resource_group": "rg",
            "environment": "env",
            "name": "files",
            "azure_file": {
                "account_name": "st123",
                "account_key": "a2V5",
                "share_name": "s",
                "access_mode": "ReadOnly",
            },
        },
        {"azure_file": {"account_name": "st123", "account_key": "a2V5", "share_name": "s", "access_mode": "ReadWrite"}},
    ),
    "container_app_job": Case(
        {
            **HERE,
            "name": "job",
            "environment_id": ENVIRONMENT,
            "trigger_type": "Manual",
            "replica_timeout": 60,
            "containers": [{"name": "c", "image": "i"}],
        }
    ),
    "container_registry": Case({**HERE, "name": "cr123"}),
    "diagnostic_setting": Case(
        {"scope": ENVIRONMENT, "name": "logs", "workspace_id": WORKSPACE, "logs": [{"category": "A"}]},
        {"logs": [{"category": "B"}]},
    ),
    "key_vault": Case({**HERE, "name": "kv-one", "vault_tenant_id": ANYBODY}),
    "key_vault_secret": Case({"vault": "kv-one", "name": "secret", "value": "v"}),
    "log_analytics_workspace": Case({**HERE, "name": "log1"}),
    "management_lock": Case({"scope": GROUP, "name": "keep"}, {"notes": "new"}),
    "resource_group": Case({"name": "rg", "location": "westeurope"}),
    "role_assignment": Case({"scope": GROUP, "role": "Reader", "principal_id": ANYBODY}, {"description": "new"}),
    "sql_database": Case({**HERE, "server": "s1", "name": "d1"}),
    "sql_firewall_rule": Case(
        {
            "resource_group": "rg",
            "server": "s1",
            "name": "r1",
            "start_ip_address": "10.0.0.1",
            "end_ip_address": "10.0.0.1",
        },
        {"end_ip_address": "10.0.0.2"},
    ),
    "sql_server": Case({**HERE, "name": "s1", **LOGIN}),
    "storage_account": Case({**HERE, "name": "st123"}),
    "storage_blob_service": Case({"resource_group": "rg", "account": "st123"}, {"versioning_enabled": True}),
    "storage_container": Case({"resource_group": "rg", "account": "st123", "name": "box"}, {"public_access": "Blob"}),
    "user_assigned_identity": Case({**HERE, "name": "id1"}),
}
# A module that neither creates nor deletes its resource: the service exists with its account.
ALWAYS_PRESENT = {"storage_blob_service"}


_created: dict[str, dict[str, Any]] = {}


def created(name: str) -> dict[str, Any]:
    """Return the resources after the module has created its own, by path."""
    if name not in _created:
        azure = FaultyAzure()
        if name in ALWAYS_PRESENT:
            azure.resources[path_of(name)] = {"id": path_of(name), "properties": {}}
        execute(name, azure.arm, CASES[name].least)
        _created[name] = azure.resources
    return copy.deepcopy(_created[name])


def path_of(name: str) -> str:
    """Return the path of the resource, in lower case."""
    module: Any = module_file(name).MODULE
    return str(module(options(name, **CASES[name].least), FaultyAzure().arm).id).lower()
