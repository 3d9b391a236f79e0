#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app_info
short_description: Gather information about container apps
version_added: 0.2.0
description:
  - Returns one container app, those of a resource group, or those of the subscription, optionally with their revisions.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.attributes
  - mlops.mlflow_azure.attributes.info
  - mlops.mlflow_azure.read
requirements:
  - azure-mgmt-appcontainers
options:
  resource_group:
    description:
      - Name of the resource group. Without it the module searches the whole subscription.
    type: str
  name:
    description:
      - Name of the container app. Requires O(resource_group).
    type: str
  revisions:
    description:
      - Whether to return the revisions too. This sends one more request for each app.
    type: bool
    default: false
seealso:
  - name: Container Apps - Get
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/containerapps/container-apps/get
  - module: mlops.mlflow_azure.container_app
"""

EXAMPLES = r"""
- name: Get the app of the tracking server
  mlops.mlflow_azure.container_app_info:
    resource_group: rg-mlflow
    name: ca-mlflow
    revisions: true
  register: result

- name: Show its host name
  ansible.builtin.debug:
    msg: "{{ result.container_apps | map(attribute='properties.configuration.ingress.fqdn') | first | default('none') }}"
"""

RETURN = r"""
container_apps:
  description: The container apps as Azure returns them, without the values of secrets. Empty when there are none.
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.App/containerapps/ca-mlflow
      location: West Europe
      name: ca-mlflow
      properties:
        latestRevisionName: ca-mlflow--0000001
        provisioningState: Succeeded
      type: Microsoft.App/containerApps
container_app_revisions:
  description: The revisions of all returned apps, as Azure returns them.
  returned: with O(revisions=true)
  type: list
  elements: dict
  sample:
    - id: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.App/containerapps/ca-mlflow/revisions/ca-mlflow--0000001
      name: ca-mlflow--0000001
      properties:
        active: true
        runningState: Running
      type: Microsoft.App/containerapps/revisions
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._container_apps.app_info import ContainerAppInfo
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run

MODULE = ContainerAppInfo


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
