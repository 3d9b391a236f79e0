#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_account_info
short_description: Gather information about storage accounts
version_added: 0.2.0
description:
  - Returns one storage account, those of a resource group, or those of the subscription, without access keys.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.attributes
  - mlops.mlflow_azure.attributes.info
  - mlops.mlflow_azure.read
requirements:
  - azure-mgmt-storage
options:
  resource_group:
    description:
      - Name of the resource group. Without it the module searches the whole subscription.
    type: str
  name:
    description:
      - Name of the account. Requires O(resource_group).
    type: str
seealso:
  - name: Storage Accounts - Get Properties
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/storagerp/storage-accounts/get-properties
  - module: mlops.mlflow_azure.storage_account
"""

EXAMPLES = r"""
- name: Get all storage accounts of the resource group
  mlops.mlflow_azure.storage_account_info:
    resource_group: rg-mlflow
  register: result

- name: Show their blob endpoints
  ansible.builtin.debug:
    msg: "{{ result.storage_accounts | map(attribute='properties.primaryEndpoints.blob') }}"
"""

RETURN = r"""
storage_accounts:
  description: The accounts as Azure returns them. Empty when there are none.
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Storage/storageAccounts/stmlflow42
      kind: StorageV2
      location: westeurope
      name: stmlflow42
      properties:
        primaryEndpoints:
          blob: https://stmlflow42.blob.core.windows.net/
      type: Microsoft.Storage/storageAccounts
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._storage.account import StorageAccountInfo

MODULE = StorageAccountInfo


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
