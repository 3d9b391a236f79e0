# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All resources of a resource group, whatever their type."""

from __future__ import annotations

from typing import Any

from .._core.arm import ANY_RESOURCE
from .._core.info import InfoModule, list_all


class GroupContent(InfoModule):
    """The resources of a resource group."""

    options = {"resource_group": {"type": "str", "required": True}}
    packages = {"azure.mgmt.resource.resources": "azure-mgmt-resource"}

    def execute(self, check_mode: bool) -> dict[str, Any]:
        resources = list_all(self.arm, ANY_RESOURCE, "list_by_resource_group", self.params["resource_group"])
        return {"changed": False, "resources": resources}
