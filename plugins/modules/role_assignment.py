#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: role_assignment
short_description: Manage a role assignment
version_added: 0.1.0
description:
  - Gives a principal a role at a scope, or takes it away.
  - The name of the assignment is made of scope, principal and role, so it is never made twice. An assignment that somebody
    else made under another name counts.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-authorization
options:
  scope:
    description:
      - Id of the resource, resource group or subscription at which the role is given.
    type: str
    required: true
  role:
    description:
      - The role, by name (V(AcrPull)), by GUID or by id.
    type: str
    required: true
  principal_id:
    description:
      - Object id of the user, group, service principal or managed identity (of the latter C(properties.principalId)).
    type: str
    required: true
  principal_type:
    description:
      - What O(principal_id) is. Give it for a principal that was just created. Used only when the assignment is made.
    type: str
    choices: [User, Group, ServicePrincipal, ForeignGroup, Device]
  description:
    description:
      - Why the assignment is there.
    type: str
  condition:
    description:
      - Narrows the role, in Azure's language of conditions (version 2.0), as
        V(((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})))). An empty string takes the condition away.
    type: str
  wait_timeout:
    description:
      - Seconds for which an unknown principal is tried again. Entra ID takes up to minutes to show a new one everywhere.
    type: int
    default: 300
seealso:
  - name: Format of conditions
    description: Azure's reference.
    link: https://learn.microsoft.com/azure/role-based-access-control/conditions-format
  - name: Role Assignments - Create
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/authorization/role-assignments/create
"""

EXAMPLES = r"""
- name: Let the identity pull images
  mlops.mlflow_azure.role_assignment:
    scope: "{{ registry.container_registry.id }}"
    role: AcrPull
    principal_id: "{{ identity.user_assigned_identity.properties.principalId }}"
    principal_type: ServicePrincipal
"""

RETURN = r"""
role_assignment:
  description: The assignment as Azure describes it; empty when it is absent. In check mode what it would be.
  returned: success
  type: dict
  sample:
    id: >-
      /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Authorization/roleAssignments/55555555-5555-5555-5555-555555555555
    name: 55555555-5555-5555-5555-555555555555
    properties:
      principalId: 22222222-2222-2222-2222-222222222222
      principalType: ServicePrincipal
      roleDefinitionId: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Authorization/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d
    type: Microsoft.Authorization/roleAssignments
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._authorization.role_assignment import RoleAssignment
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run

MODULE = RoleAssignment


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
