# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that every module of the action group azure has."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  subscription_id:
    description:
      - Id of the subscription, by default the value of E(AZURE_SUBSCRIPTION_ID).
      - Without either, the default subscription of the Azure CLI (C(az account set)), where the token is the Azure CLI's too, see O(auth_source).
    type: str
  tenant_id:
    description:
      - Id of the Microsoft Entra tenant, by default the value of E(AZURE_TENANT_ID).
    type: str
  client_id:
    description:
      - Client id of the service principal, or of the user-assigned managed identity to use, by default the value of E(AZURE_CLIENT_ID).
    type: str
  client_secret:
    description:
      - Secret of the service principal, by default the value of E(AZURE_CLIENT_SECRET).
    type: str
  federated_token_file:
    description:
      - Path of the file with the federated token of a workload identity, by default the value of E(AZURE_FEDERATED_TOKEN_FILE).
    type: path
  auth_source:
    description:
      - Where the token comes from, by default the value of E(MLFLOW_AZURE_AUTH_SOURCE), else V(auto).
      - V(auto) takes the first that is complete. A service principal (O(tenant_id), O(client_id) and O(client_secret)),
        a workload identity (O(tenant_id), O(client_id) and O(federated_token_file)), a managed identity (where Azure has
        put its endpoint into the environment), else the login of the Azure CLI.
      - On a virtual machine, whose identity shows in no environment variable, say V(managed_identity).
    type: str
    choices: [auto, service_principal, workload_identity, managed_identity, cli]
    default: auto
  cloud_environment:
    description:
      - Which Azure, by default the value of E(AZURE_CLOUD_ENVIRONMENT), else V(AzureCloud).
    type: str
    choices: [AzureCloud, AzureChinaCloud, AzureUSGovernment]
    default: AzureCloud
  resource_manager_endpoint:
    description:
      - URL of another Azure Resource Manager than that of O(cloud_environment). It must use TLS.
    type: str
  authority_host:
    description:
      - URL of another token authority than that of O(cloud_environment), by default the value of E(AZURE_AUTHORITY_HOST). It must use TLS.
    type: str
requirements:
  - azure-identity
  - azure-mgmt-core
notes:
  - How Azure is reached (O(subscription_id), O(tenant_id), O(auth_source), O(cloud_environment) and the options that go with them) can be set
    once for all modules, with C(module_defaults) of the action group C(group/mlops.mlflow_azure.azure).
  - HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE of the environment are honoured.
  - With a local connection the module runs inside the Ansible process, which saves the start of a Python interpreter per task.
"""
