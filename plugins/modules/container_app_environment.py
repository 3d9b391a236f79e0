#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app_environment
short_description: Manage an environment of Azure Container Apps
version_added: 0.1.0
description:
  - Creates, updates and deletes a managed environment, the home of container apps.
  - The key of the Log Analytics workspace is fetched only when it has to be written, and never returned.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.resource.identity
  - mlops.mlflow_azure.resource.tags
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-appcontainers
  - azure-mgmt-loganalytics
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  name:
    description:
      - Name of the environment. 2 to 60 letters, digits and single V(-), beginning with a letter.
    type: str
    required: true
  location:
    description:
      - Location of the environment. Azure fixes it at creation, a change is an error.
      - Required with O(state=present).
    type: str
  logs_destination:
    description:
      - Where the apps' logs go. V(azure-monitor) leaves it to the environment's diagnostic settings, V(none) keeps no logs.
      - The default is V(log-analytics) with O(log_analytics). Without both a new environment keeps no logs, and an existing
        one is left alone.
    type: str
    choices: [log-analytics, azure-monitor, "none"]
  log_analytics:
    description:
      - The workspace that keeps the logs.
    type: dict
    suboptions:
      workspace_id:
        description:
          - Resource id of the Log Analytics workspace, whose key the module reads when it must.
        type: str
        required: true
      customer_id:
        description:
          - C(properties.customerId) of the workspace. Without it the module reads it when it writes, but cannot see that
            the environment logs to another workspace.
        type: str
  zone_redundant:
    description:
      - Whether replicas are spread over availability zones. Needs O(infrastructure_subnet_id). Azure fixes it at creation.
    type: bool
  infrastructure_subnet_id:
    description:
      - Id of the subnet for the environment. Azure fixes it at creation.
    type: str
  infrastructure_resource_group:
    description:
      - Name of the resource group that Azure makes for what the environment stands on. Azure fixes it at creation, and its
        default is one of its own.
    type: str
  internal:
    description:
      - Whether the environment has no public address. Needs O(infrastructure_subnet_id). Azure fixes it at creation.
    type: bool
  public_network_access:
    description:
      - Whether the environment takes requests from the internet. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled]
  peer_traffic_encryption:
    description:
      - Whether traffic between the environment's apps is encrypted. Azure's default is V(false).
    type: bool
  peer_mtls:
    description:
      - Whether the environment's apps show each other certificates. Azure's default is V(false).
    type: bool
  workload_profiles:
    description:
      - The whole list of workload profiles. V(Consumption), which Azure always adds, need not be named.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the profile, for O(mlops.mlflow_azure.container_app#module:workload_profile_name).
        type: str
        required: true
      type:
        description:
          - Kind of machine, as V(Consumption), V(D4) or V(E8).
        type: str
        required: true
      minimum_count:
        description:
          - Fewest machines. Not for V(Consumption).
        type: int
      maximum_count:
        description:
          - Most machines. Not for V(Consumption).
        type: int
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted. Deleting an environment takes 16 to 22 minutes.
    type: int
    default: 1800
seealso:
  - name: Managed Environments - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/containerapps/managed-environments/create-or-update
  - module: mlops.mlflow_azure.container_app
"""

EXAMPLES = r"""
- name: Have an environment that logs to a workspace
  mlops.mlflow_azure.container_app_environment:
    resource_group: rg-mlflow
    name: cae-mlflow
    location: westeurope
    log_analytics:
      workspace_id: "{{ workspace.log_analytics_workspace.id }}"
      customer_id: "{{ workspace.log_analytics_workspace.properties.customerId }}"
  register: app_environment
"""

RETURN = r"""
container_app_environment:
  description:
    - The environment as Azure describes it; empty when it is absent. In check mode what it would be. Never the workspace's key.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.App/managedEnvironments/cae-mlflow
    location: West Europe
    name: cae-mlflow
    properties:
      defaultDomain: nicesea-0a1b2c3d.westeurope.azurecontainerapps.io
      provisioningState: Succeeded
    type: Microsoft.App/managedEnvironments
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._container_apps.environment import (
    ContainerAppEnvironment,
)
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run

MODULE = ContainerAppEnvironment


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
