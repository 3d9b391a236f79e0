#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app_job_execution
short_description: Start or stop executions of a container apps job
version_added: 0.2.0
description:
  - Starts an execution of a job of Azure Container Apps and waits until it has ended, or stops those that run.
  - An execution that does not succeed fails the task, with the execution in the result.
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
      - Name of the execution to stop, by default all that run. Only with O(state=stopped); Azure names what is started.
    type: str
  state:
    description:
      - What to bring about.
    type: str
    choices: [started, stopped]
    default: started
  containers:
    description:
      - What this one execution runs instead of the job's own containers; everything else of the job holds. Only with O(state=started).
      - Nothing of the job's own containers is taken over, not even their environment variables.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the container. 1 to 63 lowercase letters, digits and V(-).
        type: str
        required: true
      image:
        description:
          - Image with its registry.
        type: str
        required: true
      command:
        description:
          - Replaces the image's entry point.
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
              - Value of the variable. It is shown in results, so a secret belongs into C(secret_ref).
            type: str
          secret_ref:
            description:
              - Name of the job's secret whose value the variable gets.
            type: str
      cpu:
        description:
          - Cores, as V(0.5).
        type: float
      memory:
        description:
          - Memory, as V(1Gi).
        type: str
  wait:
    description:
      - Whether to wait until the execution has ended.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
    type: int
    default: 1800
seealso:
  - name: Jobs - Start
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/containerapps/jobs/start
  - module: mlops.mlflow_azure.container_app_job
"""

EXAMPLES = r"""
- name: Run the job and wait for its end
  mlops.mlflow_azure.container_app_job_execution:
    resource_group: rg-mlflow
    job: caj-probe
    state: started

- name: Stop whatever runs of it
  mlops.mlflow_azure.container_app_job_execution:
    resource_group: rg-mlflow
    job: caj-probe
    state: stopped
"""

RETURN = r"""
container_app_job_execution:
  description:
    - The execution as Azure describes it; with O(state=stopped) the first that was stopped, empty when there is none.
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
