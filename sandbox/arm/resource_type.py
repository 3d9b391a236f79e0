# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Resource Manager's resource types have in common: ids, errors, reply patterns, and the life of a resource.

A provider module describes its types with `ResourceType`; `arm.py` takes requests to them.
"""

from __future__ import annotations

import copy
import enum
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.arm.durations import drawn
from sandbox.entra.directory import Caller, Directory
from sandbox.faults import NEVER, OPERATION_KINDS
from sandbox.messages import Response, json_response
from sandbox.store import Operation, Principal, Resource, Store

Json = dict[str, Any]


class ArmError(Exception):
    """A refusal, in Resource Manager's words."""

    def __init__(
        self, status: int, code: str, message: str, *, cause: str = "gateway", details: list[Json] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.cause = cause
        self.details = details

    def response(self) -> Response:
        headers = {"x-ms-failure-cause": self.cause} if self.cause else {}
        said: Json = {"code": self.code, "message": self.message}
        if self.details is not None:
            said["details"] = self.details
        return json_response(self.status, {"error": said}, headers)


@dataclass(frozen=True)
class Target:
    """What a path names: a resource (`names` as long as `types`), a collection, or an action on a resource."""

    subscription: str
    resource_group: str | None
    scope: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]
    action: str | None = None

    @property
    def type(self) -> str:
        return "/".join((self.namespace, *self.types))

    @property
    def id(self) -> str:
        pairs = "".join(f"/{kind}/{name}" for kind, name in zip(self.types, self.names, strict=False))
        return f"{self.scope}/providers/{self.namespace}{pairs}"

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def parent_id(self) -> str | None:
        if len(self.types) < 2:
            return None
        pairs = "".join(f"/{kind}/{name}" for kind, name in zip(self.types[:-1], self.names, strict=False))
        return f"{self.scope}/providers/{self.namespace}{pairs}"


def parse_target(path: str) -> Target | None:
    """Reads the path of a request; None where it names no resource of a provider."""
    split = re.fullmatch(r"(.*)/providers/(.*)", path, re.IGNORECASE)
    head, tail = split.groups() if split is not None else ("", "")
    segments = [segment for segment in tail.split("/") if segment]
    subscription = re.match(r"/subscriptions/([^/]+)", head, re.IGNORECASE)
    if len(segments) < 2 or subscription is None:
        return None
    group = re.match(r"/subscriptions/[^/]+/resourcegroups/([^/]+)", head, re.IGNORECASE)
    namespace, rest = segments[0], segments[1:]
    return Target(
        subscription=subscription[1],
        resource_group=group[1] if group else None,
        scope=head,
        namespace=namespace,
        types=tuple(rest[0::2]),
        names=tuple(rest[1::2]),
    )


class Reply(enum.Enum):
    """How Resource Manager answers a write."""

    SYNC = "the settled resource at once"
    SETTLES = "200 with the unsettled resource, which settles by itself; there is nothing to poll"
    ASYNC_OPERATION = "201 with the unsettled resource, and Azure-AsyncOperation to poll"
    ACCEPTED_OPERATION = "202 with an operation as body, and both headers to poll"
    ACCEPTED = "202 without a body, and both headers to poll"
    ACCEPTED_LOCATION = "202 without a body, and Location to poll"


@dataclass
class Call:
    """One request to a resource type, already authenticated and permitted."""

    target: Target
    caller: Caller
    api_version: str
    body: Json = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    patch: Json | None = None  # what a PATCH asked for; `body` is then what it amounts to
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case


@dataclass
class Context:
    """What resource types work with."""

    store: Store
    directory: Directory
    latency: float = 0.0
    seed: int = 0
    strict: bool = False

    def start(self, verb: str, resource: Resource, seconds: float, *, work: bool = False) -> Operation:
        """Writes down a new operation on a resource; it takes Azure's time (scaled; typically `seconds`) and as long as its work."""
        now = time.time()
        due = now
        if self.latency > 0:
            draw = f"{self.seed} {self.store.count_operations(resource.type, verb)}"
            due += self.latency * drawn(resource.type, verb, seconds, draw)
        operation = Operation(str(uuid.uuid4()), verb, resource.key, resource.type, "InProgress", now, due, work)
        fault = self.store.faults.hit(OPERATION_KINDS, resource.type, "", verb)
        if fault is not None and fault.kind == "stall":
            operation.due = NEVER
        elif fault is not None:
            operation.error = {"code": fault.code, "message": fault.message}
        self.store.put_operation(operation)
        return operation

    def work_done(self, operation_id: str, error: dict[str, str] | None = None) -> None:
        """The real work behind an operation is over."""
        operation = self.store.operation(operation_id)
        if operation is not None and operation.status == "InProgress":
            operation.work, operation.error = False, error or operation.error
            self.store.put_operation(operation)

    def retry_after(self, seconds: int) -> str:
        """Azure's Retry-After, scaled; never 0, at which the SDKs fall back to half a minute."""
        return str(max(1, round(seconds * self.latency)))


@dataclass(frozen=True)
class NameRule:
    """What a type's names must be, and how Azure refuses others. `message` may hold `{name}`; `reason` is that of checkNameAvailability."""

    pattern: str
    code: str
    message: str
    reason: str = "Invalid"

    def accepts(self, name: str) -> bool:
        return re.fullmatch(self.pattern, name) is not None

    def refusal(self, name: str) -> ArmError:
        return ArmError(400, self.code, self.message.replace("{name}", name), cause="")


class ResourceType:
    """One resource type: its name, how it answers, and what becomes of a request body."""

    type = ""
    id_type = ""
    id_group_segment = "resourceGroups"
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
    located_by_itself = False  # whether the answer to a write has a Location, which is the resource's own
    status_path = ""
    result_path = ""
    operation_api_version: str | None = None
    actions: tuple[str, ...] = ()

    def __init__(self, context: Context) -> None:
        self.context = context

    @property
    def store(self) -> Store:
        return self.context.store

    def examine(self, call: Call, existing: Resource | None) -> None:
        """Refuses what Azure refuses: a wrong name or location, a move, and what the type itself refuses."""
        if self.name_rule is not None and not self.name_rule.accepts(call.target.name):
            raise self.name_rule.refusal(call.target.name)
        if self.located:
            check_location(call.body.get("location"), self.type)
            check_unmoved(call, existing)
        self.check(call, existing)

    def availability(self, name: str) -> Json:
        """The answer to checkNameAvailability."""
        if self.name_rule is not None and not self.name_rule.accepts(name):
            message = self.name_rule.message.replace("{name}", name)
            return {"nameAvailable": False, "reason": self.name_rule.reason, "message": message}
        if self.holds_name(name):
            return {"nameAvailable": False, "reason": "AlreadyExists", "message": self.taken(name).message}
        return {"nameAvailable": True}

    def holds_name(self, name: str) -> bool:
        """Whether a name that is unique everywhere is in use."""
        return self.store.named(self.type, name) is not None

    # what a type defines

    def check(self, call: Call, existing: Resource | None) -> None:
        """Refuses, with ArmError, what Azure refuses."""

    def settle(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        """(body, private) of the resource that the request makes."""
        return copy.deepcopy(call.body), {}

    def merge(self, call: Call, existing: Resource) -> Json:
        """The PUT body that a PATCH amounts to."""
        merged: Json = merge_patch(existing.body, call.body)
        return merged

    def reply(self, call: Call, existing: Resource | None) -> Reply:
        """How a write is answered."""
        if existing is None:
            return self.create_reply
        return self.patch_reply or self.update_reply if call.patch is not None else self.update_reply

    def unsettled(self, resource: Resource) -> Json:
        """The resource as the answer to the write shows it."""
        return self.show(resource)

    def begin(self, resource: Resource, operation: Operation, call: Call) -> bool:
        """Starts the real work behind a write; True where there is any, which then ends in `Context.work_done`."""
        return False

    def operation_name(self, verb: str, body: Json) -> str:
        """What a provider that names its operations calls the one that a request begins."""
        return verb.capitalize()

    def implied(self, target: Target) -> Resource | None:
        """The resource that exists by itself where nobody wrote one, such as an account's default blob service."""
        return None

    def check_removal(self, resource: Resource) -> None:
        """Refuses, with ArmError, a deletion that Azure refuses."""

    def removed(self, resource: Resource) -> None:
        """Takes down what stands behind a resource that is being deleted."""

    def act(self, call: Call, resource: Resource, action: str) -> Response:
        """Answers POST …/<action>."""
        raise ArmError(404, "InvalidResourceType", f"The resource type '{self.type}/{action}' could not be found.")

    def taken(self, name: str) -> ArmError:
        """The refusal of a name that is in use somewhere else."""
        return ArmError(409, "AlreadyExists", f"The name {name} is already taken.", cause="")

    def select(self, call: Call, scope: str) -> list[Resource]:
        """The resources of this type below a scope, that pass the `$filter` of the query."""
        return [found for found in self.store.below(scope, self.type) if passes(found, call.query.get("$filter", ""))]

    # what all types share

    def identity(self, call: Call, existing: Resource | None, *, lower_group: bool) -> Json | None:
        """The `identity` block that a request makes, with the ids of its identities; a system-assigned one is made here."""
        asked = call.body.get("identity")
        shown = assigned_identities(self.store, asked, lower_group=lower_group)
        if shown is None or "systemassigned" not in shown["type"].lower():
            return shown
        known = (existing.body.get("identity") or {}) if existing else {}
        principal = str(known.get("principalId") or uuid.uuid4())
        if self.store.principal(principal) is None:
            key = self.resource_id(call.target).lower()
            made = Principal(principal, str(uuid.uuid4()), call.target.name, "ManagedIdentity", key)
            self.store.put_principal(made)
        return {**shown, "principalId": principal, "tenantId": self.context.directory.tenant}

    def not_found(self, target: Target) -> ArmError:
        namespace, *kinds = self.type.split("/")
        return ArmError(
            404,
            "ResourceNotFound",
            f"The Resource '{'/'.join((namespace, *_interleave(kinds, target.names)))}' "
            f"under resource group '{target.resource_group}' was not found. "
            "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        )

    def resource_id(self, target: Target) -> str:
        namespace, *kinds = (self.id_type or self.type).split("/")
        scope = target.scope
        if target.resource_group is not None:
            group = f"/subscriptions/{target.subscription}/{self.id_group_segment}/{target.resource_group}"
            scope = group + scope[len(group) :]
        return f"{scope}/providers/{namespace}/{'/'.join(_interleave(kinds, target.names))}"

    def show(self, resource: Resource) -> Json:
        """A resource as GET shows it."""
        body = copy.deepcopy(resource.body)
        shown: Json = {"id": resource.id, "name": resource.name, "type": self.type, **body}
        if self.shows_state and "properties" in shown:
            shown["properties"]["provisioningState"] = resource.state
        return shown


def passes(resource: Resource, wanted: str) -> bool:
    """Whether a resource passes a `$filter`: of `name eq 'value'` terms, and `assignedTo('id')`."""
    for name, value in re.findall(r"(\w+)\s+eq\s+'([^']*)'", wanted):
        if str(resource.properties.get(name, "")).lower() != value.lower():
            return False
    if found := re.search(r"assignedTo\('([^']*)'\)", wanted):
        return str(resource.properties.get("principalId", "")).lower() == found[1].lower()
    return True


def _interleave(kinds: list[str], names: tuple[str, ...]) -> list[str]:
    return [part for pair in zip(kinds, names, strict=False) for part in pair]


def merge_patch(current: Any, patch: Any) -> Any:
    """RFC 7396: members of `patch` replace those of `current`; null removes; lists are replaced whole."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(current) if isinstance(current, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def without_nulls(value: Any) -> Any:
    """A value without the members that are null, at any depth."""
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def system_data(caller: Caller, existing: Resource | None, form: str = "%Y-%m-%dT%H:%M:%S.000000") -> Json:
    """systemData as most providers keep it."""
    now = time.strftime(form, time.gmtime())
    created: Json = {"createdBy": caller.client_id, "createdByType": "Application", "createdAt": now}
    if existing is not None and "systemData" in existing.body:
        known = existing.body["systemData"]
        created = {name: known[name] for name in ("createdBy", "createdByType", "createdAt")}
    return {
        **created,
        "lastModifiedBy": caller.client_id,
        "lastModifiedByType": "Application",
        "lastModifiedAt": now,
    }


def utc_now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{int(time.time() % 1 * 1e7):07d}Z"


def assigned_identities(store: Store, identity: Json | None, *, lower_group: bool) -> Json | None:
    """An `identity` block with the principal and client ids that Azure adds to each user-assigned identity."""
    if not identity:
        return None
    wanted = identity.get("userAssignedIdentities") or {}
    shown: Json = {"type": str(identity.get("type", "None")).replace(",", ", ").replace(",  ", ", ")}
    if not wanted:
        return shown
    found: Json = {}
    for identity_id in wanted:
        resource = store.get(identity_id)
        if resource is None:
            raise ArmError(
                400,
                "FailedIdentityOperation",
                f"Identity operation failed with error 'Failed to perform resource identity operation. Status: 'BadRequest'. "
                f'Response: \'{{"error":{{"code":"BadRequest","message":"Resource \'{identity_id}\' was not found."}}}}\'.',
                cause="",
            )
        key = resource.id if lower_group else identity_id
        found[key] = {"principalId": resource.properties["principalId"], "clientId": resource.properties["clientId"]}
    shown["userAssignedIdentities"] = found
    return shown


REGIONS = {
    name.replace(" ", "").lower(): name
    for name in (
        "Australia East",
        "Australia Southeast",
        "Brazil South",
        "Canada Central",
        "Canada East",
        "Central India",
        "Central US",
        "East Asia",
        "East US",
        "East US 2",
        "France Central",
        "Germany West Central",
        "Italy North",
        "Japan East",
        "Japan West",
        "Korea Central",
        "North Central US",
        "North Europe",
        "Norway East",
        "Poland Central",
        "South Africa North",
        "South Central US",
        "South India",
        "Southeast Asia",
        "Spain Central",
        "Sweden Central",
        "Switzerland North",
        "UAE North",
        "UK South",
        "UK West",
        "West Central US",
        "West Europe",
        "West US",
        "West US 2",
        "West US 3",
    )
}


def region(location: str) -> str:
    """The canonical name of a location: `westeurope` for `West Europe`."""
    return location.replace(" ", "").lower()


# https://learn.microsoft.com/azure/reliability/regions-paired
_PAIRS = (
    ("australiaeast", "australiasoutheast"),
    ("canadacentral", "canadaeast"),
    ("centralindia", "southindia"),
    ("centralus", "eastus2"),
    ("eastasia", "southeastasia"),
    ("eastus", "westus"),
    ("francecentral", "westeurope"),
    ("germanywestcentral", "northeurope"),
    ("japaneast", "japanwest"),
    ("northcentralus", "southcentralus"),
    ("northeurope", "westeurope"),
    ("swedencentral", "northeurope"),
    ("uksouth", "ukwest"),
    ("westcentralus", "westus2"),
)


def paired_region(location: str) -> str:
    """The region that a region's geo-redundant copies go to."""
    pairs = {second: first for first, second in _PAIRS} | dict(_PAIRS)
    return pairs.get(region(location), "northeurope")


def check_location(location: Any, resource_type: str) -> None:
    """Refuses a location that does not exist, as Resource Manager does."""
    if not isinstance(location, str) or not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if region(location) not in REGIONS:
        known = ",".join(sorted(REGIONS))
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type '{resource_type}'. "
            f"List of available regions for the resource type is '{known}'.",
        )


def check_unmoved(call: Call, existing: Resource | None) -> None:
    """Refuses to move a resource to another location."""
    wanted = call.body.get("location")
    if existing is None or not wanted or region(wanted) == region(existing.body.get("location", "")):
        return
    raise ArmError(
        409,
        "InvalidResourceLocation",
        f"The resource '{existing.name}' already exists in location '{region(existing.body['location'])}' in resource group "
        f"'{call.target.resource_group}'. A resource with the same name cannot be created in location '{region(wanted)}'. "
        "Please select a new resource name.",
    )
