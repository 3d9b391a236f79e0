# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the connection options of the modules of the action group azure."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  subscription_id:
    description:
      - Id of the subscription. The default is the value of E(AZURE_SUBSCRIPTION_ID).
      - Without both, the module uses the default subscription of the Azure CLI (C(az account set)), if the token comes from the Azure CLI
        too. See O(auth_source).
    type: str
  tenant_id:
    description:
      - Id of the Microsoft Entra tenant. The default is the value of E(AZURE_TENANT_ID).
    type: str
  client_id:
    description:
      - Client id of the service principal or of the user-assigned managed identity. The default is the value of E(AZURE_CLIENT_ID).
    type: str
  client_secret:
    description:
      - Client secret of the service principal. The default is the value of E(AZURE_CLIENT_SECRET).
    type: str
  federated_token_file:
    description:
      - Path of the file that contains the federated token of a workload identity. The default is the value of
        E(AZURE_FEDERATED_TOKEN_FILE).
    type: path
  auth_source:
    description:
      - Credential type. The default is the value of E(MLFLOW_AZURE_AUTH_SOURCE), else V(auto).
      - V(auto) selects the first type whose settings are complete, in the order service principal (O(tenant_id), O(client_id) and
        O(client_secret)), workload identity (O(tenant_id), O(client_id) and O(federated_token_file)), managed identity (if the environment
        contains its endpoint), Azure CLI.
      - Use V(managed_identity) on a virtual machine, where no environment variable contains the endpoint.
    type: str
    choices: [auto, service_principal, workload_identity, managed_identity, cli]
    default: auto
  cloud_environment:
    description:
      - Azure cloud. The default is the value of E(AZURE_CLOUD_ENVIRONMENT), else V(AzureCloud).
    type: str
    choices: [AzureCloud, AzureChinaCloud, AzureUSGovernment]
    default: AzureCloud
  resource_manager_endpoint:
    description:
      - URL of Azure Resource Manager, if it differs from that of O(cloud_environment). It must use HTTPS.
    type: str
  authority_host:
    description:
      - URL of the token authority, if it differs from that of O(cloud_environment). The default is the value of E(AZURE_AUTHORITY_HOST). It
        must use HTTPS.
    type: str
requirements:
  - azure-identity
  - azure-mgmt-core
notes:
  - Set the connection options (O(subscription_id), O(tenant_id), O(auth_source), O(cloud_environment) and related options) once for all
    modules with C(module_defaults) of the action group C(group/mlops.mlflow_azure.azure).
  - The module uses HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE from the environment.
  - With a local connection the module runs inside the Ansible process, which avoids the start of a Python interpreter for each task.
"""
