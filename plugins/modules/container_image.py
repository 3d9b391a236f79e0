#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_image
short_description: Build an image and push it to a container registry
version_added: 0.1.0
description:
  - Builds an image from a folder and pushes it to an Azure Container Registry, unless the registry has it already.
  - By default the tag is a hash of everything that goes into the build, so a changed file makes a new image, and an
    unchanged folder is built once.
  - Files that a C(.dockerignore) excludes count neither for the build nor for the hash. Its patterns mean what they mean to Docker
    (U(https://docs.docker.com/build/concepts/context/#dockerignore-files)).
  - The steps of the build are shown while it goes on, and with C(-v) all that it prints, where Ansible itself runs the
    module (connection V(local), no other interpreter, not C(async)).
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-containerregistry
  - azure-containerregistry
  - azure-mgmt-containerregistrytasks and azure-storage-blob, for O(builder=acr)
  - docker, for O(builder=docker)
options:
  resource_group:
    description:
      - Name of the registry's resource group.
    type: str
    required: true
  registry:
    description:
      - Name of the registry.
    type: str
    required: true
  repository:
    description:
      - Name of the repository in the registry.
    type: str
    required: true
  tag:
    description:
      - Tag of the image, by default 16 hex digits that hash the context, O(build_args), O(dockerfile) and O(platform).
      - An image under a given tag is not built again, whatever has changed in the folder.
    type: str
  context:
    description:
      - Folder to build, on the machine that runs the task. Required with O(state=present).
    type: path
  dockerfile:
    description:
      - Path of the Dockerfile inside O(context); one outside of it is refused.
    type: str
    default: Dockerfile
  build_args:
    description:
      - Build arguments. They are visible in the image, so they are no place for secrets.
    type: dict
  platform:
    description:
      - Operating system and architecture of the image, as V(linux/amd64), or with a variant V(linux/arm64/v8). Azure Container Apps runs
        V(linux/amd64) alone.
      - Of several platforms each is built, under O(tag) with its name appended. O(tag) itself then points at all of them,
        and whoever pulls it gets that of their machine. A build for another architecture than that of the machine that
        builds needs emulation there, unless the Dockerfile runs nothing.
    type: list
    elements: str
    default: [linux/amd64]
  builder:
    description:
      - V(acr) uploads the context and builds it in the registry (ACR Tasks), which needs no Docker here.
      - V(docker) builds with the Docker engine of this machine (E(DOCKER_HOST)) and pushes the image. The login to the
        registry stays in memory. With V(docker) the task always waits.
    type: str
    choices: [acr, docker]
    default: acr
  state:
    description:
      - V(present) has the image in the registry.
      - V(absent) removes the manifest that O(tag) points at, and with it its other tags. Where it stands for several platforms, the tags of those are
        removed too; their manifests stay without a tag, until the registry's retention policy or C(acr purge --untagged) removes them.
  wait_timeout:
    description:
      - Seconds until the task gives up, and which ACR Tasks grants the build (300 at least).
    type: int
    default: 1800
seealso:
  - name: Registries - Schedule Run
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/container-registry/registries/schedule-run
  - module: mlops.mlflow_azure.container_registry
"""

EXAMPLES = r"""
- name: Have the image of the tracking server
  mlops.mlflow_azure.container_image:
    resource_group: rg-mlflow
    registry: crmlflow42
    repository: mlflow
    context: "{{ playbook_dir }}/../docker/mlflow"
  register: image

- name: Show how to refer to it
  ansible.builtin.debug:
    msg: "{{ image.container_image.reference }}"
"""

RETURN = r"""
container_image:
  description: The image in the registry; empty when it is absent.
  returned: success
  type: dict
  contains:
    registry:
      description: Host name of the registry.
      type: str
      returned: success
    repository:
      description: Name of the repository.
      type: str
      returned: success
    tag:
      description: Tag of the image.
      type: str
      returned: success
    digest:
      description: Digest of the image's manifest; null where there is none yet (check mode, O(wait=false)).
      type: str
      returned: success
    reference:
      description: How to refer to exactly this image; by tag where there is no digest yet.
      type: str
      returned: success
  sample:
    digest: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    reference: crmlflow42.azurecr.io/mlflow@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    registry: crmlflow42.azurecr.io
    repository: mlflow
    tag: 0a1b2c3d4e5f6071
log:
  description: Last lines of the build's log.
  returned: when the build failed
  type: list
  elements: str
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._registry.image import ContainerImage

MODULE = ContainerImage


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
