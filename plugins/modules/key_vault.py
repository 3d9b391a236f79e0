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
  - Azure keeps a deleted vault, and its name, for the days of its soft delete retention. See O(recover) and O(purge).
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
      - Name of the vault, unique in all of Azure. 3 to 24 letters, digits and single V(-), beginning with a letter.
    type: str
    required: true
  location:
    description:
      - Location of the vault. Azure fixes it at creation, a change is an error.
      - Required with O(state=present), and with O(purge=true).
    type: str
  sku:
    description:
      - V(standard) keeps keys in software, V(premium) may keep them in hardware. Secrets are the same in both.
      - A new vault gets V(standard) when the option is not set.
    type: str
    choices: [standard, premium]
  vault_tenant_id:
    description:
      - Id of the tenant whose identities may use the vault.
      - A new vault gets O(tenant_id), and without it the tenant in which the task signs in.
    type: str
  enable_rbac_authorization:
    description:
      - Whether roles (as V(Key Vault Secrets User)) decide who may use what is inside, instead of the vault's access policies.
      - A new vault gets V(true) when the option is not set. A change takes away what was allowed the other way, though
        access policies that somebody else has set are kept.
    type: bool
  soft_delete_retention_in_days:
    description:
      - Days for which Azure keeps what was deleted, 7 to 90. Azure's default is 90.
      - Azure fixes it at creation, a change is an error.
    type: int
  enable_purge_protection:
    description:
      - Whether nobody, not even an owner, may purge what was deleted before its time. Azure never turns it off again, so
        V(false) is an error for a vault that has it.
    type: bool
  public_network_access:
    description:
      - Whether the vault is reachable from the internet. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled]
  network_acls:
    description:
      - Who may reach the vault over the network.
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
          - Whether Azure's trusted services get in regardless.
        type: str
        choices: [AzureServices, "None"]
        default: AzureServices
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
  enabled_for_deployment:
    description:
      - Whether virtual machines may fetch certificates that are kept as secrets.
    type: bool
  enabled_for_disk_encryption:
    description:
      - Whether Azure Disk Encryption may fetch secrets and unwrap keys.
    type: bool
  enabled_for_template_deployment:
    description:
      - Whether Azure Resource Manager may fetch secrets for templates.
    type: bool
  recover:
    description:
      - What to do when the name belongs to a deleted vault of the same resource group and location. V(true) gets it back with
        all that was in it, then brings it to what the options say; that is waited for even with O(wait=false). V(false) is an error that says so.
      - Needs the permission to read deleted vaults of the subscription (C(Microsoft.KeyVault/locations/deletedVaults/read)).
    type: bool
    default: false
  purge:
    description:
      - With O(state=absent), whether to remove the vault for good, and with it one that was deleted before. It and its secrets cannot be recovered then.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
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
- name: Have a vault
  mlops.mlflow_azure.key_vault:
    resource_group: rg-mlflow
    name: kv-mlflow-42
    location: westeurope
    soft_delete_retention_in_days: 7

- name: Let in one network only, and get a deleted vault of that name back
  mlops.mlflow_azure.key_vault:
    resource_group: rg-mlflow
    name: kv-mlflow-43
    location: westeurope
    network_acls:
      default_action: Deny
      ip_rules: [203.0.113.0/24]
    recover: true

- name: Remove the vault for good
  mlops.mlflow_azure.key_vault:
    resource_group: rg-mlflow
    name: kv-mlflow-43
    location: westeurope
    state: absent
    purge: true
"""

RETURN = r"""
key_vault:
  description: The vault as Azure describes it; empty when it is absent. In check mode what it would be. Never a secret.
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
