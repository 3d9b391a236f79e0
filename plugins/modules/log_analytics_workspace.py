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
  - The module never reads or returns the keys of the workspace.
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
      - Name of the workspace. 4 to 63 letters, digits and hyphens, beginning and ending with a letter or digit.
    type: str
    required: true
  location:
    description:
      - Location of the workspace. Immutable, a change is an error.
      - Required with O(state=present).
    type: str
  sku:
    description:
      - Pricing tier. Azure's default is V(PerGB2018), and V(Standalone) is its older name. V(Free), V(PerNode), V(Premium) and V(Standard)
        are legacy tiers of existing workspaces.
    type: str
    choices: [PerGB2018, CapacityReservation, Free, PerNode, Premium, Standalone, Standard]
  capacity_reservation_level:
    description:
      - Capacity reservation in GB per day. Required with O(sku=CapacityReservation), and only allowed with it.
    type: int
    choices: [100, 200, 300, 400, 500, 1000, 2000, 5000, 10000, 25000, 50000]
  retention_in_days:
    description:
      - Data retention in days, 7 or 30 to 730. Azure's default is 30.
    type: int
  daily_quota_gb:
    description:
      - Daily ingestion quota in GB. V(-1) means no limit and is Azure's default.
    type: float
  public_network_access_for_ingestion:
    description:
      - Whether the workspace accepts log ingestion from the public internet. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled]
  public_network_access_for_query:
    description:
      - Whether the workspace accepts queries from the public internet. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled]
  disable_local_auth:
    description:
      - Whether ingestion requires an Entra ID identity and the workspace's keys are disabled. Azure's default is V(false).
      - A container app environment that logs to the workspace uses the workspace's keys, so keep them enabled there.
    type: bool
  resource_permissions_enabled:
    description:
      - Whether read permission on a resource includes its logs (resource-context access mode). Azure's default is V(true).
    type: bool
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 600
seealso:
  - name: Workspaces - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/loganalytics/workspaces/create-or-update
"""

EXAMPLES = r"""
- name: Create a workspace that keeps logs for 30 days
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
    - The workspace as Azure returns it. Empty when it is absent. In check mode the expected workspace.
    - A container app environment requires C(id) and C(properties.customerId).
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
