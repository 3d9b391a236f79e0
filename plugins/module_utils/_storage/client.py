# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SDK client of Microsoft.Storage."""

from __future__ import annotations

from .._core.arm import Operations

PACKAGES = {"azure.mgmt.storage": "azure-mgmt-storage"}


def storage_operations(group: str) -> Operations:
    """Return an operation group of the client."""
    return Operations("azure.mgmt.storage:StorageManagementClient", group, "Microsoft.Storage")
