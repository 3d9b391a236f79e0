# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.App/containerApps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._core import names
from .._core.arm import Json
from .._core.errors import ArmError, Failure, InvalidOption
from .._core.plan import CREATE, ENUM, NONE, Plan, defaults_to, without
from .._core.resource import provisioning_failed
from . import dapr, ingress, scale
from .client import APPS, REVISIONS
from .options import INTEGER, check_between, text
from .revision_state import describe, is_ready, read_revision, wait_until_ready
from .secrets import values_differ
from .workload import Workload

_LONGEST_REVISION = 54


class ContainerApp(Workload):
    """A container app."""

    name = "container_app"
    type = "Microsoft.App/containerApps"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.App/containerApps/{name}"
    operations = APPS
    wait_timeout = 900
    name_rule = names.CONTAINER_APP
    options = {
        **Workload.options,
        "revision_mode": text(choices=["Single", "Multiple"]),
        "max_inactive_revisions": INTEGER,
        **ingress.OPTIONS,
        **dapr.OPTIONS,
        **scale.OPTIONS,
        "revision_suffix": text(),
        "termination_grace_period_seconds": INTEGER,
    }
    rules = {
        **Workload.rules,
        "properties.configuration.activeRevisionsMode": ENUM,
        **ingress.RULES,
        **dapr.RULES,
        **scale.RULES,
        "properties.template.terminationGracePeriodSeconds": defaults_to(30),
    }
    read_only = (
        *Workload.read_only,
        "properties.customDomainVerificationId",
        "properties.deploymentErrors",
        "properties.latestReadyRevisionName",
        "properties.latestRevisionFqdn",
        "properties.latestRevisionName",
        # The older name of environmentId, which Azure returns as well.
        "properties.managedEnvironmentId",
        *ingress.READ_ONLY,
    )

    def configuration(self) -> dict[str, Any]:
        return {
            "activeRevisionsMode": self.params["revision_mode"],
            "dapr": dapr.desired(self.params),
            "ingress": ingress.desired(self.params),
            "maxInactiveRevisions": self.params["max_inactive_revisions"],
        }

    def template(self) -> dict[str, Any]:
        return {
            "revisionSuffix": self.params["revision_suffix"],
            "scale": scale.desired(self.params),
            "terminationGracePeriodSeconds": self.params["termination_grace_period_seconds"],
        }

    def validate_settings(self) -> None:
        check_between("max_inactive_revisions", self.params["max_inactive_revisions"], 0, 100)
        check_between("termination_grace_period_seconds", self.params["termination_grace_period_seconds"], 0, 600)
        self._validate_suffix()
        ingress.validate(self.params)
        dapr.validate(self.params)
        scale.validate(self.params)

    def _validate_suffix(self) -> None:
        suffix = self.params["revision_suffix"]
        if suffix is None:
            return
        names.check("revision_suffix", suffix, names.REVISION_SUFFIX)
        length = len(self.params["name"]) + len(suffix)
        if length > _LONGEST_REVISION:
            raise InvalidOption(
                "revision_suffix",
                suffix,
                f"with the app's name it has {length} characters, use {_LONGEST_REVISION} at most.",
            )

    def secret_references(self) -> Iterator[tuple[str, str]]:
        yield from super().secret_references()
        yield from scale.secret_references(self.params)

    def body_without_secrets(self, body: Json) -> Json:
        body = super().body_without_secrets(body)
        if self.params["revision_suffix"] is None:
            # The suffix of an earlier task names a revision that exists, and Azure refuses it for a new one.
            return without(body, ["properties.template.revisionSuffix"])
        return body

    def finish(self, planned: Plan, resource: Json) -> Json:
        """Wait until the latest revision is ready; return the app in its state after that.

        A revision reads its secrets when it starts, so a running revision is restarted after a change of their values.
        """
        if provisioning_failed(resource):
            return resource
        group, app = self.params["resource_group"], self.params["name"]
        properties = resource.get("properties") or {}
        latest = properties.get("latestRevisionName")
        ready = latest == properties.get("latestReadyRevisionName")
        if not latest or (planned.action == NONE and ready):
            return resource
        same_revision = (planned.before.get("properties") or {}).get("latestRevisionName") == latest
        if planned.action != CREATE and same_revision and values_differ(planned.before, planned.after):
            self.arm.call(REVISIONS, "restart_revision", group, app, latest)
        wait_until_ready(self.arm, group, app, latest)
        if planned.action == NONE or ready:
            return resource
        return self.read() or resource

    def add_diagnostics(self, error: ArmError) -> ArmError:
        """Return the error with the deployment errors of the app and the state of its latest revision."""
        try:
            properties = (self.read() or {}).get("properties") or {}
            latest = properties.get("latestRevisionName")
            group, app = self.params["resource_group"], self.params["name"]
            revision = read_revision(self.arm, group, app, latest) if latest else None
        except (ArmError, Failure):
            return error
        reason = str(properties.get("deploymentErrors") or "")
        details = [{"code": "DeploymentErrors", "message": reason}] if reason and reason not in error.message else []
        if revision is not None and not is_ready(revision):
            details.append({"code": "Revision", "message": describe(revision, error.message + reason)})
        error.details = [*error.details, *details]
        return error
