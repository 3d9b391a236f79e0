#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_group
short_description: Manage a resource group
version_added: 0.1.0
description:
  - Creates, updates the tags of, and deletes a resource group.
  - Deleting a resource group deletes everything in it.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.resource.tags
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-resource
options:
  name:
    description:
      - Name of the resource group. 1 to 90 letters, digits, V(-), V(_), V(.), V(()), not ending with a dot.
    type: str
    required: true
  location:
    description:
      - Location of the resource group, for example V(westeurope) or V(West Europe). Immutable, a change is an error.
      - Required with O(state=present).
    type: str
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 1800
seealso:
  - name: Resource Groups - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/resources/resource-groups/create-or-update
"""

EXAMPLES = r"""
- name: Create a resource group
  mlops.mlflow_azure.resource_group:
    name: rg-mlflow
    location: westeurope
    tags:
      team: ml

- name: Delete the resource group with everything in it
  mlops.mlflow_azure.resource_group:
    name: rg-mlflow
    state: absent
"""

RETURN = r"""
resource_group:
  description: The resource group as Azure returns it. Empty when it is absent. In check mode the expected resource group.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow
    location: westeurope
    name: rg-mlflow
    properties:
      provisioningState: Succeeded
    type: Microsoft.Resources/resourceGroups
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._resources.group import ResourceGroup

MODULE = ResourceGroup


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
