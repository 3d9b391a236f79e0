# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Executions of a job: start, wait, stop."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, Failure, InvalidOption

from tests.support.container_apps import JOB, job
from tests.support.fake_azure import ANY, NOT_FOUND, Exchange, FakeAzure, get, post, run

OF = {"resource_group": "rg", "job": "job1"}


def execution(status: str, name: str = "job1-abcdefg") -> dict[str, Any]:
    return {
        "id": f"{JOB}/executions/{name}",
        "name": name,
        "type": "Microsoft.App/jobs/executions",
        "properties": {"status": status, "startTime": "2026-01-31T03:00:00+00:00"},
    }


def executions(*values: dict[str, Any]) -> Exchange:
    return get(f"{JOB}/executions", 200, {"value": list(values)})


STARTED = post(f"{JOB}/start", 200, {"id": f"{JOB}/executions/job1-abcdefg", "name": "job1-abcdefg"}, sent=ANY)


def test_start_sends_one_request_and_waits_until_the_execution_has_ended() -> None:
    with FakeAzure(
        get(JOB, 200, job()),
        STARTED,
        executions(execution("Running")),
        executions(execution("Running")),
        executions(execution("Succeeded")),
    ) as azure:
        result = run("container_app_job_execution", azure, **OF)
    assert result["changed"] is True
    assert result["container_app_job_execution"] == execution("Succeeded")
    assert len(azure.writes) == 1


def test_start_without_wait_returns_the_running_execution() -> None:
    with FakeAzure(get(JOB, 200, job()), STARTED, executions(execution("Running"))) as azure:
        result = run("container_app_job_execution", azure, wait=False, **OF)
    assert result["container_app_job_execution"] == execution("Running")


def test_check_mode_starts_nothing() -> None:
    with FakeAzure(get(JOB, 200, job())) as azure:
        result = run("container_app_job_execution", azure, check_mode=True, **OF)
    assert result["changed"] is True


@pytest.mark.parametrize("status", ["Failed", "Stopped", "Degraded"])
def test_an_execution_that_does_not_succeed_fails_the_task(status: str) -> None:
    with (
        FakeAzure(get(JOB, 200, job()), STARTED, executions(execution(status)), executions(execution(status))) as azure,
        pytest.raises(Failure, match=f"job1-abcdefg of job job1 ended as {status}") as caught,
    ):
        run("container_app_job_execution", azure, **OF)
    assert caught.value.fields["container_app_job_execution"] == execution(status)


def test_wait_timeout_bounds_the_wait_for_an_execution() -> None:
    forever = [executions(execution("Running")) for _time in range(9)]
    azure = FakeAzure(get(JOB, 200, job()), STARTED, *forever, wait_timeout=3)
    with pytest.raises(Failure, match="is Running after wait_timeout"):
        run("container_app_job_execution", azure, **OF)
    assert azure.clock.now <= 3


def test_a_refused_start_is_not_retried() -> None:
    refused = {"error": {"code": "AuthorizationFailed", "message": "no"}}
    with (
        FakeAzure(get(JOB, 200, job()), post(f"{JOB}/start", 403, refused)) as azure,
        pytest.raises(ArmError) as caught,
    ):
        run("container_app_job_execution", azure, **OF)
    assert caught.value.code == "AuthorizationFailed"


@pytest.mark.parametrize(("name", "path"), [(None, "stop"), ("job1-abcdefg", "executions/job1-abcdefg/stop")])
def test_running_executions_are_stopped(name: str | None, path: str) -> None:
    with FakeAzure(
        get(JOB, 200, job()),
        executions(execution("Running"), execution("Succeeded", "job1-0000000")),
        post(f"{JOB}/{path}", 200, {"value": []}),
        executions(execution("Stopped")),
    ) as azure:
        result = run("container_app_job_execution", azure, state="stopped", name=name, **OF)
    assert (result["changed"], result["container_app_job_execution"]) == (True, execution("Stopped"))


def test_no_change_without_a_running_execution() -> None:
    with FakeAzure(get(JOB, 200, job()), executions(execution("Succeeded"))) as azure:
        assert run("container_app_job_execution", azure, state="stopped", **OF)["changed"] is False
    with FakeAzure(get(JOB, 200, job()), executions()) as azure:
        result = run("container_app_job_execution", azure, state="stopped", **OF)
    assert (result["changed"], result["container_app_job_execution"]) == (False, {})


@pytest.mark.parametrize(
    ("script", "given", "option"),
    [
        ([get(JOB, 404, NOT_FOUND)], {}, "job"),
        ([get(JOB, 404, NOT_FOUND)], {"state": "stopped"}, "job"),
        ([get(JOB, 200, job()), executions()], {"state": "stopped", "name": "x"}, "name"),
        ([], {"name": "x"}, "name"),
    ],
)
def test_an_absent_job_or_execution_is_an_invalid_option(
    script: list[Exchange], given: dict[str, Any], option: str
) -> None:
    with FakeAzure(*script) as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_job_execution", azure, **OF, **given)
    assert caught.value.fields["option"] == option


OTHER = {"name": "main", "image": "i", "command": ["sh"], "args": ["-c", "true"], "env": [{"name": "A", "value": "1"}]}


def test_an_execution_with_other_containers() -> None:
    sent = {"containers": [{**OTHER, "resources": {"cpu": 0.25, "memory": "0.5Gi"}}]}
    started = {"id": f"{JOB}/executions/job1-abcdefg", "name": "job1-abcdefg"}
    with FakeAzure(
        get(JOB, 200, {"name": "job1"}),
        post(f"{JOB}/start", 200, started, sent=sent),
        get(f"{JOB}/executions", 200, {"value": [{**started, "properties": {"status": "Running"}}]}),
        get(f"{JOB}/executions", 200, {"value": [{**started, "properties": {"status": "Succeeded"}}]}),
    ) as azure:
        given = {"resource_group": "rg", "job": "job1", "containers": [{**OTHER, "cpu": 0.25, "memory": "0.5Gi"}]}
        result = run("container_app_job_execution", azure, **given)
    assert result["container_app_job_execution"]["properties"]["status"] == "Succeeded"


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"containers": []}, "containers"),
        ({"containers": [OTHER], "state": "stopped"}, "containers"),
        ({"containers": [OTHER, OTHER]}, "containers.name"),
        ({"containers": [{**OTHER, "name": "Main"}]}, "containers.name"),
        (
            {"containers": [{**OTHER, "env": [{"name": "A", "value": "1", "secret_ref": "s"}]}]},
            "containers[main].env.name",
        ),
    ],
)
def test_invalid_containers_of_an_execution(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_job_execution", azure, resource_group="rg", job="job1", **given)
    assert caught.value.fields["option"] == option
