# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.Resources/resourceGroups."""

from __future__ import annotations

from typing import Any

from .._core import names
from .._core.arguments import TAGS
from .._core.arm import Operations
from .._core.plan import LOCATION, WHOLE, immutable
from .._core.resource import NEEDS_LOCATION, Resource


class ResourceGroup(Resource):
    """A resource group."""

    name = "resource_group"
    type = "Microsoft.Resources/resourceGroups"
    path = "/resourceGroups/{name}"
    address = ("name",)
    operations = Operations(
        "azure.mgmt.resource.resources:ResourceManagementClient", "resource_groups", "Microsoft.Resources"
    )
    packages = {"azure.mgmt.resource.resources": "azure-mgmt-resource"}
    create_method = "create_or_update"
    update_method = "update"
    partial = True
    wait_timeout = 1800
    options = {"name": {"type": "str", "required": True}, "location": {"type": "str"}, **TAGS}
    constraints = NEEDS_LOCATION
    rules = {"location": immutable("location", LOCATION), "tags": WHOLE}

    def validate(self) -> None:
        names.check("name", self.params["name"], names.RESOURCE_GROUP)

    def desired(self) -> dict[str, Any]:
        return {"location": self.params["location"], "tags": self.tags}
