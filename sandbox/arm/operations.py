# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long-running operations: their end, and the responses to polls.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from sandbox.arm.resource_type import Context, ResourceType
from sandbox.arm.target import ENDPOINT
from sandbox.messages import Json, Response, json_response
from sandbox.store import SUCCEEDED, Operation

_SEGMENT = re.compile(r"/[^/]*operation(?:s|status|statuses|results)?/([^/]+)$", re.IGNORECASE)
_RETRY_AFTER = 15


class Operations:
    """The operations of a store. `types` has the resource types by their names in lower case."""

    def __init__(self, context: Context, types: Mapping[str, ResourceType]) -> None:
        self._context = context
        self._store = context.store
        self._types = types

    def find(self, path: str) -> Operation | None:
        """Return the operation that the path of a URL polls; None where it polls none."""
        match = _SEGMENT.search(path)
        return self._store.operation(match[1]) if match is not None else None

    def finish_due(self) -> None:
        """End the operations whose time is over and whose work has ended."""
        now = time.time()
        for operation in self._store.running_operations():
            if not operation.work and now >= operation.due:
                self._finish(operation)

    def _finish(self, operation: Operation) -> None:
        with self._store.transaction():
            operation.ended = time.time()
            operation.status = "Failed" if operation.error else "Succeeded"
            self._store.put_operation(operation)
            resource = self._store.get(operation.resource)
            if resource is None:
                return
            if operation.verb == "delete" and not operation.error:
                for deleted in [*self._store.below(resource.id), resource]:
                    self._store.delete_principals_of(deleted.key)
                self._store.delete(resource.id)
                self._store.end_operations_below(resource.key)
                return
            resource.state = operation.status if operation.error else SUCCEEDED
            self._store.put(resource)

    def poll(self, operation: Operation, path: str, version: str) -> Response:
        """Return the response to a poll of an operation."""
        handler = self._types.get(operation.type)
        if "results" in path.lower() or "asyncoperations" in path.lower():
            return self._result(operation, handler, f"{ENDPOINT}{path}?api-version={version}")
        status: Json = {
            "id": path,
            "name": operation.id,
            "status": operation.status,
            "startTime": time.strftime("%Y-%m-%dT%H:%M:%S.0000000", time.gmtime(operation.started)),
        }
        if operation.error:
            status["error"] = operation.error
        return json_response(200, status)

    def _result(self, operation: Operation, handler: ResourceType | None, url: str) -> Response:
        """Return the response of the URL in Location: 202 while the operation runs, then its result."""
        if operation.status == "InProgress":
            seconds = handler.retry_after if handler is not None else _RETRY_AFTER
            return Response(202, b"", {"Retry-After": self._context.retry_after(seconds), "Location": url})
        if operation.error:
            return json_response(409, {"error": operation.error})
        resource = self._store.get(operation.resource)
        if operation.verb == "delete" or resource is None or handler is None:
            return Response(handler.deleted_result_status if handler is not None else 200)
        return json_response(200, handler.show(resource))
