# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.App/containerApps/revisions: activate, deactivate or restart a revision."""

from __future__ import annotations

from typing import Any

from .._core.arguments import wait_options
from .._core.errors import Failure, InvalidOption
from .._core.module import AzureModule
from .client import APPS, PACKAGES, REVISIONS
from .options import text
from .revision_state import read_revision, wait_until_ready

_METHODS = {"restarted": "restart_revision", "active": "activate_revision", "inactive": "deactivate_revision"}


class ContainerAppRevision(AzureModule):
    """A revision of a container app."""

    packages = PACKAGES
    options = {
        "resource_group": text(required=True),
        "app": text(required=True),
        "name": text(),
        "state": text(choices=["active", "inactive", "restarted"], default="active"),
        **wait_options(600),
    }

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Bring the revision into the desired state.

        Return C(changed), C(container_app_revision) and C(diff). Raise ArmError, Failure and InvalidOption.
        """
        group, app, state = self.params["resource_group"], self.params["app"], self.params["state"]
        name = self.params["name"] or self._latest()
        revision = read_revision(self.arm, group, app, name)
        if revision is None:
            raise InvalidOption("name", name, f"container app {app} has no such revision.")
        active = bool((revision.get("properties") or {}).get("active"))
        changed = state == "restarted" or active != (state == "active")
        if changed and not check_mode:
            self.arm.call(REVISIONS, _METHODS[state], group, app, name)
            if state == "inactive" or not self.params["wait"]:
                revision = read_revision(self.arm, group, app, name) or revision
            else:
                revision = wait_until_ready(self.arm, group, app, name)
        after = {"name": name, "active": state != "inactive"}
        if state == "restarted":
            after["restarted"] = True
        diff = {"before": {"name": name, "active": active}, "after": after}
        return {"changed": changed, "container_app_revision": revision, "diff": diff}

    def _latest(self) -> str:
        """Return the name of the latest revision. Raise InvalidOption for an absent app, Failure when it has no revision."""
        group, name = self.params["resource_group"], self.params["app"]
        app = self.arm.get(APPS, "get", group, name)
        if app is None:
            raise InvalidOption("app", name, f"resource group {group} has no such container app.")
        latest = app["properties"].get("latestRevisionName")
        if not latest:
            raise Failure(f"Container app {name} has no revision yet: no deployment of it has succeeded.")
        return str(latest)
