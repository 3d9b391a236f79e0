# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.App/managedEnvironments/storages."""

from __future__ import annotations

import re
from typing import Any

from .._core import names
from .._core.arm import Json
from .._core.errors import InvalidOption
from .._core.plan import ENUM, WRITE_ONLY, Plan, Rule, without, without_none
from .._core.resource import Resource
from .client import PACKAGES, STORAGES
from .options import NAME, group, text

_ACCESS = text(choices=["ReadOnly", "ReadWrite"], default="ReadWrite")
_KEY = "properties.azureFile.accountKey"
_NFS_SHARE = re.compile(r"/[^/]+/[^/]+")


class ContainerAppEnvironmentStorage(Resource):
    """A storage of an environment: a file share that volumes of its apps and jobs mount."""

    name = "container_app_environment_storage"
    type = "Microsoft.App/managedEnvironments/storages"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.App/managedEnvironments/{environment}/storages/{name}"
    address = ("resource_group", "environment", "name")
    operations = STORAGES
    packages = PACKAGES
    create_method = "create_or_update"
    update_method = "create_or_update"
    delete_method = "delete"
    wait_timeout = 120
    options = {
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
    constraints = {
        "mutually_exclusive": [("azure_file", "nfs_azure_file")],
        "required_if": [("state", "present", ("azure_file", "nfs_azure_file"), True)],
    }
    rules = {
        "properties": Rule(exclusive=("azureFile", "nfsAzureFile")),
        "properties.azureFile.accessMode": ENUM,
        _KEY: WRITE_ONLY,
        "properties.nfsAzureFile.accessMode": ENUM,
    }

    def validate(self) -> None:
        names.check("resource_group", self.params["resource_group"], names.RESOURCE_GROUP)
        names.check("environment", self.params["environment"], names.ENVIRONMENT)
        names.check("name", self.params["name"], names.ENVIRONMENT_STORAGE)
        smb, nfs = self.params["azure_file"], self.params["nfs_azure_file"]
        if smb is not None:
            names.check("azure_file.account_name", smb["account_name"], names.STORAGE_ACCOUNT)
        if nfs is not None and not _NFS_SHARE.fullmatch(nfs["share_name"]):
            raise InvalidOption("nfs_azure_file.share_name", nfs["share_name"], "use /<account>/<share>.")

    def validate_create(self) -> None:
        self._require_key("a new storage needs it.")

    def desired(self) -> dict[str, Any]:
        return {
            "properties": {
                "azureFile": _smb_share(self.params["azure_file"]),
                "nfsAzureFile": _nfs_share(self.params["nfs_azure_file"]),
            }
        }

    def complete_read(self, current: Json) -> Json:
        """Return the current storage. Raise InvalidOption for an NFS share that becomes an SMB share without a key."""
        if not (current["properties"].get("azureFile") or {}).get("accountName"):
            self._require_key("a storage that was an NFS share needs it.")
        return current

    def always_write(self) -> bool:
        """Return whether to send the key although nothing differs: Azure does not return it to compare."""
        smb = self.params["azure_file"] or {}
        return self.params["update_account_key"] == "always" and bool(smb.get("account_key"))

    def request_body(self, planned: Plan) -> Json:
        """Return the body of the write; the whole storage where only the key is sent."""
        return planned.body or without_none(self.desired())

    def public(self, resource: Json) -> Json:
        return without(resource, [_KEY])

    def _require_key(self, rule: str) -> None:
        smb = self.params["azure_file"]
        if smb is not None and not smb["account_key"]:
            raise InvalidOption("azure_file.account_key", None, rule)


def _smb_share(share: dict[str, Any] | None) -> dict[str, Any] | None:
    if share is None:
        return None
    return {
        "accountName": share["account_name"],
        "accountKey": share["account_key"],
        "shareName": share["share_name"],
        "accessMode": share["access_mode"],
    }


def _nfs_share(share: dict[str, Any] | None) -> dict[str, Any] | None:
    if share is None:
        return None
    return {"server": share["server"], "shareName": share["share_name"], "accessMode": share["access_mode"]}
