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
      - Pricing tier. Azure gives V(PerGB2018) when the option is not set; V(Standalone) is its older name. V(Free), V(PerNode),
        V(Premium) and V(Standard) are for workspaces that have had them for long.
    type: str
    choices: [PerGB2018, CapacityReservation, Free, PerNode, Premium, Standalone, Standard]
  capacity_reservation_level:
    description:
      - Gigabytes a day that are paid for ahead. Required with O(sku=CapacityReservation), and only with it.
    type: int
    choices: [100, 200, 300, 400, 500, 1000, 2000, 5000, 10000, 25000, 50000]
  retention_in_days:
    description:
      - Days for which the data is kept, 7 or 30 to 730. Azure's default is 30.
    type: int
  daily_quota_gb:
    description:
      - Gigabytes a day that are taken in at most, V(-1) for no limit, which is Azure's default.
    type: float
  public_network_access_for_ingestion:
    description:
      - Whether logs are taken in from the internet. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled]
  public_network_access_for_query:
    description:
      - Whether logs can be queried from the internet. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled]
  disable_local_auth:
    description:
      - Whether logs are taken in from Entra identities only, and no longer with the workspace's keys. Azure's default is V(false).
      - A container app environment that writes to the workspace needs its keys, so leave it off there.
    type: bool
  resource_permissions_enabled:
    description:
      - Whether who may read a resource may read its logs too. Azure's default is V(true).
    type: bool
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

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._monitor.log_analytics_workspace import (
    LogAnalyticsWorkspace,
)

MODULE = LogAnalyticsWorkspace


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
