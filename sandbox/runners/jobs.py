# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container Apps jobs: manual and scheduled executions, with Azure's retries and timeout.

Source: https://learn.microsoft.com/azure/container-apps/jobs
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import sqlite3
import time
from dataclasses import dataclass

from cronsim import CronSim, CronSimError

from sandbox.apps.containers import Replica, platform_variables, write_log
from sandbox.apps.replicas import Replicas, back_off
from sandbox.arm.resource_type import Context
from sandbox.host.background import BackgroundTasks
from sandbox.messages import Json
from sandbox.providers.job import EXECUTIONS, JOBS, new_execution
from sandbox.store import Resource

LOG = logging.getLogger(__name__)
KEPT_EXECUTIONS = 100
_TICK_SECONDS = 1.0


@dataclass(frozen=True)
class Plan:
    """Plan of an execution. `parallelism`: concurrent replicas; `completions`: replicas that must succeed; `timeout`: seconds in total."""

    parallelism: int
    completions: int
    retries: int
    timeout: float

    @classmethod
    def of(cls, job: Resource) -> Plan:
        """Return the plan of a job."""
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
    """Return the next time of a schedule (in UTC; seconds since 1970) after another; infinity if no such date exists."""
    times = CronSim(expression, datetime.datetime.fromtimestamp(after, datetime.UTC))
    upcoming = next(times, None)
    return float("inf") if upcoming is None else upcoming.timestamp()


class Jobs:
    """Runner of the jobs in the store."""

    def __init__(self, context: Context, replicas: Replicas, identity_endpoint: str) -> None:
        self._context = context
        self._replicas = replicas
        self._tasks = BackgroundTasks(LOG, "an execution failed")
        self._executing: dict[str, asyncio.Task[None]] = {}
        self._due: dict[str, float] = {}
        self._clock: asyncio.Task[None] | None = None
        self._identity_endpoint = identity_endpoint

    # operations of Resource Manager

    def check_cron(self, expression: str) -> None:
        """Raise ValueError for a cron expression that is not valid for a job."""
        if len(expression.split()) != 5:
            raise ValueError(
                f"'{expression}' must have five fields: minute, hour, day of the month, month, day of the week"
            )
        try:
            CronSim(expression, datetime.datetime.now(datetime.UTC))
        except CronSimError as error:
            raise ValueError(f"'{expression}' is not a cron expression: {error}") from error

    def written(self, job: Resource) -> None:
        """Schedule the next execution of a created or updated job."""
        self._due.pop(job.key, None)
        configuration = job.properties["configuration"]
        if configuration.get("triggerType") == "Schedule":
            schedule = str((configuration.get("scheduleTriggerConfig") or {}).get("cronExpression") or "")
            self._due[job.key] = next_run(schedule, time.time())

    def removed(self, job: Resource) -> None:
        """Cancel the executions and the schedule of a deleted job."""
        self._due.pop(job.key, None)
        for execution in self._context.store.below(job.id, EXECUTIONS):
            self._cancel(execution.key)

    def start(self, job: Resource, template: Json | None) -> Resource:
        """Start an execution of a job, with its own template if one is given. Return it, stored."""
        execution = new_execution(job, template, time.time())
        with self._context.store.transaction():
            self._context.store.put(execution)
            finished = [
                other
                for other in self._context.store.below(job.id, EXECUTIONS)
                if other.properties["status"] != "Running"
            ]
            for old in finished[:-KEPT_EXECUTIONS]:
                self._context.store.delete(old.id)
        self._start_execution(execution.key)
        return execution

    def stop(self, execution: Resource) -> None:
        """Stop an execution, if it runs."""
        if execution.properties["status"] == "Running":
            self._record(execution.key, "Stopped")
            self._cancel(execution.key)

    def replicas(self, execution: Resource) -> list[Replica]:
        """Return the replicas of an execution that are not stopping."""
        return [replica for replica in self._replicas.of(execution.key) if not replica.stopping]

    # start and end of the sandbox

    def recover(self) -> None:
        """Restart the executions that were interrupted by the end of the sandbox, and resume the schedules. A missed run is not repeated."""
        for execution in self._context.store.of_type(EXECUTIONS):
            if execution.properties["status"] == "Running":
                self._start_execution(execution.key)
        for job in self._context.store.of_type(JOBS):
            self.written(job)
        self._clock = asyncio.get_running_loop().create_task(self._run_schedules())

    async def close(self) -> None:
        """Cancel the running executions. They restart with the sandbox."""
        tasks = [*self._executing.values(), *([self._clock] if self._clock is not None else [])]
        for task in tasks:
            if not task.cancelling():
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_schedules(self) -> None:
        while True:
            try:
                self._start_due(time.time())
            except (sqlite3.Error, OSError):
                LOG.exception("due jobs could not be started; the next tick retries")
            await asyncio.sleep(_TICK_SECONDS)

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

    def _start_execution(self, key: str) -> None:
        task = self._tasks.start(self._execute(key))
        self._executing[key] = task
        task.add_done_callback(lambda _task: self._executing.pop(key, None))

    def _cancel(self, key: str) -> None:
        if (task := self._executing.get(key)) is not None and not task.cancelling():
            task.cancel()  # only once: a second cancellation would interrupt its cleanup

    def _record(self, key: str, status: str) -> None:
        execution = self._context.store.get(key)
        if execution is not None and execution.properties["status"] == "Running":
            end_time = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
            execution.properties.update(status=status, endTime=end_time)
            self._context.store.put(execution)

    async def _execute(self, key: str) -> None:
        execution = self._context.store.get(key)
        job = self._context.store.get(key.partition("/executions/")[0])
        if execution is None or job is None:
            return
        plan = Plan.of(job)
        try:
            async with asyncio.timeout(plan.timeout):
                succeeded = await self._run_replicas(job, execution, plan)
        except TimeoutError:
            succeeded = False
            LOG.info("%s: DeadlineExceeded: it ran longer than replicaTimeout, %g s", execution.name, plan.timeout)
        except OSError:
            succeeded = False
            LOG.exception("%s could not be run", execution.name)
        self._record(key, "Succeeded" if succeeded else "Failed")

    async def _run_replicas(self, job: Resource, execution: Resource, plan: Plan) -> bool:
        """Run replicas until enough have succeeded. Return False if more have failed than the retry limit."""
        succeeded = failed = 0
        running: set[asyncio.Task[bool]] = set()
        loop = asyncio.get_running_loop()
        try:
            while succeeded < plan.completions:
                while len(running) < min(plan.parallelism, plan.completions - succeeded):
                    running.add(loop.create_task(self._run_replica(job, execution)))
                finished, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                results = [task.result() for task in finished]
                succeeded += results.count(True)
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
            **platform_variables(job, self._identity_endpoint),
        }
        template = _without(execution.properties["template"], {*variables, "CONTAINER_APP_REPLICA_NAME"})
        replica = self._replicas.create(job, execution.key, template, variables, None)
        try:
            return await self._replicas.run_once(replica)
        except asyncio.CancelledError:
            for container in replica.containers:
                write_log(container.log, "The replica is stopped: the execution was stopped or reached its timeout.")
            raise
        finally:
            await self._replicas.stop(replica)


def _without(template: Json, names: set[str]) -> Json:
    """Return a template without some variables of its containers (an execution has those of the platform, empty)."""

    def without(spec: Json) -> Json:
        return {**spec, "env": [item for item in spec.get("env") or [] if item["name"] not in names]}

    containers = ("containers", "initContainers")
    return {**template, **{name: [without(spec) for spec in template.get(name) or []] for name in containers}}
