# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure's recorded operations, answer by answer: the engine polls what Azure names, ends where it ended, reads what it settled.

See test_golden.py for where the recordings are.
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
# Longer than anything that was recorded.
LONG = 7200.0
# No recorded operation failed.
OVER = ("succeeded",)


class Operation(NamedTuple):
    """write: the recorded request. polls: what was answered at the URL that Azure named. reads: of the resource after that."""

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
    """What a poll says. One without a body says it by its status."""
    body = entry.get("response_body")
    if entry["status"] == 202:
        return "running"
    if isinstance(body, dict) and "status" in body:
        return str(body["status"]).lower()
    return "succeeded"


def sent_by_the_module(module: str, method: str, entry: dict[str, Any]) -> bool:
    """The module uses PATCH only where it updates in part."""
    if not 200 <= (entry["status"] or 0) < 300:
        return False
    return method in ("PUT", "DELETE") or (method == "PATCH" and resource_type(module).partial)


def same_place(entry: dict[str, Any], path: str) -> bool:
    there = path_of(entry)
    return there == path or path.startswith(f"{there}/")


@cache
def operations() -> list[Operation]:
    found: list[Operation] = []
    for name, entries in conversations():
        for place, entry in enumerate(entries):
            path = path_of(entry)
            module = module_of(path)
            if module is None or not sent_by_the_module(module, entry["method"], entry):
                continue
            operation, polls, reads = polled_path(entry), [], []
            for later in entries[place + 1 :]:
                if same_place(later, path) and later["method"] in ("PUT", "PATCH", "DELETE"):
                    break
                if later["method"] == "GET" and operation is not None and path_of(later) == operation != path:
                    polls.append(later)
                elif later["method"] == "GET" and path_of(later) == path and later["status"] == 200:
                    reads.append(later)
            found.append(Operation(f"{name}#{entry['i']}", module, entry, polls, reads))
    return [operation for operation in found if whole(operation)]


def whole(operation: Operation) -> bool:
    """Whether the recording goes on until the operation was over."""
    named = polled_path(operation.write)
    if named == path_of(operation.write):
        named = None
    if named is not None and not any(state(poll) in OVER for poll in operation.polls):
        return False
    return operation.write["method"] == "DELETE" or any(not pending(operation, read) for read in operation.reads)


def pending(operation: Operation, read: dict[str, Any]) -> bool:
    return resource_type(operation.module).is_pending(read["response_body"])


class Replay:
    """Azure's recorded answers by path, in their order; the last one stays."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.polls = list(operation.polls)
        self.reads = list(operation.reads)
        self.asked: list[str] = []

    def request(self, method: str, url: str, **_options: Any) -> requests.Response:
        path = unquote(urlsplit(url).path).rstrip("/").lower()
        if method != "GET":
            self.asked.append("write")
            assert method == self.operation.write["method"]
            return self._answer(self.operation.write, url)
        if path == path_of(self.operation.write):
            self.asked.append("read")
            return self._answer(_next(self.reads), url)
        assert path == polled_path(self.operation.write), f"asks {path}, which Azure did not name"
        self.asked.append("poll")
        return self._answer(_next(self.polls), url)

    @staticmethod
    def _answer(entry: dict[str, Any], url: str) -> requests.Response:
        named = {name: header(entry, name.lower()) for name in ("Azure-AsyncOperation", "Location", "Retry-After")}
        headers = {name: value for name, value in named.items() if value is not None}
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
    """What the SDK's method takes: the names in the path, in the order of the module's address."""
    found = resource_type(operation.module)
    named = [part for part in found.path.split("/") if part.startswith("{")]
    pieces = unquote(urlsplit(operation.write["url"]).path).rstrip("/").split("/")
    template = f"/subscriptions/x{found.path}".split("/")
    values = {part.strip("{}"): pieces[template.index(part)] for part in named}
    return [values.get(option, pieces[-1]) for option in found.address]


def played(operation: Operation) -> tuple[Replay, dict[str, Any] | None]:
    """Sends the recorded request through the engine. Returns the conversation and what the resource has become."""
    found, replay, method = resource_type(operation.module), Replay(operation), operation.write["method"]
    arm = arm_for(replay)
    body = operation.write.get("request_body") if method != "DELETE" else None
    what = f"{method} of {operation.where}"
    arm.wait(arm.submit(found.operations, found.methods[method], *arguments(operation), body=body), what)
    if method == "DELETE":
        return replay, None

    def read() -> Any:
        return arm.get(found.operations, found.methods["GET"], *arguments(operation)) or {}

    return replay, arm.wait_until_settled(read, found.is_pending, what)


def tell(operation: Operation) -> str:
    return f"{operation.module}-{operation.where}"


@pytest.mark.parametrize("operation", operations(), ids=tell)
def test_an_operation_ends_as_azure_ended_it(operation: Operation) -> None:
    replay, settled = played(operation)
    over = next((n for n, poll in enumerate(operation.polls, 1) if state(poll) in OVER), 0)
    assert replay.asked[0] == "write"
    assert replay.asked.count("write") == 1
    assert replay.asked.count("poll") == (over if polled_path(operation.write) != path_of(operation.write) else 0)
    if operation.write["method"] != "DELETE":
        expected = next(read for read in operation.reads if not pending(operation, read))
        assert settled == expected["response_body"]


def test_count_of_operations(report_count: Callable[[str], None]) -> None:
    by_module = Counter(f"{found.module} {found.write['method']}" for found in operations())
    report_count(f"recorded operations: {len(operations())} ({json.dumps(dict(sorted(by_module.items())))})")
    assert len(operations()) > 150
