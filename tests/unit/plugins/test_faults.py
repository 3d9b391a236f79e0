# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults at any request of every module: one outcome for each cell of the table.

Every wait ends, no fault is taken for absence, and no request is repeated that must be sent once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import requests
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, Failure
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.retry import ATTEMPTS
from azure.keyvault.secrets._shared.http_challenge_cache import clear
from urllib3.exceptions import ProtocolError

from tests.support.fake_azure import GROUP, Exchange
from tests.support.faulty_azure import Fault, FaultyAzure
from tests.support.module_cases import ALWAYS_PRESENT, CASES, Case, created
from tests.support.resource_types import execute, find_resource_type, module_names

# One line for each info module.
INFOS = {
    "container_app_info": Case({"resource_group": "rg", "name": "app", "revisions": True}),
    "resource_info": Case({"resource_group": "rg"}),
    "role_assignment_info": Case({"scope": GROUP}),
    "sql_database_info": Case({"resource_group": "rg", "server": "s1"}),
    "storage_account_info": Case({}),
    "user_assigned_identity_info": Case({"resource_group": "rg", "name": "id1"}),
}
# Modules without a resource of their own, and the tests of their faults.
OTHERS = {
    "container_app_revision": "below",
    "container_app_job_execution": "below",
    "container_image": "test_container_image.py",
    "mlflow_roundtrip": "tests/client",
    "preflight_info": "test_preflight_info.py",
    # Connects to the database itself.
    "sql_database_user": "test_sql_database_user.py",
    "storage_account_key_info": "test_storage_account_key_info.py",
}


def test_every_module_is_in_the_table() -> None:
    assert set(module_names()) == set(CASES) | set(INFOS) | set(OTHERS)


def error(status: int, code: str, **headers: str) -> Exchange:
    body = {"error": {"code": code, "message": f"{code} message"}}
    return Exchange("", "", status, body, {key.replace("_", "-"): value for key, value in headers.items()})


TWICE, ALWAYS = 2, None
REPLIES: dict[str, dict[str, Any]] = {
    "429": {"reply": error(429, "TooManyRequests", Retry_After="7")},
    "500": {"reply": error(500, "InternalServerError")},
    "503": {"reply": Exchange("", "", 503, "<html><body>Service unavailable</body></html>", {"Retry-After": "3"})},
    "409": {"reply": error(409, "AnotherOperationInProgress")},
    "reset": {"error": requests.exceptions.ConnectionError(ProtocolError("Connection reset by peer"))},
    "hang": {"hangs": True},
    "400": {"reply": error(400, "QuotaExceeded")},
    "401": {"reply": error(401, "ExpiredAuthenticationToken")},
    "403": {"reply": error(403, "AuthorizationFailed")},
}
# The functions with the names of the outcomes check them; "-" is a fault that cannot happen. The last three faults are those
# of an accepted operation: it never ends, it fails, it fails because of another one.
OUTCOMES = """\
fault     times   read      create    update    delete    poll
429       twice   recovers  recovers  recovers  recovers  recovers
429       always  deadline  deadline  deadline  deadline  deadline
500       twice   recovers  recovers  recovers  recovers  recovers
500       always  gives_up  gives_up  gives_up  gives_up  gives_up
503       twice   recovers  recovers  recovers  recovers  recovers
503       always  gives_up  gives_up  gives_up  gives_up  gives_up
reset     twice   recovers  recovers  recovers  recovers  recovers
reset     always  gives_up  gives_up  gives_up  gives_up  gives_up
hang      twice   recovers  recovers  recovers  recovers  recovers
hang      always  gives_up  gives_up  gives_up  gives_up  gives_up
409       twice   recovers  recovers  recovers  recovers  recovers
409       always  deadline  deadline  deadline  deadline  deadline
400       always  at_once   at_once   at_once   at_once   at_once
401       always  at_once   at_once   at_once   at_once   at_once
403       always  at_once   at_once   at_once   at_once   at_once
stalled   always  -         named     named     named     -
failed    always  -         reason    reason    reason    -
conflict  always  -         conflict  conflict  conflict  -
"""
HEADINGS, *ROWS = (line.split() for line in OUTCOMES.splitlines())
STAGES = tuple(HEADINGS[2:])
TABLE = {(fault, {"twice": TWICE, "always": ALWAYS}[times]): outcomes for fault, times, *outcomes in ROWS}
OPERATIONS = {
    "stalled": {"status": "InProgress"},
    "failed": {"status": "Failed", "error": {"code": "QuotaExceeded", "message": "No more."}},
    "conflict": {"status": "Failed", "error": {"code": "ConflictingServerOperation", "message": "Busy."}},
}
SPAN = 900.0
WRITES = ("PUT", "PATCH", "POST")
# The HTTP method of the request that starts a long-running operation, by stage.
METHODS = {"create": "PUT", "poll": "PUT", "update": "PATCH", "delete": "DELETE"}


def waits(name: str, stage: str) -> bool:
    """Return whether the stage's request starts a long-running operation."""
    found = find_resource_type(name)
    method = METHODS.get(stage)
    return found is not None and method is not None and found.polls and found.methods[method].startswith("begin_")


def cells() -> Iterator[tuple[str, str, str, int | None, str]]:
    for name in CASES:
        for (fault, times), outcomes in TABLE.items():
            for stage, outcome in zip(STAGES, outcomes, strict=True):
                if outcome == "-" or (name in ALWAYS_PRESENT and stage in ("create", "delete", "poll")):
                    continue
                if (fault in OPERATIONS or stage == "poll") and not waits(name, stage):
                    continue
                yield name, fault, stage, times, outcome
    for name in INFOS:
        for (fault, times), outcomes in TABLE.items():
            if outcomes[0] != "-":
                yield name, fault, "read", times, outcomes[0]


@pytest.fixture(autouse=True)
def _no_challenge_of_another_test() -> Iterator[None]:
    clear()
    yield
    clear()


def hits(stage: str) -> Any:
    """Return the predicate of the requests at which the fault of a stage occurs."""
    return {
        "read": lambda method, path: method == "GET" and not path.startswith("/operations/"),
        "create": lambda method, _path: method in WRITES,
        "update": lambda method, _path: method in WRITES,
        "delete": lambda method, _path: method == "DELETE",
        "poll": lambda _method, path: path.startswith("/operations/"),
    }[stage]


class Run(NamedTuple):
    azure: FaultyAzure
    fault: Fault
    result: dict[str, Any]
    failure: ArmError | Failure | None


def run(name: str, stage: str, fault: Fault | None, operation: dict[str, Any] | None = None) -> Run:
    azure = FaultyAzure(fault, operation, SPAN)
    if stage not in ("create", "poll") and name in CASES:
        azure.resources = created(name)
    case = CASES.get(name) or INFOS[name]
    given = {
        **case.least,
        **(case.change if stage == "update" else {}),
        **({"state": "absent"} if stage == "delete" else {}),
    }
    result: dict[str, Any] = {}
    failure: ArmError | Failure | None = None
    try:
        result = execute(name, azure.arm, given)
    except (ArmError, Failure) as caught:
        failure = caught
    # Nothing may take longer than the deadline, except the last request, which has another second.
    assert azure.clock.now <= SPAN + 1.0 * ATTEMPTS
    return Run(azure, fault or Fault(hits(stage), 0), result, failure)


@functools.cache
def undisturbed(name: str, stage: str) -> Run:
    done = run(name, stage, None)
    assert done.failure is None
    return done


def recovers(faulty: Run, name: str, stage: str) -> None:
    """Assert that the result is that of a run without the fault, and that only the requests with the fault are sent again."""
    reference = undisturbed(name, stage)
    assert faulty.failure is None, faulty.failure
    assert faulty.result == reference.result
    assert faulty.fault.met == TWICE
    assert len(faulty.azure.requests) == len(reference.azure.requests) + TWICE
    assert faulty.azure.clock.now > 0


def deadline(faulty: Run, _name: str, _stage: str) -> None:
    """Assert that the request is retried until the deadline, with pauses, and that the last response is the error."""
    assert isinstance(faulty.failure, ArmError)
    assert faulty.failure.code in ("TooManyRequests", "AnotherOperationInProgress")
    assert faulty.azure.clock.now >= SPAN - 30
    assert faulty.fault.met <= SPAN / 7 + 1
    assert "wait_timeout" in str(faulty.failure)


def gives_up(faulty: Run, _name: str, _stage: str) -> None:
    """Assert that the task fails after a few attempts with an error that names Azure or the network as the cause."""
    assert faulty.fault.met <= ATTEMPTS
    assert faulty.fault.met == ATTEMPTS or faulty.azure.clock.now >= SPAN
    if isinstance(faulty.failure, ArmError):
        assert "Azure itself failed" in str(faulty.failure)
    else:
        assert "No usable answer from" in str(faulty.failure)


def at_once(faulty: Run, _name: str, _stage: str) -> None:
    """Assert that the task fails after one attempt with Azure's code and a remedy."""
    assert isinstance(faulty.failure, ArmError)
    assert faulty.failure.code in ("QuotaExceeded", "ExpiredAuthenticationToken", "AuthorizationFailed")
    assert faulty.failure.remedy().action in str(faulty.failure)
    assert faulty.fault.met == 1


def named(faulty: Run, _name: str, _stage: str) -> None:
    """Assert that the task fails at the deadline, names the operation, and sends the write once."""
    assert isinstance(faulty.failure, Failure)
    assert "wait_timeout" in faulty.failure.message
    assert faulty.failure.fields["operation"].startswith("https://management.azure.com/operations/1")
    assert "signature" not in faulty.failure.message
    assert faulty.azure.clock.now == pytest.approx(SPAN)
    assert writes_of(faulty) == 1


def reason(faulty: Run, _name: str, _stage: str) -> None:
    """Assert that Azure's reason is the error, and that the write is not repeated."""
    assert isinstance(faulty.failure, ArmError)
    assert (faulty.failure.code, faulty.failure.message) == ("QuotaExceeded", "No more.")
    assert "quota" in faulty.failure.remedy().action
    assert writes_of(faulty) == 1


def conflict(faulty: Run, _name: str, _stage: str) -> None:
    """Assert that the write is retried until the deadline, since the other operation may end."""
    assert isinstance(faulty.failure, ArmError)
    assert faulty.failure.code == "ConflictingServerOperation"
    assert SPAN - 20 <= faulty.azure.clock.now <= SPAN
    assert 1 < writes_of(faulty) < SPAN / 10


def writes_of(faulty: Run) -> int:
    return sum(faulty.azure.count(method) for method in (*WRITES, "DELETE"))


CHECKS = {check.__name__: check for check in (recovers, deadline, gives_up, at_once, named, reason, conflict)}


@pytest.mark.parametrize(("name", "fault", "stage", "times", "outcome"), list(cells()))
def test_the_outcome_of_a_fault(name: str, fault: str, stage: str, times: int | None, outcome: str) -> None:
    if fault in OPERATIONS:
        faulty = run(name, stage, None, OPERATIONS[fault])
    else:
        faulty = run(name, stage, Fault(hits(stage), times, **REPLIES[fault]))
        assert faulty.fault.met > 0
    if stage == "read" and times is ALWAYS:
        assert writes_of(faulty) == 0, "a fault read as absent"
    CHECKS[outcome](faulty, name, stage)


def test_the_table_covers_every_module(report_count: Callable[[str], None]) -> None:
    table = list(cells())
    report_count(f"fault table: {len(table)} cells, {len(TABLE)} faults, {len(CASES) + len(INFOS)} modules")
    for name in CASES:
        assert {stage for module_, _fault, stage, _times, _outcome in table if module_ == name} >= {"read", "update"}


APPS = f"{GROUP}/providers/Microsoft.App"
RUNNING = {"active": True, "runningState": "Running", "provisioningState": "Provisioned"}
# Modules that send a POST: the existing resources, and the options of the task.
ACTING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "container_app_revision": (
        {f"{APPS}/containerApps/app/revisions/app--1": {"name": "app--1", "properties": RUNNING}},
        {"resource_group": "rg", "app": "app", "name": "app--1", "state": "restarted"},
    ),
    "container_app_job_execution": (
        {
            f"{APPS}/jobs/job": {"name": "job"},
            f"{APPS}/jobs/job/executions": {"value": [{"name": "job-1", "properties": {}}]},
        },
        {"resource_group": "rg", "job": "job", "state": "started", "wait": False},
    ),
}
#                          the POST
ACTION = {
    ("429", TWICE): "recovers",
    ("503", TWICE): "recovers",
    ("409", TWICE): "recovers",
    ("429", ALWAYS): "deadline",
    # The request may have taken effect, so it is not sent again.
    ("500", ALWAYS): "once",
    ("reset", ALWAYS): "once",
    ("hang", ALWAYS): "once",
    ("403", ALWAYS): "once",
}


@pytest.mark.parametrize("name", ACTING)
@pytest.mark.parametrize(("fault", "times"), ACTION)
def test_a_post_is_retried_only_after_a_refusal(name: str, fault: str, times: int | None) -> None:
    struck = Fault(lambda method, _path: method == "POST", times, **REPLIES[fault])
    azure = FaultyAzure(struck, timeout=SPAN)
    there, given = ACTING[name]
    azure.resources = {path.lower(): content for path, content in there.items()}
    outcome = ACTION[fault, times]
    if outcome == "recovers":
        assert execute(name, azure.arm, given)["changed"] is True
        assert azure.count("POST") == TWICE + 1
        return
    with pytest.raises((ArmError, Failure)):
        execute(name, azure.arm, given)
    if outcome == "deadline":
        assert SPAN - 30 <= azure.clock.now <= SPAN
    else:
        assert azure.count("POST") == 1
