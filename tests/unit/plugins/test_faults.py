# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of every task when something goes wrong at any of its requests: one outcome for each cell of the table.

No cell waits without end, none takes a fault for absence, and none repeats what must not be done twice.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, Failure
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.retry import ATTEMPTS
from azure.keyvault.secrets._shared.http_challenge_cache import clear
from urllib3.exceptions import ProtocolError

from tests.support.fake_azure import GROUP, Exchange, module, options
from tests.support.faulty_azure import Fault, FaultyAzure

MODULES = Path(__file__).resolve().parents[3] / "plugins" / "modules"
ANYBODY = "11111111-1111-1111-1111-111111111111"
HERE: dict[str, Any] = {"resource_group": "rg", "location": "westeurope"}
LOGIN = {"administrator_login": "ml", "administrator_password": "Only-4-tests"}
ENVIRONMENT = f"{GROUP}/providers/Microsoft.App/managedEnvironments/e"
TAGGED: dict[str, Any] = {"tags": {"team": "ops"}}


class Case(NamedTuple):
    """The least options that make the resource, and those that change it."""

    least: dict[str, Any]
    change: dict[str, Any] = TAGGED


ANY_WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log1"
# One line for each module that manages a resource.
CASES = {
    "container_app": Case(
        {**HERE, "name": "app", "environment_id": ENVIRONMENT, "containers": [{"name": "c", "image": "i"}]}
    ),
    "container_app_auth": Case({"resource_group": "rg", "app": "app"}, {"excluded_paths": ["/health"]}),
    "container_app_environment": Case({**HERE, "name": "env"}),
    "container_app_environment_storage": Case(
        {
            "resource_group": "rg",
            "environment": "env",
            "name": "files",
            "azure_file": {
                "account_name": "st123",
                "account_key": "a2V5",
                "share_name": "s",
                "access_mode": "ReadOnly",
            },
        },
        {"azure_file": {"account_name": "st123", "account_key": "a2V5", "share_name": "s", "access_mode": "ReadWrite"}},
    ),
    "container_app_job": Case(
        {
            **HERE,
            "name": "job",
            "environment_id": ENVIRONMENT,
            "trigger_type": "Manual",
            "replica_timeout": 60,
            "containers": [{"name": "c", "image": "i"}],
        }
    ),
    "container_registry": Case({**HERE, "name": "cr123"}),
    "diagnostic_setting": Case(
        {"scope": ENVIRONMENT, "name": "logs", "workspace_id": ANY_WORKSPACE, "logs": [{"category": "A"}]},
        {"logs": [{"category": "B"}]},
    ),
    "key_vault": Case({**HERE, "name": "kv-one", "vault_tenant_id": ANYBODY}),
    "key_vault_secret": Case({"vault": "kv-one", "name": "secret", "value": "v"}),
    "log_analytics_workspace": Case({**HERE, "name": "log1"}),
    "management_lock": Case({"scope": GROUP, "name": "keep"}, {"notes": "new"}),
    "resource_group": Case({"name": "rg", "location": "westeurope"}),
    "role_assignment": Case({"scope": GROUP, "role": "Reader", "principal_id": ANYBODY}, {"description": "new"}),
    "sql_database": Case({**HERE, "server": "s1", "name": "d1"}),
    "sql_firewall_rule": Case(
        {
            "resource_group": "rg",
            "server": "s1",
            "name": "r1",
            "start_ip_address": "10.0.0.1",
            "end_ip_address": "10.0.0.1",
        },
        {"end_ip_address": "10.0.0.2"},
    ),
    "sql_server": Case({**HERE, "name": "s1", **LOGIN}),
    "storage_account": Case({**HERE, "name": "st123"}),
    "storage_blob_service": Case({"resource_group": "rg", "account": "st123"}, {"versioning_enabled": True}),
    "storage_container": Case({"resource_group": "rg", "account": "st123", "name": "box"}, {"public_access": "Blob"}),
    "user_assigned_identity": Case({**HERE, "name": "id1"}),
}
# One line for each module that only looks.
INFOS = {
    "container_app_info": Case({"resource_group": "rg", "name": "app", "revisions": True}),
    "resource_info": Case({"resource_group": "rg"}),
    "role_assignment_info": Case({"scope": GROUP}),
    "sql_database_info": Case({"resource_group": "rg", "server": "s1"}),
    "storage_account_info": Case({}),
    "user_assigned_identity_info": Case({"resource_group": "rg", "name": "id1"}),
}
# Modules that manage no resource of their own. Their faults are tested with the rest of them.
OTHERS = {
    "container_app_revision": "below",
    "container_app_job_execution": "below",
    "container_image": "test_container_image.py",
    "mlflow_roundtrip": "tests/client",
    "preflight_info": "test_preflight_info.py",
    # Speaks to the database itself, by its own protocol.
    "sql_database_user": "test_sql_database_user.py",
    "storage_account_key_info": "test_storage_account_key.py",
}
# Never absent and never deleted: the service comes and goes with its account.
ALWAYS_THERE = {"storage_blob_service"}


def test_every_module_has_its_place_in_the_table() -> None:
    assert {file.stem for file in MODULES.glob("*.py")} == set(CASES) | set(INFOS) | set(OTHERS)


def error(status: int, code: str, **headers: str) -> Exchange:
    body = {"error": {"code": code, "message": f"{code} was said"}}
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
# What each outcome is, is in the functions of these names below; "-" is what cannot happen. The last three faults are of an
# operation that was accepted: it never ends, it fails, it fails because of another one.
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


def waits(name: str, stage: str) -> bool:
    """Whether the stage's request begins an operation that is then polled."""
    found = getattr(module_file(name), "RESOURCE", None)
    method = getattr(found, "create" if stage == "poll" else stage, "")
    return method.startswith("begin_")


def module_file(name: str) -> Any:
    from importlib import import_module

    return import_module(f"ansible_collections.mlops.mlflow_azure.plugins.modules.{name}")


def cells() -> Iterator[tuple[str, str, str, int | None, str]]:
    for name in CASES:
        for (fault, times), outcomes in TABLE.items():
            for stage, outcome in zip(STAGES, outcomes, strict=True):
                if outcome == "-" or (name in ALWAYS_THERE and stage in ("create", "delete", "poll")):
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


_MADE: dict[str, dict[str, Any]] = {}


def standing(name: str) -> dict[str, Any]:
    """What there is after the module has made its resource, by path."""
    if name not in _MADE:
        azure = FaultyAzure()
        if name in ALWAYS_THERE:
            azure.resources[path_of(name)] = {"id": path_of(name), "properties": {}}
        execute(name, azure, CASES[name].least)
        _MADE[name] = azure.resources
    return copy.deepcopy(_MADE[name])


def path_of(name: str) -> str:
    found = module_file(name).RESOURCE
    return f"/subscriptions/{'0' * 8}-0000-0000-0000-{'0' * 12}{found.path.format_map(CASES[name].least)}".lower()


def execute(name: str, azure: FaultyAzure, given: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = module(name).execute(options(name, **given), azure.arm, False)
    return result


def hits(stage: str) -> Any:
    """The requests that the fault of a stage is about."""
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
        azure.resources = standing(name)
    case = CASES.get(name) or INFOS[name]
    given = {
        **case.least,
        **(case.change if stage == "update" else {}),
        **({"state": "absent"} if stage == "delete" else {}),
    }
    result: dict[str, Any] = {}
    failure: ArmError | Failure | None = None
    try:
        result = execute(name, azure, given)
    except (ArmError, Failure) as caught:
        failure = caught
    # Nothing may take longer than the deadline, but for the last request, to which a second is granted.
    assert azure.clock.now <= SPAN + 1.0 * ATTEMPTS
    return Run(azure, fault or Fault(hits(stage), 0), result, failure)


@functools.cache
def undisturbed(name: str, stage: str) -> Run:
    done = run(name, stage, None)
    assert done.failure is None
    return done


def recovers(found: Run, name: str, stage: str) -> None:
    """The result is that of a run without the fault, and each request that met it was sent again, no other."""
    calm = undisturbed(name, stage)
    assert found.failure is None, found.failure
    assert found.result == calm.result
    assert found.fault.met == TWICE
    assert len(found.azure.requests) == len(calm.azure.requests) + TWICE
    assert found.azure.clock.now > 0


def deadline(found: Run, _name: str, _stage: str) -> None:
    """It is tried to the deadline, with pauses, and the last answer is the error."""
    assert isinstance(found.failure, ArmError)
    assert found.failure.code in ("TooManyRequests", "AnotherOperationInProgress")
    assert found.azure.clock.now >= SPAN - 30
    assert found.fault.met <= SPAN / 7 + 1
    assert "wait_timeout" in str(found.failure)


def gives_up(found: Run, _name: str, _stage: str) -> None:
    """A few attempts, then an error that says that it is Azure or the network."""
    assert found.fault.met <= ATTEMPTS
    assert found.fault.met == ATTEMPTS or found.azure.clock.now >= SPAN
    if isinstance(found.failure, ArmError):
        assert "Azure itself failed" in str(found.failure)
    else:
        assert "No usable answer from" in str(found.failure)


def at_once(found: Run, _name: str, _stage: str) -> None:
    """One attempt. The error has Azure's code and says what to do."""
    assert isinstance(found.failure, ArmError)
    assert found.failure.code in ("QuotaExceeded", "ExpiredAuthenticationToken", "AuthorizationFailed")
    assert found.failure.remedy().action in str(found.failure)
    assert found.fault.met == 1


def named(found: Run, _name: str, _stage: str) -> None:
    """The failure comes at the deadline, names the operation, and what was asked for was asked for once."""
    assert isinstance(found.failure, Failure)
    assert "wait_timeout" in found.failure.message
    assert found.failure.fields["operation"].startswith("https://management.azure.com/operations/1")
    assert "signature" not in found.failure.message
    assert found.azure.clock.now == pytest.approx(SPAN)
    assert writes_of(found) == 1


def reason(found: Run, _name: str, _stage: str) -> None:
    """Azure's reason is the error, and the write is not repeated."""
    assert isinstance(found.failure, ArmError)
    assert (found.failure.code, found.failure.message) == ("QuotaExceeded", "No more.")
    assert "quota" in found.failure.remedy().action
    assert writes_of(found) == 1


def conflict(found: Run, _name: str, _stage: str) -> None:
    """The write is repeated to the deadline: the other operation will have ended sometime."""
    assert isinstance(found.failure, ArmError)
    assert found.failure.code == "ConflictingServerOperation"
    assert SPAN - 20 <= found.azure.clock.now <= SPAN
    assert 1 < writes_of(found) < SPAN / 10


def writes_of(found: Run) -> int:
    return sum(found.azure.count(method) for method in (*WRITES, "DELETE"))


@pytest.mark.parametrize(("name", "fault", "stage", "times", "outcome"), list(cells()))
def test_a_fault(name: str, fault: str, stage: str, times: int | None, outcome: str) -> None:
    if fault in OPERATIONS:
        found = run(name, stage, None, OPERATIONS[fault])
    else:
        found = run(name, stage, Fault(hits(stage), times, **REPLIES[fault]))
        assert found.fault.met > 0
    if stage == "read" and times is ALWAYS:
        assert writes_of(found) == 0, "a fault read as absent"
    globals()[outcome](found, name, stage)


def test_the_table_is_full(told: Callable[[str], None]) -> None:
    found = list(cells())
    told(f"fault table: {len(found)} cells, {len(TABLE)} faults, {len(CASES) + len(INFOS)} modules")
    for name in CASES:
        assert {stage for module_, _fault, stage, _times, _outcome in found if module_ == name} >= {"read", "update"}


APPS = f"{GROUP}/providers/Microsoft.App"
RUNNING = {"active": True, "runningState": "Running", "provisioningState": "Provisioned"}
# Modules that act by POST: what stands, and the options that act on it.
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
    # It may have been done, so it is not done again.
    ("500", ALWAYS): "once",
    ("reset", ALWAYS): "once",
    ("hang", ALWAYS): "once",
    ("403", ALWAYS): "once",
}


@pytest.mark.parametrize("name", ACTING)
@pytest.mark.parametrize(("fault", "times"), ACTION)
def test_an_action_is_repeated_only_where_azure_refused_it(name: str, fault: str, times: int | None) -> None:
    struck = Fault(lambda method, _path: method == "POST", times, **REPLIES[fault])
    azure = FaultyAzure(struck, timeout=SPAN)
    there, given = ACTING[name]
    azure.resources = {path.lower(): content for path, content in there.items()}
    outcome = ACTION[fault, times]
    if outcome == "recovers":
        assert execute(name, azure, given)["changed"] is True
        assert azure.count("POST") == TWICE + 1
        return
    with pytest.raises((ArmError, Failure)):
        execute(name, azure, given)
    if outcome == "deadline":
        assert SPAN - 30 <= azure.clock.now <= SPAN
    else:
        assert azure.count("POST") == 1
