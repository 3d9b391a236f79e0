#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app_environment_storage
short_description: Manage a storage of a container app environment
version_added: 0.2.0
description:
  - Creates, updates and deletes a storage of a container app environment. Apps and jobs mount the storage as a volume.
  - The module sends the key of the storage account and never returns it.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-appcontainers
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  environment:
    description:
      - Name of the environment.
    type: str
    required: true
  name:
    description:
      - Name of the storage. Volumes refer to it by this name. 1 to 32 lowercase letters, digits and hyphens, beginning with a letter.
    type: str
    required: true
  azure_file:
    description:
      - Azure Files share that is mounted over SMB. Mutually exclusive with O(nfs_azure_file).
    type: dict
    suboptions:
      account_name:
        description:
          - Name of the storage account.
        type: str
        required: true
      account_key:
        description:
          - Access key of the storage account. Azure mounts SMB shares with a key only. Required for a new storage.
        type: str
      share_name:
        description:
          - Name of the file share.
        type: str
        required: true
      access_mode:
        description:
          - Access mode of the share, read-only or read and write.
        type: str
        choices: [ReadOnly, ReadWrite]
        default: ReadWrite
  nfs_azure_file:
    description:
      - Azure Files share that is mounted over NFS. The environment must be in a custom virtual network.
    type: dict
    suboptions:
      server:
        description:
          - Host name of the account's file service, for example V(stmlflow42.file.core.windows.net).
        type: str
        required: true
      share_name:
        description:
          - Path of the share, for example V(/stmlflow42/share).
        type: str
        required: true
      access_mode:
        description:
          - Access mode of the share, read-only or read and write.
        type: str
        choices: [ReadOnly, ReadWrite]
        default: ReadWrite
  update_account_key:
    description:
      - V(on_create) sends O(azure_file.account_key) with a new storage and together with other changes.
      - V(always) sends it on every run. The task then always reports a change, because Azure never returns the key.
    type: str
    choices: [on_create, always]
    default: on_create
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 120
seealso:
  - name: Managed Environments Storages - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/containerapps/managed-environments-storages/create-or-update
  - module: mlops.mlflow_azure.container_app_environment
"""

EXAMPLES = r"""
- name: Create a storage for a file share
  mlops.mlflow_azure.container_app_environment_storage:
    resource_group: rg-mlflow
    environment: cae-mlflow
    name: prompts
    azure_file:
      account_name: stmlflow42
      account_key: "{{ storage_account_key }}"
      share_name: prompts
      access_mode: ReadOnly
"""

RETURN = r"""
container_app_environment_storage:
  description: The storage as Azure returns it, without the account key. Empty when it is absent. In check mode the expected storage.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.App/managedEnvironments/cae-mlflow/storages/prompts
    name: prompts
    properties:
      azureFile:
        accessMode: ReadOnly
        accountName: stmlflow42
        shareName: prompts
    type: Microsoft.App/managedenvironments/storages
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._container_apps.environment_storage import (
    ContainerAppEnvironmentStorage,
)
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run

MODULE = ContainerAppEnvironmentStorage


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
