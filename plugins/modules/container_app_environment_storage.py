#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app_environment_storage
short_description: Manage a file share of a container app environment
version_added: 0.2.0
description:
  - Creates, updates and deletes a storage of an environment of Azure Container Apps, which its apps and jobs mount as volumes.
  - The account's key is sent, and never comes back.
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
      - Name of the storage, by which volumes find it. 1 to 32 lowercase letters, digits and V(-), beginning with a letter.
    type: str
    required: true
  azure_file:
    description:
      - A share that is mounted over SMB. Either this or O(nfs_azure_file).
    type: dict
    suboptions:
      account_name:
        description:
          - Name of the storage account.
        type: str
        required: true
      account_key:
        description:
          - Key of the account; Azure mounts SMB shares by key only. A new storage needs it.
        type: str
      share_name:
        description:
          - Name of the share.
        type: str
        required: true
      access_mode:
        description:
          - Whether the share may be written.
        type: str
        choices: [ReadOnly, ReadWrite]
        default: ReadWrite
  nfs_azure_file:
    description:
      - A share that is mounted over NFS, which needs an environment in a virtual network of one's own.
    type: dict
    suboptions:
      server:
        description:
          - Host name of the account's file service, as V(stmlflow42.file.core.windows.net).
        type: str
        required: true
      share_name:
        description:
          - Path of the share, as V(/stmlflow42/share).
        type: str
        required: true
      access_mode:
        description:
          - Whether the share may be written.
        type: str
        choices: [ReadOnly, ReadWrite]
        default: ReadWrite
  update_account_key:
    description:
      - V(on_create) sends O(azure_file.account_key) with a new storage, and along with other changes.
      - V(always) sends it on every run, which is then always a change, since Azure never tells the key.
    type: str
    choices: [on_create, always]
    default: on_create
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
    type: int
    default: 120
seealso:
  - name: Managed Environments Storages - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/containerapps/managed-environments-storages/create-or-update
  - module: mlops.mlflow_azure.container_app_environment
"""

EXAMPLES = r"""
- name: Let apps mount a share
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
  description: The storage as Azure describes it; empty when it is absent. In check mode what it would be. Never the account's key.
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
