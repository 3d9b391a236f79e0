#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_info
short_description: Gather information about the resources of a resource group
version_added: 0.3.0
description:
  - Returns the resources of a resource group, of all types. The list contains databases, but no other child resources, such as the firewall
    rules of an SQL server.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.attributes
  - mlops.mlflow_azure.attributes.info
  - mlops.mlflow_azure.read
requirements:
  - azure-mgmt-resource
options:
  resource_group:
    description:
      - Name of the resource group. The group need not exist.
    type: str
    required: true
seealso:
  - name: Resources - List By Resource Group
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/resources/resources/list-by-resource-group
  - module: mlops.mlflow_azure.resource_group
"""

EXAMPLES = r"""
- name: Get the resources of the resource group
  mlops.mlflow_azure.resource_info:
    resource_group: rg-mlflow
  register: result

- name: Show their ids
  ansible.builtin.debug:
    msg: "{{ result.resources | map(attribute='id') }}"
"""

RETURN = r"""
resources:
  description: The resources as Azure lists them, without their properties. Empty when the group contains none or does not exist.
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Storage/storageAccounts/stmlflow
      location: westeurope
      name: stmlflow
      type: Microsoft.Storage/storageAccounts
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._resources.group_content import GroupContent

MODULE = GroupContent


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
