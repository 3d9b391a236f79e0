# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a revision of a container app: read it, describe it, wait until it is ready."""

from __future__ import annotations

from .._core.arm import Arm, Json
from .._core.deadline import DeadlineExceeded
from .._core.errors import ArmError, Failure
from .client import REVISIONS

_RUNNING = frozenset(("Running", "RunningAtMaxScale", "ScaledToZero"))
_FAILED = frozenset(("Failed", "ActivationFailed"))
_STATES = {"provisioning": "provisioningState", "running": "runningState", "health": "healthState"}


def is_ready(revision: Json) -> bool:
    """Return whether the revision is provisioned and its replicas run, or are scaled to zero."""
    properties = revision.get("properties") or {}
    if properties.get("provisioningState") not in (None, "Provisioned", "Succeeded"):
        return False
    return properties.get("runningState") in _RUNNING and properties.get("healthState") != "Unhealthy"


def has_failed(revision: Json) -> bool:
    """Return whether the revision failed to be provisioned or to run."""
    properties = revision.get("properties") or {}
    return properties.get("provisioningState") == "Failed" or properties.get("runningState") in _FAILED


def describe(revision: Json, message: str = "") -> str:
    """Return states and reasons of the revision as text. message: the text before it, whose reasons are not repeated."""
    properties = revision.get("properties") or {}
    parts = [f"{label} {properties[key]}" for label, key in _STATES.items() if properties.get(key)]
    for key in ("runningStateDetails", "provisioningError"):
        reason = str(properties.get(key) or "").strip()
        if reason and reason not in message:
            parts.append(reason)
            message += reason
    return f"revision {revision.get('name')}: {', '.join(parts) or 'no state'}"


def read_revision(arm: Arm, group: str, app: str, name: str) -> Json | None:
    """Return the revision, None when it is absent. Raise ArmError and Failure."""
    return arm.get(REVISIONS, "get_revision", group, app, name)


def wait_until_ready(arm: Arm, group: str, app: str, name: str) -> Json:
    """Return the revision when it is ready. Raise ArmError when it has failed, Failure at the deadline."""
    backoff = arm.deadline.backoff(0.5, 5.0)
    while True:
        revision = read_revision(arm, group, app, name) or {"name": name}
        if is_ready(revision):
            return revision
        if has_failed(revision):
            raise _failure_of(app, revision)
        try:
            backoff.pause()
        except DeadlineExceeded as error:
            raise Failure(
                f"Container app {app} is not ready within wait_timeout ({arm.deadline.seconds:g} s): "
                f"{describe(revision)}. See the console logs of the app, or increase wait_timeout.",
                revision=revision,
            ) from error


def _failure_of(app: str, revision: Json) -> ArmError:
    return ArmError(
        code="RevisionFailed",
        message=f"Container app {app} does not run: {describe(revision)}. See its console logs for the reason. When the cause "
        "outside of the app is fixed, restart the revision (container_app_revision, state: restarted).",
        target=revision.get("id"),
    )
