#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app_environment
short_description: Manage a container app environment
version_added: 0.1.0
description:
  - Creates, updates and deletes a managed environment of Azure Container Apps.
  - The module reads the key of the Log Analytics workspace only when it has to write it, and never returns it.
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
      - Name of the environment. 2 to 60 letters, digits and hyphens, beginning with a letter, without consecutive hyphens.
    type: str
    required: true
  location:
    description:
      - Location of the environment. Immutable, a change is an error.
      - Required with O(state=present).
    type: str
  logs_destination:
    description:
      - Destination of the apps' logs. V(azure-monitor) uses the environment's diagnostic settings, V(none) stores no logs.
      - The default is V(log-analytics) with O(log_analytics). Without both options a new environment stores no logs, and the module does
        not change an existing one.
    type: str
    choices: [log-analytics, azure-monitor, "none"]
  log_analytics:
    description:
      - Log Analytics workspace that stores the logs.
    type: dict
    suboptions:
      workspace_id:
        description:
          - Resource id of the Log Analytics workspace. The module reads the workspace's key when it has to write it.
        type: str
        required: true
      customer_id:
        description:
          - C(properties.customerId) of the workspace. Without it the module reads the id before a write, but cannot detect that the
            environment logs to another workspace.
        type: str
  zone_redundant:
    description:
      - Whether replicas are distributed over availability zones. Requires O(infrastructure_subnet_id). Immutable.
    type: bool
  infrastructure_subnet_id:
    description:
      - Resource id of the infrastructure subnet. Immutable.
    type: str
  infrastructure_resource_group:
    description:
      - Name of the resource group in which Azure creates the environment's infrastructure resources. By default Azure generates the name.
        Immutable.
    type: str
  internal:
    description:
      - Whether the environment has only an internal load balancer and no public IP address. Requires O(infrastructure_subnet_id).
        Immutable.
    type: bool
  public_network_access:
    description:
      - Whether the environment accepts traffic from the public internet. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled]
  peer_traffic_encryption:
    description:
      - Whether traffic between the apps of the environment is encrypted. Azure's default is V(false).
    type: bool
  peer_mtls:
    description:
      - Whether the apps of the environment authenticate each other with mutual TLS. Azure's default is V(false).
    type: bool
  workload_profiles:
    description:
      - The complete list of workload profiles. Azure always adds V(Consumption), so the list need not contain it.
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
          - Type of the workload profile, for example V(Consumption), V(D4) or V(E8).
        type: str
        required: true
      minimum_count:
        description:
          - Minimum number of nodes. Not allowed for V(Consumption).
        type: int
      maximum_count:
        description:
          - Maximum number of nodes. Not allowed for V(Consumption).
        type: int
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted. The deletion of an environment takes 16 to 22
        minutes.
    type: int
    default: 1800
seealso:
  - name: Managed Environments - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/containerapps/managed-environments/create-or-update
  - module: mlops.mlflow_azure.container_app
"""

EXAMPLES = r"""
- name: Create an environment that logs to a workspace
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
    - The environment as Azure returns it, without the workspace's key. Empty when it is absent. In check mode the expected environment.
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
