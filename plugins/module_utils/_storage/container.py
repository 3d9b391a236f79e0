# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.Storage/storageAccounts/blobServices/containers."""

from __future__ import annotations

from typing import Any

from .._core import names
from .._core.errors import InvalidOption
from .._core.plan import ENUM, WHOLE
from .._core.resource import Resource
from .client import PACKAGES, storage_operations


class StorageContainer(Resource):
    """A blob container of a storage account."""

    name = "storage_container"
    type = "Microsoft.Storage/storageAccounts/blobServices/containers"
    path = (
        "/resourceGroups/{resource_group}/providers/Microsoft.Storage/storageAccounts/{account}"
        "/blobServices/default/containers/{name}"
    )
    address = ("resource_group", "account", "name")
    operations = storage_operations("blob_containers")
    packages = PACKAGES
    create_method = "create"
    update_method = "update"
    delete_method = "delete"
    partial = True
    wait_timeout = 300
    options = {
        "resource_group": {"type": "str", "required": True},
        "account": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "public_access": {"type": "str", "choices": ["None", "Blob", "Container"], "default": "None"},
        "metadata": {"type": "dict"},
    }
    rules = {"properties.publicAccess": ENUM, "properties.metadata": WHOLE}

    def validate(self) -> None:
        names.check("resource_group", self.params["resource_group"], names.RESOURCE_GROUP)
        names.check("account", self.params["account"], names.STORAGE_ACCOUNT)
        names.check("name", self.params["name"], names.BLOB_CONTAINER)
        for name in self.params["metadata"] or {}:
            if not name.isidentifier():
                rule = "a name has letters, digits and _, and does not begin with a digit."
                raise InvalidOption("metadata", name, rule)

    def desired(self) -> dict[str, Any]:
        return {"properties": {"publicAccess": self.params["public_access"], "metadata": self.params["metadata"]}}
