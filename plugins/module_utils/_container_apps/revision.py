# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Revisions of a container app: whether they are ready, and how to restart them."""

from __future__ import annotations

from typing import Any

from .._core import info as _info
from .._core.arm import Arm, Json, Operations
from .._core.deadline import DeadlineExceeded
from .._core.errors import ArmError, Failure, InvalidOption
from .._core.plan import CREATE, NONE, Plan
from .._core.resource import Params, ended_badly
from . import secrets as _container_secrets
from .app import APPS
from .template import CLIENT

REVISIONS = Operations(CLIENT, "container_apps_revisions", "Microsoft.App")

_RUNNING = frozenset(("Running", "RunningAtMaxScale", "ScaledToZero"))
_FAILED = frozenset(("Failed", "ActivationFailed"))


def is_ready(revision: Json) -> bool:
    """Provisioned, and its replicas run (or none is wanted)."""
    properties = revision.get("properties") or {}
    state, health = properties.get("runningState"), properties.get("healthState")
    if properties.get("provisioningState") not in (None, "Provisioned", "Succeeded"):
        return False
    return state in _RUNNING and health != "Unhealthy"


def has_failed(revision: Json) -> bool:
    properties = revision.get("properties") or {}
    return properties.get("provisioningState") == "Failed" or properties.get("runningState") in _FAILED


def state_of(revision: Json, known: str = "") -> str:
    """What Azure says about the revision, for messages. known: text that need not be repeated."""
    properties = revision.get("properties") or {}
    parts = [
        f"{label} {properties[key]}"
        for label, key in (
            ("provisioning", "provisioningState"),
            ("running", "runningState"),
            ("health", "healthState"),
        )
        if properties.get(key)
    ]
    for key in ("runningStateDetails", "provisioningError"):
        reason = str(properties.get(key) or "").strip()
        if reason and reason not in known:
            parts.append(reason)
            known += reason
    return f"revision {revision.get('name')}: {', '.join(parts) or 'no state'}"


def get(arm: Arm, group: str, app: str, name: str) -> Json | None:
    return arm.get(REVISIONS, "get_revision", group, app, name)


def wait_until_ready(arm: Arm, group: str, app: str, name: str) -> Json:
    """Poll the revision until its replicas run. Raises ArmError with Azure's reason, Failure at the deadline."""
    pause = 0.5
    while True:
        revision = get(arm, group, app, name) or {"name": name}
        if is_ready(revision):
            return revision
        if has_failed(revision):
            raise _failed(app, revision)
        try:
            arm.deadline.pause(pause)
        except DeadlineExceeded as error:
            raise Failure(
                f"Container app {app} is not ready within wait_timeout ({arm.deadline.seconds:g} s): "
                f"{state_of(revision)}. See the app's logs for what it does, or raise wait_timeout.",
                revision=revision,
            ) from error
        pause = min(pause * 2, 5.0)


def _failed(app: str, revision: Json) -> ArmError:
    return ArmError(
        code="RevisionFailed",
        message=f"Container app {app} does not run: {state_of(revision)}. Its logs say why. Once the cause is mended outside "
        "the app, restart the revision (container_app_revision, state: restarted).",
        target=revision.get("id"),
    )


def after_write(arm: Arm, params: Params, planned: Plan, settled: Json) -> Json:
    """Wait until the app's latest revision is ready. Gives the app as it is then.

    A secret's new value reaches a running revision only when it is restarted, so that is done.
    """
    if ended_badly(settled):
        return settled
    group, app = params["resource_group"], params["name"]
    properties = settled.get("properties") or {}
    name = properties.get("latestRevisionName")
    if not name or (planned.action == NONE and properties.get("latestReadyRevisionName") == name):
        return settled
    if planned.action != CREATE and _same_template(planned, name) and _secrets_differ(planned):
        arm.call(REVISIONS, "restart_revision", group, app, name)
    wait_until_ready(arm, group, app, name)
    if planned.action == NONE or properties.get("latestReadyRevisionName") == name:
        return settled
    return arm.get(APPS, "get", group, app) or settled


def _same_template(planned: Plan, latest: str) -> bool:
    return bool((planned.before.get("properties") or {}).get("latestRevisionName") == latest)


def _secrets_differ(planned: Plan) -> bool:
    def values(app: Json) -> dict[str, Any]:
        secrets = ((app.get("properties") or {}).get("configuration") or {}).get("secrets") or []
        return {secret["name"]: secret.get("value") or secret.get("keyVaultUrl") for secret in secrets}

    old, new = values(planned.before), values(planned.after)
    return any(name in old and old[name] != value for name, value in new.items())


def explain(arm: Arm, params: Params, error: ArmError) -> ArmError:
    """The error of a failed write with what the app and its latest revision say about it."""
    try:
        app = arm.get(APPS, "get", params["resource_group"], params["name"]) or {}
        properties = app.get("properties") or {}
        name = properties.get("latestRevisionName")
        revision = get(arm, params["resource_group"], params["name"], name) if name else None
    except (ArmError, Failure):
        return error
    reason = str(properties.get("deploymentErrors") or "")
    found = [{"code": "DeploymentErrors", "message": reason}] if reason and reason not in error.message else []
    if revision is not None and not is_ready(revision):
        found.append({"code": "Revision", "message": state_of(revision, error.message + reason)})
    error.details = [*error.details, *found]
    return error


_APPS = _info.Info(
    name="container_apps",
    operations=APPS,
    address=("resource_group", "name"),
    options={},
    lists=(("list_by_resource_group", ("resource_group",)), ("list_by_subscription", ())),
    public=_container_secrets.public,
)


def look(params: Params, arm: Arm, _check_mode: bool) -> dict[str, Any]:
    """Module container_app_info. Returns C(changed), C(container_apps) and, on request, C(container_app_revisions)."""
    found = _info.look(_APPS, params, arm)
    if params["revisions"]:
        found["container_app_revisions"] = [
            revision for app in found["container_apps"] for revision in _revisions_of(arm, app["id"])
        ]
    return found


def _revisions_of(arm: Arm, app_id: str) -> list[Json]:
    _empty, _subscriptions, _subscription, _groups, group, *_rest, name = app_id.split("/")
    return _info.all_of(arm, REVISIONS, "list_revisions", group, name)


def execute(params: Params, arm: Arm, check_mode: bool) -> dict[str, Any]:
    """Module container_app_revision. Returns C(changed), C(container_app_revision) and C(diff)."""
    group, app, state = params["resource_group"], params["app"], params["state"]
    name = params["name"] or _latest(arm, group, app)
    revision = get(arm, group, app, name)
    if revision is None:
        raise InvalidOption("name", name, f"container app {app} has no such revision.")
    active = bool((revision.get("properties") or {}).get("active"))
    operation = {"restarted": "restart_revision", "active": "activate_revision", "inactive": "deactivate_revision"}
    changed = state == "restarted" or active != (state == "active")
    shown = revision
    if changed and not check_mode:
        arm.call(REVISIONS, operation[state], group, app, name)
        if state == "inactive" or not params["wait"]:
            shown = get(arm, group, app, name) or revision
        else:
            shown = wait_until_ready(arm, group, app, name)
    after = state != "inactive"
    diff = {"before": {"name": name, "active": active}, "after": {"name": name, "active": after}}
    if state == "restarted":
        diff["after"]["restarted"] = True
    return {"changed": changed, "container_app_revision": shown, "diff": diff}


def _latest(arm: Arm, group: str, app: str) -> str:
    found = arm.get(APPS, "get", group, app)
    if found is None:
        raise InvalidOption("app", app, f"resource group {group} has no such container app.")
    name = found["properties"].get("latestRevisionName")
    if not name:
        raise Failure(f"Container app {app} has no revision yet: it has never been deployed successfully.")
    return str(name)
