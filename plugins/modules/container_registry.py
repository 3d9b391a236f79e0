#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_registry
short_description: Manage a container registry
version_added: 0.1.0
description:
  - Creates, updates and deletes an Azure Container Registry.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.resource.tags
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-containerregistry
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  name:
    description:
      - Name of the registry, unique in all of Azure. 5 to 50 letters and digits.
    type: str
    required: true
  location:
    description:
      - Location of the registry. Azure fixes it at creation, a change is an error.
      - Required with O(state=present).
    type: str
  sku:
    description:
      - Service tier. Azure's choice is none, so a new registry gets V(Basic).
    type: str
    choices: [Basic, Standard, Premium]
    default: Basic
  admin_user_enabled:
    description:
      - Whether the registry has an admin user with a password. Leave it off, identities do without one.
    type: bool
    default: false
  anonymous_pull_enabled:
    description:
      - Whether anybody may pull without signing in. Needs O(sku=Standard) or O(sku=Premium).
    type: bool
  public_network_access:
    description:
      - Whether the registry is reachable from the internet. V(Disabled) needs O(sku=Premium).
    type: str
    choices: [Enabled, Disabled]
  zone_redundancy:
    description:
      - Whether the registry is spread over availability zones. Azure fixes it at creation. V(Enabled) needs O(sku=Premium).
    type: str
    choices: [Enabled, Disabled]
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
    type: int
    default: 600
seealso:
  - name: Registries - Create
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/container-registry/registries/create
  - module: mlops.mlflow_azure.container_image
"""

EXAMPLES = r"""
- name: Have a registry
  mlops.mlflow_azure.container_registry:
    resource_group: rg-mlflow
    name: crmlflow42
    location: westeurope
    sku: Basic
  register: registry

- name: Show the host name of the registry
  ansible.builtin.debug:
    msg: "{{ registry.container_registry.properties.loginServer }}"
"""

RETURN = r"""
container_registry:
  description: The registry as Azure describes it; empty when it is absent. In check mode what it would be. Never a password.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.ContainerRegistry/registries/crmlflow42
    location: westeurope
    name: crmlflow42
    properties:
      adminUserEnabled: false
      loginServer: crmlflow42.azurecr.io
      provisioningState: Succeeded
    sku:
      name: Basic
      tier: Basic
    type: Microsoft.ContainerRegistry/registries
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils import _module, _names
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._arguments import IN_GROUP, TAGS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._arm import Operations
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._errors import InvalidOption
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._plan import ENUM, LOCATION, WHOLE, immutable
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._resource import READ_ONLY, Params, Resource

SWITCH = {"type": "str", "choices": ["Enabled", "Disabled"]}


def check(params: Params) -> None:
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("name", params["name"], _names.REGISTRY)
    sku = params["sku"]
    if params["anonymous_pull_enabled"] and sku == "Basic":
        raise InvalidOption("anonymous_pull_enabled", True, "it needs sku Standard or Premium, sku is Basic.")
    if params["public_network_access"] == "Disabled" and sku != "Premium":
        raise InvalidOption("public_network_access", "Disabled", f"it needs sku Premium, sku is {sku}.")
    if params["zone_redundancy"] == "Enabled" and sku != "Premium":
        raise InvalidOption("zone_redundancy", "Enabled", f"it needs sku Premium, sku is {sku}.")


def desired(params: Params) -> dict:
    return {
        "location": params["location"],
        "sku": {"name": params["sku"]},
        "properties": {
            "adminUserEnabled": params["admin_user_enabled"],
            "anonymousPullEnabled": params["anonymous_pull_enabled"],
            "publicNetworkAccess": params["public_network_access"],
            "zoneRedundancy": params["zone_redundancy"],
        },
        "tags": params["tags"],
    }


RESOURCE = Resource(
    name="container_registry",
    type="Microsoft.ContainerRegistry/registries",
    path="/resourceGroups/{resource_group}/providers/Microsoft.ContainerRegistry/registries/{name}",
    operations=Operations(
        "azure.mgmt.containerregistry:ContainerRegistryManagementClient", "registries", "Microsoft.ContainerRegistry"
    ),
    address=("resource_group", "name"),
    options={
        **IN_GROUP,
        "sku": {"type": "str", "choices": ["Basic", "Standard", "Premium"], "default": "Basic"},
        "admin_user_enabled": {"type": "bool", "default": False},
        "anonymous_pull_enabled": {"type": "bool"},
        "public_network_access": SWITCH,
        "zone_redundancy": SWITCH,
        **TAGS,
    },
    desired=desired,
    rules={
        "location": immutable("location", LOCATION),
        "sku.name": ENUM,
        "properties.publicNetworkAccess": ENUM,
        "properties.zoneRedundancy": immutable("zone_redundancy", ENUM),
        "tags": WHOLE,
    },
    read_only=(*READ_ONLY, "sku.tier"),
    check=check,
    create="begin_create",
    update="begin_update",
    partial=True,
)
MODULE = _module.resource_module(
    RESOURCE,
    packages={"azure.mgmt.containerregistry": "azure-mgmt-containerregistry"},
    wait_timeout=600,
    required_if=[("state", "present", ("location",))],
)


def main() -> None:
    _module.main(MODULE)


if __name__ == "__main__":
    main()
