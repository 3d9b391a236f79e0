# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SDK client of Microsoft.Sql."""

from __future__ import annotations

from .._core.arm import Operations

PACKAGES = {"azure.mgmt.sql": "azure-mgmt-sql"}


def sql_operations(group: str) -> Operations:
    """Return an operation group of the client."""
    return Operations("azure.mgmt.sql:SqlManagementClient", group, "Microsoft.Sql")
