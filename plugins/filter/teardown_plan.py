# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``teardown_plan``: which resources teardown.yml removes, which it keeps, and by which roles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DOCUMENTATION = r"""
name: teardown_plan
short_description: Return what a teardown removes and what it keeps
version_added: 0.4.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - A teardown removes the app and the jobs of the probe. In the resource group of the deployment it also removes the environment and the registry,
    which C(site.yml) can create again without a loss.
  - With C(data) it removes the resource group of the deployment with everything in it.
  - Resources of the deployment in other resource groups stay, because others may use them, unless the state of their role is V(absent).
  - The environment stays if apps or jobs that do not belong to the deployment are in its resource group.
  - A role whose state is V(absent) removes its resources, its data only with C(remove_data).
positional: settings
options:
  _input:
    description: The ids of all resources in the resource groups of the deployment.
    type: list
    elements: str
    required: true
  settings:
    description: The settings of the deployment.
    type: dict
    required: true
    suboptions:
      deployment:
        description: The name of the deployment.
        type: str
        required: true
      resource_group:
        description: The resource group of the deployment.
        type: str
        required: true
      resources:
        description: The resources of the deployment, each with C(type), C(name) and C(resource_group).
        type: list
        elements: dict
        required: true
      probe_jobs:
        description: The C(resource_group) of the jobs of the probe, and the C(name) that the names of the jobs begin with.
        type: dict
        required: true
      data:
        description: Whether to remove the resource group of the deployment with all data.
        type: bool
        default: false
      states:
        description: The state of each role, V(present) or V(absent).
        type: dict
        default: {}
      remove_data:
        description: For the roles C(foundation), C(sql) and C(storage), whether the state V(absent) removes the data too.
        type: dict
        default: {}
      locks:
        description:
          - The locks that the roles set, each with the C(option) of the role, the C(name) of the lock, and the C(path) of the locked resource, which is
            the part of its id after C(/providers/).
        type: list
        elements: dict
        default: []
"""

EXAMPLES = r"""
- name: Show what a teardown removes
  ansible.builtin.debug:
    msg: "{{ (ids | mlops.mlflow_azure.teardown_plan(settings)).removed }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    deployment:
      description: The name of the deployment.
      type: str
    removed:
      description: What the teardown removes, in words.
      type: list
      elements: str
    kept:
      description: What the teardown keeps, in words.
      type: list
      elements: str
    data_loss:
      description: A sentence that says which data is lost.
      type: str
    next:
      description: A sentence that says how to go on after the teardown.
      type: str
    jobs:
      description: The names of the jobs to remove.
      type: list
      elements: str
    roles:
      description: The roles that remove their resources, in order.
      type: list
      elements: str
    remove_resource_group:
      description: Whether to remove the resource group of the deployment, after all roles.
      type: bool
    locks:
      description: The locks that would prevent the removal if they existed, each with C(option), C(name) and C(scope).
      type: list
      elements: dict
"""

_ID = re.compile(r"/subscriptions/[^/]+/resourceGroups/([^/]+)/providers/(.+)", re.IGNORECASE)
_ROLES = {
    "microsoft.app/containerapps": "mlflow_app",
    "microsoft.app/managedenvironments": "app_environment",
    "microsoft.containerregistry/registries": "registry",
    "microsoft.managedidentity/userassignedidentities": "foundation",
    "microsoft.operationalinsights/workspaces": "foundation",
    "microsoft.sql/servers": "sql",
    "microsoft.storage/storageaccounts": "storage",
}
# Each role removes its resources before the role that it depends on.
_ORDER = ("mlflow_app", "app_environment", "image", "registry", "sql", "storage", "foundation")
# Roles whose resources site.yml creates again without a loss.
_RECREATABLE = frozenset({"app_environment", "registry"})
# Roles that hold data, with the sentence about the loss.
_DATA = {"sql": "The database is lost.", "storage": "The artifacts are lost."}


@dataclass(frozen=True)
class _Resource:
    """An existing resource. role: the role of the deployment that owns it, or an empty string."""

    id: str
    group: str
    path: str
    role: str

    @property
    def is_workload(self) -> bool:
        """Whether the resource runs in an environment."""
        return self.path.lower().startswith(("microsoft.app/containerapps/", "microsoft.app/jobs/"))

    def is_in(self, groups: Iterable[str]) -> bool:
        """Return whether the resource is in one of the resource groups."""
        return self.group.lower() in {group.lower() for group in groups}


class _Teardown:
    """The decisions about the existing resources of a deployment."""

    def __init__(self, resources: list[_Resource], settings: Mapping[str, Any]) -> None:
        self.resources = resources
        self.settings = settings
        self.group = str(settings["resource_group"])
        self.jobs = [resource for resource in resources if _is_probe_job(resource, settings["probe_jobs"])]

    def is_absent(self, role: str) -> bool:
        """Return whether the inventory says that the role removes its resources."""
        return bool((self.settings.get("states") or {}).get(role, "present") == "absent")

    def removes_data(self, role: str) -> bool:
        """Return whether the role removes its data."""
        return self.is_absent(role) and bool((self.settings.get("remove_data") or {}).get(role))

    @property
    def removed_groups(self) -> list[str]:
        """The resource groups that are removed with everything in them."""
        groups = [self.group] if self.settings.get("data") else []
        if self.removes_data("foundation"):
            groups += [
                one["resource_group"] for one in self.settings["resources"] if _role(one["type"]) == "foundation"
            ]
        return list({group.lower(): group for group in groups}.values())

    def is_shared(self, environment: _Resource) -> bool:
        """Return whether apps or jobs of others are in the resource group of the environment."""
        return any(
            resource.is_workload
            and resource.is_in([environment.group])
            and not resource.role
            and resource not in self.jobs
            for resource in self.resources
        )

    def is_removed(self, resource: _Resource) -> bool:
        """Return whether a resource is removed, alone or with its resource group."""
        if resource.role == "mlflow_app" or resource in self.jobs or resource.is_in(self.removed_groups):
            return True
        if resource.role == "app_environment" and self.is_shared(resource):
            return False
        if resource.role in _RECREATABLE and resource.is_in([self.group]):
            return True
        if resource.role in _DATA:
            return self.removes_data(resource.role)
        if resource.role == "foundation":
            return (
                self.is_absent("foundation")
                and _type(resource.path) == "microsoft.managedidentity/userassignedidentities"
            )
        return self.is_absent(resource.role)

    @property
    def removed(self) -> list[_Resource]:
        """The removed resources: jobs, apps, then all others."""
        return sorted(filter(self.is_removed, self.resources), key=self._rank)

    def _rank(self, resource: _Resource) -> int:
        return 0 if resource in self.jobs else 1 if resource.role == "mlflow_app" else 2

    @property
    def kept(self) -> list[_Resource]:
        """The kept resources of the deployment and of its resource group."""
        return [one for one in self.resources if (one.role or one.is_in([self.group])) and not self.is_removed(one)]

    def runs(self, role: str) -> bool:
        """Return whether the role removes something that does not go with its resource group."""
        if role == "mlflow_app":
            return True
        own = [one for one in self.resources if one.role == ("registry" if role == "image" else role)]
        left = [one for one in own if not one.is_in(self.removed_groups)]
        if role == "image":
            return self.is_absent("image") and any(not self.is_removed(one) for one in left)
        if role == "foundation" and self.removes_data("foundation"):
            groups = {one["resource_group"].lower() for one in self.settings["resources"] if _role(one["type"]) == role}
            return groups != {self.group.lower()} or not self.settings.get("data")
        if role in _DATA:
            return self.is_absent(role) and bool(left)
        return any(self.is_removed(one) for one in left)

    @property
    def partial(self) -> list[str]:
        """The removals by roles besides resources, in words."""
        texts = {
            "image": "the image of the deployment",
            "sql": "the firewall rules of the SQL server",
            "storage": "the role assignment of the app on the storage account",
        }
        return [text for role, text in texts.items() if self.runs(role) and not self.removes_data(role)]

    @property
    def data_loss(self) -> str:
        """A sentence about the data that is lost."""
        groups = [f"All data in the resource group {group} is lost." for group in self.removed_groups]
        return " ".join([*groups, *(text for role, text in _DATA.items() if self.removes_data(role))]) or (
            "Database, artifacts and logs stay."
        )

    def label(self, resource: _Resource) -> str:
        """Return type and name, with the resource group if it is not that of the deployment."""
        return resource.path if resource.is_in([self.group]) else f"{resource.path} in {resource.group}"

    def labels(self) -> list[str]:
        """Return what is removed, in words."""
        groups = [
            f"the resource group {group} with everything in it"
            for group in self.removed_groups
            if any(one.is_in([group]) for one in self.resources)
        ]
        return [*groups, *(self.label(one) for one in self.removed), *self.partial]

    def locks(self) -> list[dict[str, str]]:
        """Return the locks that would prevent the removal."""
        return [
            {"option": lock["option"], "name": lock["name"], "scope": resource.id}
            for lock in self.settings.get("locks") or []
            for resource in self.removed
            if resource.path.lower() == lock["path"].lower()
        ]


def teardown_plan(ids: list[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the teardown of a deployment removes, keeps, and by which roles."""
    plan = _Teardown(_existing(ids, settings["resources"]), settings)
    return {
        "deployment": settings["deployment"],
        "removed": plan.labels(),
        "kept": [plan.label(resource) for resource in plan.kept],
        "data_loss": plan.data_loss,
        "next": "site.yml creates the removed resources again, without their data."
        if settings.get("data")
        else "site.yml brings the server back with its data. To remove the data too, add -e teardown_data=true.",
        "jobs": [job.path.rpartition("/")[2] for job in plan.jobs],
        "roles": [role for role in _ORDER if plan.runs(role)],
        "remove_resource_group": bool(settings.get("data")),
        "locks": plan.locks(),
    }


def _existing(ids: list[str], own: list[Mapping[str, Any]]) -> list[_Resource]:
    """Return the resources by id, without duplicates and without the database master, which belongs to Azure."""
    resources = {}
    for id_ in ids:
        match = _ID.fullmatch(id_)
        if match is not None and not id_.lower().endswith("/databases/master"):
            resources[id_.lower()] = _Resource(id_, match[1], match[2], _owner(match[1], match[2], own))
    return list(resources.values())


def _owner(group: str, path: str, own: list[Mapping[str, Any]]) -> str:
    """Return the role that owns a resource or its parent, or an empty string."""
    for one in own:
        parent = f"{one['type']}/{one['name']}".lower()
        if one["resource_group"].lower() == group.lower() and f"{path}/".lower().startswith(f"{parent}/"):
            return _role(one["type"])
    return ""


def _role(type_: str) -> str:
    return _ROLES[type_.lower()]


def _type(path: str) -> str:
    return "/".join(path.lower().split("/")[:2])


def _is_probe_job(resource: _Resource, jobs: Mapping[str, str]) -> bool:
    pattern = rf"Microsoft\.App/jobs/{re.escape(jobs['name'])}-[0-9]+-[0-9]+"
    return resource.is_in([jobs["resource_group"]]) and bool(re.fullmatch(pattern, resource.path, re.IGNORECASE))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"teardown_plan": teardown_plan}
