#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_account
short_description: Manage a storage account
version_added: 0.1.0
description:
  - Creates, updates and deletes a storage account. An update is one request with all that differs.
  - Its keys are never read.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.resource.tags
  - mlops.mlflow_azure.resource.identity
  - mlops.mlflow_azure.attributes
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
      - Name of the account, unique in all of Azure. 3 to 24 lowercase letters and digits.
    type: str
    required: true
  location:
    description:
      - Location of the account. Azure fixes it at creation, a change is an error.
      - Required with O(state=present).
    type: str
  sku:
    description:
      - Redundancy and speed. A new account gets V(Standard_LRS) when the option is not set.
    type: str
    choices: [Standard_LRS, Standard_ZRS, Standard_GRS, Standard_RAGRS, Standard_GZRS, Standard_RAGZRS, Premium_LRS, Premium_ZRS]
  kind:
    description:
      - Kind of the account. V(Storage) and V(BlobStorage) can become V(StorageV2), and never go back; any other change is an error.
      - A new account gets V(StorageV2) when the option is not set.
    type: str
    choices: [StorageV2, BlobStorage, BlockBlobStorage, FileStorage, Storage]
  access_tier:
    description:
      - Tier of blobs that have none of their own. Azure's default is V(Hot).
    type: str
    choices: [Hot, Cool, Cold, Premium]
  allow_blob_public_access:
    description:
      - Whether a container may be made readable without signing in.
    type: bool
    default: false
  allow_cross_tenant_replication:
    description:
      - Whether objects may be replicated to accounts of other tenants. Azure's default is V(false).
    type: bool
  default_to_oauth_authentication:
    description:
      - Whether the Azure portal signs in to the data with Entra ID rather than with an account key. Azure's default is V(false).
    type: bool
  require_infrastructure_encryption:
    description:
      - Whether data is encrypted twice. Azure fixes it at creation, a change is an error. Azure's default is V(false).
    type: bool
  hierarchical_namespace_enabled:
    description:
      - Whether blobs live in directories (Data Lake Storage). Azure fixes it at creation, a change is an error. Azure's default is V(false).
    type: bool
  allow_shared_key_access:
    description:
      - Whether requests signed with an account key are accepted. Identities do without keys.
    type: bool
    default: false
  update_shared_key_access:
    description:
      - V(always) brings an account that exists to what O(allow_shared_key_access) says. V(on_create) leaves it as it is there, for whoever
        takes the keys away only after the last that signs in with one does without.
    type: str
    choices: [on_create, always]
    default: always
    version_added: 0.3.0
  minimum_tls_version:
    description:
      - Oldest version of TLS that clients may use. A new account gets V(TLS1_2) when the option is not set.
    type: str
    choices: [TLS1_2, TLS1_3]
  public_network_access:
    description:
      - Whether the account is reachable from the internet. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled, SecuredByPerimeter]
  network_acls:
    description:
      - Who may reach the account over the network.
    type: dict
    suboptions:
      default_action:
        description:
          - What happens to those whom no rule names.
        type: str
        choices: [Allow, Deny]
        required: true
      bypass:
        description:
          - Which Azure services get in regardless, any of V(AzureServices), V(Logging) and V(Metrics), or V(None). Azure's default is V(AzureServices).
        type: list
        elements: str
        choices: [AzureServices, Logging, Metrics, "None"]
      ip_rules:
        description:
          - Public IPv4 addresses (C(203.0.113.7)) or ranges (C(203.0.113.0/24), up to C(/30)) that get in.
            The list is the whole of them, in any order.
        type: list
        elements: str
      virtual_network_subnet_ids:
        description:
          - Ids of the subnets that get in. The list is the whole of them, in any order.
        type: list
        elements: str
      resource_access_rules:
        description:
          - Azure resources whose managed identities get in. The list is the whole of them, in any order.
        type: list
        elements: dict
        suboptions:
          resource_id:
            description:
              - Id of the resource. Its last part may be V(*), all resources of that type in the resource group.
            type: str
            required: true
          tenant_id:
            description:
              - Id of the resource's tenant.
            type: str
            required: true
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
    type: int
    default: 600
seealso:
  - name: Storage Accounts - Create
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/storagerp/storage-accounts/create
  - module: mlops.mlflow_azure.storage_blob_service
  - module: mlops.mlflow_azure.storage_container
"""

EXAMPLES = r"""
- name: Have an account for artifacts
  mlops.mlflow_azure.storage_account:
    resource_group: rg-mlflow
    name: stmlflow42
    location: westeurope

- name: Let in one network only
  mlops.mlflow_azure.storage_account:
    resource_group: rg-mlflow
    name: stmlflow42
    location: westeurope
    network_acls:
      default_action: Deny
      ip_rules: [203.0.113.0/24]
"""

RETURN = r"""
storage_account:
  description: The account as Azure describes it; empty when it is absent. In check mode what it would be. Never a key.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Storage/storageAccounts/stmlflow42
    kind: StorageV2
    location: westeurope
    name: stmlflow42
    properties:
      primaryEndpoints:
        blob: https://stmlflow42.blob.core.windows.net/
      provisioningState: Succeeded
    sku:
      name: Standard_LRS
      tier: Standard
    type: Microsoft.Storage/storageAccounts
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._storage.account import StorageAccount

MODULE = StorageAccount


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
