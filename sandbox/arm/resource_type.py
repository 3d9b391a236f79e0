# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base class of the resource types, and the request, reply and context that it works with.

A provider module defines its types as subclasses of `ResourceType`; `manager.py` routes requests to them.
"""

from __future__ import annotations

import copy
import enum
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.arm.bodies import assigned_identities, merge_patch
from sandbox.arm.durations import draw_seconds
from sandbox.arm.errors import ArmError
from sandbox.arm.locations import check_location, region
from sandbox.arm.paging import matches_filter
from sandbox.arm.target import ENDPOINT, Target
from sandbox.entra.directory import Caller, Directory
from sandbox.faults import NEVER, OPERATION_KINDS
from sandbox.messages import Json, Response
from sandbox.store import Operation, Principal, Resource, Store


class Reply(enum.Enum):
    """The form of the response to a write."""

    SYNC = "the final resource, without an operation"
    NO_POLLING = "200 with the resource, which reaches its provisioning state later; there is no operation to poll"
    ASYNC_OPERATION = "201 with the resource, and Azure-AsyncOperation to poll"
    ACCEPTED_OPERATION = "202 with an operation as body, and both headers to poll"
    ACCEPTED = "202 without a body, and both headers to poll"
    ACCEPTED_LOCATION = "202 without a body, and Location to poll"


@dataclass
class Call:
    """One authenticated and authorized request to a resource type."""

    target: Target
    caller: Caller
    api_version: str
    body: Json = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    patch: Json | None = None  # the body of a PATCH; `body` is then the merged body
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case


@dataclass
class Context:
    """The state and settings that all resource types share."""

    store: Store
    directory: Directory
    latency: float = 0.0
    seed: int = 0
    strict: bool = False

    def start(self, verb: str, resource: Resource, seconds: float, *, work: bool = False) -> Operation:
        """Store and return a new operation on a resource.

        It ends after Azure's time (scaled by `latency`; `seconds` is typical), and not before its work has ended.
        """
        now = time.time()
        due = now
        if self.latency > 0:
            seed = f"{self.seed} {self.store.count_operations(resource.type, verb)}"
            due += self.latency * draw_seconds(resource.type, verb, seconds, seed)
        operation = Operation(str(uuid.uuid4()), verb, resource.key, resource.type, "InProgress", now, due, work)
        fault = self.store.faults.hit(OPERATION_KINDS, resource.type, "", verb)
        if fault is not None and fault.kind == "stall":
            operation.due = NEVER
        elif fault is not None:
            operation.error = {"code": fault.code, "message": fault.message}
        self.store.put_operation(operation)
        return operation

    def work_done(self, operation_id: str, error: dict[str, str] | None = None) -> None:
        """Record that the work of an operation has ended; with `error` where it failed."""
        operation = self.store.operation(operation_id)
        if operation is not None and operation.status == "InProgress":
            operation.work, operation.error = False, error or operation.error
            self.store.put_operation(operation)

    def retry_after(self, seconds: int) -> str:
        """Return the value of Retry-After, scaled by `latency`. It is never 0: the SDKs then wait for 30 seconds."""
        return str(max(1, round(seconds * self.latency)))


@dataclass(frozen=True)
class NameRule:
    """The rule for the names of a type: a pattern for the whole name, and reserved names in lowercase.

    `message` may contain `{name}`; `reason` is that of checkNameAvailability; `cause` is that of ArmError.
    """

    pattern: str
    code: str
    message: str
    reason: str = "Invalid"
    cause: str = ""
    reserved: frozenset[str] = frozenset()

    def accepts(self, name: str) -> bool:
        """Return whether a name matches the rule."""
        return re.fullmatch(self.pattern, name) is not None and name.lower() not in self.reserved

    def error(self, name: str) -> ArmError:
        """Return the error for a name that does not match."""
        return ArmError(400, self.code, self.message.replace("{name}", name), cause=self.cause)


class ResourceType:
    """A resource type: its name, the form of its responses, and the transformation of request bodies into resources."""

    type = ""
    id_type = ""
    id_group_segment = "resourceGroups"
    action_type = ""  # the type in the actions of RBAC; empty: `type`
    unique_everywhere = False
    located = False
    name_rule: NameRule | None = None
    create_reply = Reply.SYNC
    update_reply = Reply.SYNC
    patch_reply: Reply | None = None
    delete_reply = Reply.SYNC
    created_status = 201
    updated_status = 200
    deleted_status = 200
    shows_deleted = False
    missing_delete_status = 204
    deleted_result_status = 204
    retry_after = 15
    seconds: dict[str, float] = {}
    creating_state = "Creating"
    updating_state = "Updating"
    shows_state = True
    # whether the response to a write has a Location header with the URL of the resource itself
    location_is_resource = False
    status_path = ""
    result_path = ""
    operation_api_version: str | None = None
    provider_actions: dict[str, str] = {}  # path below the namespace, as Azure writes it: HTTP method

    def __init__(self, context: Context) -> None:
        self.context = context

    @property
    def store(self) -> Store:
        """The store of all resources."""
        return self.context.store

    def validate(self, call: Call, existing: Resource | None) -> None:
        """Raise ArmError for an invalid name, location or move, and for what the type itself does not accept."""
        if self.name_rule is not None and not self.name_rule.accepts(call.target.name):
            raise self.name_rule.error(call.target.name)
        if self.located:
            check_location(call.body.get("location"), self.type)
            _check_not_moved(call, existing)
        self.check(call, existing)

    def name_availability(self, name: str) -> Json:
        """Return the body of the response to checkNameAvailability."""
        if self.name_rule is not None and not self.name_rule.accepts(name):
            message = self.name_rule.message.replace("{name}", name)
            return {"nameAvailable": False, "reason": self.name_rule.reason, "message": message}
        if self.is_name_in_use(name):
            return {"nameAvailable": False, "reason": "AlreadyExists", "message": self.name_conflict(name).message}
        return {"nameAvailable": True}

    def is_name_in_use(self, name: str) -> bool:
        """Return whether a globally unique name is in use."""
        return self.store.named(self.type, name) is not None

    # the hooks of a type

    def check(self, call: Call, existing: Resource | None) -> None:
        """Raise ArmError for a body that Azure does not accept."""

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        """Return the body and the private data of the resource that a request creates or updates."""
        return copy.deepcopy(call.body), {}

    def merge(self, call: Call, existing: Resource) -> Json:
        """Return the body of the PUT that is equivalent to a PATCH."""
        merged: Json = merge_patch(existing.body, call.body)
        return merged

    def reply(self, call: Call, existing: Resource | None) -> Reply:
        """Return the form of the response to a write."""
        if existing is None:
            return self.create_reply
        return self.patch_reply or self.update_reply if call.patch is not None else self.update_reply

    def write_response(self, resource: Resource) -> Json:
        """Return the resource as the response to a write contains it."""
        return self.show(resource)

    def start_work(self, resource: Resource, operation: Operation, call: Call) -> bool:
        """Start the work behind a write. Return True where it ends later, by `Context.work_done`."""
        return False

    def operation_name(self, verb: str, body: Json) -> str:
        """Return the name of the operation that a request starts, for providers that name their operations."""
        return verb.capitalize()

    def default_instance(self, target: Target) -> Resource | None:
        """Return the resource that exists without a write, such as the default blob service of an account."""
        return None

    def busy(self, resource: Resource, running: Operation) -> ArmError | None:
        """Return the error of a write during another operation on the resource; None where Azure accepts the write."""
        return ArmError(
            409,
            "AnotherOperationInProgress",
            f"Another operation on '{resource.name}' or a resource that depends on it is in progress. Please retry later.",
            cause="",
        )

    def check_delete(self, resource: Resource) -> None:
        """Raise ArmError for a deletion that Azure does not accept."""

    def on_delete(self, resource: Resource) -> None:
        """Remove what is behind a resource that is being deleted."""

    def run_action(self, call: Call, resource: Resource, action: str) -> Response:
        """Return the response to POST …/<action>. `action` is in lower case."""
        raise ArmError(404, "InvalidResourceType", f"The resource type '{self.type}/{action}' could not be found.")

    def run_provider_action(self, call: Call, action: str) -> Response:
        """Return the response to one of `provider_actions`."""
        raise ArmError(404, "InvalidResourceType", f"The resource type '{self.type}/{action}' could not be found.")

    def name_conflict(self, name: str) -> ArmError:
        """Return the error for a globally unique name that is in use."""
        return ArmError(409, "AlreadyExists", f"The name {name} is already taken.", cause="")

    def select(self, call: Call, scope: str) -> list[Resource]:
        """Return the resources of this type below a scope that match the `$filter` of the query."""
        expression = call.query.get("$filter", "")
        return [resource for resource in self.store.below(scope, self.type) if matches_filter(resource, expression)]

    # what all types share

    def identity(self, call: Call, existing: Resource | None, *, lower_group: bool) -> Json | None:
        """Return the `identity` block of a request with the ids of its identities; create a system-assigned identity."""
        block = assigned_identities(self.store, call.body.get("identity"), lower_group=lower_group)
        if block is None or "systemassigned" not in block["type"].lower():
            return block
        current = (existing.body.get("identity") or {}) if existing else {}
        object_id = str(current.get("principalId") or uuid.uuid4())
        if self.store.principal(object_id) is None:
            key = self.resource_id(call.target).lower()
            self.store.put_principal(Principal(object_id, str(uuid.uuid4()), call.target.name, "ManagedIdentity", key))
        return {**block, "principalId": object_id, "tenantId": self.context.directory.tenant}

    def not_found(self, target: Target) -> ArmError:
        """Return the error for a resource that does not exist."""
        namespace, *kinds = self.type.split("/")
        return ArmError(
            404,
            "ResourceNotFound",
            f"The Resource '{'/'.join((namespace, *_interleave(kinds, target.names)))}' "
            f"under resource group '{target.resource_group}' was not found. "
            "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        )

    def resource_id(self, target: Target) -> str:
        """Return the id of a resource in the case that Azure uses."""
        namespace, *kinds = (self.id_type or self.type).split("/")
        scope = target.scope
        if target.resource_group is not None:
            group = f"/subscriptions/{target.subscription}/{self.id_group_segment}/{target.resource_group}"
            scope = group + scope[len(group) :]
        return f"{scope}/providers/{namespace}/{'/'.join(_interleave(kinds, target.names))}"

    def show(self, resource: Resource) -> Json:
        """Return a resource as the response to GET contains it."""
        content: Json = {"id": resource.id, "name": resource.name, "type": self.type, **copy.deepcopy(resource.body)}
        if self.shows_state and "properties" in content:
            content["properties"]["provisioningState"] = resource.state
        return content

    def location(self, resource: Resource) -> str:
        """Return the region whose operations a resource belongs to."""
        return region(str(resource.body.get("location", "")))

    def polling_headers(self, resource: Resource, operation: Operation, call: Call) -> dict[str, str]:
        """Return Retry-After, and the headers with the URLs that a client polls."""
        fields = {
            "subscription": call.target.subscription,
            "group": call.target.resource_group,
            "location": self.location(resource),
            "id": resource.id,
            "operation": operation.id,
        }
        query = f"api-version={self.operation_api_version or call.api_version}"
        headers = {"Retry-After": self.context.retry_after(self.retry_after)}
        if self.status_path:
            headers["Azure-AsyncOperation"] = f"{ENDPOINT}{self.status_path.format(**fields)}?{query}"
        if self.result_path:
            headers["Location"] = f"{ENDPOINT}{self.result_path.format(**fields)}?{query}"
        return headers


def _interleave(kinds: list[str], names: tuple[str, ...]) -> list[str]:
    return [segment for pair in zip(kinds, names, strict=False) for segment in pair]


def _check_not_moved(call: Call, existing: Resource | None) -> None:
    """Raise ArmError for a request that moves a resource to another location."""
    location = call.body.get("location")
    if existing is None or not location or region(location) == region(existing.body.get("location", "")):
        return
    raise ArmError(
        409,
        "InvalidResourceLocation",
        f"The resource '{existing.name}' already exists in location '{region(existing.body['location'])}' in resource group "
        f"'{call.target.resource_group}'. A resource with the same name cannot be created in location '{region(location)}'. "
        "Please select a new resource name.",
    )


def system_data(caller: Caller, existing: Resource | None, form: str = "%Y-%m-%dT%H:%M:%S.000000") -> Json:
    """Return `systemData` in the form that most providers use."""
    now = time.strftime(form, time.gmtime())
    created: Json = {"createdBy": caller.client_id, "createdByType": "Application", "createdAt": now}
    if existing is not None and "systemData" in existing.body:
        current = existing.body["systemData"]
        created = {name: current[name] for name in ("createdBy", "createdByType", "createdAt")}
    return {
        **created,
        "lastModifiedBy": caller.client_id,
        "lastModifiedByType": "Application",
        "lastModifiedAt": now,
    }


def utc_now() -> str:
    """Return the current time in UTC with seven decimals of a second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{int(time.time() % 1 * 1e7):07d}Z"
