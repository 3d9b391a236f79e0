# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.ManagedIdentity/userAssignedIdentities."""

from __future__ import annotations

from typing import Any

from .._core import names
from .._core.arguments import IN_GROUP, TAGS
from .._core.arm import Operations
from .._core.info import ResourceInfo
from .._core.plan import LOCATION, WHOLE, immutable
from .._core.resource import NEEDS_LOCATION, Resource

_OPERATIONS = Operations(
    "azure.mgmt.msi:ManagedServiceIdentityClient", "user_assigned_identities", "Microsoft.ManagedIdentity"
)
_PACKAGES = {"azure.mgmt.msi": "azure-mgmt-msi"}


class UserAssignedIdentity(Resource):
    """A user-assigned managed identity."""

    name = "user_assigned_identity"
    type = "Microsoft.ManagedIdentity/userAssignedIdentities"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    address = ("resource_group", "name")
    operations = _OPERATIONS
    packages = _PACKAGES
    create_method = "create_or_update"
    update_method = "update"
    delete_method = "delete"
    partial = True
    wait_timeout = 300
    options = {**IN_GROUP, **TAGS}
    constraints = NEEDS_LOCATION
    rules = {"location": immutable("location", LOCATION), "tags": WHOLE}

    def validate(self) -> None:
        names.check("resource_group", self.params["resource_group"], names.RESOURCE_GROUP)
        names.check("name", self.params["name"], names.IDENTITY)

    def desired(self) -> dict[str, Any]:
        return {"location": self.params["location"], "tags": self.tags}


class UserAssignedIdentityInfo(ResourceInfo):
    """User-assigned managed identities, to read."""

    name = "user_assigned_identities"
    address = ("resource_group", "name")
    operations = _OPERATIONS
    packages = _PACKAGES
    options = {"resource_group": {"type": "str"}, "name": {"type": "str"}}
    constraints = {"required_by": {"name": ("resource_group",)}}
    lists = (("list_by_resource_group", ("resource_group",)), ("list_by_subscription", ()))
