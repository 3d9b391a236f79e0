# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Container apps and their revisions, to read."""

from __future__ import annotations

from typing import Any

from .._core.arm import Json
from .._core.info import ResourceInfo, list_all
from . import secrets
from .client import APPS, PACKAGES, REVISIONS
from .options import text


class ContainerAppInfo(ResourceInfo):
    """Container apps, to read; on request with their revisions."""

    name = "container_apps"
    address = ("resource_group", "name")
    operations = APPS
    packages = PACKAGES
    options = {
        "resource_group": text(),
        "name": text(),
        "revisions": {"type": "bool", "default": False},
    }
    constraints = {"required_by": {"name": ("resource_group",)}}
    lists = (("list_by_resource_group", ("resource_group",)), ("list_by_subscription", ()))

    def public(self, resource: Json) -> Json:
        return secrets.redact(resource)

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Return the apps, and with C(revisions) the revisions of all of them as C(container_app_revisions)."""
        result = super().execute(check_mode)
        if self.params["revisions"]:
            result["container_app_revisions"] = [
                revision for app in result["container_apps"] for revision in self._revisions_of(app["id"])
            ]
        return result

    def _revisions_of(self, app_id: str) -> list[Json]:
        _empty, _subscriptions, _subscription, _groups, group, *_rest, name = app_id.split("/")
        return list_all(self.arm, REVISIONS, "list_revisions", group, name)
