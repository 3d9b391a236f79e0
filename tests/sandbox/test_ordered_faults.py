# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and faults: rules that strike requests and operations, how long operations take, and what spreads late."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.arm.durations import TABLE, drawn, quantile
from tests.support.sandbox_client import Client, run_cli

IDENTITIES = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"
WORKSPACES = "providers/Microsoft.OperationalInsights/workspaces"
PLACE = {"location": "westeurope"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A sandbox of this file's own, so that its faults strike nobody else."""
    home = tmp_path_factory.mktemp("faults") / "home"
    started = run_cli(home, "up", "--entra-replication", "3600", "--role-propagation", "3600")
    assert started.returncode == 0, started.stderr
    yield Client(home, json.loads(run_cli(home, "env", "--json").stdout))
    run_cli(home, "down", "--purge")


@pytest.fixture
def faulty(own: Client) -> Iterator[Client]:
    yield own
    assert run_cli(own.home, "fault", "clear").returncode == 0


def add(client: Client, *words: str) -> int:
    done = run_cli(client.home, "fault", "add", *words)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def rules(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run_cli(client.home, "fault", "list", "--json").stdout)
    return found


def test_throttling_says_when_to_come_back(faulty: Client) -> None:
    group, token = faulty.group(), faulty.token()
    add(
        faulty,
        "throttle",
        "--type",
        "microsoft.managedidentity/*",
        "--verb",
        "PUT",
        "--count",
        "2",
        "--retry-after",
        "7",
    )
    path = f"{group}/{IDENTITIES}/one"
    refused = [faulty.arm("PUT", path, PLACE, token) for _time in range(2)]
    assert [(one.status_code, one.headers["Retry-After"]) for one in refused] == [(429, "7")] * 2
    assert refused[0].json()["error"]["code"] == "TooManyRequests"
    assert faulty.arm("GET", path, token=token).status_code == 404  # another verb, and nothing was made
    assert faulty.arm("PUT", path, PLACE, token).status_code == 201
    assert [(rule["seen"], rule["hits"]) for rule in rules(faulty)] == [(3, 2)]


def test_failures_have_their_status_code_and_message(faulty: Client) -> None:
    token = faulty.token()
    add(
        faulty,
        "fail",
        "--status",
        "503",
        "--code",
        "ServiceUnavailable",
        "--message",
        "Later.",
        "--type",
        "*/resourceGroups",
    )
    answer = faulty.arm("GET", f"{faulty.subscription}/resourceGroups", token=token)
    assert (answer.status_code, answer.json()["error"]) == (503, {"code": "ServiceUnavailable", "message": "Later."})
    assert answer.headers["x-ms-failure-cause"] == "service"
    assert faulty.arm("GET", "/subscriptions", token=token).status_code == 200


def test_a_dropped_request_is_not_carried_out(faulty: Client) -> None:
    path, token = f"{faulty.group()}/{IDENTITIES}/dropped", faulty.token()
    add(faulty, "drop", "--verb", "PUT", "--count", "1")
    with pytest.raises(requests.ConnectionError):
        faulty.arm("PUT", path, PLACE, token)
    assert faulty.arm("GET", path, token=token).status_code == 404


@pytest.mark.parametrize("kind", ["drop", "fail", "throttle"])
def test_a_lost_answer_leaves_what_was_done(faulty: Client, kind: str) -> None:
    path, token = f"{faulty.group()}/{IDENTITIES}/{kind}", faulty.token()
    add(faulty, kind, "--verb", "PUT", "--count", "1", "--after")
    if kind == "drop":
        with pytest.raises(requests.ConnectionError):
            faulty.arm("PUT", path, PLACE, token)
    else:
        assert faulty.arm("PUT", path, PLACE, token).status_code in (429, 500)
    assert faulty.arm("GET", path, token=token).status_code == 200


def test_a_stalled_operation_ends_when_its_rule_is_cleared(faulty: Client) -> None:
    path, token = f"{faulty.group()}/{WORKSPACES}/log-stalled", faulty.token()
    number = add(faulty, "stall", "--type", "Microsoft.OperationalInsights/workspaces", "--verb", "create")
    created = faulty.arm("PUT", path, PLACE, token)
    assert created.status_code == 201
    polled = faulty.session.get(
        created.headers["Azure-AsyncOperation"], headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    assert polled.json()["status"] == "InProgress"
    assert run_cli(faulty.home, "fault", "clear", str(number)).returncode == 0
    assert faulty.wait(created)["status"] == "Succeeded"
    assert faulty.arm("GET", path, token=token).json()["properties"]["provisioningState"] == "Succeeded"


def test_what_was_under_way_ends_with_the_resource_group(faulty: Client) -> None:
    group = faulty.group()
    path = f"{group}/{WORKSPACES}/log-again"
    add(faulty, "stall", "--type", "Microsoft.OperationalInsights/workspaces", "--verb", "create", "--count", "1")
    assert faulty.arm("PUT", path, PLACE).status_code == 201
    faulty.wait(faulty.arm("DELETE", group))
    assert faulty.arm("PUT", group, {"location": "westeurope"}).status_code == 201
    assert faulty.wait(faulty.arm("PUT", path, PLACE))["status"] == "Succeeded"
    assert faulty.arm("PUT", path, PLACE).status_code in (200, 201)


def test_a_failed_operation_carries_its_error(faulty: Client) -> None:
    path = f"{faulty.group()}/{WORKSPACES}/log-failed"
    add(
        faulty,
        "fail-operation",
        "--type",
        "*/workspaces",
        "--verb",
        "create",
        "--code",
        "CapacityExceeded",
        "--message",
        "Full.",
    )
    ended = faulty.wait(faulty.arm("PUT", path, PLACE))
    assert (ended["status"], ended["error"]) == ("Failed", {"code": "CapacityExceeded", "message": "Full."})
    assert faulty.arm("GET", path).json()["properties"]["provisioningState"] == "Failed"


def test_a_deletion_that_fails_leaves_the_resource(faulty: Client) -> None:
    group = faulty.group()
    add(faulty, "fail-operation", "--type", "*/resourceGroups", "--verb", "delete", "--count", "1")
    faulty.wait(faulty.arm("DELETE", group))
    assert faulty.arm("GET", group).status_code == 200
    faulty.wait(faulty.arm("DELETE", group))
    assert faulty.arm("GET", group).status_code == 404


def test_polls_are_a_verb_of_their_own(faulty: Client) -> None:
    path, token = f"{faulty.group()}/{WORKSPACES}/log-polled", faulty.token()
    add(faulty, "fail", "--verb", "POLL", "--count", "1", "--status", "502")
    created = faulty.arm("PUT", path, PLACE, token)
    headers = {"Authorization": f"Bearer {token}"}
    first, second = (
        faulty.session.get(created.headers["Azure-AsyncOperation"], headers=headers, timeout=30) for _time in range(2)
    )
    assert (first.status_code, second.status_code) == (502, 200)


def test_tokens_and_blobs_are_struck_by_host(faulty: Client) -> None:
    group = faulty.group()
    account = faulty.storage(group)
    url = account["properties"]["primaryEndpoints"]["blob"]
    add(faulty, "fail", "--host", "login.*", "--status", "500", "--count", "1")
    with pytest.raises(requests.HTTPError, match="500"):
        faulty.token()
    token = faulty.token("https://storage.azure.com/.default")
    add(faulty, "throttle", "--host", "*.blob.core.windows.net", "--count", "1")
    headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2023-11-03"}
    answers = [faulty.session.get(f"{url}?comp=list", headers=headers, timeout=30).status_code for _time in range(2)]
    assert answers == [429, 200]


def test_draws_repeat_with_the_seed(faulty: Client) -> None:
    token = faulty.token()

    def drawn_with(seed: str) -> list[int]:
        number = add(faulty, "fail", "--probability", "0.5", "--seed", seed, "--type", "*/subscriptions")
        answers = [faulty.arm("GET", "/subscriptions", token=token).status_code for _time in range(20)]
        run_cli(faulty.home, "fault", "clear", str(number))
        return answers

    first, again, other = drawn_with("1"), drawn_with("1"), drawn_with("2")
    assert first == again != other
    assert 4 <= first.count(500) <= 16


def test_the_first_ones_can_be_let_through(faulty: Client) -> None:
    token = faulty.token()
    add(faulty, "fail", "--skip", "2", "--count", "1", "--type", "*/subscriptions")
    answers = [faulty.arm("GET", "/subscriptions", token=token).status_code for _time in range(4)]
    assert answers == [200, 200, 500, 200]


def test_a_delay_delays_and_answers(faulty: Client) -> None:
    token = faulty.token()
    add(faulty, "delay", "--seconds", "0.3", "--type", "*/subscriptions", "--count", "1")
    slow, quick = (faulty.arm("GET", "/subscriptions", token=token) for _time in range(2))
    assert slow.status_code == quick.status_code == 200
    assert slow.elapsed.total_seconds() >= 0.3


def test_rules_stand_after_a_restart(faulty: Client) -> None:
    add(faulty, "fail", "--type", "*/subscriptions", "--count", "1")
    assert run_cli(faulty.home, "down").returncode == 0
    assert run_cli(faulty.home, "up").returncode == 0
    assert faulty.arm("GET", "/subscriptions").status_code == 500


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["fail", "--probability", "0"], "--probability 0.0: set a number above 0"),
        (["fail", "--probability", "1.5"], "--probability 1.5"),
        (["fail", "--status", "429"], "`throttle` is for 429"),
        (["fail", "--count", "0"], "--count 0: set a whole number from 1"),
        (["throttle", "--retry-after", "0"], "--retry-after 0"),
        (["throttle", "--status", "503"], "--status has no meaning for throttle, only for fail"),
        (["delay", "--seconds", "-1"], "--seconds -1.0"),
        (["stall", "--after"], "--after has no meaning for stall"),
        (["stall", "--verb", "PUT"], "the verb of an operation is create"),
        (["fail", "--verb", "create"], "set an HTTP method, or POLL"),
        (["drop", "--code", "X"], "--code has no meaning for drop"),
        (["explode"], "invalid choice: 'explode'"),
    ],
)
def test_rules_that_make_no_sense_are_refused(faulty: Client, words: list[str], reason: str) -> None:
    refused = run_cli(faulty.home, "fault", "add", *words)
    assert refused.returncode != 0
    assert reason in refused.stderr
    assert rules(faulty) == []


def test_clearing_what_is_not_there_is_an_error(faulty: Client) -> None:
    refused = run_cli(faulty.home, "fault", "clear", "4711")
    assert (refused.returncode, "there is no fault rule 4711" in refused.stderr) == (1, True)


def test_rules_need_a_sandbox(tmp_path: Path) -> None:
    refused = run_cli(tmp_path / "none", "fault", "add", "fail")
    assert (refused.returncode, "has not been started" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    "words", [("--latency", "2"), ("--latency", "-0.1"), ("--entra-replication", "-1"), ("--role-propagation", "-5")]
)
def test_times_that_make_no_sense_are_refused(tmp_path: Path, words: tuple[str, str]) -> None:
    refused = run_cli(tmp_path / "home", "up", *words)
    assert refused.returncode == 1
    assert f"error: {words[0]} {float(words[1])}: set a number" in refused.stderr


# what spreads late


def assignment(client: Client, scope: str, principal: str, **more: str) -> requests.Response:
    reader = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    role = f"{client.subscription}/providers/Microsoft.Authorization/roleDefinitions/{reader}"
    body = {"properties": {"principalId": principal, "roleDefinitionId": role, **more}}
    return client.arm("PUT", f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}", body)


def test_a_new_identity_is_not_found_everywhere_at_once(own: Client) -> None:
    group = own.group()
    principal = own.identity(group, "fresh")["properties"]["principalId"]
    refused = assignment(own, group, principal)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "PrincipalNotFound")
    graph = own.session.get(
        f"https://graph.microsoft.com/v1.0/servicePrincipals/{principal}",
        headers={"Authorization": f"Bearer {own.token('https://graph.microsoft.com/.default')}"},
        timeout=30,
    )
    assert (graph.status_code, graph.json()["error"]["code"]) == (404, "Request_ResourceNotFound")
    # Azure's own way out: it does not look where the type is given
    assert assignment(own, group, principal, principalType="ServicePrincipal").status_code == 201


def test_a_new_role_does_not_count_at_once(own: Client) -> None:
    account = own.storage(own.group())
    assert own.assign(account["id"], "Storage Blob Data Contributor", own.me()).status_code == 201
    headers = {
        "Authorization": f"Bearer {own.token('https://storage.azure.com/.default')}",
        "x-ms-version": "2023-11-03",
    }
    url = f"{account['properties']['primaryEndpoints']['blob']}some/blob"
    assert own.session.get(url, headers=headers, timeout=30).status_code == 403


# durations


def test_durations_rise_and_are_drawn_from_the_table() -> None:
    for (kind, verb), seconds in TABLE.items():
        assert list(seconds) == sorted(seconds), (kind, verb)
    environment = TABLE["microsoft.app/managedenvironments", "create"]
    assert quantile(environment, 0.0) == environment[0]
    assert quantile(environment, 0.5) == environment[2]
    assert quantile(environment, 1.0) == environment[-1]
    draws = sorted(drawn("Microsoft.App/managedEnvironments", "create", 86.0, f"0 {n}") for n in range(2000))
    assert draws[1000] == pytest.approx(environment[2], rel=0.1)
    assert environment[0] <= draws[0] <= draws[-1] <= environment[-1]


def test_durations_repeat_with_the_seed_and_fall_back_on_the_typical() -> None:
    assert drawn("Microsoft.Sql/servers", "create", 57.0, "7") == drawn("microsoft.sql/servers", "create", 57.0, "7")
    assert drawn("Microsoft.Sql/servers", "create", 57.0, "7") != drawn("microsoft.sql/servers", "create", 57.0, "8")
    assert 6.0 <= drawn("Microsoft.Else/things", "create", 10.0, "1") <= 20.0


def test_operations_take_their_share_of_azures_time(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run_cli(home, "up", "--latency", "1").returncode == 0
    try:
        client = Client(home, json.loads(run_cli(home, "env", "--json").stdout))
        created = client.arm(
            "PUT", f"{client.group()}/providers/Microsoft.App/managedEnvironments/slow", {**PLACE, "properties": {}}
        )
        assert (created.status_code, created.headers["Retry-After"]) == (201, "15")
        polled = client.session.get(
            created.headers["Azure-AsyncOperation"], headers={"Authorization": f"Bearer {client.token()}"}, timeout=30
        )
        assert polled.json()["status"] == "InProgress"
    finally:
        run_cli(home, "down", "--purge")
