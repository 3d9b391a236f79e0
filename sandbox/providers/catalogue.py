# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource types that the sandbox serves, with the services behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.arm.resource_type import Context, ResourceType
from sandbox.providers.app import ContainerApp, Revision
from sandbox.providers.auth_config import AuthConfig
from sandbox.providers.authorization import ManagementLock, RoleAssignment, RoleDefinition
from sandbox.providers.container_registry import Registry, Run, Task
from sandbox.providers.insights import DiagnosticSetting
from sandbox.providers.job import Execution, Job, JobRunner
from sandbox.providers.key_vault import DeletedVault, DeletedVaults, Vault
from sandbox.providers.managed_environment import DaprComponent, EnvironmentStorage, ManagedEnvironment
from sandbox.providers.managed_identity import FederatedIdentityCredential, UserAssignedIdentity
from sandbox.providers.operational_insights import Workspace
from sandbox.providers.resource_group import ResourceGroup
from sandbox.providers.sql.administrator import Administrator, EntraOnly
from sandbox.providers.sql.database import Content, Database
from sandbox.providers.sql.firewall import FirewallRule, VirtualNetworkRule
from sandbox.providers.sql.server import Server
from sandbox.providers.sql.settings import (
    ConnectionPolicy,
    LongTermRetention,
    ShortTermRetention,
    TransparentDataEncryption,
)
from sandbox.providers.storage import (
    BlobContainer,
    BlobService,
    BlobServiceProperties,
    ManagementPolicy,
    StorageAccount,
)

if TYPE_CHECKING:
    from sandbox.apps.runtime import Runtime
    from sandbox.registry.builds import Builds


@dataclass(frozen=True)
class Backends:
    """The services that carry out what the resource types describe."""

    builds: Builds
    runtime: Runtime
    jobs: JobRunner
    databases: Content
    blobs: BlobService


def resource_types(context: Context, backends: Backends) -> list[ResourceType]:
    """Return all resource types, in the order in which /providers lists them."""
    plain = (
        ResourceGroup,
        UserAssignedIdentity,
        RoleDefinition,
        RoleAssignment,
        ManagementLock,
        Workspace,
        DiagnosticSetting,
        ManagedEnvironment,
        EnvironmentStorage,
        DaprComponent,
        AuthConfig,
        Server,
        FirewallRule,
        VirtualNetworkRule,
        Administrator,
        EntraOnly,
        ConnectionPolicy,
        ShortTermRetention,
        LongTermRetention,
        TransparentDataEncryption,
        Task,
        Vault,
        DeletedVault,
        DeletedVaults,
        BlobServiceProperties,
        ManagementPolicy,
        FederatedIdentityCredential,
    )
    return [
        *(kind(context) for kind in plain),
        Registry(context, backends.builds),
        Run(context, backends.builds),
        ContainerApp(context, backends.runtime),
        Revision(context, backends.runtime),
        Job(context, backends.jobs),
        Execution(context, backends.jobs),
        Database(context, backends.databases),
        StorageAccount(context, backends.blobs),
        BlobContainer(context, backends.blobs),
    ]
