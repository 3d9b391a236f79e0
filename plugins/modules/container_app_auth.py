#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app_auth
short_description: Manage who may use a container app
version_added: 0.2.0
description:
  - Creates, updates and deletes the built-in authentication of an app of Azure Container Apps (Easy Auth) with Microsoft Entra ID.
  - Azure's front then lets only those requests through to the app that are signed in, or that O(excluded_paths) names.
  - Identity providers other than Entra ID are left as they stand.
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
      - Name of the configuration. An app has but one.
    type: str
    choices: [current]
    default: current
  enabled:
    description:
      - Whether Azure's front looks at requests at all.
    type: bool
    default: true
  unauthenticated_action:
    description:
      - What a request gets that is not signed in. Azure's default is V(AllowAnonymous).
      - A program with a token gets no use of V(RedirectToLoginPage), so a tracking server takes V(Return401).
    type: str
    choices: [RedirectToLoginPage, AllowAnonymous, Return401, Return403]
  redirect_provider:
    description:
      - Provider to which V(RedirectToLoginPage) leads, as V(azureactivedirectory).
    type: str
  excluded_paths:
    description:
      - The whole list of paths that need no signing in, as V(/health).
    type: list
    elements: str
  entra:
    description:
      - Signing in with Microsoft Entra ID.
    type: dict
    suboptions:
      client_id:
        description:
          - Client id of the app registration that stands for the app.
        type: str
        required: true
      issuer:
        description:
          - URL of who issues the tokens, as V(https://login.microsoftonline.com/<tenant id>/v2.0).
        type: str
        required: true
      client_secret_name:
        description:
          - Name of the app's secret with the registration's client secret. Needed for people to sign in, not for tokens of programs.
        type: str
      allowed_audiences:
        description:
          - The whole list of audiences of tokens that are taken, as V(api://<client id>). The client id always is one.
        type: list
        elements: str
      allowed_applications:
        description:
          - The whole list of client ids of the programs whose tokens are taken. Without one all of the tenant's are.
        type: list
        elements: str
      allowed_groups:
        description:
          - The whole list of object ids of the groups whose members are let in.
        type: list
        elements: str
      allowed_identities:
        description:
          - The whole list of object ids of the users and service principals that are let in.
        type: list
        elements: str
      login_parameters:
        description:
          - Parameters of the sign-in request, as V(scope=openid profile).
        type: list
        elements: str
  token_store:
    description:
      - Whether Azure keeps the tokens of those who are signed in, and where.
    type: dict
    suboptions:
      enabled:
        description:
          - Whether tokens are kept.
        type: bool
        default: true
      sas_url_secret_name:
        description:
          - Name of the app's secret with a SAS URL of the blob container that keeps them.
        type: str
  allowed_external_redirect_urls:
    description:
      - The whole list of URLs outside the app to which signing in and out may lead.
    type: list
    elements: str
  require_https:
    description:
      - Whether plain HTTP is redirected. Azure's default is V(true).
    type: bool
  forward_proxy_convention:
    description:
      - Which headers tell the app's own host name where a proxy stands before it. Azure's default is V(NoProxy).
    type: str
    choices: [NoProxy, Standard, Custom]
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
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
- name: Let in those programs only that have a token for the tracking server
  mlops.mlflow_azure.container_app_auth:
    resource_group: rg-mlflow
    app: ca-mlflow
    unauthenticated_action: Return401
    excluded_paths: [/health]
    entra:
      client_id: 11111111-2222-3333-4444-555555555555
      issuer: https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0
      allowed_audiences: ["api://11111111-2222-3333-4444-555555555555"]

- name: Let in everybody again
  mlops.mlflow_azure.container_app_auth:
    resource_group: rg-mlflow
    app: ca-mlflow
    state: absent
"""

RETURN = r"""
container_app_auth:
  description: The configuration as Azure describes it; empty when it is absent. In check mode what it would be.
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
