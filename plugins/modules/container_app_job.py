#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app_job
short_description: Manage a container apps job
version_added: 0.2.0
description:
  - Creates, updates and deletes a job of Azure Container Apps. A job's replicas run until they end, by hand, by a schedule or by events.
  - An update sends the job as it stands with what the options say on top, so nothing that somebody else has set is lost.
  - Lists that are given (environment variables, secrets, registries, ...) are the whole lists. Their order does not count.
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
      - Name of the job. 1 to 32 lowercase letters, digits and single V(-), beginning with a letter.
    type: str
    required: true
  location:
    description:
      - Location of the job, which is that of its environment. Azure fixes it at creation, a change is an error.
      - Required with O(state=present).
    type: str
  trigger_type:
    description:
      - What starts an execution. V(Manual) is M(mlops.mlflow_azure.container_app_job_execution), or any other call of Azure's API.
      - A new job needs it.
    type: str
    choices: [Manual, Schedule, Event]
  cron_expression:
    description:
      - When a O(trigger_type=Schedule) job runs, in UTC. Five fields, minute, hour, day, month and weekday.
    type: str
  parallelism:
    description:
      - How many replicas of an execution run at a time. Azure's default is 1.
    type: int
  replica_completion_count:
    description:
      - How many replicas must succeed, at most O(parallelism). Azure's default is 1.
    type: int
  replica_timeout:
    description:
      - Seconds that a replica may run. A new job needs it.
    type: int
  replica_retry_limit:
    description:
      - How often a replica that fails is started again. Azure's default is 0.
    type: int
  event_scale:
    description:
      - When a O(trigger_type=Event) job runs.
    type: dict
    suboptions:
      min_executions:
        description:
          - Fewest executions at a time. Azure's default is 0.
        type: int
      max_executions:
        description:
          - Most executions at a time. Azure's default is 100.
        type: int
      polling_interval:
        description:
          - Seconds between two looks at the rules. Azure's default is 30.
        type: int
      rules:
        description:
          - The whole list of KEDA scalers that are looked at.
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
              - Type of the KEDA scaler, as V(azure-queue).
            type: str
            required: true
          metadata:
            description:
              - Settings of the scaler; all values are strings.
            type: dict
          auth:
            description:
              - Secrets that the scaler needs.
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
                  - Parameter that gets its value.
                type: str
                required: true
          identity:
            description:
              - Id of the managed identity with which the scaler asks, or V(system).
            type: str
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
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
- name: Have a job that is started by hand
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

- name: Run it every night instead, and try twice more when it fails
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
  description: The job as Azure describes it; empty when it is absent. In check mode what it would be. Never the value of a secret.
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
