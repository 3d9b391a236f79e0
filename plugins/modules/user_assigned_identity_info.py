#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: user_assigned_identity_info
short_description: Gather information about user-assigned managed identities
version_added: 0.2.0
description:
  - Returns one user-assigned managed identity, those of a resource group, or those of the subscription.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.attributes
  - mlops.mlflow_azure.attributes.info
  - mlops.mlflow_azure.read
requirements:
  - azure-mgmt-msi
options:
  resource_group:
    description:
      - Name of the resource group. Without it the module searches the whole subscription.
    type: str
  name:
    description:
      - Name of the identity. Requires O(resource_group).
    type: str
seealso:
  - name: User Assigned Identities - Get
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities/get
  - module: mlops.mlflow_azure.user_assigned_identity
"""

EXAMPLES = r"""
- name: Get the identity of the tracking server
  mlops.mlflow_azure.user_assigned_identity_info:
    resource_group: rg-mlflow
    name: id-mlflow
  register: result

- name: Show its client id
  ansible.builtin.debug:
    msg: "{{ result.user_assigned_identities | map(attribute='properties.clientId') | first | default('none') }}"
"""

RETURN = r"""
user_assigned_identities:
  description: The identities as Azure returns them. Empty when there are none.
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-mlflow
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
    UserAssignedIdentityInfo,
)

MODULE = UserAssignedIdentityInfo


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
