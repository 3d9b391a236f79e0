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
  - Creates and deletes an Azure RBAC role assignment, which grants a role to a principal at a scope.
  - The module derives the name of the assignment from scope, principal and role, so it never creates a duplicate. It accepts an equal
    assignment with another name.
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
      - Scope of the assignment, as the id of a resource, a resource group or a subscription.
    type: str
    required: true
  role:
    description:
      - Role definition, as name (V(AcrPull)), GUID or resource id.
    type: str
    required: true
  principal_id:
    description:
      - Object id of the principal, which is a user, group, service principal or managed identity. For a managed identity it is
        C(properties.principalId).
    type: str
    required: true
  principal_type:
    description:
      - Type of the principal. Set it for a principal that was created shortly before. The module uses it only when it creates the
        assignment.
    type: str
    choices: [User, Group, ServicePrincipal, ForeignGroup, Device]
  description:
    description:
      - Description of the assignment.
    type: str
  condition:
    description:
      - Condition of the assignment (condition version 2.0), for example
        V(((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})))). An empty string removes the condition.
    type: str
  wait_timeout:
    description:
      - Timeout in seconds for the retries while the principal is unknown. Entra ID can take several minutes to replicate a new principal.
    type: int
    default: 300
seealso:
  - name: Azure role assignment condition format and syntax
    description: Azure's reference.
    link: https://learn.microsoft.com/azure/role-based-access-control/conditions-format
  - name: Role Assignments - Create
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/authorization/role-assignments/create
"""

EXAMPLES = r"""
- name: Assign the role AcrPull to the identity
  mlops.mlflow_azure.role_assignment:
    scope: "{{ registry.container_registry.id }}"
    role: AcrPull
    principal_id: "{{ identity.user_assigned_identity.properties.principalId }}"
    principal_type: ServicePrincipal
"""

RETURN = r"""
role_assignment:
  description: The role assignment as Azure returns it. Empty when it is absent. In check mode the expected assignment.
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
