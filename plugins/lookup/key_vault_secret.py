# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookup ``key_vault_secret``: reads the value of a key vault secret where it is used, so that no task result contains it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: key_vault_secret
short_description: Read secrets of a key vault
version_added: 0.2.0
description:
  - Returns the values of secrets of a key vault. The identity that runs Ansible needs the role V(Key Vault Secrets User) at the vault.
  - Use the value directly in an option with C(no_log) or in a task with C(no_log). Do not store it in a fact.
author:
  - mlops.mlflow_azure contributors (@mlops)
options:
  _terms:
    description:
      - Names of the secrets. C(name/version) selects a version, the default is the latest version.
    type: list
    elements: str
    required: true
  vault:
    description:
      - Name of the key vault.
    type: str
    required: true
  tenant_id:
    description:
      - Id of the Microsoft Entra tenant.
    type: str
    env:
      - name: AZURE_TENANT_ID
  client_id:
    description:
      - Client id of the service principal or of the user-assigned managed identity.
    type: str
    env:
      - name: AZURE_CLIENT_ID
  client_secret:
    description:
      - Client secret of the service principal.
    type: str
    env:
      - name: AZURE_CLIENT_SECRET
  federated_token_file:
    description:
      - Path of the file that contains the federated token of a workload identity.
    type: path
    env:
      - name: AZURE_FEDERATED_TOKEN_FILE
  auth_source:
    description:
      - Credential type. V(auto) selects the first type whose settings are complete, like the modules of this collection.
    type: str
    choices: [auto, service_principal, workload_identity, managed_identity, cli]
    default: auto
    env:
      - name: MLFLOW_AZURE_AUTH_SOURCE
  cloud_environment:
    description:
      - Azure cloud.
    type: str
    choices: [AzureCloud, AzureChinaCloud, AzureUSGovernment]
    default: AzureCloud
    env:
      - name: AZURE_CLOUD_ENVIRONMENT
  authority_host:
    description:
      - URL of the token authority, if it differs from that of O(cloud_environment). It must use HTTPS.
    type: str
    env:
      - name: AZURE_AUTHORITY_HOST
  timeout:
    description:
      - Timeout of the lookup in seconds.
    type: int
    default: 60
requirements:
  - azure-identity
  - azure-keyvault-secrets
notes:
  - A lookup runs on the controller and reads the environment of C(ansible-playbook), not the keyword C(environment) of a play or task.
  - C(module_defaults) do not apply to lookups.
seealso:
  - module: mlops.mlflow_azure.key_vault_secret
"""

EXAMPLES = r"""
- name: Read a passphrase from a key vault
  ansible.builtin.set_fact:
    passphrase_length: "{{ lookup('mlops.mlflow_azure.key_vault_secret', 'kek-passphrase', vault='kv-mlflow-42') | length }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: Values of the secrets, in the order of their names.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..module_utils._core.arm import Arm
from ..module_utils._core.auth import Credential, connection_from
from ..module_utils._core.deadline import Deadline
from ..module_utils._core.errors import ArmError, Failure
from ..module_utils._core.sdk import require
from ..module_utils._key_vault.data_plane import Vault, read_value
from ..plugin_utils._tokens import TOKENS


def arm_for(options: dict[str, Any]) -> Arm:
    """Return the connection to Azure of the lookup's options."""
    require({"azure.identity": "azure-identity", "azure.keyvault.secrets": "azure-keyvault-secrets"})
    # The name of a vault is globally unique, so the lookup needs no subscription.
    connection = connection_from({**options, "subscription_id": "-"})
    return Arm(connection, Credential(connection, TOKENS.remember), Deadline(options["timeout"]))


class LookupModule(LookupBase):
    """The lookup plugin."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)  # type: ignore[no-untyped-call]
        options = self.get_options()  # type: ignore[no-untyped-call]
        try:
            vault = Vault(arm_for(options), options["vault"])
            return [read_value(vault, term) for term in terms]
        except (ArmError, Failure) as error:
            raise AnsibleLookupError(f"key_vault_secret: {error}") from error
