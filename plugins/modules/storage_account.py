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
      - Redundancy and speed.
    type: str
    choices: [Standard_LRS, Standard_ZRS, Standard_GRS, Standard_RAGRS, Standard_GZRS, Standard_RAGZRS, Premium_LRS, Premium_ZRS]
    default: Standard_LRS
  kind:
    description:
      - Kind of the account. Azure fixes it at creation, a change is an error.
    type: str
    choices: [StorageV2, BlobStorage, BlockBlobStorage, FileStorage, Storage]
    default: StorageV2
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
  allow_shared_key_access:
    description:
      - Whether requests signed with an account key are accepted. Identities do without keys.
    type: bool
    default: false
  minimum_tls_version:
    description:
      - Oldest version of TLS that clients may use.
    type: str
    choices: [TLS1_2, TLS1_3]
    default: TLS1_2
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
          - Public IPv4 addresses or ranges (C(203.0.113.0/24)) that get in. The list is the whole of them, in any order.
        type: list
        elements: str
      virtual_network_subnet_ids:
        description:
          - Ids of the subnets that get in. The list is the whole of them, in any order.
        type: list
        elements: str
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
    type: int
    default: 600
seealso:
  - name: Storage Accounts - Create
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/storagerp/storage-accounts/create
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

from ansible_collections.mlops.mlflow_azure.plugins.module_utils import _module, _names
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._addresses import check_cidr
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._arguments import IN_GROUP, TAGS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._arm import Operations
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._plan import (
    ENUM,
    LOCATION,
    WHOLE,
    Rule,
    immutable,
    same_words,
)
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._resource import READ_ONLY, Params, Resource


def check(params: Params) -> None:
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("name", params["name"], _names.STORAGE_ACCOUNT)
    for cidr in (params["network_acls"] or {}).get("ip_rules") or []:
        check_cidr("network_acls.ip_rules", cidr)


def network_rules(acls: dict) -> dict:
    ips, subnets = acls["ip_rules"], acls["virtual_network_subnet_ids"]
    return {
        "defaultAction": acls["default_action"],
        "bypass": None if acls["bypass"] is None else ", ".join(acls["bypass"]),
        "ipRules": None if ips is None else [{"value": ip, "action": "Allow"} for ip in ips],
        "virtualNetworkRules": None if subnets is None else [{"id": i, "action": "Allow"} for i in subnets],
    }


def desired(params: Params) -> dict:
    acls = params["network_acls"]
    return {
        "location": params["location"],
        "kind": params["kind"],
        "sku": {"name": params["sku"]},
        "properties": {
            "accessTier": params["access_tier"],
            "allowBlobPublicAccess": params["allow_blob_public_access"],
            "allowSharedKeyAccess": params["allow_shared_key_access"],
            "minimumTlsVersion": params["minimum_tls_version"],
            "networkAcls": None if acls is None else network_rules(acls),
            "publicNetworkAccess": params["public_network_access"],
            "supportsHttpsTrafficOnly": True,
        },
        "tags": params["tags"],
    }


NETWORK_ACLS = {
    "type": "dict",
    "options": {
        "default_action": {"type": "str", "choices": ["Allow", "Deny"], "required": True},
        "bypass": {"type": "list", "elements": "str", "choices": ["AzureServices", "Logging", "Metrics", "None"]},
        "ip_rules": {"type": "list", "elements": "str"},
        "virtual_network_subnet_ids": {"type": "list", "elements": "str"},
    },
}
SKUS = (
    "Standard_LRS Standard_ZRS Standard_GRS Standard_RAGRS Standard_GZRS Standard_RAGZRS Premium_LRS Premium_ZRS"
).split()
KINDS = ["StorageV2", "BlobStorage", "BlockBlobStorage", "FileStorage", "Storage"]
RESOURCE = Resource(
    name="storage_account",
    type="Microsoft.Storage/storageAccounts",
    path="/resourceGroups/{resource_group}/providers/Microsoft.Storage/storageAccounts/{name}",
    operations=Operations("azure.mgmt.storage:StorageManagementClient", "storage_accounts", "Microsoft.Storage"),
    address=("resource_group", "name"),
    options={
        **IN_GROUP,
        "sku": {"type": "str", "choices": SKUS, "default": "Standard_LRS"},
        "kind": {"type": "str", "choices": KINDS, "default": "StorageV2"},
        "access_tier": {"type": "str", "choices": ["Hot", "Cool", "Cold", "Premium"]},
        "allow_blob_public_access": {"type": "bool", "default": False},
        "allow_shared_key_access": {"type": "bool", "default": False},
        "minimum_tls_version": {"type": "str", "choices": ["TLS1_2", "TLS1_3"], "default": "TLS1_2"},
        "public_network_access": {"type": "str", "choices": ["Enabled", "Disabled", "SecuredByPerimeter"]},
        "network_acls": NETWORK_ACLS,
        **TAGS,
    },
    desired=desired,
    rules={
        "location": immutable("location", LOCATION),
        "kind": immutable("kind", ENUM),
        "sku.name": ENUM,
        "properties.accessTier": ENUM,
        "properties.minimumTlsVersion": ENUM,
        "properties.networkAcls.bypass": Rule(compare=same_words),
        "properties.networkAcls.defaultAction": ENUM,
        "properties.networkAcls.ipRules": Rule(key="value"),
        "properties.networkAcls.virtualNetworkRules": Rule(key="id"),
        "properties.publicNetworkAccess": ENUM,
        "tags": WHOLE,
    },
    read_only=(*READ_ONLY, "sku.tier"),
    check=check,
    get="get_properties",
    create="begin_create",
    update="update",
    partial=True,
    delete="delete",
)
MODULE = _module.resource_module(
    RESOURCE,
    packages={"azure.mgmt.storage": "azure-mgmt-storage"},
    wait_timeout=600,
    required_if=[("state", "present", ("location",))],
)


def main() -> None:
    _module.main(MODULE)


if __name__ == "__main__":
    main()
