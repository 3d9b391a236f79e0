# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Executions of a container apps job: start one, wait for its end, stop those that run."""

from __future__ import annotations

from typing import Any

from .._core.arguments import AZURE, wait_options
from .._core.arm import Arm, Json, Operations
from .._core.deadline import DeadlineExceeded
from .._core.errors import Failure, InvalidOption
from .._core.plan import without_none
from .._core.resource import Params
from .job import JOBS
from .template import CLIENT, PROCESS, check_containers, container_json, items, text

EXECUTIONS = Operations(CLIENT, "jobs_executions", "Microsoft.App")

OPTIONS: dict[str, Any] = {
    "resource_group": text(required=True),
    "job": text(required=True),
    "name": text(),
    "state": text(choices=["started", "stopped"], default="started"),
    "containers": items(**{**PROCESS, "image": text(required=True)}),
    **wait_options(1800),
    **AZURE,
}
_ENDED = frozenset(("Succeeded", "Failed", "Stopped", "Degraded"))


def status(execution: Json) -> str:
    return str((execution.get("properties") or {}).get("status") or "Unknown")


def execute(params: Params, arm: Arm, check_mode: bool) -> dict[str, Any]:
    """Module container_app_job_execution. Returns C(changed), C(container_app_job_execution) and C(diff).

    Raises ArmError, Failure, InvalidOption.
    """
    _check(params)
    if arm.get(JOBS, "get", params["resource_group"], params["job"]) is None:
        raise InvalidOption("job", params["job"], f"resource group {params['resource_group']} has no such job.")
    return (_started if params["state"] == "started" else _stopped)(params, arm, check_mode)


def _check(params: Params) -> None:
    if params["name"] is not None and params["state"] == "started":
        raise InvalidOption("name", params["name"], "Azure names what is started: it is for state: stopped.")
    if params["containers"] is None:
        return
    if params["state"] != "started":
        raise InvalidOption("containers", "(set)", "they belong to an execution that is started (state: started).")
    if not params["containers"]:
        raise InvalidOption("containers", [], "name at least one, or leave the option out: the job's own run then.")
    check_containers(params["containers"])


def _template(params: Params) -> Json | None:
    """What runs instead of the job's own containers; None where these run."""
    if params["containers"] is None:
        return None
    return {"containers": [without_none(container_json(container)) for container in params["containers"]]}


def _started(params: Params, arm: Arm, check_mode: bool) -> dict[str, Any]:
    job = params["job"]
    if check_mode:
        return _result(True, [{"properties": {"status": "Running"}}], {}, {"status": "Running"})
    submitted = arm.submit(JOBS, "begin_start", params["resource_group"], job, body=_template(params))
    arm.wait(submitted, f"start of job {job}")
    name = submitted.answer.get("name") or _newest(params, arm)
    found = _one(params, arm, name) or {"name": name}
    if params["wait"]:
        found = _wait_until_ended(params, arm, name)
        if status(found) != "Succeeded":
            raise Failure(
                f"Execution {name} of job {job} ended as {status(found)}. The job's console logs say why; where replicas "
                "ran too long or too seldom, see its replica_timeout and replica_retry_limit.",
                container_app_job_execution=found,
            )
    return _result(True, [found], {}, {"name": name, "status": status(found)})


def _stopped(params: Params, arm: Arm, check_mode: bool) -> dict[str, Any]:
    group, job, name = params["resource_group"], params["job"], params["name"]
    known = [item for item in _all(params, arm) if name in (None, item["name"])]
    if name is not None and not known:
        raise InvalidOption("name", name, f"job {job} has no such execution.")
    running = [item for item in known if status(item) not in _ENDED]
    before = {item["name"]: status(item) for item in running}
    shown = running or known[:1]
    if running and not check_mode:
        # With one name only that one; else all, also those that were started since.
        method, further = ("begin_stop_multiple_executions", []) if name is None else ("begin_stop_execution", [name])
        arm.wait(arm.submit(JOBS, method, group, job, *further), f"stop of the executions of job {job}")
        shown = [_wait_until_ended(params, arm, item["name"]) if params["wait"] else item for item in running]
    return _result(bool(running), shown, before, dict.fromkeys(before, "Stopped"))


def _result(changed: bool, executions: list[Json], before: Json, after: Json) -> dict[str, Any]:
    return {
        "changed": changed,
        "container_app_job_execution": executions[0] if executions else {},
        "diff": {"before": before, "after": after},
    }


def _all(params: Params, arm: Arm) -> list[Json]:
    return arm.call_all(EXECUTIONS, "list", params["resource_group"], params["job"])


def _one(params: Params, arm: Arm, name: str) -> Json | None:
    return next((item for item in _all(params, arm) if item["name"] == name), None)


def _newest(params: Params, arm: Arm) -> str:
    """Name of the execution that was started last, for an answer that does not tell it."""
    found = _all(params, arm)
    if not found:
        raise Failure(f"Azure has started job {params['job']}, but shows no execution of it. Look again later.")
    return str(max(found, key=lambda item: str((item.get("properties") or {}).get("startTime")))["name"])


def _wait_until_ended(params: Params, arm: Arm, name: str) -> Json:
    pause = 0.5
    while True:
        found = _one(params, arm, name) or {"name": name}
        if status(found) in _ENDED:
            return found
        try:
            arm.deadline.pause(pause)
        except DeadlineExceeded as error:
            raise Failure(
                f"Execution {name} of job {params['job']} is {status(found)} after wait_timeout "
                f"({arm.deadline.seconds:g} s). It goes on: raise wait_timeout, or stop it (state: stopped).",
                container_app_job_execution=found,
            ) from error
        pause = min(pause * 2, 5.0)
