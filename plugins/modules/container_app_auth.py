#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app_auth
short_description: Manage the authentication of a container app
version_added: 0.2.0
description:
  - Creates, updates and deletes the built-in authentication (Easy Auth) of a container app with Microsoft Entra ID.
  - The ingress then passes only authenticated requests to the app, and requests for a path in O(excluded_paths).
  - The module does not change identity providers other than Entra ID.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-appcontainers
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  app:
    description:
      - Name of the container app.
    type: str
    required: true
  name:
    description:
      - Name of the configuration. An app has only the configuration V(current).
    type: str
    choices: [current]
    default: current
  enabled:
    description:
      - Whether authentication is enabled.
    type: bool
    default: true
  unauthenticated_action:
    description:
      - Response to an unauthenticated request. Azure's default is V(AllowAnonymous).
      - A program that sends tokens cannot follow V(RedirectToLoginPage). Use V(Return401) for a tracking server.
    type: str
    choices: [RedirectToLoginPage, AllowAnonymous, Return401, Return403]
  redirect_provider:
    description:
      - Identity provider to which V(RedirectToLoginPage) redirects, for example V(azureactivedirectory).
    type: str
  excluded_paths:
    description:
      - The complete list of paths that require no authentication, for example V(/health).
    type: list
    elements: str
  entra:
    description:
      - Settings of the identity provider Microsoft Entra ID.
    type: dict
    suboptions:
      client_id:
        description:
          - Client id of the app registration of the app.
        type: str
        required: true
      issuer:
        description:
          - URL of the token issuer, for example V(https://login.microsoftonline.com/<tenant id>/v2.0).
        type: str
        required: true
      client_secret_name:
        description:
          - Name of the app's secret that holds the client secret of the app registration. The sign-in of users requires it, the validation
            of tokens does not.
        type: str
      allowed_audiences:
        description:
          - The complete list of accepted token audiences, for example V(api://<client id>). Azure always accepts the client id as audience.
        type: list
        elements: str
      allowed_applications:
        description:
          - The complete list of client ids of the applications whose tokens are accepted. Without entries every application of the tenant
            is accepted.
        type: list
        elements: str
      allowed_groups:
        description:
          - The complete list of object ids of the groups whose members are allowed.
        type: list
        elements: str
      allowed_identities:
        description:
          - The complete list of object ids of the users and service principals that are allowed.
        type: list
        elements: str
      login_parameters:
        description:
          - Parameters of the authorization request, for example V(scope=openid profile).
        type: list
        elements: str
  token_store:
    description:
      - Token store of the authentication.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether Azure stores the tokens of signed-in users.
        type: bool
        default: true
      sas_url_secret_name:
        description:
          - Name of the app's secret that holds the SAS URL of the blob container for the tokens.
        type: str
  allowed_external_redirect_urls:
    description:
      - The complete list of external URLs that are allowed as redirect targets after sign-in and sign-out.
    type: list
    elements: str
  require_https:
    description:
      - Whether plain HTTP requests are redirected to HTTPS. Azure's default is V(true).
    type: bool
  forward_proxy_convention:
    description:
      - Convention for the headers from which Azure reads the original host name behind a reverse proxy. Azure's default is V(NoProxy).
    type: str
    choices: [NoProxy, Standard, Custom]
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 120
seealso:
  - name: Container Apps Auth Configs - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/containerapps/container-apps-auth-configs/create-or-update
  - name: Authentication and authorization in Azure Container Apps
    description: Azure's guide.
    link: https://learn.microsoft.com/azure/container-apps/authentication
  - module: mlops.mlflow_azure.container_app
"""

EXAMPLES = r"""
- name: Allow only programs with a token for the tracking server
  mlops.mlflow_azure.container_app_auth:
    resource_group: rg-mlflow
    app: ca-mlflow
    unauthenticated_action: Return401
    excluded_paths: [/health]
    entra:
      client_id: 11111111-2222-3333-4444-555555555555
      issuer: https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0
      allowed_audiences: ["api://11111111-2222-3333-4444-555555555555"]

- name: Remove the authentication
  mlops.mlflow_azure.container_app_auth:
    resource_group: rg-mlflow
    app: ca-mlflow
    state: absent
"""

RETURN = r"""
container_app_auth:
  description: The authentication configuration as Azure returns it. Empty when it is absent. In check mode the expected configuration.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.App/containerApps/ca-mlflow/authConfigs/current
    name: current
    properties:
      globalValidation:
        excludedPaths: [/health]
        unauthenticatedClientAction: Return401
      platform:
        enabled: true
    type: Microsoft.App/containerapps/authconfigs
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._container_apps.auth_config import ContainerAppAuth
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run

MODULE = ContainerAppAuth


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
