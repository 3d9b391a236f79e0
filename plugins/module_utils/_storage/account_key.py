# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of storage accounts."""

from __future__ import annotations

from typing import Any

from .._core.arm import is_absent
from .._core.errors import ArmError
from .._core.info import InfoModule
from .client import PACKAGES, storage_operations


class StorageAccountKeyInfo(InfoModule):
    """The keys of a storage account, to read."""

    options = {
        "resource_group": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
    }
    packages = PACKAGES

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Return C(storage_account_keys) and C(connection_string), both empty when the account is absent."""
        name = self.params["name"]
        try:
            arguments = (self.params["resource_group"], name)
            keys = self.arm.call(storage_operations("storage_accounts"), "list_keys", *arguments)["keys"]
        except ArmError as error:
            if not is_absent(error):
                raise
            keys = []
        suffix = self.arm.connection.cloud.storage_suffix
        return {
            "changed": False,
            "storage_account_keys": keys,
            "connection_string": connection_string(name, keys[0]["value"], suffix) if keys else "",
        }


def connection_string(name: str, key: str, suffix: str) -> str:
    """Return the connection string of an account. suffix: of the cloud's storage hosts, as core.windows.net."""
    return f"DefaultEndpointsProtocol=https;AccountName={name};AccountKey={key};EndpointSuffix={suffix}"
