#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: role_assignment_info
short_description: Look at role assignments
version_added: 0.2.0
description:
  - Gives the role assignments that count at a scope. Those made there, and those inherited from the resource group, the
    subscription and the management groups above it.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.attributes
  - mlops.mlflow_azure.attributes.info
  - mlops.mlflow_azure.read
requirements:
  - azure-mgmt-authorization
options:
  scope:
    description:
      - Id of the resource, resource group or subscription.
    type: str
    required: true
  principal_id:
    description:
      - Only those of this user, group, service principal or managed identity, by its object id. What it has as the member of a
        group is not among them.
    type: str
  role:
    description:
      - Only those of this role, by name (V(AcrPull)), by GUID or by id.
    type: str
seealso:
  - name: Role Assignments - List For Scope
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/authorization/role-assignments/list-for-scope
  - module: mlops.mlflow_azure.role_assignment
"""

EXAMPLES = r"""
- name: Look at who may pull images from anywhere in the resource group
  mlops.mlflow_azure.role_assignment_info:
    scope: /subscriptions/{{ lookup('ansible.builtin.env', 'AZURE_SUBSCRIPTION_ID') }}/resourceGroups/rg-mlflow
    role: AcrPull
  register: found

- name: Show their object ids
  ansible.builtin.debug:
    msg: "{{ found.role_assignments | map(attribute='properties.principalId') }}"
"""

RETURN = r"""
role_assignments:
  description: The assignments as Azure describes them. C(properties.scope) says where each was made. Empty when there are none.
  returned: success
  type: list
  elements: dict
  sample:
    - id: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Authorization/roleAssignments/55555555-5555-5555-5555-555555555555
      name: 55555555-5555-5555-5555-555555555555
      properties:
        principalId: 22222222-2222-2222-2222-222222222222
        principalType: ServicePrincipal
        roleDefinitionId: >-
          /subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Authorization/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d
        scope: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow
      type: Microsoft.Authorization/roleAssignments
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._authorization.role_assignment import (
    RoleAssignmentInfo,
)
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run

MODULE = RoleAssignmentInfo


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
