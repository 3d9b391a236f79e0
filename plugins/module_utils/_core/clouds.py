# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoints of the Azure clouds."""

from __future__ import annotations

from typing import NamedTuple


class Cloud(NamedTuple):
    """The endpoints of a cloud. authority, resource_manager: URLs without a trailing slash; suffixes: without a leading dot."""

    authority: str
    resource_manager: str
    resource_manager_scope: str
    registry_suffix: str
    storage_suffix: str
    sql_suffix: str
    key_vault_suffix: str
    registry_scope: str = "https://containerregistry.azure.net/.default"


CLOUDS = {
    "AzureCloud": Cloud(
        authority="https://login.microsoftonline.com",
        resource_manager="https://management.azure.com",
        resource_manager_scope="https://management.azure.com/.default",
        registry_suffix="azurecr.io",
        storage_suffix="core.windows.net",
        sql_suffix="database.windows.net",
        key_vault_suffix="vault.azure.net",
    ),
    "AzureChinaCloud": Cloud(
        authority="https://login.chinacloudapi.cn",
        resource_manager="https://management.chinacloudapi.cn",
        resource_manager_scope="https://management.chinacloudapi.cn/.default",
        registry_suffix="azurecr.cn",
        storage_suffix="core.chinacloudapi.cn",
        sql_suffix="database.chinacloudapi.cn",
        key_vault_suffix="vault.azure.cn",
    ),
    "AzureUSGovernment": Cloud(
        authority="https://login.microsoftonline.us",
        resource_manager="https://management.usgovcloudapi.net",
        resource_manager_scope="https://management.usgovcloudapi.net/.default",
        registry_suffix="azurecr.us",
        storage_suffix="core.usgovcloudapi.net",
        sql_suffix="database.usgovcloudapi.net",
        key_vault_suffix="vault.usgovcloudapi.net",
    ),
}
