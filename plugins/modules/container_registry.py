#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_registry
short_description: Manage a container registry
version_added: 0.1.0
description:
  - Creates, updates and deletes an Azure Container Registry.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.resource.tags
  - mlops.mlflow_azure.resource.identity
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-containerregistry
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  name:
    description:
      - Name of the registry, globally unique. 5 to 50 letters and digits.
    type: str
    required: true
  location:
    description:
      - Location of the registry. Immutable, a change is an error.
      - Required with O(state=present).
    type: str
  sku:
    description:
      - Service tier. The default for a new registry is V(Basic).
    type: str
    choices: [Basic, Standard, Premium]
  admin_user_enabled:
    description:
      - Whether the admin user is enabled. Keep it disabled, identities need no admin user.
    type: bool
    default: false
  anonymous_pull_enabled:
    description:
      - Whether anonymous pull is enabled. Requires O(sku=Standard) or O(sku=Premium).
    type: bool
  public_network_access:
    description:
      - Whether the registry accepts requests from the public internet. V(Disabled) requires O(sku=Premium).
    type: str
    choices: [Enabled, Disabled]
  zone_redundancy:
    description:
      - Whether the registry is zone-redundant. Immutable. V(Enabled) requires O(sku=Premium).
    type: str
    choices: [Enabled, Disabled]
  data_endpoint_enabled:
    description:
      - Whether the registry has dedicated data endpoints (C(<name>.<location>.data.azurecr.io)) from which clients download layers, instead
        of shared storage accounts. V(true) requires O(sku=Premium).
    type: bool
  network_rule_set:
    description:
      - Network rules of the registry. Requires O(sku=Premium).
    type: dict
    suboptions:
      default_action:
        description:
          - Action for traffic that matches no rule.
        type: str
        choices: [Allow, Deny]
        required: true
      ip_rules:
        description:
          - The complete list of allowed public IPv4 addresses or CIDR ranges (C(203.0.113.0/24)), in any order.
        type: list
        elements: str
  network_rule_bypass_options:
    description:
      - Whether trusted Azure services, such as ACR Tasks, bypass the network rules. Azure's default is V(AzureServices).
    type: str
    choices: [AzureServices, "None"]
  retention_policy:
    description:
      - Retention policy for untagged manifests.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether the policy is enabled. V(true) requires O(sku=Premium).
        type: bool
        required: true
      days:
        description:
          - Number of days after which untagged manifests are deleted, 0 to 365. Azure's default is 7.
        type: int
  quarantine_policy_enabled:
    description:
      - Whether a pushed image stays in quarantine until it is released. V(true) requires O(sku=Premium).
    type: bool
  export_policy_enabled:
    description:
      - Whether images can be exported to other registries. V(false) requires O(sku=Premium) and O(public_network_access=Disabled). Azure's
        default is V(true).
    type: bool
  azure_ad_authentication_as_arm_enabled:
    description:
      - Whether the registry accepts tokens for Azure Resource Manager. Azure's default is V(true). The modules of this collection do not
        use such tokens.
    type: bool
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 600
seealso:
  - name: Registries - Create
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/container-registry/registries/create
  - module: mlops.mlflow_azure.container_image
"""

EXAMPLES = r"""
- name: Create a registry
  mlops.mlflow_azure.container_registry:
    resource_group: rg-mlflow
    name: crmlflow42
    location: westeurope
    sku: Basic
  register: registry

- name: Allow one network only, and delete untagged manifests after 30 days
  mlops.mlflow_azure.container_registry:
    resource_group: rg-mlflow
    name: crmlflowpremium42
    location: westeurope
    sku: Premium
    network_rule_set:
      default_action: Deny
      ip_rules: [203.0.113.0/24]
    retention_policy:
      enabled: true
      days: 30

- name: Show the host name of the registry
  ansible.builtin.debug:
    msg: "{{ registry.container_registry.properties.loginServer }}"
"""

RETURN = r"""
container_registry:
  description: The registry as Azure returns it, without passwords. Empty when it is absent. In check mode the expected registry.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.ContainerRegistry/registries/crmlflow42
    location: westeurope
    name: crmlflow42
    properties:
      adminUserEnabled: false
      loginServer: crmlflow42.azurecr.io
      provisioningState: Succeeded
    sku:
      name: Basic
      tier: Basic
    type: Microsoft.ContainerRegistry/registries
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._registry.registry import ContainerRegistry

MODULE = ContainerRegistry


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
