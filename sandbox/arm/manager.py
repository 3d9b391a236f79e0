# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource Manager: routes a request to management.azure.com to its resource type.

Sources: https://learn.microsoft.com/rest/api/resources and the recorded responses of Azure.
"""

from __future__ import annotations

import json
import re
import uuid

from sandbox.arm.api_versions import check_api_version
from sandbox.arm.empty_lists import EMPTY_LISTS
from sandbox.arm.errors import ArmError
from sandbox.arm.known_properties import normalize_names, unknown_properties
from sandbox.arm.lifecycle import Lifecycle
from sandbox.arm.locks import check_locked
from sandbox.arm.operations import Operations
from sandbox.arm.paging import page
from sandbox.arm.resource_type import Call, Context, ResourceType
from sandbox.arm.subscription import Subscription, check_conditions
from sandbox.arm.tags import TYPE as TAGS
from sandbox.arm.tags import Tags
from sandbox.arm.target import ENDPOINT, Target, parse_target
from sandbox.entra.directory import Caller
from sandbox.entra.rbac import is_allowed
from sandbox.messages import Json, Request, Response, json_response
from sandbox.store import Resource

HOST = ENDPOINT.removeprefix("https://")
AUDIENCES = (ENDPOINT, "https://management.core.windows.net")
GROUPS = "microsoft.resources/resourcegroups"
_VERBS = {"GET": "read", "HEAD": "read", "DELETE": "delete"}


class ResourceManager:
    """Resource Manager over a set of resource types."""

    def __init__(self, context: Context, types: list[ResourceType]) -> None:
        self.context = context
        self.store = context.store
        self.types = {handler.type.lower(): handler for handler in types}
        self.subscription = Subscription(self.store, self.types)
        self.tags = Tags(self.store)
        self._lifecycle = Lifecycle(context, self.types)
        self._operations = Operations(context, self.types)

    def handle(self, request: Request) -> Response:
        """Return the response to a request."""
        try:
            response = self._route(request)
        except ArmError as error:
            response = error.response()
        identifier = str(uuid.uuid4())
        response.headers.setdefault("x-ms-request-id", identifier)
        response.headers.setdefault("x-ms-correlation-request-id", identifier)
        response.headers.setdefault("Cache-Control", "no-cache")
        return response

    def finish_due(self) -> None:
        """End the operations whose time is over and whose work has ended."""
        self._operations.finish_due()

    def subject(self, request: Request) -> tuple[str, str]:
        """Return the resource type of a request and its method, or POLL, for the rules of faults."""
        path = request.path.rstrip("/")
        if (operation := self._operations.find(path)) is not None:
            return operation.type, "POLL"
        if (target := parse_target(path)) is not None:
            return target.type, request.method
        match [segment.lower() for segment in path.split("/")[1:]]:
            case ["subscriptions", _, "resourcegroups"] | ["subscriptions", _, "resourcegroups", _]:
                return "Microsoft.Resources/resourceGroups", request.method
            case _:
                return "Microsoft.Resources/subscriptions", request.method

    # routing

    def _route(self, request: Request) -> Response:
        self.finish_due()
        caller = self._authenticate(request)
        path = re.sub(r"/{2,}", "/", request.path).rstrip("/")
        version = request.query.get("api-version") or ""
        target = parse_target(path)
        check_api_version(
            version, target.namespace if target else "Microsoft.Resources", "/".join(target.types if target else ())
        )
        segments = path.split("/")[1:]
        match request.method, [segment.lower() for segment in segments]:
            case "GET", ["tenants"]:
                return _counted([self.subscription.tenant()])
            case "GET", ["subscriptions"]:
                return _counted([self.subscription.show()])
            case "GET", ["providers"]:
                return _counted(self.subscription.providers())
            case _, ["subscriptions", identifier, *_] if identifier != self.subscription.id:
                raise ArmError(404, "SubscriptionNotFound", f"The subscription '{segments[1]}' could not be found.")
        if (operation := self._operations.find(path)) is not None:
            return self._operations.poll(operation, path, version)
        # a path outside of the providers has a target without types
        target = target or Target("", None, path, "", (), ())
        call = Call(target, caller, version, _json_body(request), request.query, headers=request.headers)
        return self._route_in_subscription(request.method, path, call)

    def _route_in_subscription(self, method: str, path: str, call: Call) -> Response:
        subscription, root = self.subscription, f"/subscriptions/{self.subscription.id}"
        segments = path.split("/")[1:]
        match method, [segment.lower() for segment in segments]:
            case "POST", ["subscriptions", _, "providers", _, ("register" | "unregister") as action]:
                namespace = segments[3]
                self._authorize(call, f"{namespace}/{action}/action", root)
                return json_response(200, subscription.set_registered(namespace, action == "register"))
            case _, ["subscriptions", _, "providers", _, "register" | "unregister"]:
                raise _not_served(path)
            case _ if call.target.types:
                return self._resource(method, call)
            case _, ["subscriptions", _, "resourcegroups", _]:
                call.target = Target(
                    segments[1], None, root, "Microsoft.Resources", ("resourceGroups",), (segments[3],)
                )
                return self._group(method, call)
            case _, ["subscriptions", _] | ["subscriptions", _, _] if method != "GET":
                raise ArmError(
                    405, "HttpMethodNotAllowed", f"The HTTP method '{method}' is not supported at scope '{path}'."
                )
            case "GET", ["subscriptions", _]:
                return json_response(200, subscription.show())
            case "GET", ["subscriptions", _, "locations"]:
                return json_response(200, {"value": subscription.locations()})
            case "GET", ["subscriptions", _, "providers"]:
                return _page(subscription.providers(), path, call)
            case "GET", ["subscriptions", _, "providers", _]:
                return json_response(200, subscription.provider(segments[3]))
            case "GET", ["subscriptions", _, "tagnames"]:
                self._authorize(call, "Microsoft.Resources/subscriptions/tagNames/read", root)
                tagged = [self.tags.of(resource) for resource in (None, *self.store.below(root))]
                return _page(self.tags.names(subscription.id, tagged), path, call)
            case "GET", ["subscriptions", _, "resources"]:
                self._authorize(call, "Microsoft.Resources/subscriptions/resources/read", root)
                return _page(subscription.contents(root, call.query), path, call)
            case "GET", ["subscriptions", _, "resourcegroups"]:
                groups = self.types[GROUPS]
                self._authorize(call, f"{groups.action_type}/read", root)
                return _page([groups.show(group) for group in groups.select(call, root)], path, call)
            case "GET", ["subscriptions", _, "resourcegroups", _, "resources"]:
                group = self._require_group(segments[1], segments[3])
                self._authorize(call, "Microsoft.Resources/subscriptions/resourceGroups/resources/read", group.id)
                return _page(subscription.contents(group.id, call.query), path, call)
        raise _not_served(path)

    def _authenticate(self, request: Request) -> Caller:
        caller = self.context.directory.read(request.headers.get("authorization"))
        if caller is None or not caller.audience.startswith(AUDIENCES):
            reason = "missing" if "authorization" not in request.headers else "invalid"
            raise ArmError(
                401, "AuthenticationFailed", f"Authentication failed. The 'Authorization' header is {reason}."
            )
        return caller

    def _authorize(self, call: Call, action: str, scope: str) -> None:
        object_id = call.caller.object_id
        if is_allowed(self.store, object_id, action, scope):
            return
        principal = self.store.principal(object_id)
        raise ArmError(
            403,
            "AuthorizationFailed",
            f"The client '{principal.client_id if principal else object_id}' with object id '{object_id}' does not have authorization "
            f"to perform action '{action}' over scope '{scope}' or the scope is invalid. "
            "If access was recently granted, please refresh your credentials.",
        )

    # resources

    def _group(self, method: str, call: Call) -> Response:
        if method not in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
            raise ArmError(
                405, "HttpMethodNotAllowed", f"The HTTP method '{method}' is not supported at scope 'resource group'."
            )
        return self._one_resource(self.types[GROUPS], method, call)

    def _resource(self, method: str, call: Call) -> Response:
        target = call.target
        if target.type.lower() == TAGS.lower() and target.names == ("default",):
            self._authorize(call, f"{TAGS}/{_VERBS.get(method, 'write')}", target.scope)
            check_locked(self.store, method, target.scope)
            return self.tags.handle(method, target.scope, call.body)
        handler, owner = self.types.get(target.type.lower()), self.types.get(target.parent_type.lower())
        if target.is_collection_or_action:
            if method == "GET" and (handler is not None or target.type.lower() in EMPTY_LISTS):
                return self._list(handler, call)
            if owner is not None and target.names:
                return self._action(owner, method, call, target.types[-1])
            return self._provider_action(method, call)
        if handler is None and owner is not None and method in ("GET", "POST"):
            return self._action(owner, method, call, f"{target.types[-1]}/{target.name}")
        if handler is None:
            served = any(name.startswith(target.namespace.lower() + "/") for name in self.types)
            raise ArmError(
                404,
                "InvalidResourceType" if served else "InvalidResourceNamespace",
                f"The resource type '{'/'.join(target.types)}' could not be found in the namespace '{target.namespace}'.",
            )
        return self._one_resource(handler, method, call)

    def _one_resource(self, handler: ResourceType, method: str, call: Call) -> Response:
        target, verb = call.target, _VERBS.get(method, "write")
        resource_id = handler.resource_id(target)
        self._authorize(call, f"{handler.action_type or handler.type}/{verb}", resource_id)
        check_locked(self.store, method, resource_id)
        self._check_parents(handler.type, target, verb)
        existing = self._find(handler, target)
        match method:
            case "HEAD":
                return Response(204 if existing is not None else 404)
            case "GET" if existing is not None:
                return json_response(200, handler.show(existing))
            case "GET":
                raise handler.not_found(target)
        check_conditions(method, call.headers, existing)
        if method == "DELETE":
            return self._lifecycle.delete(handler, call, existing)
        self.subscription.check_registered(handler.type.partition("/")[0])
        self._normalize_names(handler, call, existing)
        match method:
            case "PUT":
                return self._lifecycle.write(handler, call, existing)
            case "PATCH" if existing is not None:
                call.body, call.patch = handler.merge(call, existing), call.body
                return self._lifecycle.write(handler, call, existing)
            case "PATCH":
                raise handler.not_found(target)
        raise ArmError(405, "HttpMethodNotAllowed", f"The requested resource does not support http method '{method}'.")

    def _list(self, handler: ResourceType | None, call: Call) -> Response:
        target = call.target
        kind, scope = handler.type if handler is not None else target.type, target.parent_id or target.scope
        self._authorize(call, f"{kind}/read", scope)
        self._check_parents(kind, target, "read")
        items = [handler.show(resource) for resource in handler.select(call, scope)] if handler is not None else []
        return _page(items, f"{target.id}/{target.types[-1]}", call)

    def _action(self, owner: ResourceType, method: str, call: Call, action: str) -> Response:
        """Route POST …/<resource>/<action> and …/<resource>/<action>/<argument>; some actions are a GET."""
        parent = call.target.parent
        resource = self._find(owner, parent)
        verb = "read" if method == "GET" else "action"
        self._authorize(call, f"{owner.type}/{call.target.types[-1]}/{verb}", parent.id)
        check_locked(self.store, method, parent.id)
        if resource is None:
            raise owner.not_found(parent)
        on_parent = Call(parent, call.caller, call.api_version, call.body, call.query)
        return owner.run_action(on_parent, resource, action.lower())

    def _provider_action(self, method: str, call: Call) -> Response:
        """Route an action of a provider, which is below no resource."""
        target = call.target
        for handler in self.types.values():
            namespace = handler.type.partition("/")[0]
            for action, action_method in handler.provider_actions.items():
                if action_method == method and f"{namespace}/{action}".lower() == target.type.lower():
                    verb = "read" if method == "GET" else "action"
                    self._authorize(call, f"{namespace}/{action}/{verb}", target.scope)
                    return handler.run_provider_action(call, action)
        kind = self.types.get(str(call.body.get("type", "")).lower())
        if method == "POST" and target.types[-1].lower() == "checknameavailability" and kind is not None:
            return json_response(200, kind.name_availability(str(call.body.get("name", ""))))
        raise ArmError(
            404,
            "InvalidResourceType",
            f"The resource type '{target.types[-1]}' could not be found in the namespace '{target.namespace}'.",
        )

    def _normalize_names(self, handler: ResourceType, call: Call, existing: Resource | None) -> None:
        """Accept the names of properties in any case; in strict mode raise ArmError for those that are in no model."""
        call.body = normalize_names(handler.type, call.body)
        unknown = unknown_properties(handler.type, call.body) if self.context.strict else []
        if unknown and existing is not None:  # clients send back the body of a GET
            returned = set(unknown_properties(handler.type, handler.show(existing)))
            unknown = [path for path in unknown if path not in returned]
        if unknown:
            name = unknown[0].rpartition(".")[2]
            raise ArmError(
                400,
                "InvalidRequestContent",
                f"The request content was invalid and could not be deserialized: 'Could not find member '{name}' on object of type "
                f"'{handler.type}'. Path '{unknown[0]}'.'. Azure might ignore it; the sandbox was started with --strict.",
            )

    def _find(self, handler: ResourceType, target: Target) -> Resource | None:
        return self.store.get(handler.resource_id(target)) or handler.default_instance(target)

    def _require_group(self, subscription: str, name: str) -> Resource:
        """Return a resource group. Raise ArmError where it does not exist."""
        group = self.store.get(f"/subscriptions/{subscription}/resourceGroups/{name}")
        if group is None:
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
        return group

    def _check_parents(self, kind: str, target: Target, verb: str) -> None:
        """Raise ArmError where the resource group or the parent resource does not exist."""
        if target.resource_group is not None:
            self._require_group(target.subscription, target.resource_group)
        handler = self.types.get(target.parent_type.lower())
        if target.parent_id is not None and handler is not None and self._find(handler, target.parent) is None:
            raise ArmError(
                404,
                "ParentResourceNotFound",
                f"Failed to perform '{verb}' on resource(s) of type '{kind.partition('/')[2]}', "
                f"because the parent resource '{target.parent_id}' could not be found.",
            )


def _json_body(request: Request) -> Json:
    if not request.body.strip():
        return {}
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise ArmError(
            400,
            "InvalidRequestContent",
            f"The request content was invalid and could not be deserialized: '{error}'.",
        ) from error
    if not isinstance(body, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.")
    return body


def _counted(items: list[Json]) -> Response:
    return json_response(200, {"value": items, "count": {"type": "Total", "value": len(items)}})


def _page(items: list[Json], path: str, call: Call) -> Response:
    return json_response(200, page(items, f"{ENDPOINT}{path}", call.query))


def _not_served(path: str) -> ArmError:
    return ArmError(404, "InvalidResourceType", f"The sandbox does not serve {path}.")
