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
  - Creates, updates and deletes a blob container of a storage account.
  - The module uses Azure Resource Manager, so it requires neither an access key nor a data role.
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
      - Name of the container. 3 to 63 lowercase letters, digits and hyphens, without consecutive hyphens.
    type: str
    required: true
  public_access:
    description:
      - Anonymous access level. V(None) allows none, V(Blob) allows to read blobs, V(Container) also allows to list them.
    type: str
    choices: ["None", Blob, Container]
    default: "None"
  metadata:
    description:
      - The complete mapping of metadata. Other entries are removed. Without this option the module does not change metadata.
    type: dict
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 300
seealso:
  - name: Blob Containers - Create
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/storagerp/blob-containers/create
"""

EXAMPLES = r"""
- name: Create a container for artifacts
  mlops.mlflow_azure.storage_container:
    resource_group: rg-mlflow
    account: stmlflow42
    name: mlflow
"""

RETURN = r"""
storage_container:
  description: The container as Azure returns it. Empty when it is absent. In check mode the expected container.
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
