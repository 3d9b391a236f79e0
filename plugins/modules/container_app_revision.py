#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app_revision
short_description: Restart, activate or deactivate a revision of a container app
version_added: 0.1.0
description:
  - Restarts, activates or deactivates a revision of a container app, and waits until its replicas run.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.attributes
attributes:
  idempotent:
    support: partial
    details:
      - O(state=restarted) restarts on every run.
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
      - Name of the revision. The default is the latest revision of the app.
    type: str
  state:
    description:
      - Desired state.
    type: str
    choices: [active, inactive, restarted]
    default: active
  wait:
    description:
      - Whether to wait until the revision's replicas run.
    type: bool
    default: true
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 600
seealso:
  - name: Container Apps Revisions - Restart Revision
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/containerapps/container-apps-revisions/restart-revision
  - module: mlops.mlflow_azure.container_app
"""

EXAMPLES = r"""
- name: Restart the tracking server
  mlops.mlflow_azure.container_app_revision:
    resource_group: rg-mlflow
    app: ca-mlflow
    state: restarted
"""

RETURN = r"""
container_app_revision:
  description: The revision as Azure returns it.
  returned: success
  type: dict
  sample:
    name: ca-mlflow--0000001
    properties:
      active: true
      healthState: Healthy
      provisioningState: Provisioned
      runningState: Running
    type: Microsoft.App/containerapps/revisions
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._container_apps.revision import ContainerAppRevision
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run

MODULE = ContainerAppRevision


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
