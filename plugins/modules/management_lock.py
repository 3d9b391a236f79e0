#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: management_lock
short_description: Manage a lock on a resource
version_added: 0.3.0
description:
  - Keeps a resource, a resource group or a subscription, with all that is in it, from being deleted or changed, whatever roles the caller has.
  - A lock is about Azure Resource Manager only. It does not keep anybody from deleting blobs, rows or images.
  - Needs C(Microsoft.Authorization/locks/*), which Owner and User Access Administrator have, and Contributor has not.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-resource
options:
  scope:
    description:
      - Id of what is locked.
    type: str
    required: true
  name:
    description:
      - Name of the lock, unique at its scope. 1 to 260 characters, none of C(<>%&:\?/), not ending with a dot or a space.
    type: str
    required: true
  level:
    description:
      - V(CanNotDelete) refuses deletions. V(ReadOnly) refuses changes as well, and requests that read by POST, such as those for keys.
    type: str
    choices: [CanNotDelete, ReadOnly]
    default: CanNotDelete
  notes:
    description:
      - Why it is locked, for who runs into it. Up to 512 characters.
    type: str
  wait_timeout:
    description:
      - Seconds until the task gives up.
    type: int
    default: 300
seealso:
  - name: Management Locks - Create Or Update By Scope
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/resources/management-locks/create-or-update-by-scope
"""

EXAMPLES = r"""
- name: Keep the resource group from being deleted
  mlops.mlflow_azure.management_lock:
    scope: "/subscriptions/{{ lookup('ansible.builtin.env', 'AZURE_SUBSCRIPTION_ID') }}/resourceGroups/rg-mlflow"
    name: keep-the-data
    notes: Ask the platform team.

- name: Let it be deleted again
  mlops.mlflow_azure.management_lock:
    scope: "/subscriptions/{{ lookup('ansible.builtin.env', 'AZURE_SUBSCRIPTION_ID') }}/resourceGroups/rg-mlflow"
    name: keep-the-data
    state: absent
"""

RETURN = r"""
management_lock:
  description: The lock as Azure describes it; empty when it is absent. In check mode what it would be.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Authorization/locks/keep-the-data
    name: keep-the-data
    properties:
      level: CanNotDelete
      notes: Ask the platform team.
    type: Microsoft.Authorization/locks
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._authorization.lock import ManagementLock
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run

MODULE = ManagementLock


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
