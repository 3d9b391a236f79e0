#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_account_key_info
short_description: Gather information about the access keys of a storage account
version_added: 0.3.0
description:
  - Returns the access keys of a storage account and a connection string with the first key, for clients that cannot authenticate with an
    identity.
  - The result is a secret that grants access to all data of the account. Set C(no_log) on the task to keep it out of output and logs.
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
      - Name of the resource group.
    type: str
    required: true
  name:
    description:
      - Name of the storage account.
    type: str
    required: true
seealso:
  - name: Storage Accounts - List Keys
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list-keys
  - module: mlops.mlflow_azure.storage_account
"""

EXAMPLES = r"""
- name: Get the connection string of the account
  mlops.mlflow_azure.storage_account_key_info:
    resource_group: rg-mlflow
    name: stmlflow42
  register: storage_keys
  no_log: true
"""

RETURN = r"""
storage_account_keys:
  description: The access keys as Azure returns them. Empty when the account is absent.
  returned: success
  type: list
  elements: dict
  sample:
    - keyName: key1
      permissions: FULL
      value: a2V5
connection_string:
  description: Connection string with the first key. An empty string when the account is absent.
  returned: success
  type: str
  sample: DefaultEndpointsProtocol=https;AccountName=stmlflow42;AccountKey=a2V5;EndpointSuffix=core.windows.net
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._storage.account_key import StorageAccountKeyInfo

MODULE = StorageAccountKeyInfo


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
