# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The api-version of every request, by resource provider: the newest for which responses of Azure are recorded."""

from __future__ import annotations

API_VERSIONS = {
    "Microsoft.App": "2025-07-01",
    "Microsoft.Authorization": "2022-04-01",
    "Microsoft.Authorization/locks": "2020-05-01",
    "Microsoft.ContainerRegistry": "2025-11-01",
    "Microsoft.ContainerRegistry/registries/runs": "2025-03-01-preview",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.KeyVault": "2025-05-01",
    "Microsoft.KeyVault/vaults/secrets": "7.4",
    "Microsoft.ManagedIdentity": "2024-11-30",
    "Microsoft.OperationalInsights": "2025-07-01",
    "Microsoft.Resources": "2025-04-01",
    "Microsoft.Sql": "2025-01-01",
    "Microsoft.Storage": "2025-06-01",
}
