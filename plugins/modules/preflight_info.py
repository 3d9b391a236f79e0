#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: Gather information about problems that would prevent a deployment
version_added: 0.3.0
description:
  - Detects, before anything is written, what Azure would reject later. This covers names that are taken, resource providers that are not
    registered, regions without a resource type, exhausted quotas, and missing permissions of the caller.
  - Returns all problems and does not fail because of them, so that the play can report them together.
  - Resources that exist are not checked. If all resources exist, the module sends one request for each resource group.
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
      - Resources that the play is going to create.
    type: list
    elements: dict
    required: true
    suboptions:
      type:
        description:
          - Resource type, for example V(Microsoft.Storage/storageAccounts). Only top-level types, no child resources.
        type: str
        required: true
      name:
        description:
          - Name of the resource. Without it or without O(resources[].resource_group), the resource is not checked.
        type: str
      resource_group:
        description:
          - Name of the resource group. The group need not exist.
        type: str
      location:
        description:
          - Location of the resource. Without it, region and quota are not checked.
        type: str
      option:
        description:
          - Name of the user's option for the resource name, for the messages.
        type: str
        default: name
      location_option:
        description:
          - Name of the user's option for the location, for the messages.
        type: str
        default: location
  actions:
    description:
      - Additional actions that the caller needs permission for, for example V(Microsoft.Authorization/locks/write). The module always
        checks the permission to create O(resources) and their resource groups.
      - Not checked if all of O(resources) exist, because a caller that only updates an app need not have the permissions to create one.
    type: list
    elements: str
    default: []
  role_assignments:
    description:
      - Role assignments that the play is going to create. If one does not exist, the caller needs the permission to create it.
      - Like O(actions), not checked if all of O(resources) exist.
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
          - Scope of the assignment, as the value of O(resources[].option) of a resource.
        type: str
        required: true
      identity:
        description:
          - User-assigned identity, as the value of O(resources[].option) of a resource.
        type: str
        required: true
seealso:
  - name: Storage Accounts - Check Name Availability
    description: One of the requests that the module sends.
    link: https://learn.microsoft.com/rest/api/storagerp/storage-accounts/check-name-availability
  - name: Permissions - List For Resource Group
    description: One of the requests that the module sends.
    link: https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group
  - name: Usages - List
    description: The quota of container app environments.
    link: https://learn.microsoft.com/rest/api/containerapps/usages/list
"""

EXAMPLES = r"""
- name: Check whether the name of the storage account is available
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

- name: Fail if there are problems
  ansible.builtin.assert:
    that: preflight.problems | length == 0
    fail_msg: "{{ preflight.problems | join(' ') }}"
"""

RETURN = r"""
problems:
  description: Problems that would prevent Azure from creating the resources, one line each, with the remedy. Empty when there are none.
  returned: success
  type: list
  elements: str
  sample:
    - >-
      storage_account_name: 'stmlflow' is not available: The storage account named stmlflow is already taken. Use another name.
unchecked:
  description:
    - Checks that the caller has no permission to make, one line each. They are no problems, because a caller that can write in a resource
      group need not be able to read the subscription.
  returned: success
  type: list
  elements: str
  sample: []
existing:
  description: Ids of the existing resources in the resource groups.
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
