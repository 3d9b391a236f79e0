#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app_job_execution
short_description: Start or stop executions of a container app job
version_added: 0.2.0
description:
  - Starts an execution of a container app job and waits until it has ended, or stops running executions.
  - The task fails if the execution does not succeed. The result then contains the execution.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.attributes
attributes:
  idempotent:
    support: partial
    details:
      - O(state=started) starts an execution on every run.
requirements:
  - azure-mgmt-appcontainers
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  job:
    description:
      - Name of the job.
    type: str
    required: true
  name:
    description:
      - Name of the execution to stop. By default all running executions are stopped. Only with O(state=stopped), because Azure generates
        the name of a new execution.
    type: str
  state:
    description:
      - Desired state.
    type: str
    choices: [started, stopped]
    default: started
  containers:
    description:
      - Containers of this execution, instead of the job's containers. All other settings of the job apply. Only with O(state=started).
      - The execution inherits nothing from the job's containers, not even environment variables.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the container. 1 to 63 lowercase letters, digits and hyphens.
        type: str
        required: true
      image:
        description:
          - Image reference, including the registry.
        type: str
        required: true
      command:
        description:
          - Command that overrides the entry point of the image.
        type: list
        elements: str
      args:
        description:
          - Arguments of the command.
        type: list
        elements: str
      env:
        description:
          - Environment variables.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Name of the variable.
            type: str
            required: true
          value:
            description:
              - Value of the variable. Results contain it, so use C(secret_ref) for a secret.
            type: str
          secret_ref:
            description:
              - Name of the job's secret that provides the value.
            type: str
      cpu:
        description:
          - CPU cores, for example V(0.5).
        type: float
      memory:
        description:
          - Memory, for example V(1Gi).
        type: str
  wait:
    description:
      - Whether to wait until the execution has ended.
    type: bool
    default: true
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 1800
seealso:
  - name: Jobs - Start
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/containerapps/jobs/start
  - module: mlops.mlflow_azure.container_app_job
"""

EXAMPLES = r"""
- name: Start the job and wait until it has ended
  mlops.mlflow_azure.container_app_job_execution:
    resource_group: rg-mlflow
    job: caj-probe
    state: started

- name: Stop all running executions of the job
  mlops.mlflow_azure.container_app_job_execution:
    resource_group: rg-mlflow
    job: caj-probe
    state: stopped
"""

RETURN = r"""
container_app_job_execution:
  description:
    - The execution as Azure returns it. With O(state=stopped) the first execution that was stopped, or empty when none was running.
  returned: success, and when an execution did not succeed
  type: dict
  sample:
    name: caj-probe-5jo8f2a
    properties:
      endTime: "2026-01-31T03:00:09+00:00"
      startTime: "2026-01-31T03:00:00+00:00"
      status: Succeeded
    type: Microsoft.App/jobs/executions
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._container_apps.job_execution import (
    ContainerAppJobExecution,
)
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run

MODULE = ContainerAppJobExecution


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
