#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_container
short_description: Manage a blob container
version_added: 0.1.0
description:
  - Creates, updates and deletes a container for blobs in a storage account.
  - Goes through Azure Resource Manager, so it needs neither an account key nor a role on the data.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-storage
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  account:
    description:
      - Name of the storage account.
    type: str
    required: true
  name:
    description:
      - Name of the container. 3 to 63 lowercase letters, digits and single V(-).
    type: str
    required: true
  public_access:
    description:
      - What anybody may read without signing in. V(None) is nothing, V(Blob) the blobs, V(Container) their list too.
    type: str
    choices: ["None", Blob, Container]
    default: "None"
  metadata:
    description:
      - Names and values of your own. The given mapping is the whole of them, others are removed. Without the option they are left alone.
    type: dict
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
    type: int
    default: 300
seealso:
  - name: Blob Containers - Create
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/storagerp/blob-containers/create
"""

EXAMPLES = r"""
- name: Have a container for artifacts
  mlops.mlflow_azure.storage_container:
    resource_group: rg-mlflow
    account: stmlflow42
    name: mlflow
"""

RETURN = r"""
storage_container:
  description: The container as Azure describes it; empty when it is absent. In check mode what it would be.
  returned: success
  type: dict
  sample:
    id: >-
      /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Storage/storageAccounts/stmlflow42/blobServices/default/containers/mlflow
    name: mlflow
    properties:
      publicAccess: None
    type: Microsoft.Storage/storageAccounts/blobServices/containers
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._storage.container import StorageContainer

MODULE = StorageContainer


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
