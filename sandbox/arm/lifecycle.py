# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The creation, update and deletion of resources, and the responses to them."""

from __future__ import annotations

import time
from collections.abc import Mapping

from sandbox.arm.resource_type import Call, Context, Reply, ResourceType
from sandbox.arm.target import ENDPOINT
from sandbox.messages import Response, json_response
from sandbox.store import Operation, Resource


class Lifecycle:
    """Writes and deletes the resources of a store. `types` has the resource types by their names in lower case."""

    def __init__(self, context: Context, types: Mapping[str, ResourceType]) -> None:
        self._context = context
        self._store = context.store
        self._types = types

    def write(self, handler: ResourceType, call: Call, existing: Resource | None) -> Response:
        """Create or update a resource."""
        if existing is not None:
            self._check_busy(handler, existing)
        elif handler.unique_everywhere and (other := self._store.named(handler.type, call.target.name)):
            raise handler.name_conflict(other.name)
        handler.validate(call, existing)
        body, private = handler.build(call, existing)
        reply = handler.reply(call, existing)
        resource_id, name = handler.resource_id(call.target), call.target.name
        if existing is not None:
            resource_id, name = existing.id, existing.name
        resource = Resource(resource_id, handler.type.lower(), name, body, private)
        if existing is not None:
            resource.created = existing.created
        status = handler.created_status if existing is None else handler.updated_status
        if reply is Reply.SYNC:
            handler.start_work(resource, _no_operation(resource), call)
            self._store.put(resource)
            return json_response(status, handler.write_response(resource))
        resource.state = handler.creating_state if existing is None else handler.updating_state
        verb = "create" if existing is None else "update"
        with self._store.transaction():
            self._store.put(resource)
            operation = self._context.start(verb, resource, handler.seconds.get(verb, 0.0))
            operation.work = handler.start_work(resource, operation, call)
            self._store.put_operation(operation)
        if reply is Reply.NO_POLLING:
            return json_response(status, handler.write_response(resource))
        if reply is not Reply.ASYNC_OPERATION:
            return _accepted(reply, handler, resource, operation, call)
        headers = handler.polling_headers(resource, operation, call)
        headers.pop("Location", None)
        if handler.location_is_resource:
            headers["Location"] = f"{ENDPOINT}{resource.id}?api-version={call.api_version}"
        return json_response(201, handler.write_response(resource), headers)

    def delete(self, handler: ResourceType, call: Call, existing: Resource | None) -> Response:
        """Delete a resource and everything below it."""
        if existing is None and handler.missing_delete_status == 404:
            raise handler.not_found(call.target)
        if existing is None:
            return Response(handler.missing_delete_status)
        self._check_busy(handler, existing)
        handler.check_delete(existing)
        if handler.delete_reply is Reply.SYNC:
            content = handler.show(existing)
            self._run_delete_hooks(existing)
            self._store.delete(existing.id)
            return json_response(200, content) if handler.shows_deleted else Response(handler.deleted_status)
        existing.state = "Deleting"
        with self._store.transaction():
            self._store.put(existing)
            operation = self._context.start("delete", existing, handler.seconds.get("delete", 0.0))
        self._run_delete_hooks(existing)
        return _accepted(handler.delete_reply, handler, existing, operation, call)

    def _check_busy(self, handler: ResourceType, existing: Resource) -> None:
        if running := self._store.running_operations(existing.key):
            error = handler.busy(existing, running[0])
            if error is not None:
                raise error

    def _run_delete_hooks(self, resource: Resource) -> None:
        """Remove what is behind a resource and behind all resources below it."""
        for deleted in [*self._store.below(resource.id), resource]:
            if (handler := self._types.get(deleted.type)) is not None:
                handler.on_delete(deleted)


def _accepted(reply: Reply, handler: ResourceType, resource: Resource, operation: Operation, call: Call) -> Response:
    """Return the 202 response to a request that started an operation."""
    headers = handler.polling_headers(resource, operation, call)
    if reply is Reply.ACCEPTED_OPERATION:
        started = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(operation.started))
        name = handler.operation_name(operation.verb, call.body)
        return json_response(202, {"operation": name, "startTime": started}, headers)
    if reply is Reply.ACCEPTED_LOCATION:
        headers.pop("Azure-AsyncOperation", None)
    return Response(202, b"", headers)


def _no_operation(resource: Resource) -> Operation:
    return Operation("", "create", resource.key, resource.type, "Succeeded", time.time(), 0.0, False)
