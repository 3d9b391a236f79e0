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
  log_analytics:
    description:
      - Where the apps' logs go. Without the option a new environment keeps no logs, and an existing one is left alone.
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
  internal:
    description:
      - Whether the environment has no public address. Needs O(infrastructure_subnet_id). Azure fixes it at creation.
    type: bool
  public_network_access:
    description:
      - Whether the environment takes requests from the internet. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled]
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

from ansible_collections.mlops.mlflow_azure.plugins.module_utils import _module
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._arguments import IN_GROUP, TAGS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._arm import Operations
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._container_app_environment import (
    READ_ONLY,
    RULES,
    check,
    desired,
    public,
    public_diff,
    with_workspace_key,
)
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._resource import Resource

WORKLOAD_PROFILES = {
    "type": "list",
    "elements": "dict",
    "options": {
        "name": {"type": "str", "required": True},
        "type": {"type": "str", "required": True},
        "minimum_count": {"type": "int"},
        "maximum_count": {"type": "int"},
    },
}
LOG_ANALYTICS = {
    "type": "dict",
    "options": {"workspace_id": {"type": "str", "required": True}, "customer_id": {"type": "str"}},
}
RESOURCE = Resource(
    name="container_app_environment",
    type="Microsoft.App/managedEnvironments",
    path="/resourceGroups/{resource_group}/providers/Microsoft.App/managedEnvironments/{name}",
    operations=Operations("azure.mgmt.appcontainers:ContainerAppsAPIClient", "managed_environments", "Microsoft.App"),
    address=("resource_group", "name"),
    options={
        **IN_GROUP,
        "log_analytics": LOG_ANALYTICS,
        "zone_redundant": {"type": "bool"},
        "infrastructure_subnet_id": {"type": "str"},
        "internal": {"type": "bool"},
        "public_network_access": {"type": "str", "choices": ["Enabled", "Disabled"]},
        "workload_profiles": WORKLOAD_PROFILES,
        **TAGS,
    },
    desired=desired,
    rules=RULES,
    read_only=READ_ONLY,
    check=check,
    update="begin_update",
    partial=True,
    prepare=with_workspace_key,
    public=public,
    public_diff=public_diff,
)
MODULE = _module.resource_module(
    RESOURCE,
    packages={
        "azure.mgmt.appcontainers": "azure-mgmt-appcontainers",
        "azure.mgmt.loganalytics": "azure-mgmt-loganalytics",
    },
    wait_timeout=1800,
    required_if=[("state", "present", ("location",))],
)


def main() -> None:
    _module.main(MODULE)


if __name__ == "__main__":
    main()
