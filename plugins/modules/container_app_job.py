#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app_job
short_description: Manage a container app job
version_added: 0.2.0
description:
  - Creates, updates and deletes a job in Azure Container Apps. A job runs its replicas to completion, on demand, on a schedule or on
    events.
  - An update sends the current job overlaid with the given options, so it keeps the properties that others have set.
  - A list option (environment variables, secrets, registries and others) is the complete list. The order of its entries is not compared.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.container_template
  - mlops.mlflow_azure.resource.identity
  - mlops.mlflow_azure.resource.tags
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-appcontainers
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  name:
    description:
      - Name of the job. 1 to 32 lowercase letters, digits and hyphens, beginning with a letter, without consecutive hyphens.
    type: str
    required: true
  location:
    description:
      - Location of the job, equal to the location of its environment. Immutable, a change is an error.
      - Required with O(state=present).
    type: str
  trigger_type:
    description:
      - Trigger that starts an execution. With V(Manual), M(mlops.mlflow_azure.container_app_job_execution) or another client of Azure's API
        starts it.
      - Required for a new job.
    type: str
    choices: [Manual, Schedule, Event]
  cron_expression:
    description:
      - Cron expression in UTC for O(trigger_type=Schedule), with the five fields minute, hour, day, month and weekday.
    type: str
  parallelism:
    description:
      - Number of replicas of an execution that run in parallel. Azure's default is 1.
    type: int
  replica_completion_count:
    description:
      - Number of replicas that must succeed, at most O(parallelism). Azure's default is 1.
    type: int
  replica_timeout:
    description:
      - Maximum run time of a replica in seconds. Required for a new job.
    type: int
  replica_retry_limit:
    description:
      - Number of retries of a failed replica. Azure's default is 0.
    type: int
  event_scale:
    description:
      - Scale settings for O(trigger_type=Event).
    type: dict
    suboptions:
      min_executions:
        description:
          - Minimum number of concurrent executions. Azure's default is 0.
        type: int
      max_executions:
        description:
          - Maximum number of concurrent executions. Azure's default is 100.
        type: int
      polling_interval:
        description:
          - Interval in seconds at which Azure polls the rules. Azure's default is 30.
        type: int
      rules:
        description:
          - The complete list of scale rules. Each rule is a KEDA scaler.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Name of the rule.
            type: str
            required: true
          type:
            description:
              - Type of the KEDA scaler, for example V(azure-queue).
            type: str
            required: true
          metadata:
            description:
              - Metadata of the scaler. All values are strings.
            type: dict
          auth:
            description:
              - Secrets with which the scaler authenticates.
            type: list
            elements: dict
            suboptions:
              secret_ref:
                description:
                  - Name of the secret.
                type: str
                required: true
              trigger_parameter:
                description:
                  - Trigger parameter that receives the value of the secret.
                type: str
                required: true
          identity:
            description:
              - Resource id of the managed identity with which the scaler authenticates, or V(system).
            type: str
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 600
seealso:
  - name: Jobs - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/containerapps/jobs/create-or-update
  - module: mlops.mlflow_azure.container_app_job_execution
  - module: mlops.mlflow_azure.container_app_environment
"""

EXAMPLES = r"""
- name: Create a job that is started manually
  mlops.mlflow_azure.container_app_job:
    resource_group: rg-mlflow
    name: caj-probe
    location: westeurope
    environment_id: "{{ app_environment.container_app_environment.id }}"
    identity:
      type: UserAssigned
      user_assigned_identities: ["{{ identity.user_assigned_identity.id }}"]
    registries:
      - server: crmlflow42.azurecr.io
        identity: "{{ identity.user_assigned_identity.id }}"
    trigger_type: Manual
    replica_timeout: 300
    containers:
      - name: probe
        image: "{{ image.container_image.reference }}"
        command: [python, -c, "print('hello')"]
        cpu: 0.5
        memory: 1Gi

- name: Run the job every night, and retry a failed replica twice
  mlops.mlflow_azure.container_app_job:
    resource_group: rg-mlflow
    name: caj-probe
    location: westeurope
    trigger_type: Schedule
    cron_expression: 0 3 * * *
    replica_retry_limit: 2
"""

RETURN = r"""
container_app_job:
  description: The job as Azure returns it, without the values of secrets. Empty when it is absent. In check mode the expected job.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.App/jobs/caj-probe
    location: West Europe
    name: caj-probe
    properties:
      configuration:
        replicaTimeout: 300
        triggerType: Manual
      provisioningState: Succeeded
    type: Microsoft.App/jobs
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._container_apps.job import ContainerAppJob
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run

MODULE = ContainerAppJob


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
