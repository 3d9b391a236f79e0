#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnostic_setting
short_description: Manage a diagnostic setting
version_added: 0.4.0
description:
  - Creates, updates and deletes a diagnostic setting. It sends the resource logs and metrics of a resource to a Log Analytics workspace,
    a storage account or an event hub.
  - A resource has five diagnostic settings at most. The same category cannot go to the same destination by two settings.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-resource
options:
  scope:
    description:
      - Id of the resource whose logs and metrics are sent, for example of an environment of Azure Container Apps.
    type: str
    required: true
  name:
    description:
      - Name of the setting. 1 to 260 characters.
    type: str
    required: true
  workspace_id:
    description:
      - Id of the Log Analytics workspace to send to.
      - A new setting needs at least one of O(workspace_id), O(storage_account_id) and O(event_hub_authorization_rule_id).
      - A destination that is not set is kept as it is.
    type: str
  log_analytics_destination_type:
    description:
      - V(Dedicated) sends to a table per category, V(AzureDiagnostics) to the one table of that name.
      - Azure's default is V(AzureDiagnostics), for the resource types that support both.
    type: str
    choices: [AzureDiagnostics, Dedicated]
  storage_account_id:
    description:
      - Id of the storage account to archive to. For a regional resource the account must be in the same region.
    type: str
  event_hub_authorization_rule_id:
    description:
      - Id of the authorization rule of the Event Hubs namespace to stream to.
    type: str
  event_hub_name:
    description:
      - Name of the event hub. Without it Azure chooses the namespace's default event hub.
    type: str
  logs:
    description:
      - Resource logs to send. The list replaces the current one; categories that it does not contain are disabled. Not set, the current ones are kept.
      - A setting has either categories or category groups.
    type: list
    elements: dict
    suboptions:
      category:
        description:
          - Name of a log category of the resource type, as V(ContainerAppConsoleLogs).
        type: str
      category_group:
        description:
          - Name of a category group, as V(allLogs) or V(audit).
        type: str
      enabled:
        description:
          - Whether the category is sent.
        type: bool
        default: true
  metrics:
    description:
      - Platform metrics to send. The list replaces the current one; categories that it does not contain are disabled. Not set, the current ones are kept.
    type: list
    elements: dict
    suboptions:
      category:
        description:
          - Name of a metric category of the resource type, as V(AllMetrics).
        type: str
        required: true
      enabled:
        description:
          - Whether the category is sent.
        type: bool
        default: true
  wait_timeout:
    description:
      - Seconds until the task gives up.
    type: int
    default: 120
seealso:
  - name: Diagnostic Settings - Create Or Update
    description: Microsoft's description of the request and its properties.
    link: https://learn.microsoft.com/rest/api/monitor/diagnostic-settings/create-or-update
  - name: Diagnostic settings in Azure Monitor
    description: Microsoft's guide, with destinations, categories and limits.
    link: https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings
  - module: mlops.mlflow_azure.log_analytics_workspace
"""

EXAMPLES = r"""
# The task that creates the workspace registers workspace.
- name: Send the audit logs and metrics of the workspace to itself
  mlops.mlflow_azure.diagnostic_setting:
    scope: "{{ workspace.log_analytics_workspace.id }}"
    name: to-workspace
    workspace_id: "{{ workspace.log_analytics_workspace.id }}"
    logs:
      - category_group: audit
    metrics:
      - category: AllMetrics
"""

RETURN = r"""
diagnostic_setting:
  description: The setting as Azure describes it; empty when it is absent. In check mode the predicted setting.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/r/providers/microsoft.sql/servers/s/providers/microsoft.insights/diagnosticSettings/a
    name: a
    properties:
      logs:
        - category: null
          categoryGroup: allLogs
          enabled: true
      workspaceId: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.OperationalInsights/workspaces/log-mlflow
    type: Microsoft.Insights/diagnosticSettings
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._monitor.diagnostic_setting import DiagnosticSetting

MODULE = DiagnosticSetting


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
