# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container apps jobs: requests, comparison and validation."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure, InvalidOption

from tests.support.container_apps import ENVIRONMENT, JOB, job
from tests.support.fake_azure import ACCEPTED, NOT_FOUND, Exchange, FakeAzure, get, poll, post, put, run

DESIRED: dict[str, Any] = {
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


def desired(**changes: Any) -> dict[str, Any]:
    """Return the options with changes; None removes an option."""
    return {key: value for key, value in {**copy.deepcopy(DESIRED), **changes}.items() if value is not None}


def secrets(value: str = "secret-1") -> Exchange:
    return post(f"{JOB}/listSecrets", 200, {"value": [{"name": "uri", "value": value}]})


def test_no_change_sends_two_reads() -> None:
    with FakeAzure(get(JOB, 200, job()), secrets()) as azure:
        result = run("container_app_job", azure, **DESIRED)
    assert (result["changed"], result["container_app_job"]) == (False, job())
    assert "secret-1" not in str(result)


def test_no_change_without_secrets_sends_one_read() -> None:
    with FakeAzure(get(JOB, 200, job())) as azure:
        assert run("container_app_job", azure, **desired(secrets=None))["changed"] is False


def test_create_sends_all_options() -> None:
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
        result = run("container_app_job", azure, **DESIRED)
    assert result["changed"] is True
    assert "secret-1" not in str(result)


def test_an_update_keeps_other_settings_and_sends_all_secrets() -> None:
    sent = {key: value for key, value in job().items() if key not in ("id", "name", "type")}
    sent["properties"] = copy.deepcopy(job()["properties"])
    for key in ("provisioningState", "runningStatus", "eventStreamEndpoint"):
        del sent["properties"][key]
    configuration, container = sent["properties"]["configuration"], sent["properties"]["template"]["containers"][0]
    configuration["secrets"] = [{"name": "uri", "value": "secret-1"}]
    configuration["replicaTimeout"] = 60
    # Azure accepts only the settings of the trigger's type.
    del configuration["manualTriggerConfig"], configuration["eventTriggerConfig"]
    del container["imageType"], container["resources"]["ephemeralStorage"]
    with FakeAzure(
        get(JOB, 200, job()),
        secrets(),
        put(JOB, 201, job("InProgress"), headers=ACCEPTED, sent=sent),
        poll("Succeeded"),
        get(JOB, 200, job()),
    ) as azure:
        assert run("container_app_job", azure, **desired(replica_timeout=60))["changed"] is True


def test_another_trigger_replaces_the_current_one() -> None:
    manual = desired(trigger_type="Manual", cron_expression=None)
    with FakeAzure(get(JOB, 200, job()), secrets()) as azure:
        result = run("container_app_job", azure, check_mode=True, **manual)
    after = result["diff"]["after"]["properties"]["configuration"]
    assert after["triggerType"] == "Manual"
    assert after["manualTriggerConfig"] == {"parallelism": 1}
    assert "scheduleTriggerConfig" not in after


def test_a_rotated_secret_is_a_change_and_stays_hidden() -> None:
    with FakeAzure(get(JOB, 200, job()), secrets("old")) as azure:
        result = run("container_app_job", azure, check_mode=True, **DESIRED)
    assert result["changed"] is True
    assert result["diff"]["after"]["properties"]["configuration"]["secrets"] == [
        {"name": "uri", "value": "(hidden, changed)"}
    ]


@pytest.mark.parametrize(
    ("given", "option"),
    [({"location": "northeurope"}, "location"), ({"environment_id": ENVIRONMENT + "2"}, "environment_id")],
)
def test_a_change_of_an_immutable_property_fails(given: dict[str, Any], option: str) -> None:
    with FakeAzure(get(JOB, 200, job()), secrets()) as azure, pytest.raises(Failure, match="cannot become") as caught:
        run("container_app_job", azure, **desired(**given))
    assert caught.value.fields["option"] == option
    assert set(caught.value.fields) >= {"current", "desired"}


@pytest.mark.parametrize("missing", ["environment_id", "containers", "trigger_type", "replica_timeout"])
def test_create_requires(missing: str) -> None:
    given = desired(**{"cron_expression": None, "parallelism": None, "trigger_type": "Manual", missing: None})
    with FakeAzure(get(JOB, 404, NOT_FOUND)) as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_job", azure, check_mode=True, **given)
    assert caught.value.fields["option"] == missing


def test_create_of_an_event_driven_job_requires_rules() -> None:
    given = desired(cron_expression=None, trigger_type="Event")
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
def test_invalid_options_are_refused_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_job", azure, **desired(**given))
    assert caught.value.fields["option"] == option


@pytest.mark.parametrize(
    "expression", ["0 3 * * 1-5", "0 3 1 jan,JUL MON-FRI", "*/15 8-18/2 1,15 * 0", "59 23 31 12 7"]
)
def test_valid_cron_expressions(expression: str) -> None:
    with FakeAzure(get(JOB, 404, NOT_FOUND)) as azure:
        assert (
            run("container_app_job", azure, check_mode=True, **desired(cron_expression=expression))["changed"] is True
        )
