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
  - Creates, updates and deletes a storage account. An update is one request that contains all changed properties.
  - The module never reads the access keys.
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
      - Name of the account, globally unique. 3 to 24 lowercase letters and digits.
    type: str
    required: true
  location:
    description:
      - Location of the account. Immutable, a change is an error.
      - Required with O(state=present).
    type: str
  sku:
    description:
      - SKU, which defines redundancy and performance tier. The default for a new account is V(Standard_LRS).
    type: str
    choices: [Standard_LRS, Standard_ZRS, Standard_GRS, Standard_RAGRS, Standard_GZRS, Standard_RAGZRS, Premium_LRS, Premium_ZRS]
  kind:
    description:
      - Kind of the account. Azure can upgrade V(Storage) and V(BlobStorage) to V(StorageV2). Any other change is an error.
      - The default for a new account is V(StorageV2).
    type: str
    choices: [StorageV2, BlobStorage, BlockBlobStorage, FileStorage, Storage]
  access_tier:
    description:
      - Default access tier of blobs. Azure's default is V(Hot).
    type: str
    choices: [Hot, Cool, Cold, Premium]
  allow_blob_public_access:
    description:
      - Whether anonymous access to containers can be configured.
    type: bool
    default: false
  allow_cross_tenant_replication:
    description:
      - Whether object replication to other tenants is allowed. Azure's default is V(false).
    type: bool
  default_to_oauth_authentication:
    description:
      - Whether the Azure portal uses Entra ID instead of an access key for data access by default. Azure's default is V(false).
    type: bool
  require_infrastructure_encryption:
    description:
      - Whether infrastructure encryption (double encryption) is enabled. Immutable, a change is an error. Azure's default is V(false).
    type: bool
  hierarchical_namespace_enabled:
    description:
      - Whether hierarchical namespace (Data Lake Storage) is enabled. Immutable, a change is an error. Azure's default is V(false).
    type: bool
  allow_shared_key_access:
    description:
      - Whether the account accepts requests that are authorized with an access key. Identities do not need keys.
    type: bool
    default: false
  update_shared_key_access:
    description:
      - V(always) updates an existing account to match O(allow_shared_key_access). V(on_create) keeps the value of an existing account. Use
        it to disable keys only after the last client has stopped using them.
    type: str
    choices: [on_create, always]
    default: always
    version_added: 0.3.0
  minimum_tls_version:
    description:
      - Minimum TLS version. The default for a new account is V(TLS1_2).
    type: str
    choices: [TLS1_2, TLS1_3]
  public_network_access:
    description:
      - Whether the account accepts requests from the public internet. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled, SecuredByPerimeter]
  network_acls:
    description:
      - Network rules of the account.
    type: dict
    suboptions:
      default_action:
        description:
          - Action for traffic that matches no rule.
        type: str
        choices: [Allow, Deny]
        required: true
      bypass:
        description:
          - Azure services that bypass the network rules, any of V(AzureServices), V(Logging) and V(Metrics), or V(None). Azure's default is
            V(AzureServices).
        type: list
        elements: str
        choices: [AzureServices, Logging, Metrics, "None"]
      ip_rules:
        description:
          - The complete list of allowed public IPv4 addresses (C(203.0.113.7)) or CIDR ranges (C(203.0.113.0/24), up to C(/30)), in any
            order.
        type: list
        elements: str
      virtual_network_subnet_ids:
        description:
          - The complete list of resource ids of the allowed subnets, in any order.
        type: list
        elements: str
      resource_access_rules:
        description:
          - The complete list of Azure resources whose managed identities are allowed, in any order.
        type: list
        elements: dict
        suboptions:
          resource_id:
            description:
              - Resource id. The last segment can be V(*) for all resources of that type in the resource group.
            type: str
            required: true
          tenant_id:
            description:
              - Id of the tenant of the resource.
            type: str
            required: true
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
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
- name: Create a storage account for artifacts
  mlops.mlflow_azure.storage_account:
    resource_group: rg-mlflow
    name: stmlflow42
    location: westeurope

- name: Allow one network only
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
  description: The account as Azure returns it, without access keys. Empty when it is absent. In check mode the expected account.
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
