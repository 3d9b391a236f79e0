# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource types that clients list and the sandbox does not implement: the list is empty.

Lists that are never empty in Azure, such as the keys of a server, are not among them.
"""

from __future__ import annotations

EMPTY_LISTS = frozenset(
    name.lower()
    for name in (
        "Microsoft.App/containerApps/sourcecontrols",
        "Microsoft.App/managedEnvironments/certificates",
        "Microsoft.App/managedEnvironments/managedCertificates",
        "Microsoft.App/managedEnvironments/privateEndpointConnections",
        "Microsoft.Authorization/classicAdministrators",
        "Microsoft.Authorization/denyAssignments",
        "Microsoft.ContainerRegistry/registries/cacheRules",
        "Microsoft.ContainerRegistry/registries/credentialSets",
        "Microsoft.ContainerRegistry/registries/privateEndpointConnections",
        "Microsoft.ContainerRegistry/registries/replications",
        "Microsoft.ContainerRegistry/registries/tokens",
        "Microsoft.ContainerRegistry/registries/webhooks",
        "Microsoft.KeyVault/deletedManagedHSMs",
        "Microsoft.KeyVault/managedHSMs",
        "Microsoft.KeyVault/vaults/privateEndpointConnections",
        "Microsoft.OperationalInsights/deletedWorkspaces",
        "Microsoft.Resources/deployments",
        "Microsoft.Sql/servers/databases/replicationLinks",
        "Microsoft.Sql/servers/elasticPools",
        "Microsoft.Sql/servers/failoverGroups",
        "Microsoft.Sql/servers/outboundFirewallRules",
        "Microsoft.Sql/servers/privateEndpointConnections",
        "Microsoft.Sql/servers/restorableDroppedDatabases",
        "Microsoft.Storage/storageAccounts/encryptionScopes",
        "Microsoft.Storage/storageAccounts/objectReplicationPolicies",
        "Microsoft.Storage/storageAccounts/privateEndpointConnections",
    )
)
