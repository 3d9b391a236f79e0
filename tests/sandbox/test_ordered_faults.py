# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults and time: fault rules for requests and operations, the durations of operations, and delayed propagation."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.arm.durations import TABLE, draw_seconds, quantile
from tests.support.sandbox_client import Client, run_cli

IDENTITIES = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"
WORKSPACES = "providers/Microsoft.OperationalInsights/workspaces"
PLACE = {"location": "westeurope"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Return a sandbox of this file only, so that its faults do not affect other tests."""
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
    result: list[dict[str, Any]] = json.loads(run_cli(client.home, "fault", "list", "--json").stdout)
    return result


def test_throttling_returns_429_with_retry_after(faulty: Client) -> None:
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


def test_a_failure_has_the_status_code_and_message_of_its_rule(faulty: Client) -> None:
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


def test_a_dropped_request_is_not_processed(faulty: Client) -> None:
    path, token = f"{faulty.group()}/{IDENTITIES}/dropped", faulty.token()
    add(faulty, "drop", "--verb", "PUT", "--count", "1")
    with pytest.raises(requests.ConnectionError):
        faulty.arm("PUT", path, PLACE, token)
    assert faulty.arm("GET", path, token=token).status_code == 404


@pytest.mark.parametrize("kind", ["drop", "fail", "throttle"])
def test_a_request_with_a_lost_response_is_processed(faulty: Client, kind: str) -> None:
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


def test_the_deletion_of_a_group_cancels_the_operations_in_it(faulty: Client) -> None:
    group = faulty.group()
    path = f"{group}/{WORKSPACES}/log-again"
    add(faulty, "stall", "--type", "Microsoft.OperationalInsights/workspaces", "--verb", "create", "--count", "1")
    assert faulty.arm("PUT", path, PLACE).status_code == 201
    faulty.wait(faulty.arm("DELETE", group))
    assert faulty.arm("PUT", group, {"location": "westeurope"}).status_code == 201
    assert faulty.wait(faulty.arm("PUT", path, PLACE))["status"] == "Succeeded"
    assert faulty.arm("PUT", path, PLACE).status_code in (200, 201)


def test_a_failed_operation_returns_its_error(faulty: Client) -> None:
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


def test_a_failed_deletion_keeps_the_resource(faulty: Client) -> None:
    group = faulty.group()
    add(faulty, "fail-operation", "--type", "*/resourceGroups", "--verb", "delete", "--count", "1")
    faulty.wait(faulty.arm("DELETE", group))
    assert faulty.arm("GET", group).status_code == 200
    faulty.wait(faulty.arm("DELETE", group))
    assert faulty.arm("GET", group).status_code == 404


def test_the_verb_poll_matches_polls_only(faulty: Client) -> None:
    path, token = f"{faulty.group()}/{WORKSPACES}/log-polled", faulty.token()
    add(faulty, "fail", "--verb", "POLL", "--count", "1", "--status", "502")
    created = faulty.arm("PUT", path, PLACE, token)
    headers = {"Authorization": f"Bearer {token}"}
    first, second = (
        faulty.session.get(created.headers["Azure-AsyncOperation"], headers=headers, timeout=30) for _time in range(2)
    )
    assert (first.status_code, second.status_code) == (502, 200)


def test_a_rule_matches_tokens_and_blobs_by_host(faulty: Client) -> None:
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


def test_a_rule_skips_the_first_requests(faulty: Client) -> None:
    token = faulty.token()
    add(faulty, "fail", "--skip", "2", "--count", "1", "--type", "*/subscriptions")
    answers = [faulty.arm("GET", "/subscriptions", token=token).status_code for _time in range(4)]
    assert answers == [200, 200, 500, 200]


def test_a_delayed_request_gets_its_response(faulty: Client) -> None:
    token = faulty.token()
    add(faulty, "delay", "--seconds", "0.3", "--type", "*/subscriptions", "--count", "1")
    slow, quick = (faulty.arm("GET", "/subscriptions", token=token) for _time in range(2))
    assert slow.status_code == quick.status_code == 200
    assert slow.elapsed.total_seconds() >= 0.3


def test_rules_persist_over_a_restart(faulty: Client) -> None:
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
def test_an_invalid_rule_is_an_error(faulty: Client, words: list[str], reason: str) -> None:
    refused = run_cli(faulty.home, "fault", "add", *words)
    assert refused.returncode != 0
    assert reason in refused.stderr
    assert rules(faulty) == []


def test_clearing_a_missing_rule_is_an_error(faulty: Client) -> None:
    refused = run_cli(faulty.home, "fault", "clear", "4711")
    assert (refused.returncode, "there is no fault rule 4711" in refused.stderr) == (1, True)


def test_rules_require_a_sandbox(tmp_path: Path) -> None:
    refused = run_cli(tmp_path / "none", "fault", "add", "fail")
    assert (refused.returncode, "has not been started" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    "words", [("--latency", "2"), ("--latency", "-0.1"), ("--entra-replication", "-1"), ("--role-propagation", "-5")]
)
def test_an_invalid_time_is_an_error(tmp_path: Path, words: tuple[str, str]) -> None:
    refused = run_cli(tmp_path / "home", "up", *words)
    assert refused.returncode == 1
    assert f"error: {words[0]} {float(words[1])}: set a number" in refused.stderr


# what spreads late


def assignment(client: Client, scope: str, principal: str, **more: str) -> requests.Response:
    reader = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    role = f"{client.subscription}/providers/Microsoft.Authorization/roleDefinitions/{reader}"
    body = {"properties": {"principalId": principal, "roleDefinitionId": role, **more}}
    return client.arm("PUT", f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}", body)


def test_a_new_identity_is_replicated_with_a_delay(own: Client) -> None:
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


def test_a_new_role_assignment_propagates_with_a_delay(own: Client) -> None:
    account = own.storage(own.group())
    assert own.assign(account["id"], "Storage Blob Data Contributor", own.me()).status_code == 201
    headers = {
        "Authorization": f"Bearer {own.token('https://storage.azure.com/.default')}",
        "x-ms-version": "2023-11-03",
    }
    url = f"{account['properties']['primaryEndpoints']['blob']}some/blob"
    assert own.session.get(url, headers=headers, timeout=30).status_code == 403


# durations


def test_durations_follow_the_distribution_of_the_table() -> None:
    for (kind, verb), seconds in TABLE.items():
        assert list(seconds) == sorted(seconds), (kind, verb)
    environment = TABLE["microsoft.app/managedenvironments", "create"]
    assert quantile(environment, 0.0) == environment[0]
    assert quantile(environment, 0.5) == environment[2]
    assert quantile(environment, 1.0) == environment[-1]
    draws = sorted(draw_seconds("Microsoft.App/managedEnvironments", "create", 86.0, f"0 {n}") for n in range(2000))
    assert draws[1000] == pytest.approx(environment[2], rel=0.1)
    assert environment[0] <= draws[0] <= draws[-1] <= environment[-1]


def test_durations_repeat_with_the_seed_and_default_to_the_typical_duration() -> None:
    assert draw_seconds("Microsoft.Sql/servers", "create", 57.0, "7") == draw_seconds(
        "microsoft.sql/servers", "create", 57.0, "7"
    )
    assert draw_seconds("Microsoft.Sql/servers", "create", 57.0, "7") != draw_seconds(
        "microsoft.sql/servers", "create", 57.0, "8"
    )
    assert 6.0 <= draw_seconds("Microsoft.Else/things", "create", 10.0, "1") <= 20.0


def test_latency_scales_the_durations_of_operations(tmp_path: Path) -> None:
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
