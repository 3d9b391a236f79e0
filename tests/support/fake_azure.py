# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure as a script: the requests that are expected, in their order, and the answers to them."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.arm import Arm
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.auth import Connection, Token
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.clouds import CLOUDS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.deadline import Deadline
from azure.core.pipeline.transport import RequestsTransport

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
BASE = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{BASE}/resourceGroups/rg"
POLL = "https://management.azure.com/operations/1?api-version=1&s=signature"
NOT_FOUND = {"error": {"code": "ResourceNotFound", "message": "was not found"}}


@dataclass
class Exchange:
    """One expected request and its answer. path: below the host, without the query. sent: the body, ANY for any."""

    method: str
    path: str
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    sent: Any = None
    error: Exception | None = None
    query: str = ""


ANY = object()


def get(path: str, status: int, body: Any = None, **rest: Any) -> Exchange:
    return Exchange("GET", path, status, body, **rest)


def put(path: str, status: int, body: Any = None, **rest: Any) -> Exchange:
    return Exchange("PUT", path, status, body, **{"sent": ANY, **rest})


def patch(path: str, status: int, body: Any = None, **rest: Any) -> Exchange:
    return Exchange("PATCH", path, status, body, **{"sent": ANY, **rest})


def post(path: str, status: int, body: Any = None, **rest: Any) -> Exchange:
    return Exchange("POST", path, status, body, **{"sent": ANY, **rest})


def delete(path: str, status: int, body: Any = None, **rest: Any) -> Exchange:
    return Exchange("DELETE", path, status, body, **rest)


def poll(status: str, **rest: Any) -> Exchange:
    """An answer of the operation at POLL."""
    return get("/operations/1", 200, {"status": status, **rest.pop("body", {})}, **rest)


ACCEPTED = {"Azure-AsyncOperation": POLL}


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)


class FakeSession:
    """Stands in for requests.Session below azure-core's transport."""

    def __init__(self, script: list[Exchange]) -> None:
        self.script = script
        self.requests: list[tuple[str, str]] = []

    def request(self, method: str, url: str, data: Any = None, **options: Any) -> requests.Response:
        parts = urlsplit(url)
        self.requests.append((method, url))
        if not self.script:
            raise AssertionError(f"unexpected request: {method} {url}")
        expected = self.script.pop(0)
        assert (method, unquote(parts.path).lower()) == (expected.method, expected.path.lower())
        assert expected.query in unquote(parts.query)
        if expected.sent is not ANY:
            sent = json.loads(data) if data else None
            assert sent == expected.sent
        if expected.error is not None:
            raise expected.error
        return answer(expected, url)


def answer(exchange: Exchange, url: str) -> requests.Response:
    content = exchange.body if isinstance(exchange.body, (str, bytes)) else json.dumps(exchange.body)
    if exchange.body is None:
        content = ""
    raw = content if isinstance(content, bytes) else content.encode()
    kind = "text/html" if isinstance(exchange.body, str) else "application/json"
    headers = {"Content-Type": kind, "Content-Length": str(len(raw)), "x-ms-request-id": "r1", **exchange.headers}
    response = requests.Response()
    response.status_code = exchange.status
    response.headers.update(headers)
    response.url = url
    response.raw = urllib3.HTTPResponse(io.BytesIO(raw), headers, exchange.status, preload_content=False)
    return response


class FakeCredential:
    """Always has a token."""

    def get_token(self, *_scopes: str, **_options: Any) -> Token:
        return Token("token", 4102444800)


class FakeAzure:
    """An Arm that talks to a script. Leaving the with block asserts that the whole script was used."""

    def __init__(self, *script: Exchange, wait_timeout: float = 600) -> None:
        self.session = FakeSession(list(script))
        self.clock = Clock()
        connection = Connection(SUBSCRIPTION, CLOUDS["AzureCloud"])
        deadline = Deadline(wait_timeout, self.clock.monotonic, self.clock.sleep)
        transport = RequestsTransport(session=self.session, session_owner=False)
        self.arm = Arm(connection, FakeCredential(), deadline, transport)

    def __enter__(self) -> FakeAzure:
        return self

    def __exit__(self, kind: Any, *_rest: Any) -> None:
        if kind is None:
            assert not self.session.script, f"not requested: {self.session.script}"

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [request for request in self.session.requests if request[0] != "GET"]


def module(name: str) -> Any:
    return import_module(f"ansible_collections.mlops.mlflow_azure.plugins.modules.{name}").MODULE


def options(which: str, /, **given: Any) -> dict[str, Any]:
    """The options as Ansible hands them to the module. Raises AssertionError for what its argument spec refuses."""
    found = module(which)
    checked = ArgumentSpecValidator(found.argument_spec(), **found.constraints).validate(json.loads(json.dumps(given)))
    assert not checked.error_messages, checked.error_messages
    return dict(checked.validated_parameters)


def run(which: str, azure: FakeAzure, /, *, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    """The result of the module's logic."""
    result: dict[str, Any] = module(which)(options(which, **given), azure.arm).execute(check_mode)
    return result
