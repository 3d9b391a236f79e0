#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: Look at what would keep Azure from making resources
version_added: 0.3.0
description:
  - Finds, before anything is written, what Azure would refuse later. Names that somebody else has, resource providers that are
    not registered, regions that do not have a type of resource, quotas that are used up, and what the caller may not do.
  - It gives all that it finds and does not fail because of it, so that the play can report everything together.
  - What is there already is not looked at again. Where everything is, it sends one read for each resource group.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.attributes
  - mlops.mlflow_azure.attributes.info
  - mlops.mlflow_azure.read
requirements:
  - azure-mgmt-authorization
  - azure-mgmt-resource
options:
  resources:
    description:
      - What is going to be made.
    type: list
    elements: dict
    required: true
    suboptions:
      type:
        description:
          - Type of the resource, as V(Microsoft.Storage/storageAccounts). One of the top level, none that lies in another resource.
        type: str
        required: true
      name:
        description:
          - Name of the resource. Without it or without O(resources[].resource_group), the resource is left out.
        type: str
      resource_group:
        description:
          - Name of the resource group, which need not be there.
        type: str
      location:
        description:
          - Location of the resource. Without it, no region and no quota is checked.
        type: str
      option:
        description:
          - What the user calls the name of the resource, for the lines about it.
        type: str
        default: name
      location_option:
        description:
          - What the user calls the location of the resource, for the lines about it.
        type: str
        default: location
  actions:
    description:
      - What else the caller has to be permitted to do, as V(Microsoft.Authorization/locks/write). Writing what is to be
        made, the resource groups included, goes without saying.
      - Not looked at where all of O(resources) is there already. Who changes an app need not be permitted what making it took.
    type: list
    elements: str
    default: []
  role_assignments:
    description:
      - Roles that are going to be assigned. Where one is not yet, the caller has to be permitted to assign it.
      - As O(actions), not looked at where all of O(resources) is there already.
    type: list
    elements: dict
    default: []
    suboptions:
      role:
        description:
          - Name of the role.
        type: str
        required: true
      resource:
        description:
          - On what, as O(resources[].option) names it.
        type: str
        required: true
      identity:
        description:
          - To which user-assigned identity, as O(resources[].option) names it.
        type: str
        required: true
seealso:
  - name: Storage Accounts - Check Name Availability
    description: One of the requests that it sends.
    link: https://learn.microsoft.com/rest/api/storagerp/storage-accounts/check-name-availability
  - name: Permissions - List For Resource Group
    description: Another one.
    link: https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group
  - name: Usages - List
    description: The quota of Container Apps environments.
    link: https://learn.microsoft.com/rest/api/containerapps/usages/list
"""

EXAMPLES = r"""
- name: Look whether there may be a storage account of that name
  mlops.mlflow_azure.preflight_info:
    resources:
      - type: Microsoft.Storage/storageAccounts
        name: stmlflow
        resource_group: rg-mlflow
        location: westeurope
        option: storage_account_name
    actions:
      - Microsoft.Authorization/locks/write
  register: preflight

- name: Refuse to go on
  ansible.builtin.assert:
    that: preflight.problems | length == 0
    fail_msg: "{{ preflight.problems | join(' ') }}"
"""

RETURN = r"""
problems:
  description: What would keep Azure from making the resources, one line each, which says what to do. Empty when there is nothing.
  returned: success
  type: list
  elements: str
  sample:
    - >-
      storage_account_name: 'stmlflow' cannot be had: The storage account named stmlflow is already taken. Give it another name.
unchecked:
  description:
    - What the caller may not look at, one line each. It is no problem, because whoever may write in a resource group need not be
      able to read in the subscription.
  returned: success
  type: list
  elements: str
  sample: []
existing:
  description: Ids of the resources that there are in the resource groups.
  returned: success
  type: list
  elements: str
  sample:
    - /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Storage/storageAccounts/stmlflow
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._mlflow.preflight import PreflightInfo

MODULE = PreflightInfo


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
