# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of storage accounts: what module storage_account_key_info does."""

from __future__ import annotations

from typing import Any

from .._core.arm import Arm, is_absent
from .._core.errors import ArmError
from .._core.resource import Params
from .account import ACCOUNTS


def execute(params: Params, arm: Arm, _check_mode: bool) -> dict[str, Any]:
    """Returns C(storage_account_keys) and C(connection_string), both empty for an account that is absent."""
    group, name = params["resource_group"], params["name"]
    try:
        keys = arm.call(ACCOUNTS, "list_keys", group, name)["keys"]
    except ArmError as error:
        if not is_absent(error):
            raise
        keys = []
    return {
        "changed": False,
        "storage_account_keys": keys,
        "connection_string": connection_string(name, keys[0]["value"], arm.connection.cloud.storage_suffix)
        if keys
        else "",
    }


def connection_string(name: str, key: str, suffix: str) -> str:
    """suffix: of the cloud's storage hosts, as core.windows.net."""
    return f"DefaultEndpointsProtocol=https;AccountName={name};AccountKey={key};EndpointSuffix={suffix}"
