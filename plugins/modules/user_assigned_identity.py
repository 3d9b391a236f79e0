#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: user_assigned_identity
short_description: Manage a user-assigned managed identity
version_added: 0.1.0
description:
  - Creates, updates the tags of, and deletes a user-assigned managed identity.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.resource.tags
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-msi
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  name:
    description:
      - Name of the identity. 3 to 128 letters, digits, V(-) and V(_), beginning with a letter or digit.
    type: str
    required: true
  location:
    description:
      - Location of the identity. Immutable, a change is an error.
      - Required with O(state=present).
    type: str
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 300
seealso:
  - name: User Assigned Identities - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities/create-or-update
"""

EXAMPLES = r"""
- name: Create an identity for the tracking server
  mlops.mlflow_azure.user_assigned_identity:
    resource_group: rg-mlflow
    name: id-mlflow
    location: westeurope
  register: identity

- name: Show the principal id for role assignments
  ansible.builtin.debug:
    msg: "{{ identity.user_assigned_identity.properties.principalId }}"
"""

RETURN = r"""
user_assigned_identity:
  description:
    - The identity as Azure returns it. Empty when it is absent. In check mode the expected identity.
    - A role assignment requires C(properties.principalId), a client requires C(properties.clientId).
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/rg-mlflow/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-mlflow
    location: westeurope
    name: id-mlflow
    properties:
      clientId: 11111111-1111-1111-1111-111111111111
      principalId: 22222222-2222-2222-2222-222222222222
      tenantId: 33333333-3333-3333-3333-333333333333
    type: Microsoft.ManagedIdentity/userAssignedIdentities
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._identity.user_assigned_identity import (
    UserAssignedIdentity,
)

MODULE = UserAssignedIdentity


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
