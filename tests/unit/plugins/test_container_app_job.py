# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container apps jobs and their executions on the wire, and what Azure would refuse."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, Failure, InvalidOption

from tests.support.fake_azure import ACCEPTED, ANY, GROUP, NOT_FOUND, Exchange, FakeAzure, get, poll, post, put, run

JOB = f"{GROUP}/providers/Microsoft.App/jobs/job1"
ENVIRONMENT = f"{GROUP}/providers/Microsoft.App/managedEnvironments/env1"
WANTED: dict[str, Any] = {
    "resource_group": "rg",
    "name": "job1",
    "location": "westeurope",
    "environment_id": ENVIRONMENT,
    "trigger_type": "Schedule",
    "cron_expression": "*/10 * * * *",
    "parallelism": 1,
    "replica_timeout": 300,
    "secrets": [{"name": "uri", "value": "secret-1"}],
    "containers": [{"name": "probe", "image": "i", "cpu": 0.5, "memory": "1Gi"}],
}


def job(state: str = "Succeeded") -> dict[str, Any]:
    """What Azure shows of WANTED, in its own spelling, and with things that others have set."""
    return {
        "id": JOB,
        "name": "job1",
        "type": "Microsoft.App/jobs",
        "location": "West Europe",
        "identity": {"type": "None"},
        "properties": {
            "provisioningState": state,
            "runningStatus": "Ready",
            "environmentId": ENVIRONMENT.lower(),
            "workloadProfileName": "Consumption",
            "configuration": {
                "secrets": [{"name": "uri"}],
                "triggerType": "Schedule",
                "replicaTimeout": 300,
                "replicaRetryLimit": 4,
                "manualTriggerConfig": None,
                "scheduleTriggerConfig": {
                    "replicaCompletionCount": 1,
                    "cronExpression": "*/10 * * * *",
                    "parallelism": 1,
                },
                "eventTriggerConfig": None,
                "registries": None,
                "identitySettings": [],
            },
            "template": {
                "containers": [
                    {
                        "name": "probe",
                        "image": "i",
                        "imageType": "ContainerImage",
                        "resources": {"cpu": 0.5, "memory": "1Gi", "ephemeralStorage": "2Gi"},
                    }
                ],
                "initContainers": None,
                "volumes": None,
            },
            "eventStreamEndpoint": "https://x/eventstream",
        },
    }


def wanted(**changes: Any) -> dict[str, Any]:
    """None takes an option away."""
    return {key: value for key, value in {**copy.deepcopy(WANTED), **changes}.items() if value is not None}


def secrets(value: str = "secret-1") -> Exchange:
    return post(f"{JOB}/listSecrets", 200, {"value": [{"name": "uri", "value": value}]})


def test_no_change_is_two_reads() -> None:
    with FakeAzure(get(JOB, 200, job()), secrets()) as azure:
        result = run("container_app_job", azure, **WANTED)
    assert (result["changed"], result["container_app_job"]) == (False, job())
    assert "secret-1" not in str(result)


def test_without_secrets_no_change_is_one_read() -> None:
    with FakeAzure(get(JOB, 200, job())) as azure:
        assert run("container_app_job", azure, **wanted(secrets=None))["changed"] is False


def test_a_new_job_is_sent_whole() -> None:
    sent = {
        "location": "westeurope",
        "properties": {
            "environmentId": ENVIRONMENT,
            "configuration": {
                "secrets": [{"name": "uri", "value": "secret-1"}],
                "triggerType": "Schedule",
                "replicaTimeout": 300,
                "scheduleTriggerConfig": {"parallelism": 1, "cronExpression": "*/10 * * * *"},
            },
            "template": {"containers": [{"name": "probe", "image": "i", "resources": {"cpu": 0.5, "memory": "1Gi"}}]},
        },
    }
    with FakeAzure(
        get(JOB, 404, NOT_FOUND),
        put(JOB, 201, job("InProgress"), headers=ACCEPTED, sent=sent),
        poll("Succeeded"),
        get(JOB, 200, job()),
    ) as azure:
        result = run("container_app_job", azure, **WANTED)
    assert result["changed"] is True
    assert "secret-1" not in str(result)


def test_an_update_keeps_what_others_have_set_and_sends_all_secrets() -> None:
    sent = {key: value for key, value in job().items() if key not in ("id", "name", "type")}
    sent["properties"] = copy.deepcopy(job()["properties"])
    for key in ("provisioningState", "runningStatus", "eventStreamEndpoint"):
        del sent["properties"][key]
    configuration, container = sent["properties"]["configuration"], sent["properties"]["template"]["containers"][0]
    configuration["secrets"] = [{"name": "uri", "value": "secret-1"}]
    configuration["replicaTimeout"] = 60
    # Of the three only that of the trigger's type can stand.
    del configuration["manualTriggerConfig"], configuration["eventTriggerConfig"]
    del container["imageType"], container["resources"]["ephemeralStorage"]
    with FakeAzure(
        get(JOB, 200, job()),
        secrets(),
        put(JOB, 201, job("InProgress"), headers=ACCEPTED, sent=sent),
        poll("Succeeded"),
        get(JOB, 200, job()),
    ) as azure:
        assert run("container_app_job", azure, **wanted(replica_timeout=60))["changed"] is True


def test_another_trigger_drives_the_first_one_out() -> None:
    manual = wanted(trigger_type="Manual", cron_expression=None)
    with FakeAzure(get(JOB, 200, job()), secrets()) as azure:
        result = run("container_app_job", azure, check_mode=True, **manual)
    after = result["diff"]["after"]["properties"]["configuration"]
    assert after["triggerType"] == "Manual"
    assert after["manualTriggerConfig"] == {"parallelism": 1}
    assert "scheduleTriggerConfig" not in after


def test_a_rotated_secret_is_seen_and_not_shown() -> None:
    with FakeAzure(get(JOB, 200, job()), secrets("old")) as azure:
        result = run("container_app_job", azure, check_mode=True, **WANTED)
    assert result["changed"] is True
    assert result["diff"]["after"]["properties"]["configuration"]["secrets"] == [
        {"name": "uri", "value": "(hidden, changed)"}
    ]


@pytest.mark.parametrize(
    ("given", "option"),
    [({"location": "northeurope"}, "location"), ({"environment_id": ENVIRONMENT + "2"}, "environment_id")],
)
def test_what_azure_fixes_at_creation_cannot_change(given: dict[str, Any], option: str) -> None:
    with FakeAzure(get(JOB, 200, job()), secrets()) as azure, pytest.raises(Failure, match="cannot become") as caught:
        run("container_app_job", azure, **wanted(**given))
    assert caught.value.fields["option"] == option
    assert set(caught.value.fields) >= {"current", "desired"}


@pytest.mark.parametrize("missing", ["environment_id", "containers", "trigger_type", "replica_timeout"])
def test_a_new_job_needs(missing: str) -> None:
    given = wanted(**{"cron_expression": None, "parallelism": None, "trigger_type": "Manual", missing: None})
    with FakeAzure(get(JOB, 404, NOT_FOUND)) as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_job", azure, check_mode=True, **given)
    assert caught.value.fields["option"] == missing


def test_a_new_job_for_events_needs_rules() -> None:
    given = wanted(cron_expression=None, trigger_type="Event")
    with FakeAzure(get(JOB, 404, NOT_FOUND)) as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_job", azure, check_mode=True, **given)
    assert caught.value.fields["option"] == "event_scale.rules"


QUEUE = {"name": "queue", "type": "azure-queue", "metadata": {"queueLength": 5}}


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"name": "Job"}, "name"),
        ({"name": "j" * 33}, "name"),
        ({"resource_group": "rg."}, "resource_group"),
        ({"trigger_type": "Manual"}, "cron_expression"),
        ({"trigger_type": None, "cron_expression": None}, "parallelism"),
        ({"event_scale": {"rules": [QUEUE]}}, "event_scale"),
        ({"cron_expression": None}, "cron_expression"),
        ({"cron_expression": "* * * *"}, "cron_expression"),
        ({"cron_expression": "60 * * * *"}, "cron_expression"),
        ({"cron_expression": "5-1 * * * *"}, "cron_expression"),
        ({"cron_expression": "*/0 * * * *"}, "cron_expression"),
        ({"cron_expression": "@daily"}, "cron_expression"),
        ({"cron_expression": "0 3 * * NEVER"}, "cron_expression"),
        ({"cron_expression": "* * 0 * *"}, "cron_expression"),
        ({"parallelism": 0}, "parallelism"),
        ({"replica_timeout": 0}, "replica_timeout"),
        ({"replica_retry_limit": -1}, "replica_retry_limit"),
        ({"replica_completion_count": 2}, "replica_completion_count"),
        ({"secrets": [{"name": "uri"}]}, "secrets.name"),
        (
            {"registries": [{"server": "s", "username": "u", "password_secret_ref": "p"}]},
            "registries[s].password_secret_ref",
        ),
        (
            {
                "trigger_type": "Event",
                "cron_expression": None,
                "event_scale": {"rules": [{**QUEUE, "auth": [{"secret_ref": "x", "trigger_parameter": "connection"}]}]},
            },
            "event_scale.rules[queue].auth.secret_ref",
        ),
        (
            {"trigger_type": "Event", "cron_expression": None, "event_scale": {"rules": [QUEUE, QUEUE]}},
            "event_scale.rules.name",
        ),
        (
            {
                "trigger_type": "Event",
                "cron_expression": None,
                "event_scale": {"min_executions": 2, "max_executions": 1},
            },
            "event_scale.min_executions",
        ),
    ],
)
def test_what_azure_would_refuse_is_refused_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_job", azure, **wanted(**given))
    assert caught.value.fields["option"] == option


@pytest.mark.parametrize(
    "expression", ["0 3 * * 1-5", "0 3 1 jan,JUL MON-FRI", "*/15 8-18/2 1,15 * 0", "59 23 31 12 7"]
)
def test_a_schedule_that_azure_takes(expression: str) -> None:
    with FakeAzure(get(JOB, 404, NOT_FOUND)) as azure:
        assert run("container_app_job", azure, check_mode=True, **wanted(cron_expression=expression))["changed"] is True


# Executions

OF = {"resource_group": "rg", "job": "job1"}


def execution(status: str, name: str = "job1-abcdefg") -> dict[str, Any]:
    return {
        "id": f"{JOB}/executions/{name}",
        "name": name,
        "type": "Microsoft.App/jobs/executions",
        "properties": {"status": status, "startTime": "2026-01-31T03:00:00+00:00"},
    }


def executions(*found: dict[str, Any]) -> Exchange:
    return get(f"{JOB}/executions", 200, {"value": list(found)})


STARTED = post(f"{JOB}/start", 200, {"id": f"{JOB}/executions/job1-abcdefg", "name": "job1-abcdefg"}, sent=ANY)


def test_a_job_is_started_once_and_waited_for() -> None:
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


def test_nobody_waits_who_does_not_want_to() -> None:
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


def test_an_execution_that_does_not_end_is_waited_for_no_longer_than_said() -> None:
    forever = [executions(execution("Running")) for _time in range(9)]
    azure = FakeAzure(get(JOB, 200, job()), STARTED, *forever, wait_timeout=3)
    with pytest.raises(Failure, match="is Running after wait_timeout"):
        run("container_app_job_execution", azure, **OF)
    assert azure.clock.now <= 3


def test_a_refused_start_is_an_error_and_not_repeated() -> None:
    refused = {"error": {"code": "AuthorizationFailed", "message": "no"}}
    with (
        FakeAzure(get(JOB, 200, job()), post(f"{JOB}/start", 403, refused)) as azure,
        pytest.raises(ArmError) as caught,
    ):
        run("container_app_job_execution", azure, **OF)
    assert caught.value.code == "AuthorizationFailed"


@pytest.mark.parametrize(("name", "path"), [(None, "stop"), ("job1-abcdefg", "executions/job1-abcdefg/stop")])
def test_what_runs_is_stopped(name: str | None, path: str) -> None:
    with FakeAzure(
        get(JOB, 200, job()),
        executions(execution("Running"), execution("Succeeded", "job1-0000000")),
        post(f"{JOB}/{path}", 200, {"value": []}),
        executions(execution("Stopped")),
    ) as azure:
        result = run("container_app_job_execution", azure, state="stopped", name=name, **OF)
    assert (result["changed"], result["container_app_job_execution"]) == (True, execution("Stopped"))


def test_where_nothing_runs_nothing_is_stopped() -> None:
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
def test_what_is_not_there(script: list[Exchange], given: dict[str, Any], option: str) -> None:
    with FakeAzure(*script) as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_job_execution", azure, **OF, **given)
    assert caught.value.fields["option"] == option
