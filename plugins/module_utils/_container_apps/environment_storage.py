# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module container_app_environment_storage wants of Microsoft.App/managedEnvironments/storages."""

from __future__ import annotations

import re
from typing import Any

from .._core import names as _names
from .._core.arm import Arm, Json, Operations
from .._core.errors import InvalidOption
from .._core.plan import ENUM, WRITE_ONLY, Plan, Rule, without, without_none
from .._core.resource import Params
from .template import CLIENT, NAME, group, text

STORAGES = Operations(CLIENT, "managed_environments_storages", "Microsoft.App")

_ACCESS = text(choices=["ReadOnly", "ReadWrite"], default="ReadWrite")
OPTIONS: dict[str, Any] = {
    "resource_group": text(required=True),
    "environment": text(required=True),
    "name": NAME,
    "azure_file": group(
        account_name=text(required=True),
        account_key=text(no_log=True),
        share_name=text(required=True),
        access_mode=_ACCESS,
    ),
    "nfs_azure_file": group(server=text(required=True), share_name=text(required=True), access_mode=_ACCESS),
    "update_account_key": text(choices=["on_create", "always"], default="on_create", no_log=False),
}
_KEY = "properties.azureFile.accountKey"
RULES = {
    "properties": Rule(exclusive=("azureFile", "nfsAzureFile")),
    "properties.azureFile.accessMode": ENUM,
    _KEY: WRITE_ONLY,
    "properties.nfsAzureFile.accessMode": ENUM,
}
_NFS_SHARE = re.compile(r"/[^/]+/[^/]+")


def desired(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
    files, nfs = params["azure_file"], params["nfs_azure_file"]
    return {
        "properties": {
            "azureFile": None
            if files is None
            else {
                "accountName": files["account_name"],
                "accountKey": files["account_key"],
                "shareName": files["share_name"],
                "accessMode": files["access_mode"],
            },
            "nfsAzureFile": None
            if nfs is None
            else {"server": nfs["server"], "shareName": nfs["share_name"], "accessMode": nfs["access_mode"]},
        }
    }


def forced(params: Params) -> bool:
    """Azure never tells the key, so whether it differs cannot be seen."""
    return params["update_account_key"] == "always" and bool((params["azure_file"] or {}).get("account_key"))


def body(_arm: Arm, params: Params, planned: Plan) -> Json:
    """The request, also where only the key is sent anew."""
    return planned.body or without_none(desired(params))


def public(storage: Json) -> Json:
    """The storage without the account's key."""
    shown: Json = without(storage, [_KEY])
    return shown


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("environment", params["environment"], _names.ENVIRONMENT)
    _names.check("name", params["name"], _names.ENVIRONMENT_STORAGE)
    nfs = params["nfs_azure_file"]
    if params["azure_file"] is not None:
        _names.check("azure_file.account_name", params["azure_file"]["account_name"], _names.STORAGE_ACCOUNT)
    if nfs is not None and not _NFS_SHARE.fullmatch(nfs["share_name"]):
        raise InvalidOption("nfs_azure_file.share_name", nfs["share_name"], "write /<account>/<share>.")


def check_create(params: Params) -> None:
    """What only a new storage needs. Raises InvalidOption."""
    _need_key(params, "a new storage needs it.")


def observe(_arm: Arm, params: Params, current: Json) -> Json:
    """The storage as it is. Raises InvalidOption where another kind of share, of which Azure has no key, is asked for."""
    if not (current["properties"].get("azureFile") or {}).get("accountName"):
        _need_key(params, "a storage that was an NFS share needs it.")
    return current


def _need_key(params: Params, why: str) -> None:
    if params["azure_file"] is not None and not params["azure_file"]["account_key"]:
        raise InvalidOption("azure_file.account_key", None, why)
