#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_app
short_description: Manage a container app
version_added: 0.1.0
description:
  - Creates, updates and deletes an app of Azure Container Apps, and waits until its latest revision is ready.
  - An update sends the app as it stands with what the options say on top, so nothing that somebody else has set is lost.
  - Lists that are given (environment variables, secrets, registries, ...) are the whole lists. Their order does not count.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
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
      - Name of the app. 2 to 32 lowercase letters, digits and single V(-), beginning with a letter.
    type: str
    required: true
  location:
    description:
      - Location of the app, which is that of its environment. Azure fixes it at creation, a change is an error.
      - Required with O(state=present).
    type: str
  environment_id:
    description:
      - Id of the environment. A new app needs it. Azure fixes it at creation, a change is an error.
    type: str
  identity:
    description:
      - Managed identities of the app.
    type: dict
    suboptions:
      type:
        description:
          - Which kinds of identity the app has.
        type: str
        choices: ["None", SystemAssigned, UserAssigned, "SystemAssigned,UserAssigned"]
        required: true
      user_assigned_identities:
        description:
          - Ids of the user-assigned identities. The list is the whole of them.
        type: list
        elements: str
  revision_mode:
    description:
      - Whether one revision is active or several can be. Azure's default is V(Single).
    type: str
    choices: [Single, Multiple]
  ingress:
    description:
      - How requests reach the app. Without the option a new app takes none.
    type: dict
    suboptions:
      external:
        description:
          - Whether requests may come from outside the environment. Azure's default is V(false).
        type: bool
      target_port:
        description:
          - Port on which the container listens.
        type: int
      exposed_port:
        description:
          - Port under which a V(tcp) app is reached.
        type: int
      transport:
        description:
          - Protocol. Azure's default is V(auto).
        type: str
        choices: [auto, http, http2, tcp]
      allow_insecure:
        description:
          - Whether plain HTTP is answered, not redirected to HTTPS. Azure's default is V(false).
        type: bool
      ip_security_restrictions:
        description:
          - The whole list of address rules. All have the same O(ingress.ip_security_restrictions[].action). Without a rule anybody may come.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Name of the rule.
            type: str
            required: true
          ip_address_range:
            description:
              - Addresses, as V(203.0.113.0/24).
            type: str
            required: true
          action:
            description:
              - V(Allow) lets these in and nobody else, V(Deny) keeps these out.
            type: str
            choices: [Allow, Deny]
            default: Allow
          description:
            description:
              - Why the rule is there.
            type: str
      traffic:
        description:
          - How requests are spread over revisions; the weights sum to 100. Azure's default is all to the latest.
        type: list
        elements: dict
        suboptions:
          weight:
            description:
              - Percent of the requests.
            type: int
          revision_name:
            description:
              - Name of the revision.
            type: str
          latest_revision:
            description:
              - Whether the latest revision is meant.
            type: bool
          label:
            description:
              - Label under which the revision has a host name of its own.
            type: str
  secrets:
    description:
      - The whole list of secrets, others are removed. Without the option they are left alone.
      - Values are compared with what Azure has, and never shown. A revision that runs with an older value is restarted.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the secret. Lowercase letters, digits, V(-) and V(.).
        type: str
        required: true
      value:
        description:
          - Value of the secret. Either this or O(secrets[].key_vault_url).
        type: str
      key_vault_url:
        description:
          - URL of a secret in Azure Key Vault.
        type: str
      identity:
        description:
          - Id of the managed identity that reads the Key Vault, or V(system).
        type: str
  registries:
    description:
      - The whole list of registries that need signing in.
    type: list
    elements: dict
    suboptions:
      server:
        description:
          - Host name of the registry.
        type: str
        required: true
      identity:
        description:
          - Id of the managed identity that pulls, or V(system).
        type: str
      username:
        description:
          - User name, where there is no identity.
        type: str
      password_secret_ref:
        description:
          - Name of the secret with the user's password.
        type: str
  containers:
    description:
      - The whole list of containers. A new app needs it.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the container, by which an update finds it.
        type: str
        required: true
      image:
        description:
          - Image with its registry, best pinned by digest (V(registry.azurecr.io/repository@sha256:...)). A new app needs it.
        type: str
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
          - The whole list of environment variables.
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
              - Value of the variable. It is shown in results, so a secret belongs into O(containers[].env[].secret_ref).
            type: str
          secret_ref:
            description:
              - Name of the secret whose value the variable gets.
            type: str
      cpu:
        description:
          - Cores, as V(0.5). On the Consumption profile the containers together have 0.25 to 4, in steps of 0.25. Azure's default is 0.5.
        type: float
      memory:
        description:
          - Memory, as V(1Gi). On the Consumption profile 2 Gi for each core. Azure's default is V(1Gi).
        type: str
      volume_mounts:
        description:
          - The whole list of mounted volumes.
        type: list
        elements: dict
        suboptions:
          volume_name:
            description:
              - Name of the volume in O(volumes).
            type: str
            required: true
          mount_path:
            description:
              - Where the container sees it.
            type: str
            required: true
          sub_path:
            description:
              - Directory inside the volume.
            type: str
      probes:
        description:
          - The whole list of probes, at most one of each type.
        type: list
        elements: dict
        suboptions:
          type:
            description:
              - What the probe decides.
            type: str
            choices: [Startup, Readiness, Liveness]
            required: true
          http_get:
            description:
              - Ask over HTTP. Either this or O(containers[].probes[].tcp_socket).
            type: dict
            suboptions:
              path:
                description:
                  - Path of the request.
                type: str
              port:
                description:
                  - Port of the container.
                type: int
                required: true
              scheme:
                description:
                  - Whether to use TLS.
                type: str
                choices: [HTTP, HTTPS]
          tcp_socket:
            description:
              - Open a TCP connection.
            type: dict
            suboptions:
              port:
                description:
                  - Port of the container.
                type: int
                required: true
          initial_delay_seconds:
            description:
              - Seconds after the start until the first probe, 0 to 60.
            type: int
          period_seconds:
            description:
              - Seconds between probes, 1 to 240.
            type: int
          timeout_seconds:
            description:
              - Seconds for which an answer is waited for, 1 to 240.
            type: int
          failure_threshold:
            description:
              - Failures in a row that count. 1 to 240 for V(Startup), to 48 for V(Readiness), to 30 for V(Liveness).
            type: int
          success_threshold:
            description:
              - Successes in a row that count, 1 to 10.
            type: int
  init_containers:
    description:
      - The whole list of containers that run before the others.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the container, by which an update finds it.
        type: str
        required: true
      image:
        description:
          - Image with its registry, best pinned by digest (V(registry.azurecr.io/repository@sha256:...)). A new app needs it.
        type: str
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
          - The whole list of environment variables.
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
              - Value of the variable. It is shown in results, so a secret belongs into O(init_containers[].env[].secret_ref).
            type: str
          secret_ref:
            description:
              - Name of the secret whose value the variable gets.
            type: str
      cpu:
        description:
          - Cores, as V(0.5). On the Consumption profile the containers together have 0.25 to 4, in steps of 0.25. Azure's default is 0.5.
        type: float
      memory:
        description:
          - Memory, as V(1Gi). On the Consumption profile 2 Gi for each core. Azure's default is V(1Gi).
        type: str
      volume_mounts:
        description:
          - The whole list of mounted volumes.
        type: list
        elements: dict
        suboptions:
          volume_name:
            description:
              - Name of the volume in O(volumes).
            type: str
            required: true
          mount_path:
            description:
              - Where the container sees it.
            type: str
            required: true
          sub_path:
            description:
              - Directory inside the volume.
            type: str
  volumes:
    description:
      - The whole list of volumes.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the volume.
        type: str
        required: true
      storage_type:
        description:
          - Kind of the volume.
        type: str
        choices: [EmptyDir, AzureFile, NfsAzureFile, Secret]
        required: true
      storage_name:
        description:
          - Name of the environment's storage, for V(AzureFile) and V(NfsAzureFile).
        type: str
      mount_options:
        description:
          - Options of the mount, separated by commas.
        type: str
      secrets:
        description:
          - Secrets to show as files, for V(Secret). Azure's default is all of them.
        type: list
        elements: dict
        suboptions:
          secret_ref:
            description:
              - Name of the secret.
            type: str
            required: true
          path:
            description:
              - Name of the file.
            type: str
  scale:
    description:
      - How many replicas run.
    type: dict
    suboptions:
      min_replicas:
        description:
          - Fewest replicas. Azure's default is 0.
        type: int
      max_replicas:
        description:
          - Most replicas. Azure's default is 10.
        type: int
      rules:
        description:
          - The whole list of rules. Each has exactly one of C(http), C(tcp) and C(custom).
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Name of the rule.
            type: str
            required: true
          http:
            description:
              - Scale by requests, as C(metadata.concurrentRequests).
            type: dict
            suboptions:
              metadata:
                description:
                  - Settings of the rule; all values are strings.
                type: dict
              auth:
                description:
                  - Secrets that the rule needs.
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
                  - Id of the managed identity with which the rule asks, or V(system).
                type: str
          tcp:
            description:
              - Scale by connections, as C(metadata.concurrentConnections).
            type: dict
            suboptions:
              metadata:
                description:
                  - Settings of the rule; all values are strings.
                type: dict
              auth:
                description:
                  - Secrets that the rule needs.
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
                  - Id of the managed identity with which the rule asks, or V(system).
                type: str
          custom:
            description:
              - Scale by a KEDA scaler.
            type: dict
            suboptions:
              type:
                description:
                  - Type of the KEDA scaler, as V(cpu), V(memory) or V(azure-servicebus).
                type: str
                required: true
              metadata:
                description:
                  - Settings of the rule; all values are strings.
                type: dict
              auth:
                description:
                  - Secrets that the rule needs.
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
                  - Id of the managed identity with which the rule asks, or V(system).
                type: str
  revision_suffix:
    description:
      - End of the name of the revision that this makes. Azure's default is one of its own. A suffix can be used once.
    type: str
  termination_grace_period_seconds:
    description:
      - Seconds that a replica has to end, 0 to 600. Azure's default is 30.
    type: int
  workload_profile_name:
    description:
      - Workload profile of the environment on which the app runs. Azure's default is V(Consumption).
    type: str
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
    type: int
    default: 900
seealso:
  - name: Container Apps - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/containerapps/container-apps/create-or-update
  - module: mlops.mlflow_azure.container_app_environment
  - module: mlops.mlflow_azure.container_app_revision
"""

EXAMPLES = r"""
- name: Run the tracking server
  mlops.mlflow_azure.container_app:
    resource_group: rg-mlflow
    name: ca-mlflow
    location: westeurope
    environment_id: "{{ app_environment.container_app_environment.id }}"
    identity:
      type: UserAssigned
      user_assigned_identities: ["{{ identity.user_assigned_identity.id }}"]
    registries:
      - server: crmlflow42.azurecr.io
        identity: "{{ identity.user_assigned_identity.id }}"
    secrets:
      - name: backend-store-uri
        value: "{{ backend_store_uri }}"
    ingress:
      external: true
      target_port: 5000
      ip_security_restrictions:
        - name: office
          ip_address_range: 203.0.113.0/24
    containers:
      - name: mlflow
        image: "{{ image.container_image.reference }}"
        cpu: 1
        memory: 2Gi
        env:
          - name: MLFLOW_BACKEND_STORE_URI
            secret_ref: backend-store-uri
        probes:
          - type: Readiness
            http_get:
              path: /health
              port: 5000
    scale:
      min_replicas: 1
      max_replicas: 1
"""

RETURN = r"""
container_app:
  description: The app as Azure describes it; empty when it is absent. In check mode what it would be. Never the value of a secret.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.App/containerapps/ca-mlflow
    location: West Europe
    name: ca-mlflow
    properties:
      configuration:
        ingress:
          fqdn: ca-mlflow.nicesea-0a1b2c3d.westeurope.azurecontainerapps.io
      latestRevisionName: ca-mlflow--0000001
      provisioningState: Succeeded
    type: Microsoft.App/containerApps
error:
  description: What Azure said, where the task failed by it.
  returned: failure
  type: dict
  sample:
    code: ContainerAppOperationError
    message: Failed to provision revision
    status: 0
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils import (
    _container_app,
    _container_app_checks,
    _container_app_options,
    _module,
    _revision,
)
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._resource import Resource

RESOURCE = Resource(
    name="container_app",
    type="Microsoft.App/containerApps",
    path="/resourceGroups/{resource_group}/providers/Microsoft.App/containerApps/{name}",
    operations=_container_app.APPS,
    address=("resource_group", "name"),
    options=_container_app_options.OPTIONS,
    desired=_container_app.desired,
    rules=_container_app.RULES,
    check=_container_app_checks.check,
    check_create=_container_app_checks.check_create,
    read_only=_container_app.READ_ONLY,
    observe=_container_app.with_secret_values,
    prepare=_container_app.body,
    finish=_revision.after_write,
    explain=_revision.explain,
    public=_container_app.public,
    public_diff=_container_app.public_diff,
)
MODULE = _module.resource_module(
    RESOURCE,
    packages={"azure.mgmt.appcontainers": "azure-mgmt-appcontainers"},
    wait_timeout=900,
    required_if=[("state", "present", ("location",))],
)


def main() -> None:
    _module.main(MODULE)


if __name__ == "__main__":
    main()
