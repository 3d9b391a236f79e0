#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: key_vault
short_description: Manage a key vault
version_added: 0.2.0
description:
  - Creates, updates, recovers, deletes and purges a key vault.
  - Azure keeps a deleted vault and reserves its name for the soft delete retention period. See O(recover) and O(purge).
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.resource.tags
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-keyvault
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  name:
    description:
      - Name of the vault, globally unique. 3 to 24 letters, digits and hyphens, beginning with a letter, without consecutive hyphens.
    type: str
    required: true
  location:
    description:
      - Location of the vault. Immutable, a change is an error.
      - Required with O(state=present), and with O(purge=true).
    type: str
  sku:
    description:
      - SKU of the vault. V(standard) protects keys with software, V(premium) also offers keys protected by HSM. Secrets are the same in
        both.
      - The default for a new vault is V(standard).
    type: str
    choices: [standard, premium]
  vault_tenant_id:
    description:
      - Id of the tenant whose identities can authenticate to the vault.
      - The default for a new vault is O(tenant_id), or without it the tenant of the identity that runs the task.
    type: str
  enable_rbac_authorization:
    description:
      - Whether the vault authorizes access to its data with Azure RBAC (for example the role V(Key Vault Secrets User)) instead of access
        policies.
      - The default for a new vault is V(true). A change revokes what the other permission model allows. The module keeps access policies
        that others have set.
    type: bool
  soft_delete_retention_in_days:
    description:
      - Soft delete retention period in days, 7 to 90. Azure's default is 90.
      - Immutable, a change is an error.
    type: int
  enable_purge_protection:
    description:
      - Whether purge protection is enabled. With it nobody can purge a deleted object before the retention period ends. Purge protection
        cannot be disabled, so V(false) is an error for a vault that has it.
    type: bool
  public_network_access:
    description:
      - Whether the vault accepts requests from the public internet. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled]
  network_acls:
    description:
      - Network rules of the vault.
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
          - Whether trusted Azure services bypass the network rules.
        type: str
        choices: [AzureServices, "None"]
        default: AzureServices
      ip_rules:
        description:
          - The complete list of allowed public IPv4 addresses or CIDR ranges (C(203.0.113.0/24)), in any order.
        type: list
        elements: str
      virtual_network_subnet_ids:
        description:
          - The complete list of resource ids of the allowed subnets, in any order.
        type: list
        elements: str
  enabled_for_deployment:
    description:
      - Whether virtual machines can read certificates that are stored as secrets.
    type: bool
  enabled_for_disk_encryption:
    description:
      - Whether Azure Disk Encryption can read secrets and unwrap keys.
    type: bool
  enabled_for_template_deployment:
    description:
      - Whether Azure Resource Manager can read secrets during template deployment.
    type: bool
  recover:
    description:
      - Behavior when a deleted vault of the same resource group and location has this name. V(true) recovers the vault with its content and
        then updates it to match the options. The module waits for the recovery even with O(wait=false). V(false) fails the task with a
        message about the deleted vault.
      - Requires the permission to read the deleted vaults of the subscription (C(Microsoft.KeyVault/locations/deletedVaults/read)).
    type: bool
    default: false
  purge:
    description:
      - With O(state=absent), whether to purge the vault, also one that was deleted before. A purged vault and its secrets cannot be
        recovered.
    type: bool
    default: false
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 600
seealso:
  - name: Vaults - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/create-or-update
  - module: mlops.mlflow_azure.key_vault_secret
  - module: mlops.mlflow_azure.role_assignment
"""

EXAMPLES = r"""
- name: Create a vault
  mlops.mlflow_azure.key_vault:
    resource_group: rg-mlflow
    name: kv-mlflow-42
    location: westeurope
    soft_delete_retention_in_days: 7

- name: Allow one network only, and recover a deleted vault of that name
  mlops.mlflow_azure.key_vault:
    resource_group: rg-mlflow
    name: kv-mlflow-43
    location: westeurope
    network_acls:
      default_action: Deny
      ip_rules: [203.0.113.0/24]
    recover: true

- name: Delete and purge the vault
  mlops.mlflow_azure.key_vault:
    resource_group: rg-mlflow
    name: kv-mlflow-43
    location: westeurope
    state: absent
    purge: true
"""

RETURN = r"""
key_vault:
  description: The vault as Azure returns it, without secrets. Empty when it is absent. In check mode the expected vault.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.KeyVault/vaults/kv-mlflow-42
    location: westeurope
    name: kv-mlflow-42
    properties:
      enableRbacAuthorization: true
      enableSoftDelete: true
      provisioningState: Succeeded
      sku:
        family: A
        name: standard
      softDeleteRetentionInDays: 7
      tenantId: 33333333-3333-3333-3333-333333333333
      vaultUri: https://kv-mlflow-42.vault.azure.net/
    type: Microsoft.KeyVault/vaults
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._key_vault.vault import KeyVault

MODULE = KeyVault


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
