# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.App/jobs/executions: start an execution, or stop those that run."""

from __future__ import annotations

from typing import Any

from .._core.arguments import wait_options
from .._core.arm import Json
from .._core.deadline import DeadlineExceeded
from .._core.errors import Failure, InvalidOption
from .._core.module import AzureModule
from .._core.plan import without_none
from . import containers
from .client import EXECUTIONS, JOBS, PACKAGES
from .options import items, text

_ENDED = frozenset(("Succeeded", "Failed", "Stopped", "Degraded"))


class ContainerAppJobExecution(AzureModule):
    """Executions of a job of Azure Container Apps."""

    packages = PACKAGES
    options = {
        "resource_group": text(required=True),
        "job": text(required=True),
        "name": text(),
        "state": text(choices=["started", "stopped"], default="started"),
        "containers": items(**{**containers.PROCESS, "image": text(required=True)}),
        **wait_options(1800),
    }

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Start an execution, or stop the executions that run.

        Return C(changed), C(container_app_job_execution) and C(diff). Raise ArmError, Failure and InvalidOption.
        """
        self._validate()
        if self.arm.get(JOBS, "get", self._group, self._job) is None:
            raise InvalidOption("job", self._job, f"resource group {self._group} has no such job.")
        return self._start(check_mode) if self.params["state"] == "started" else self._stop(check_mode)

    @property
    def _group(self) -> str:
        return str(self.params["resource_group"])

    @property
    def _job(self) -> str:
        return str(self.params["job"])

    def _validate(self) -> None:
        name, replacements = self.params["name"], self.params["containers"]
        if name is not None and self.params["state"] == "started":
            raise InvalidOption("name", name, "Azure names a new execution: use it with state: stopped.")
        if replacements is None:
            return
        if self.params["state"] != "started":
            raise InvalidOption("containers", "(set)", "they belong to a new execution (state: started).")
        if not replacements:
            raise InvalidOption("containers", [], "set at least one, or remove the option to run those of the job.")
        containers.validate_containers(replacements)

    def _template(self) -> Json | None:
        """Return the containers that replace those of the job, None to run those of the job."""
        if self.params["containers"] is None:
            return None
        return {"containers": [without_none(containers.desired(item)) for item in self.params["containers"]]}

    def _start(self, check_mode: bool) -> dict[str, Any]:
        if check_mode:
            return _result(True, [{"properties": {"status": "Running"}}], {}, {"status": "Running"})
        submitted = self.arm.submit(JOBS, "begin_start", self._group, self._job, body=self._template())
        self.arm.wait(submitted, f"start of job {self._job}")
        name = submitted.answer.get("name") or self._newest()
        execution = self._read(name) or {"name": name}
        if self.params["wait"]:
            execution = self._wait_until_ended(name)
            if _status(execution) != "Succeeded":
                raise Failure(
                    f"Execution {name} of job {self._job} ended as {_status(execution)}. See the console logs of the job for "
                    "the reason; when replicas time out or need more retries, see its replica_timeout and "
                    "replica_retry_limit.",
                    container_app_job_execution=execution,
                )
        return _result(True, [execution], {}, {"name": name, "status": _status(execution)})

    def _stop(self, check_mode: bool) -> dict[str, Any]:
        name = self.params["name"]
        selected = [execution for execution in self._list() if name in (None, execution["name"])]
        if name is not None and not selected:
            raise InvalidOption("name", name, f"job {self._job} has no such execution.")
        running = [execution for execution in selected if _status(execution) not in _ENDED]
        before = {execution["name"]: _status(execution) for execution in running}
        executions = running or selected[:1]
        if running and not check_mode:
            label = f"stop of the executions of job {self._job}"
            if name is None:
                # All of the job, also those that started after the list was read.
                submitted = self.arm.submit(JOBS, "begin_stop_multiple_executions", self._group, self._job)
            else:
                submitted = self.arm.submit(JOBS, "begin_stop_execution", self._group, self._job, name)
            self.arm.wait(submitted, label)
            if self.params["wait"]:
                executions = [self._wait_until_ended(execution["name"]) for execution in running]
        return _result(bool(running), executions, before, dict.fromkeys(before, "Stopped"))

    def _list(self) -> list[Json]:
        return self.arm.call_all(EXECUTIONS, "list", self._group, self._job)

    def _read(self, name: str) -> Json | None:
        return next((execution for execution in self._list() if execution["name"] == name), None)

    def _newest(self) -> str:
        """Return the name of the newest execution, for a response that does not contain it."""
        executions = self._list()
        if not executions:
            raise Failure(f"Azure has started job {self._job}, but lists no execution of it. List them again later.")
        return str(max(executions, key=lambda item: str((item.get("properties") or {}).get("startTime")))["name"])

    def _wait_until_ended(self, name: str) -> Json:
        backoff = self.arm.deadline.backoff(0.5, 5.0)
        while True:
            execution = self._read(name) or {"name": name}
            if _status(execution) in _ENDED:
                return execution
            try:
                backoff.pause()
            except DeadlineExceeded as error:
                raise Failure(
                    f"Execution {name} of job {self._job} is {_status(execution)} after wait_timeout "
                    f"({self.arm.deadline.seconds:g} s). It continues: increase wait_timeout, or stop it (state: stopped).",
                    container_app_job_execution=execution,
                ) from error


def _status(execution: Json) -> str:
    return str((execution.get("properties") or {}).get("status") or "Unknown")


def _result(changed: bool, executions: list[Json], before: Json, after: Json) -> dict[str, Any]:
    return {
        "changed": changed,
        "container_app_job_execution": executions[0] if executions else {},
        "diff": {"before": before, "after": after},
    }
