# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded long-running operations of Azure: the engine polls the URL that Azure returned, until the operation ended.

tests/support/recordings.py says where the recordings are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
import requests
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.arm import Arm
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.auth import Connection
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.clouds import CLOUDS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.deadline import Deadline
from azure.core.pipeline.transport import RequestsTransport

from tests.support.fake_azure import SUBSCRIPTION, Clock, Exchange, FakeCredential, answer
from tests.support.recorded_cases import module_of
from tests.support.recordings import conversations, path_of
from tests.support.resource_types import resource_type

pytestmark = pytest.mark.recordings
# Seconds, longer than any recorded operation.
LONG = 7200.0
# No recorded operation failed.
OVER = ("succeeded",)


class Operation(NamedTuple):
    """A recorded write, the responses of the URL that Azure returned for polling, and the later reads of the resource."""

    where: str
    module: str
    write: dict[str, Any]
    polls: list[dict[str, Any]]
    reads: list[dict[str, Any]]


def header(entry: dict[str, Any], name: str) -> str | None:
    found = [value for key, value in (entry.get("response_headers") or {}).items() if key.lower() == name]
    return (found[0][0] if isinstance(found[0], list) else found[0]) if found else None


def polled_path(entry: dict[str, Any]) -> str | None:
    url = header(entry, "azure-asyncoperation") or header(entry, "location")
    return unquote(urlsplit(url).path).rstrip("/").lower() if url else None


def state(entry: dict[str, Any]) -> str:
    """Return the status of the operation in a poll. Without a body it is the HTTP status."""
    body = entry.get("response_body")
    if entry["status"] == 202:
        return "running"
    if isinstance(body, dict) and "status" in body:
        return str(body["status"]).lower()
    return "succeeded"


def sent_by_the_module(module: str, method: str, entry: dict[str, Any]) -> bool:
    """Return whether the module sends such a request: PATCH only where it updates in part."""
    if not 200 <= (entry["status"] or 0) < 300:
        return False
    return method in ("PUT", "DELETE") or (method == "PATCH" and resource_type(module).partial)


def is_same_or_above(entry: dict[str, Any], path: str) -> bool:
    other = path_of(entry)
    return other == path or path.startswith(f"{other}/")


@cache
def operations() -> list[Operation]:
    recorded: list[Operation] = []
    for name, entries in conversations():
        for place, entry in enumerate(entries):
            path = path_of(entry)
            module = module_of(path)
            if module is None or not sent_by_the_module(module, entry["method"], entry):
                continue
            operation, polls, reads = polled_path(entry), [], []
            for later in entries[place + 1 :]:
                if is_same_or_above(later, path) and later["method"] in ("PUT", "PATCH", "DELETE"):
                    break
                if later["method"] == "GET" and operation is not None and path_of(later) == operation != path:
                    polls.append(later)
                elif later["method"] == "GET" and path_of(later) == path and later["status"] == 200:
                    reads.append(later)
            recorded.append(Operation(f"{name}#{entry['i']}", module, entry, polls, reads))
    return [operation for operation in recorded if is_complete(operation)]


def is_complete(operation: Operation) -> bool:
    """Return whether the recording contains the end of the operation."""
    polled = polled_path(operation.write)
    if polled == path_of(operation.write):
        polled = None
    if polled is not None and not any(state(poll) in OVER for poll in operation.polls):
        return False
    return operation.write["method"] == "DELETE" or any(not pending(operation, read) for read in operation.reads)


def pending(operation: Operation, read: dict[str, Any]) -> bool:
    return resource_type(operation.module).is_pending(read["response_body"])


class Replay:
    """A session that returns the recorded responses by path, in their order; the last one repeats."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.polls = list(operation.polls)
        self.reads = list(operation.reads)
        self.requests: list[str] = []

    def request(self, method: str, url: str, **_options: Any) -> requests.Response:
        path = unquote(urlsplit(url).path).rstrip("/").lower()
        if method != "GET":
            self.requests.append("write")
            assert method == self.operation.write["method"]
            return self._answer(self.operation.write, url)
        if path == path_of(self.operation.write):
            self.requests.append("read")
            return self._answer(_next(self.reads), url)
        assert path == polled_path(self.operation.write), f"requests {path}, which Azure did not return"
        self.requests.append("poll")
        return self._answer(_next(self.polls), url)

    @staticmethod
    def _answer(entry: dict[str, Any], url: str) -> requests.Response:
        recorded = {name: header(entry, name.lower()) for name in ("Azure-AsyncOperation", "Location", "Retry-After")}
        headers = {name: value for name, value in recorded.items() if value is not None}
        body = entry.get("response_body")
        body = None if body == "" else body
        return answer(Exchange(entry["method"], "", entry["status"], body, headers), url)


def _next(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return entries.pop(0) if len(entries) > 1 else entries[0]


def arm_for(replay: Replay) -> Arm:
    clock = Clock()
    deadline = Deadline(LONG, clock.monotonic, clock.sleep)
    connection = Connection(SUBSCRIPTION, CLOUDS["AzureCloud"])
    return Arm(connection, FakeCredential(), deadline, RequestsTransport(session=replay, session_owner=False))


def arguments(operation: Operation) -> list[str]:
    """Return the arguments of the SDK's method: the names in the path, in the order of the module's address."""
    found = resource_type(operation.module)
    placeholders = [part for part in found.path.split("/") if part.startswith("{")]
    pieces = unquote(urlsplit(operation.write["url"]).path).rstrip("/").split("/")
    template = f"/subscriptions/x{found.path}".split("/")
    values = {part.strip("{}"): pieces[template.index(part)] for part in placeholders}
    return [values.get(option, pieces[-1]) for option in found.address]


def run(operation: Operation) -> tuple[Replay, dict[str, Any] | None]:
    """Send the recorded request through the engine. Return the session and the settled resource."""
    found, replay, method = resource_type(operation.module), Replay(operation), operation.write["method"]
    arm = arm_for(replay)
    body = operation.write.get("request_body") if method != "DELETE" else None
    label = f"{method} of {operation.where}"
    arm.wait(arm.submit(found.operations, found.methods[method], *arguments(operation), body=body), label)
    if method == "DELETE":
        return replay, None

    def read() -> Any:
        return arm.get(found.operations, found.methods["GET"], *arguments(operation)) or {}

    return replay, arm.wait_until_settled(read, found.is_pending, label)


def name_of(operation: Operation) -> str:
    return f"{operation.module}-{operation.where}"


@pytest.mark.parametrize("operation", operations(), ids=name_of)
def test_the_engine_polls_until_the_recorded_operation_ended(operation: Operation) -> None:
    replay, settled = run(operation)
    over = next((n for n, poll in enumerate(operation.polls, 1) if state(poll) in OVER), 0)
    assert replay.requests[0] == "write"
    assert replay.requests.count("write") == 1
    assert replay.requests.count("poll") == (over if polled_path(operation.write) != path_of(operation.write) else 0)
    if operation.write["method"] != "DELETE":
        expected = next(read for read in operation.reads if not pending(operation, read))
        assert settled == expected["response_body"]


def test_count_of_operations(report_count: Callable[[str], None]) -> None:
    by_module = Counter(f"{operation.module} {operation.write['method']}" for operation in operations())
    report_count(f"recorded operations: {len(operations())} ({json.dumps(dict(sorted(by_module.items())))})")
    assert len(operations()) > 150
