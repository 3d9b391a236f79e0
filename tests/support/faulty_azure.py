# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure with resources in memory and a fault: a PUT stores the resource, and selected requests fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.arm import Arm
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.auth import Connection
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.clouds import CLOUDS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.deadline import Deadline
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.retry import CONNECTION_TIMEOUT, READ_TIMEOUT
from azure.core.pipeline.transport import RequestsTransport

from tests.support.fake_azure import ACCEPTED, SUBSCRIPTION, Clock, Exchange, FakeCredential, answer

VAULT_CHALLENGE = {
    "WWW-Authenticate": f'Bearer authorization="https://login.microsoftonline.com/{SUBSCRIPTION}", '
    'resource="https://vault.azure.net"'
}


@dataclass
class Fault:
    """A fault of requests. hits: selects requests by method and path. times: how often, None for always.

    reply: the response. error: the error of the connection. hangs: whether there is no response until the read timeout.
    met: the number of requests that met the fault.
    """

    hits: Callable[[str, str], bool]
    times: int | None
    reply: Exchange | None = None
    error: Exception | None = None
    hangs: bool = False
    met: int = 0

    def strike(self, method: str, path: str) -> bool:
        if not self.hits(method, path) or (self.times is not None and self.met >= self.times):
            return False
        self.met += 1
        return True


class FaultyAzure:
    """An Arm with resources in memory. operation: the final state of each long-running operation.

    resources: by path in lower case. action: the response to every POST. requests: (method, path) in their order.
    """

    def __init__(
        self, fault: Fault | None = None, operation: dict[str, Any] | None = None, timeout: float = 900
    ) -> None:
        self.fault = fault
        self.operation = operation or {"status": "Succeeded"}
        self.resources: dict[str, Any] = {}
        self.action: dict[str, Any] = {"value": [], "primarySharedKey": "key"}
        self.requests: list[tuple[str, str]] = []
        self.clock = Clock()
        connection = Connection(SUBSCRIPTION, CLOUDS["AzureCloud"])
        deadline = Deadline(timeout, self.clock.monotonic, self.clock.sleep)
        self.arm = Arm(connection, FakeCredential(), deadline, RequestsTransport(session=self, session_owner=False))

    def count(self, method: str, start: str = "/") -> int:
        return sum(1 for each, path in self.requests if each == method and path.startswith(start))

    def request(self, method: str, url: str, data: Any = None, **options: Any) -> requests.Response:
        parts = urlsplit(url)
        path = unquote(parts.path).lower()
        if parts.netloc.endswith(".vault.azure.net") and "Authorization" not in options["headers"]:
            # The client of a vault sends its first request without a token, to get the address of the token service.
            return answer(Exchange(method, path, 401, {"error": {"code": "Unauthorized"}}, VAULT_CHALLENGE), url)
        self.requests.append((method, path))
        connecting, reading = options["timeout"]
        assert connecting <= CONNECTION_TIMEOUT
        assert reading <= READ_TIMEOUT
        if self.fault is not None and self.fault.strike(method, path):
            if self.fault.hangs:
                self.clock.now += reading
                raise requests.exceptions.ReadTimeout("Read timed out.")
            if self.fault.error is not None:
                raise self.fault.error
            assert self.fault.reply is not None
            return answer(self.fault.reply, url)
        return answer(self._reply(method, path, json.loads(data) if data else None), url)

    def _reply(self, method: str, path: str, body: Any) -> Exchange:
        if path.startswith("/operations/"):
            return Exchange(method, path, 200, self.operation)
        if method in ("PUT", "PATCH"):
            current = self.resources.get(path, {})
            self.resources[path] = _merged(current, {**body, "id": path, "name": path.rpartition("/")[2]})
            # Storage differs. An SDK method that does not wait ignores the operation.
            created = 202 if path.rpartition("/")[0].endswith("/storageaccounts") else 201
            created = 200 if path.endswith(("/default", "/current")) else created
            return Exchange(method, path, 200 if current else created, self.resources[path], ACCEPTED)
        if method == "DELETE":
            gone = self.resources.get(path)
            if self.operation["status"] == "Succeeded":
                self.resources.pop(path, None)
                if path.startswith("/secrets/"):
                    self.resources[f"/deleted{path[1:]}"] = gone
            if gone is None:
                return Exchange(method, path, 204)
            return Exchange(method, path, 200, gone, ACCEPTED)
        if method == "POST":
            return Exchange(method, path, 200, self.action)
        if path in self.resources:
            return Exchange(method, path, 200, self.resources[path])
        if path.endswith(("/roleassignments", "/versions", "/storageaccounts", "/databases", "/revisions")):
            return Exchange(method, path, 200, {"value": []})
        return Exchange(method, path, 404, {"error": {"code": "ResourceNotFound", "message": "was not found"}})


def _merged(current: Any, sent: Any) -> Any:
    if not isinstance(current, dict) or not isinstance(sent, dict):
        return sent
    return {**current, **{key: _merged(current.get(key), value) for key, value in sent.items()}}
