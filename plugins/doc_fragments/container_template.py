# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that container apps and their jobs share."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  environment_id:
    description:
      - Id of the environment. A new one needs it. Azure fixes it at creation, a change is an error.
    type: str
  secrets:
    description:
      - The whole list of secrets, others are removed unless O(keep_secrets=true). Without the option they are left alone.
      - Values are compared with what Azure has, and never shown.
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
          - URL of a secret in Azure Key Vault, as V(https://kv-mlflow.vault.azure.net/secrets/password).
          - The identity needs the role V(Key Vault Secrets User) there.
        type: str
      identity:
        description:
          - Id of the managed identity that reads the Key Vault, or V(system).
        type: str
  keep_secrets:
    description:
      - Whether secrets stay that O(secrets) does not name.
    type: bool
    default: false
  registries:
    description:
      - The whole list of registries that need signing in.
    type: list
    elements: dict
    suboptions:
      server:
        description:
          - Host name of the registry, as V(crmlflow42.azurecr.io).
        type: str
        required: true
      identity:
        description:
          - Id of the managed identity that pulls, or V(system). Either this or O(registries[].username).
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
      - The whole list of containers. A new one needs it.
    type: list
    elements: dict
    suboptions:
      name: &name
        description:
          - Name of the container, by which an update finds it. 1 to 63 lowercase letters, digits and V(-).
        type: str
        required: true
      image: &image
        description:
          - Image with its registry, best pinned by digest (V(registry.azurecr.io/repository@sha256:...)). A new one needs it.
        type: str
      command: &command
        description:
          - Replaces the image's entry point.
        type: list
        elements: str
      args: &args
        description:
          - Arguments of the command.
        type: list
        elements: str
      env: &env
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
              - Value of the variable. It is shown in results, so a secret belongs into C(secret_ref).
            type: str
          secret_ref:
            description:
              - Name of the secret whose value the variable gets.
            type: str
      cpu: &cpu
        description:
          - Cores, as V(0.5). On the Consumption profile the containers together have 0.25 to 4, in steps of 0.25. Azure's default is 0.5.
        type: float
      memory: &memory
        description:
          - Memory, as V(1Gi). On the Consumption profile 2 Gi for each core. Azure's default is V(1Gi).
        type: str
      volume_mounts: &volume_mounts
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
              - Where the container sees it, from V(/) on.
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
              http_headers:
                description:
                  - The whole list of headers of the request, as V(Host) for a server that answers for its own names only.
                type: list
                elements: dict
                suboptions:
                  name:
                    description:
                      - Name of the header.
                    type: str
                    required: true
                  value:
                    description:
                      - Value of the header.
                    type: str
                    required: true
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
              - Seconds between probes, 1 to 240. Azure's default is 10.
            type: int
          timeout_seconds:
            description:
              - Seconds for which an answer is waited for, 1 to 240. Azure's default is 1.
            type: int
          failure_threshold:
            description:
              - Failures in a row that count. 1 to 240 for V(Startup), to 48 for V(Readiness), to 30 for V(Liveness).
            type: int
          success_threshold:
            description:
              - Successes in a row that count, 1 to 10 for V(Readiness) and 1 for the others.
            type: int
  init_containers:
    description:
      - The whole list of containers that run before the others, one after another.
    type: list
    elements: dict
    suboptions:
      name: *name
      image: *image
      command: *command
      args: *args
      env: *env
      cpu: *cpu
      memory: *memory
      volume_mounts: *volume_mounts
  volumes:
    description:
      - The whole list of volumes.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the volume. 1 to 63 lowercase letters, digits and V(-).
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
  workload_profile_name:
    description:
      - Workload profile of the environment on which it runs. Azure's default is V(Consumption).
    type: str
"""
