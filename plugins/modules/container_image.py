#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_image
short_description: Build a container image and push it to a container registry
version_added: 0.1.0
description:
  - Builds an image from a build context and pushes it to an Azure Container Registry, unless the registry already has it.
  - By default the tag is a hash of all inputs of the build. A changed file therefore results in a new image, and an unchanged build context
    is built once.
  - The build and the hash ignore files that a C(.dockerignore) excludes. Its patterns have the same meaning as for Docker
    (U(https://docs.docker.com/build/concepts/context/#dockerignore-files)).
  - The module displays the steps of a running build, and with C(-v) the complete build log. This requires that Ansible itself runs the
    module (connection V(local), the same interpreter, not C(async)).
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
      - Name of the resource group of the registry.
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
      - Tag of the image. The default is a hash of 16 hexadecimal digits over the context, O(build_args), O(dockerfile) and O(platform).
      - With this option the module does not build the image again if the tag exists, even if files have changed.
    type: str
  context:
    description:
      - Path of the build context on the machine that runs the task. Required with O(state=present).
    type: path
  dockerfile:
    description:
      - Path of the Dockerfile, relative to O(context). It must be inside O(context).
    type: str
    default: Dockerfile
  build_args:
    description:
      - Build arguments. They are visible in the image, so do not use them for secrets.
    type: dict
  platform:
    description:
      - Platform of the image as operating system and architecture (V(linux/amd64)), optionally with a variant (V(linux/arm64/v8)). Azure
        Container Apps runs V(linux/amd64) only.
      - With several platforms the module builds one image for each and tags it O(tag) with the platform appended. O(tag) itself is then an
        image index, from which a client pulls the image of its own platform. A build for a foreign architecture requires emulation on the
        build machine, unless the Dockerfile runs no command.
    type: list
    elements: str
    default: [linux/amd64]
  builder:
    description:
      - V(acr) uploads the context and builds it in the registry (ACR Tasks). It requires no local Docker engine.
      - V(docker) builds with the local Docker engine (E(DOCKER_HOST)) and pushes the image. The registry credentials stay in memory. With
        V(docker) the task ignores O(wait) and always waits.
    type: str
    choices: [acr, docker]
    default: acr
  state:
    description:
      - V(present) ensures that the registry has the image.
      - V(absent) deletes the manifest of O(tag), and with it all other tags of that manifest. For an image index it also deletes the tags
        of the platforms. Their manifests stay untagged until the registry's retention policy or C(acr purge --untagged) deletes them.
  wait_timeout:
    description:
      - Timeout of the task in seconds. It is also the timeout of the build in ACR Tasks (at least 300).
    type: int
    default: 1800
seealso:
  - name: Registries - Schedule Run
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/container-registry/registries/schedule-run
  - module: mlops.mlflow_azure.container_registry
"""

EXAMPLES = r"""
- name: Build the image of the tracking server
  mlops.mlflow_azure.container_image:
    resource_group: rg-mlflow
    registry: crmlflow42
    repository: mlflow
    context: "{{ playbook_dir }}/../docker/mlflow"
  register: image

- name: Show the reference of the image
  ansible.builtin.debug:
    msg: "{{ image.container_image.reference }}"
"""

RETURN = r"""
container_image:
  description: The image in the registry. Empty when it is absent.
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
      description: Digest of the image's manifest. Null as long as there is none (check mode, O(wait=false)).
      type: str
      returned: success
    reference:
      description: Reference of this image by digest, or by tag as long as there is no digest.
      type: str
      returned: success
  sample:
    digest: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    reference: crmlflow42.azurecr.io/mlflow@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    registry: crmlflow42.azurecr.io
    repository: mlflow
    tag: 0a1b2c3d4e5f6071
log:
  description: Last lines of the build log.
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
