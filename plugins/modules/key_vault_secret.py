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
  - Talks to the vault itself (C(https://<vault>.vault.azure.net)), so the identity that runs the task needs the role
    V(Key Vault Secrets Officer) at the vault, and the vault's network rules must let the machine in.
  - In check mode a vault that cannot be reached counts as one that is not there yet.
  - The value never appears in results and diffs. To read it, use P(mlops.mlflow_azure.key_vault_secret#lookup).
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
      - Name of the secret. 1 to 127 letters, digits and V(-).
    type: str
    required: true
  value:
    description:
      - The secret, 25600 bytes at most. Another value than the current one makes a new version, and the older ones stay.
      - A new secret needs it. Without the option the value is left alone.
      - The value of a secret that is disabled cannot be read, so it is not compared as long as it stays disabled.
    type: str
  content_type:
    description:
      - What the value is, for people and programs, as V(text/plain).
    type: str
  enabled:
    description:
      - Whether the secret can be read.
    type: bool
    default: true
  not_before:
    description:
      - Time with zone, as V(2027-01-31T00:00:00Z), before which the secret is not to be used. Key Vault only keeps it, programs obey it.
    type: str
  expires_on:
    description:
      - Time with zone, as V(2028-01-31T00:00:00Z), after which the secret is not to be used. Key Vault only keeps it, programs obey it.
      - A new version of the secret keeps the time of the one before, unless the option says another.
    type: str
  tags:
    description:
      - Tags of the secret, at most 15. The given mapping is the whole of them, others are removed. Without the option tags are left alone.
    type: dict
  state:
    description:
      - V(present) creates the secret or brings it to what the options say. Options that are not set are not compared,
        and what somebody else has set stands.
      - V(absent) deletes it with all its versions. Key Vault keeps it, and its name, for the days of the vault's soft delete retention.
    type: str
    choices: [present, absent]
    default: present
  recover:
    description:
      - What to do when the name belongs to a deleted secret. V(true) gets it back with all its versions, then brings it to what
        the options say. V(false) is an error that says so.
    type: bool
    default: false
  purge:
    description:
      - With O(state=absent), whether to remove the secret for good, and with it one that was deleted before. A vault with purge protection refuses that.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait while the vault refuses the identity for want of a role (a new assignment takes a while to work), and until
        a deleted secret is gone from the vault. Check mode never waits.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds until the task gives up. An assignment of a role can take ten minutes to work.
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
- name: Keep a passphrase
  mlops.mlflow_azure.key_vault_secret:
    vault: kv-mlflow-42
    name: kek-passphrase
    value: "{{ passphrase }}"
    content_type: text/plain
    tags:
      application: mlflow

- name: Let it expire, whatever it is
  mlops.mlflow_azure.key_vault_secret:
    vault: kv-mlflow-42
    name: kek-passphrase
    expires_on: "2030-01-31T00:00:00Z"

- name: Remove it for good
  mlops.mlflow_azure.key_vault_secret:
    vault: kv-mlflow-42
    name: kek-passphrase
    state: absent
    purge: true
"""

RETURN = r"""
key_vault_secret:
  description: The secret as Key Vault describes it, without its value; empty when it is absent. In check mode what it would be.
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
