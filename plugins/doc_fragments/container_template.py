# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that container apps and container app jobs share."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  environment_id:
    description:
      - Resource id of the environment. Required for a new resource. Immutable, a change is an error.
    type: str
  secrets:
    description:
      - The complete list of secrets. Other secrets are removed unless O(keep_secrets=true). Without this option the module does not change
        secrets.
      - The module compares the values with those in Azure and never displays them.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the secret. Lowercase letters, digits, hyphens and dots.
        type: str
        required: true
      value:
        description:
          - Value of the secret. Mutually exclusive with O(secrets[].key_vault_url).
        type: str
      key_vault_url:
        description:
          - URL of a secret in Azure Key Vault, for example V(https://kv-mlflow.vault.azure.net/secrets/password).
          - The identity needs the role V(Key Vault Secrets User) at the vault.
        type: str
      identity:
        description:
          - Resource id of the managed identity that reads the key vault, or V(system).
        type: str
  keep_secrets:
    description:
      - Whether to keep existing secrets that O(secrets) does not contain.
    type: bool
    default: false
  registries:
    description:
      - The complete list of registries that require authentication.
    type: list
    elements: dict
    suboptions:
      server:
        description:
          - Host name of the registry, for example V(crmlflow42.azurecr.io).
        type: str
        required: true
      identity:
        description:
          - Resource id of the managed identity that pulls images, or V(system). Mutually exclusive with O(registries[].username).
        type: str
      username:
        description:
          - User name, for a registry without managed identity.
        type: str
      password_secret_ref:
        description:
          - Name of the secret that contains the password.
        type: str
  containers:
    description:
      - The complete list of containers. Required for a new resource.
    type: list
    elements: dict
    suboptions:
      name: &name
        description:
          - Name of the container. An update identifies the container by this name. 1 to 63 lowercase letters, digits and hyphens.
        type: str
        required: true
      image: &image
        description:
          - Image reference, including the registry, preferably pinned by digest (V(registry.azurecr.io/repository@sha256:...)). Required
            for a new container.
        type: str
      command: &command
        description:
          - Command that overrides the entry point of the image.
        type: list
        elements: str
      args: &args
        description:
          - Arguments of the command.
        type: list
        elements: str
      env: &env
        description:
          - The complete list of environment variables.
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
              - Name of the secret that provides the value.
            type: str
      cpu: &cpu
        description:
          - CPU cores, for example V(0.5). In the Consumption profile all containers together use 0.25 to 4 cores, in steps of 0.25. Azure's
            default is 0.5.
        type: float
      memory: &memory
        description:
          - Memory, for example V(1Gi). In the Consumption profile 2 Gi for each core. Azure's default is V(1Gi).
        type: str
      volume_mounts: &volume_mounts
        description:
          - The complete list of volume mounts.
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
              - Absolute mount path in the container.
            type: str
            required: true
          sub_path:
            description:
              - Path inside the volume to mount.
            type: str
      probes:
        description:
          - The complete list of probes, at most one of each type.
        type: list
        elements: dict
        suboptions:
          type:
            description:
              - Type of the probe.
            type: str
            choices: [Startup, Readiness, Liveness]
            required: true
          http_get:
            description:
              - HTTP probe. Mutually exclusive with O(containers[].probes[].tcp_socket).
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
                  - Scheme of the request.
                type: str
                choices: [HTTP, HTTPS]
              http_headers:
                description:
                  - The complete list of request headers, for example V(Host) for a server that validates the host name.
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
              - TCP probe.
            type: dict
            suboptions:
              port:
                description:
                  - Port of the container.
                type: int
                required: true
          initial_delay_seconds:
            description:
              - Delay from the start of the container to the first probe in seconds, 0 to 60.
            type: int
          period_seconds:
            description:
              - Interval between probes in seconds, 1 to 240. Azure's default is 10.
            type: int
          timeout_seconds:
            description:
              - Timeout of a probe in seconds, 1 to 240. Azure's default is 1.
            type: int
          failure_threshold:
            description:
              - Number of consecutive failures after which the probe fails. 1 to 240 for V(Startup), 1 to 48 for V(Readiness), 1 to 30 for
                V(Liveness).
            type: int
          success_threshold:
            description:
              - Number of consecutive successes after which the probe succeeds. 1 to 10 for V(Readiness), 1 for the others.
            type: int
  init_containers:
    description:
      - The complete list of init containers. They run one after another, before the other containers start.
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
      - The complete list of volumes.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the volume. 1 to 63 lowercase letters, digits and hyphens.
        type: str
        required: true
      storage_type:
        description:
          - Storage type of the volume.
        type: str
        choices: [EmptyDir, AzureFile, NfsAzureFile, Secret]
        required: true
      storage_name:
        description:
          - Name of the environment's storage, for V(AzureFile) and V(NfsAzureFile).
        type: str
      mount_options:
        description:
          - Mount options, separated by commas.
        type: str
      secrets:
        description:
          - Secrets to mount as files, for V(Secret). Azure's default is all secrets.
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
      - Name of the workload profile of the environment. Azure's default is V(Consumption).
    type: str
"""
