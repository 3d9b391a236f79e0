#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: key_vault_secret
short_description: Manage a secret of a key vault
version_added: 0.2.0
description:
  - Creates, rotates, recovers, deletes and purges a secret of a key vault.
  - Sends requests to the vault's data plane (C(https://<vault>.vault.azure.net)). The identity that runs the task needs the role V(Key
    Vault Secrets Officer) at the vault's scope, and the vault's network rules must allow the machine.
  - In check mode the module treats an unreachable vault as one that does not exist yet.
  - Results and diffs never contain the value. Use P(mlops.mlflow_azure.key_vault_secret#lookup) to read it.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.attributes
requirements:
  - azure-keyvault-secrets
options:
  vault:
    description:
      - Name of the key vault.
    type: str
    required: true
  name:
    description:
      - Name of the secret. 1 to 127 letters, digits and hyphens.
    type: str
    required: true
  value:
    description:
      - Value of the secret, at most 25600 bytes. A changed value creates a new version of the secret and keeps the older versions.
      - Required for a new secret. Without this option the module does not change the value.
      - The value of a disabled secret cannot be read, so the module does not compare it as long as the secret stays disabled.
    type: str
  content_type:
    description:
      - Content type of the value, for example V(text/plain).
    type: str
  enabled:
    description:
      - Whether the secret is enabled. A disabled secret cannot be read.
    type: bool
    default: true
  not_before:
    description:
      - Activation time with time zone, for example V(2027-01-31T00:00:00Z). Key Vault stores it but does not enforce it.
    type: str
  expires_on:
    description:
      - Expiration time with time zone, for example V(2028-01-31T00:00:00Z). Key Vault stores it but does not enforce it.
      - Without this option a new version of the secret inherits the time of the previous version.
    type: str
  tags:
    description:
      - The complete mapping of tags of the secret, at most 15. Other tags are removed. Without this option the module does not change tags.
    type: dict
  state:
    description:
      - V(present) creates the secret or updates it to match the options. The module does not compare options that are not set, and keeps
        what others have set.
      - V(absent) deletes the secret with all its versions. Key Vault keeps it and reserves its name for the vault's soft delete retention
        period.
    type: str
    choices: [present, absent]
    default: present
  recover:
    description:
      - Behavior when a deleted secret has this name. V(true) recovers the secret with all its versions and then updates it to match the
        options. V(false) fails the task with a message about the deleted secret.
    type: bool
    default: false
  purge:
    description:
      - With O(state=absent), whether to purge the secret, also one that was deleted before. A vault with purge protection rejects the
        purge.
    type: bool
    default: false
  wait:
    description:
      - Whether to retry while the vault rejects the identity because a role assignment has not propagated yet, and to wait until a deletion
        is complete. Check mode never waits.
    type: bool
    default: true
  wait_timeout:
    description:
      - Timeout of the task in seconds. A role assignment can take ten minutes to propagate.
    type: int
    default: 300
seealso:
  - name: Secrets of Key Vault
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups
  - module: mlops.mlflow_azure.key_vault
  - module: mlops.mlflow_azure.role_assignment
  - plugin: mlops.mlflow_azure.key_vault_secret
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Create a secret for a passphrase
  mlops.mlflow_azure.key_vault_secret:
    vault: kv-mlflow-42
    name: kek-passphrase
    value: "{{ passphrase }}"
    content_type: text/plain
    tags:
      application: mlflow

- name: Set the expiration time and keep the value
  mlops.mlflow_azure.key_vault_secret:
    vault: kv-mlflow-42
    name: kek-passphrase
    expires_on: "2030-01-31T00:00:00Z"

- name: Delete and purge the secret
  mlops.mlflow_azure.key_vault_secret:
    vault: kv-mlflow-42
    name: kek-passphrase
    state: absent
    purge: true
"""

RETURN = r"""
key_vault_secret:
  description: The secret as Key Vault returns it, without its value. Empty when it is absent. In check mode the expected secret.
  returned: success
  type: dict
  sample:
    attributes:
      created: 1763856000
      enabled: true
      recoverableDays: 7
      recoveryLevel: CustomizedRecoverable+Purgeable
      updated: 1763856000
    contentType: text/plain
    id: https://kv-mlflow-42.vault.azure.net/secrets/kek-passphrase/4387e9f3d6e14c459867679a90fd0f79
    tags:
      application: mlflow
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._key_vault.secret import KeyVaultSecret

MODULE = KeyVaultSecret


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
