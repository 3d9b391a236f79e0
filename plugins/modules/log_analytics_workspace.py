#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: log_analytics_workspace
short_description: Manage a Log Analytics workspace
version_added: 0.1.0
description:
  - Creates, updates and deletes a Log Analytics workspace.
  - Its keys are never read nor returned.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.resource.tags
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-loganalytics
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  name:
    description:
      - Name of the workspace. 4 to 63 letters, digits and V(-), beginning and ending with a letter or digit.
    type: str
    required: true
  location:
    description:
      - Location of the workspace. Azure fixes it at creation, a change is an error.
      - Required with O(state=present).
    type: str
  sku:
    description:
      - Pricing tier, as V(PerGB2018), which is what Azure gives when the option is not set.
    type: str
  retention_in_days:
    description:
      - Days for which the data is kept, 7 or 30 to 730. Azure's default is 30.
    type: int
  daily_quota_gb:
    description:
      - Gigabytes a day that are taken in at most, V(-1) for no limit, which is Azure's default.
    type: float
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
    type: int
    default: 600
seealso:
  - name: Workspaces - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/loganalytics/workspaces/create-or-update
"""

EXAMPLES = r"""
- name: Have a workspace that keeps logs for a month
  mlops.mlflow_azure.log_analytics_workspace:
    resource_group: rg-mlflow
    name: log-mlflow
    location: westeurope
    retention_in_days: 30
    daily_quota_gb: 1
  register: workspace
"""

RETURN = r"""
log_analytics_workspace:
  description:
    - The workspace as Azure describes it; empty when it is absent. In check mode what it would be.
    - A container app environment needs C(id) and C(properties.customerId).
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.OperationalInsights/workspaces/log-mlflow
    location: westeurope
    name: log-mlflow
    properties:
      customerId: 44444444-4444-4444-4444-444444444444
      provisioningState: Succeeded
      retentionInDays: 30
      sku:
        name: PerGB2018
    type: Microsoft.OperationalInsights/workspaces
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils import _module, _names
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._arguments import IN_GROUP, TAGS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._arm import Operations
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._errors import InvalidOption
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._plan import LOCATION, NUMBER, WHOLE, Rule, immutable
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._resource import READ_ONLY, Params, Resource


def same_sku(wanted: str, current: str | None) -> bool:
    """Standalone is the older name of PerGB2018; older api-versions answer in lower case."""
    names = {"standalone": "pergb2018"}
    folded = [str(sku).lower() for sku in (wanted, current)]
    return names.get(folded[0], folded[0]) == names.get(folded[1], folded[1])


def check(params: Params) -> None:
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("name", params["name"], _names.WORKSPACE)
    days = params["retention_in_days"]
    if days is not None and days != 7 and not 30 <= days <= 730:
        raise InvalidOption("retention_in_days", days, "use 7, or 30 to 730.")


def desired(params: Params) -> dict:
    quota = params["daily_quota_gb"]
    return {
        "location": params["location"],
        "properties": {
            "sku": None if params["sku"] is None else {"name": params["sku"]},
            "retentionInDays": params["retention_in_days"],
            "workspaceCapping": None if quota is None else {"dailyQuotaGb": quota},
        },
        "tags": params["tags"],
    }


RESOURCE = Resource(
    name="log_analytics_workspace",
    type="Microsoft.OperationalInsights/workspaces",
    path="/resourceGroups/{resource_group}/providers/Microsoft.OperationalInsights/workspaces/{name}",
    operations=Operations(
        "azure.mgmt.loganalytics:LogAnalyticsManagementClient", "workspaces", "Microsoft.OperationalInsights"
    ),
    address=("resource_group", "name"),
    options={
        **IN_GROUP,
        "sku": {"type": "str"},
        "retention_in_days": {"type": "int"},
        "daily_quota_gb": {"type": "float"},
        **TAGS,
    },
    desired=desired,
    rules={
        "location": immutable("location", LOCATION),
        "properties.sku.name": Rule(compare=same_sku),
        "properties.retentionInDays": NUMBER,
        "properties.workspaceCapping.dailyQuotaGb": NUMBER,
        "tags": WHOLE,
    },
    read_only=(
        *READ_ONLY,
        "properties.customerId",
        "properties.createdDate",
        "properties.modifiedDate",
        "properties.privateLinkScopedResources",
        "properties.sku.lastSkuUpdate",
        "properties.workspaceCapping.dataIngestionStatus",
        "properties.workspaceCapping.quotaNextResetTime",
    ),
    check=check,
    update="update",
    partial=True,
)
MODULE = _module.resource_module(
    RESOURCE,
    packages={"azure.mgmt.loganalytics": "azure-mgmt-loganalytics"},
    wait_timeout=600,
    required_if=[("state", "present", ("location",))],
)


def main() -> None:
    _module.main(MODULE)


if __name__ == "__main__":
    main()
