# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container Apps jobs on this machine: their executions, started by hand or by the clock, with Azure's retries and time limit.

Source: https://learn.microsoft.com/azure/container-apps/jobs
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import sqlite3
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from cronsim import CronSim, CronSimError

from sandbox.apps.containers import Replica, platform_variables, write_log
from sandbox.apps.replicas import Replicas, back_off
from sandbox.arm.resource_type import Context, Json
from sandbox.providers.job import EXECUTIONS, JOBS, new_execution
from sandbox.store import Resource

LOG = logging.getLogger(__name__)
KEPT_EXECUTIONS = 100
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Plan:
    """How an execution goes. `completions`: replicas that must succeed; `parallelism`: at a time; `timeout`: seconds for the whole."""

    parallelism: int
    completions: int
    retries: int
    timeout: float

    @classmethod
    def of(cls, job: Resource) -> Plan:
        configuration = job.properties["configuration"]
        kinds = ("manualTriggerConfig", "scheduleTriggerConfig", "eventTriggerConfig")
        trigger: Json = next((configuration[kind] for kind in kinds if configuration.get(kind)), {})
        return cls(
            max(1, int(trigger.get("parallelism") or 1)),
            max(1, int(trigger.get("replicaCompletionCount") or 1)),
            int(configuration.get("replicaRetryLimit") or 0),
            float(configuration["replicaTimeout"]),
        )


def next_run(expression: str, after: float) -> float:
    """When a schedule is next due (both are seconds since 1970), in UTC; never, where no such date exists."""
    moments = CronSim(expression, datetime.datetime.fromtimestamp(after, datetime.UTC))
    found = next(moments, None)
    return float("inf") if found is None else found.timestamp()


class Jobs:
    """Runs the jobs of the store."""

    def __init__(self, context: Context, replicas: Replicas) -> None:
        self._context = context
        self._replicas = replicas
        self._executing: dict[str, asyncio.Task[None]] = {}
        self._due: dict[str, float] = {}
        self._clock: asyncio.Task[None] | None = None
        self.identity_endpoint = ""

    # what Resource Manager asks for

    def check_cron(self, expression: str) -> None:
        """Raises ValueError, with the rule, where an expression is no schedule of a job: five fields, in UTC."""
        if len(expression.split()) != 5:
            raise ValueError(
                f"'{expression}' must have five fields: minute, hour, day of the month, month, day of the week"
            )
        try:
            CronSim(expression, datetime.datetime.now(datetime.UTC))
        except CronSimError as error:
            raise ValueError(f"'{expression}' is not a cron expression: {error}") from error

    def written(self, job: Resource) -> None:
        """Plans the next run of a scheduled job that was created, changed or found."""
        self._due.pop(job.key, None)
        configuration = job.properties["configuration"]
        if configuration.get("triggerType") == "Schedule":
            schedule = str((configuration.get("scheduleTriggerConfig") or {}).get("cronExpression") or "")
            self._due[job.key] = next_run(schedule, time.time())

    def removed(self, job: Resource) -> None:
        """Ends the executions of a job that is being deleted, and forgets its schedule."""
        self._due.pop(job.key, None)
        for execution in self._context.store.below(job.id, EXECUTIONS):
            self._cancel(execution.key)

    def start(self, job: Resource, template: Json | None) -> Resource:
        """Starts an execution of a job, with a template of its own where one is given."""
        execution = new_execution(job, template, time.time())
        with self._context.store.transaction():
            self._context.store.put(execution)
            ended = [
                found
                for found in self._context.store.below(job.id, EXECUTIONS)
                if found.properties["status"] != "Running"
            ]
            for old in ended[:-KEPT_EXECUTIONS]:
                self._context.store.delete(old.id)
        self._begin(execution)
        return execution

    def stop(self, execution: Resource) -> None:
        """Ends an execution, where it runs."""
        if execution.properties["status"] == "Running":
            self._record(execution.key, "Stopped")
            self._cancel(execution.key)

    def replicas(self, execution: Resource) -> list[Replica]:
        return [replica for replica in self._replicas.of(execution.key) if not replica.stopping]

    # life of the sandbox

    def recover(self) -> None:
        """Runs again what was cut off when the sandbox ended, and takes up the schedules. A run that was missed is not made up for."""
        for execution in self._context.store.of_type(EXECUTIONS):
            if execution.properties["status"] == "Running":
                self._begin(execution)
        for job in self._context.store.of_type(JOBS):
            self.written(job)
        self._clock = asyncio.get_running_loop().create_task(self._keep_time())

    async def close(self) -> None:
        """Ends all that runs; it goes on when the sandbox is started again."""
        tasks = [*self._executing.values(), *([self._clock] if self._clock is not None else [])]
        for task in tasks:
            if not task.cancelling():
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_time(self) -> None:
        while True:
            try:
                self._start_due(time.time())
            except (sqlite3.Error, OSError):
                LOG.exception("jobs that are due could not be started; it is tried again")
            await asyncio.sleep(_LOOK_SECONDS)

    def _start_due(self, now: float) -> None:
        for key in [key for key, due in self._due.items() if due <= now]:
            job = self._context.store.get(key)
            if job is None or job.state == "Deleting":
                del self._due[key]
                continue
            self.written(job)
            LOG.info("%s is due", job.name)
            self.start(job, None)

    # executions

    def _begin(self, execution: Resource) -> None:
        self._spawn(execution.key, self._execute(execution.key))

    def _spawn(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._executing[key] = task

        def ended(done: asyncio.Task[None]) -> None:
            self._executing.pop(key, None)
            if not done.cancelled() and (error := done.exception()) is not None:
                LOG.error("an execution failed", exc_info=error)

        task.add_done_callback(ended)

    def _cancel(self, key: str) -> None:
        if (task := self._executing.get(key)) is not None and not task.cancelling():
            task.cancel()  # once: a second time would cut its cleaning up short

    def _record(self, key: str, status: str) -> None:
        execution = self._context.store.get(key)
        if execution is not None and execution.properties["status"] == "Running":
            ended = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
            execution.properties.update(status=status, endTime=ended)
            self._context.store.put(execution)

    async def _execute(self, key: str) -> None:
        execution = self._context.store.get(key)
        job = self._context.store.get(key.partition("/executions/")[0])
        if execution is None or job is None:
            return
        plan = Plan.of(job)
        try:
            async with asyncio.timeout(plan.timeout):
                succeeded = await self._complete(job, execution, plan)
        except TimeoutError:
            succeeded = False
            LOG.info("%s: DeadlineExceeded: it ran for longer than replicaTimeout, %g s", execution.name, plan.timeout)
        except OSError:
            succeeded = False
            LOG.exception("%s could not be run", execution.name)
        self._record(key, "Succeeded" if succeeded else "Failed")

    async def _complete(self, job: Resource, execution: Resource, plan: Plan) -> bool:
        """Runs replicas until enough have succeeded; False where more have failed than there are retries."""
        done = failed = 0
        running: set[asyncio.Task[bool]] = set()
        loop = asyncio.get_running_loop()
        try:
            while done < plan.completions:
                while len(running) < min(plan.parallelism, plan.completions - done):
                    running.add(loop.create_task(self._run_replica(job, execution)))
                finished, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                results = [task.result() for task in finished]
                done += results.count(True)
                failed += results.count(False)
                if failed > plan.retries:
                    LOG.info("%s: BackoffLimitExceeded: %d replicas failed", execution.name, failed)
                    return False
                if False in results:
                    await asyncio.sleep(back_off(failed, self._context.latency))
            return True
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _run_replica(self, job: Resource, execution: Resource) -> bool:
        variables = {
            "CONTAINER_APP_JOB_NAME": job.name,
            "CONTAINER_APP_JOB_EXECUTION_NAME": execution.name,
            **platform_variables(job, self.identity_endpoint),
        }
        template = _without(execution.properties["template"], {*variables, "CONTAINER_APP_REPLICA_NAME"})
        replica = self._replicas.make(job, execution.key, template, variables, None)
        try:
            return await self._replicas.run_once(replica)
        except asyncio.CancelledError:
            for container in replica.containers:
                write_log(container.log, "The replica is ended: the execution was stopped or took too long.")
            raise
        finally:
            await self._replicas.stop(replica)


def _without(template: Json, names: set[str]) -> Json:
    """A template whose containers do not set these variables themselves (an execution shows Azure's own, empty)."""

    def kept(spec: Json) -> Json:
        return {**spec, "env": [item for item in spec.get("env") or [] if item["name"] not in names]}

    containers = ("containers", "initContainers")
    return {**template, **{name: [kept(spec) for spec in template.get(name) or []] for name in containers}}
