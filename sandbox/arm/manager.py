# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource Manager: takes a request to management.azure.com, finds the resource type it is for, and answers as Azure does.

Sources: https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations and the recorded answers of Azure.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Any

from sandbox.arm.api_versions import check_api_version
from sandbox.arm.empty_lists import EMPTY_LISTS
from sandbox.arm.known_properties import unknown_properties, with_azures_names
from sandbox.arm.paging import page, resource_filter
from sandbox.arm.resource_type import (
    REGIONS,
    ArmError,
    Call,
    Context,
    Json,
    Reply,
    ResourceType,
    Target,
    merge_patch,
    parse_target,
)
from sandbox.arm.subscription import Subscription, check_conditions
from sandbox.arm.tags import TYPE as TAGS
from sandbox.arm.tags import Tags
from sandbox.entra.rbac import is_allowed, permissions
from sandbox.messages import Request, Response, json_response
from sandbox.providers.authorization import refuse_where_locked
from sandbox.providers.managed_environment import domain_verification_id
from sandbox.providers.sql_capabilities import capabilities
from sandbox.store import SUCCEEDED, Operation, Resource

HOST = "management.azure.com"
AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
GROUPS = "microsoft.resources/resourcegroups"
_OPERATION_SEGMENT = re.compile(r"/[^/]*operation(?:s|status|statuses|results)?/([^/]+)$", re.IGNORECASE)
GROUP_DELETE_SECONDS = 50


class ResourceManager:
    """Resource Manager over a set of resource types."""

    def __init__(self, context: Context, types: list[ResourceType]) -> None:
        self.context = context
        self.store = context.store
        self.types = {handler.type.lower(): handler for handler in types}
        self.subscription = Subscription(self.store, self.types)
        self.tags = Tags(self.store)

    def handle(self, request: Request) -> Response:
        """Answers one request."""
        try:
            response = self._route(request)
        except ArmError as error:
            response = error.response()
        identifier = str(uuid.uuid4())
        response.headers.setdefault("x-ms-request-id", identifier)
        response.headers.setdefault("x-ms-correlation-request-id", identifier)
        response.headers.setdefault("Cache-Control", "no-cache")
        return response

    def subject(self, request: Request) -> tuple[str, str]:
        """What a request is about, for the rules of faults: the type of a resource, and the method or POLL."""
        path = request.path.rstrip("/")
        polled = _OPERATION_SEGMENT.search(path)
        if polled is not None and (operation := self.store.operation(polled[1])) is not None:
            return operation.type, "POLL"
        target = parse_target(path)
        if target is not None:
            return target.type, request.method
        within = re.fullmatch(r"/subscriptions/[^/]+/resourcegroups(?:/[^/]+)?", path, re.IGNORECASE)
        return "Microsoft.Resources/" + ("resourceGroups" if within else "subscriptions"), request.method

    # routing

    def _route(self, request: Request) -> Response:
        self.finish_due()
        caller = self.context.directory.read(request.headers.get("authorization"))
        if caller is None or not caller.audience.startswith(AUDIENCES):
            reason = "missing" if "authorization" not in request.headers else "invalid"
            raise ArmError(
                401, "AuthenticationFailed", f"Authentication failed. The 'Authorization' header is {reason}."
            )
        path = re.sub(r"/{2,}", "/", request.path).rstrip("/")
        version = request.query.get("api-version")
        target = parse_target(path)
        check_api_version(
            version, target.namespace if target else "Microsoft.Resources", "/".join(target.types if target else ())
        )
        subscription = self.subscription.id
        if path.lower() in ("/tenants", "/subscriptions", "/providers") and request.method == "GET":
            lists = {"/tenants": self.subscription.tenant, "/subscriptions": self.subscription.shown}
            make = lists.get(path.lower())
            shown = [make()] if make is not None else self.subscription.providers()
            return json_response(200, {"value": shown, "count": {"type": "Total", "value": len(shown)}})
        match = re.match(r"/subscriptions/([^/]+)", path, re.IGNORECASE)
        if match is not None and match[1].lower() != subscription:
            raise ArmError(404, "SubscriptionNotFound", f"The subscription '{match[1]}' could not be found.")
        operation = _OPERATION_SEGMENT.search(path)
        if operation is not None and (known := self.store.operation(operation[1])) is not None:
            return self._show_operation(known, path, version or "")
        body = self._body(request)
        if target is not None and not _is_registration(path):
            call = Call(target, caller, version or "", body, request.query, headers=request.headers)
            return self._resource(request.method, call)
        if match is None:
            raise ArmError(404, "InvalidResourceType", f"The sandbox does not serve {path}.")
        return self._subscription_path(request, path, caller.object_id, body)

    def _body(self, request: Request) -> Json:
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
            raise ArmError(
                400, "InvalidRequestContent", "The request content was invalid and could not be deserialized."
            )
        return body

    def _permit(self, principal: str, action: str, scope: str) -> None:
        if not is_allowed(self.store, principal, action, scope):
            known = self.store.principal(principal)
            raise ArmError(
                403,
                "AuthorizationFailed",
                f"The client '{known.client_id if known else principal}' with object id '{principal}' does not have authorization "
                f"to perform action '{action}' over scope '{scope}' or the scope is invalid. "
                "If access was recently granted, please refresh your credentials.",
            )

    # subscriptions and resource groups

    def _subscription_path(self, request: Request, path: str, principal: str, body: Json) -> Response:
        subscription, method, base = self.subscription, request.method, f"https://{HOST}{path}"
        root = f"/subscriptions/{subscription.id}"
        segments = path.split("/")[3:]
        kind = segments[0].lower() if segments else ""
        if len(segments) <= 1 and kind != "resourcegroups" and method != "GET":
            raise ArmError(
                405, "HttpMethodNotAllowed", f"The HTTP method '{method}' is not supported at scope '{path}'."
            )
        if not segments:
            return json_response(200, subscription.shown())
        if kind == "locations" and len(segments) == 1:
            return json_response(200, {"value": subscription.locations()})
        if kind == "providers":
            return self._providers(request, segments, principal)
        if kind == "tagnames" and len(segments) == 1:
            self._permit(principal, "Microsoft.Resources/subscriptions/tagNames/read", root)
            tagged = [self.tags.of(found) for found in (None, *self.store.below(root))]
            return json_response(200, page(self.tags.names(subscription.id, tagged), base, request.query))
        if kind == "resources" and len(segments) == 1:
            self._permit(principal, "Microsoft.Resources/subscriptions/resources/read", root)
            return json_response(200, page(subscription.contents(root, request.query), base, request.query))
        if kind == "resourcegroups":
            if len(segments) == 1:
                self._permit(principal, "Microsoft.Resources/subscriptions/resourceGroups/read", root)
                passes = resource_filter(request.query.get("$filter", ""))
                groups = [shown for group in self.store.of_type(GROUPS) if passes(shown := _show_group(group))]
                return json_response(200, page(groups, base, request.query))
            group_id = f"{root}/resourceGroups/{segments[1]}"
            if len(segments) == 2:
                return self._group(method, group_id, segments[1], principal, body)
            if segments[2].lower() == "resources" and len(segments) == 3:
                group = self._existing_group(group_id, segments[1])
                self._permit(principal, "Microsoft.Resources/subscriptions/resourceGroups/resources/read", group.id)
                return json_response(200, page(subscription.contents(group_id, request.query), base, request.query))
        raise ArmError(404, "InvalidResourceType", f"The sandbox does not serve {path}.")

    def _providers(self, request: Request, segments: list[str], principal: str) -> Response:
        """/subscriptions/<id>/providers, one of them, and its registration."""
        action = segments[2].lower() if len(segments) == 3 else ""
        if request.method == "POST" and action in ("register", "unregister"):
            self._permit(principal, f"{segments[1]}/{action}/action", f"/subscriptions/{self.subscription.id}")
            return json_response(200, self.subscription.register(segments[1], wanted=action == "register"))
        if request.method != "GET" or len(segments) > 2:
            raise ArmError(404, "InvalidResourceType", f"The sandbox does not serve {request.path}.")
        if len(segments) == 2:
            return json_response(200, self.subscription.provider(segments[1]))
        return json_response(200, page(self.subscription.providers(), f"https://{HOST}{request.path}", request.query))

    def _existing_group(self, group_id: str, name: str) -> Resource:
        group = self.store.get(group_id)
        if group is None:
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
        return group

    def _group(self, method: str, group_id: str, name: str, principal: str, body: Json) -> Response:
        verb = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(method, "write")
        self._permit(principal, f"Microsoft.Resources/subscriptions/resourceGroups/{verb}", group_id)
        refuse_where_locked(self.store, method, group_id)
        existing = self.store.get(group_id)
        if method == "HEAD":
            return Response(204 if existing is not None else 404)
        if method == "PUT":
            return self._put_group(group_id, name, existing, body)
        group = self._existing_group(group_id, name)
        if method == "PATCH":
            group.body = merge_patch(group.body, {key: body[key] for key in ("tags", "managedBy") if key in body})
            self.store.put(group)
            return json_response(200, _show_group(group))
        if method == "GET":
            return json_response(200, _show_group(group))
        if method == "DELETE":
            return self._delete_group(group)
        raise ArmError(
            405, "HttpMethodNotAllowed", f"The HTTP method '{method}' is not supported at scope 'resource group'."
        )

    def _put_group(self, group_id: str, name: str, existing: Resource | None, body: Json) -> Response:
        if not re.fullmatch(r"[-\w.()]{1,90}(?<!\.)", name):
            raise ArmError(
                400,
                "InvalidResourceGroup",
                f"The provided resource group name '{name}' has these invalid characters or is longer than 90 characters. "
                "The name can only be a letter, digit, '-', '.', '(', ')' or '_' and must not end with '.'.",
            )
        location = str(body.get("location") or "").replace(" ", "").lower()
        if location not in REGIONS:
            raise ArmError(
                400,
                "LocationNotAvailableForResourceGroup",
                f"The provided location '{body.get('location')}' is not available for resource group.",
            )
        if existing is not None and existing.body["location"] != location:
            raise ArmError(
                409,
                "InvalidResourceGroupLocation",
                f"Invalid resource group location '{location}'. The Resource group already exists in location '{existing.body['location']}'.",
            )
        kept = {key: body[key] for key in ("managedBy", "tags") if body.get(key) is not None}
        group = Resource(group_id, GROUPS, name, {"location": location, **kept, "properties": {}})
        if existing is not None:
            group.created = existing.created
        self.store.put(group)
        return json_response(201 if existing is None else 200, _show_group(group))

    def _delete_group(self, group: Resource) -> Response:
        with self.store.transaction():
            group.state = "Deleting"
            self.store.put(group)
            operation = self.context.start("delete", group, GROUP_DELETE_SECONDS)
        self._take_down(group)
        subscription = self.store.setting("subscription_id")
        location = f"https://{HOST}/subscriptions/{subscription}/operationresults/{operation.id}?api-version=2021-04-01"
        return Response(202, b"", {"Location": location, "Retry-After": self.context.retry_after(15)})

    # resources

    def _resource(self, method: str, call: Call) -> Response:
        target = call.target
        if target.type.lower() == TAGS.lower() and target.names == ("default",):
            return self._tags_of(method, call)
        if len(target.types) == len(target.names) + 1:
            return self._collection_or_action(method, call)
        asks = method in ("GET", "POST") and target.type.lower() not in self.types
        if asks and self._owner(target) is not None:
            return self._act(method, call, f"{target.types[-1]}/{target.name}")
        handler = self._handler(target)
        verb = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(method, "write")
        self._permit(call.caller.object_id, f"{handler.type}/{verb}", handler.resource_id(target))
        refuse_where_locked(self.store, method, handler.resource_id(target))
        if target.resource_group is not None:
            self._existing_group(
                f"/subscriptions/{target.subscription}/resourceGroups/{target.resource_group}", target.resource_group
            )
        self._existing_parent(handler.type, target, verb)
        resource_id = handler.resource_id(target)
        existing = self._find(handler, target)
        if method == "GET":
            if existing is None:
                raise handler.not_found(target)
            return json_response(200, handler.show(existing))
        if method == "HEAD":
            return Response(204 if existing is not None else 404)
        check_conditions(method, call.headers, existing)
        if method == "DELETE":
            return self._delete(handler, call, existing)
        self.subscription.check_registered(handler.type.partition("/")[0])
        self._read_names(handler, call, existing)
        if method == "PATCH" and existing is None:
            raise handler.not_found(target)
        if method == "PATCH" and existing is not None:
            call.body, call.patch = handler.merge(call, existing), call.body
        elif method != "PUT":
            raise ArmError(
                405, "HttpMethodNotAllowed", f"The requested resource does not support http method '{method}'."
            )
        return self._write(handler, call, existing, resource_id)

    def _tags_of(self, method: str, call: Call) -> Response:
        verb = {"GET": "read", "DELETE": "delete"}.get(method, "write")
        self._permit(call.caller.object_id, f"{TAGS}/{verb}", call.target.scope)
        refuse_where_locked(self.store, method, call.target.scope)
        return self.tags.answer(method, call.target.scope, call.body)

    def _read_names(self, handler: ResourceType, call: Call, existing: Resource | None) -> None:
        """Takes the names of properties in any case; where the sandbox is strict, refuses those that nobody knows."""
        call.body = with_azures_names(handler.type, call.body)
        unknown = unknown_properties(handler.type, call.body) if self.context.strict else []
        if unknown and existing is not None:  # clients send back what a GET showed them
            ours = set(unknown_properties(handler.type, handler.show(existing)))
            unknown = [path for path in unknown if path not in ours]
        if unknown:
            name = unknown[0].rpartition(".")[2]
            raise ArmError(
                400,
                "InvalidRequestContent",
                f"The request content was invalid and could not be deserialized: 'Could not find member '{name}' on object of type "
                f"'{handler.type}'. Path '{unknown[0]}'.'. Azure might ignore it; the sandbox was started with --strict.",
            )

    def _find(self, handler: ResourceType, target: Target) -> Resource | None:
        return self.store.get(handler.resource_id(target)) or handler.implied(target)

    def _handler(self, target: Target) -> ResourceType:
        handler = self.types.get(target.type.lower())
        if handler is None:
            known = any(name.startswith(target.namespace.lower() + "/") for name in self.types)
            code = "InvalidResourceType" if known else "InvalidResourceNamespace"
            raise ArmError(
                404,
                code,
                f"The resource type '{'/'.join(target.types)}' could not be found in the namespace '{target.namespace}'.",
            )
        return handler

    def _existing_parent(self, kind: str, target: Target, verb: str) -> None:
        parent = target.parent_id
        parent_handler = self.types.get("/".join((target.namespace, *target.types[:-1])).lower())
        if parent is None or parent_handler is None:
            return
        parent_target = parse_target(parent)
        if parent_target is None or self._find(parent_handler, parent_target) is None:
            raise ArmError(
                404,
                "ParentResourceNotFound",
                f"Failed to perform '{verb}' on resource(s) of type '{kind.partition('/')[2]}', "
                f"because the parent resource '{parent}' could not be found.",
            )

    def _collection_or_action(self, method: str, call: Call) -> Response:
        target = call.target
        handler = self.types.get(target.type.lower())
        if method == "GET" and (handler is not None or target.type.lower() in EMPTY_LISTS):
            kind = handler.type if handler is not None else target.type
            scope = target.parent_id or target.scope
            self._permit(call.caller.object_id, f"{kind}/read", scope)
            if target.resource_group is not None:
                self._existing_group(
                    f"/subscriptions/{target.subscription}/resourceGroups/{target.resource_group}",
                    target.resource_group,
                )
            self._existing_parent(kind, target, "read")
            items = [handler.show(found) for found in handler.select(call, scope)] if handler is not None else []
            return json_response(200, page(items, f"https://{HOST}{target.id}/{target.types[-1]}", call.query))
        if self._owner(target) is None or len(target.names) == 0:
            return self._provider_action(method, call, target.types[-1])
        return self._act(method, call, target.types[-1])

    def _owner(self, target: Target) -> ResourceType | None:
        """The type whose resource an action is asked of."""
        return self.types.get("/".join((target.namespace, *target.types[:-1])).lower())

    def _act(self, method: str, call: Call, action: str) -> Response:
        """POST …/<resource>/<action>, or …/<resource>/<action>/<argument>; a few are asked by GET."""
        target = call.target
        owner = self.types["/".join((target.namespace, *target.types[:-1])).lower()]
        names = target.names[: len(target.types) - 1]
        subject = Target(
            target.subscription, target.resource_group, target.scope, target.namespace, target.types[:-1], names, action
        )
        resource = self._find(owner, subject)
        kind = "read" if method == "GET" else "action"
        self._permit(call.caller.object_id, f"{owner.type}/{target.types[-1]}/{kind}", subject.id)
        refuse_where_locked(self.store, method, subject.id)
        if resource is None:
            raise owner.not_found(subject)
        return owner.act(Call(subject, call.caller, call.api_version, call.body, call.query), resource, action.lower())

    def _provider_action(self, method: str, call: Call, action: str) -> Response:
        """POST …/providers/<namespace>/checkNameAvailability, for the types whose names are unique everywhere; what one may do; quotas."""
        what = f"{call.target.namespace}/{'/'.join(call.target.types)}".lower()
        if method == "GET" and what == "microsoft.authorization/permissions":
            scope = call.target.scope
            self._permit(call.caller.object_id, "Microsoft.Authorization/permissions/read", scope)
            return json_response(200, {"value": permissions(self.store, call.caller.object_id, scope)})
        if method == "GET" and what == "microsoft.app/locations/usages":
            self._permit(call.caller.object_id, "Microsoft.App/locations/usages/read", call.target.scope)
            return json_response(200, {"value": self.subscription.app_usages(call.target.names[0])})
        if method == "GET" and what == "microsoft.sql/locations/capabilities":
            self._permit(call.caller.object_id, "Microsoft.Sql/locations/capabilities/read", call.target.scope)
            return json_response(200, capabilities(call.target.names[0]))
        if method == "POST" and what == "microsoft.app/getcustomdomainverificationid":
            self._permit(call.caller.object_id, "Microsoft.App/getCustomDomainVerificationId/action", call.target.scope)
            return json_response(200, domain_verification_id(self.subscription.id))
        asked = str(call.body.get("type", "")).lower()
        if method == "POST" and action.lower() == "checknameavailability" and asked in self.types:
            return json_response(200, self.types[asked].availability(str(call.body.get("name", ""))))
        raise ArmError(
            404,
            "InvalidResourceType",
            f"The resource type '{action}' could not be found in the namespace '{call.target.namespace}'.",
        )

    # writes

    def _write(self, handler: ResourceType, call: Call, existing: Resource | None, resource_id: str) -> Response:
        if existing is not None and (running := self.store.running_operations(existing.key)):
            raise _busy(handler, existing, running[0])
        if (
            existing is None
            and handler.unique_everywhere
            and (taken := self.store.named(handler.type, call.target.name))
        ):
            raise handler.taken(taken.name)
        handler.examine(call, existing)
        body, private = handler.settle(call, existing)
        reply = handler.reply(call, existing)
        name = existing.name if existing is not None else call.target.name
        resource = Resource(existing.id if existing else resource_id, handler.type.lower(), name, body, private)
        if existing is not None:
            resource.created = existing.created
        if reply is Reply.SYNC:
            handler.begin(resource, _no_operation(resource), call)
            self.store.put(resource)
            status = handler.created_status if existing is None else handler.updated_status
            return json_response(status, handler.unsettled(resource))
        resource.state = handler.creating_state if existing is None else handler.updating_state
        verb = "create" if existing is None else "update"
        with self.store.transaction():
            self.store.put(resource)
            operation = self.context.start(verb, resource, handler.seconds.get(verb, 0.0))
            operation.work = handler.begin(resource, operation, call)
            self.store.put_operation(operation)
        if reply is Reply.SETTLES:
            status = handler.created_status if existing is None else handler.updated_status
            return json_response(status, handler.unsettled(resource))
        headers = self._polling_headers(handler, resource, operation, call)
        if reply is Reply.ACCEPTED_OPERATION:
            started = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(operation.started))
            return json_response(
                202, {"operation": handler.operation_name(verb, call.body), "startTime": started}, headers
            )
        if reply is Reply.ACCEPTED:
            return Response(202, b"", headers)
        if reply is Reply.ACCEPTED_LOCATION:
            headers.pop("Azure-AsyncOperation", None)
            return Response(202, b"", headers)
        headers.pop("Location", None)
        if handler.located_by_itself:
            headers["Location"] = f"https://{HOST}{resource.id}?api-version={call.api_version}"
        return json_response(201, handler.unsettled(resource), headers)

    def _delete(self, handler: ResourceType, call: Call, existing: Resource | None) -> Response:
        if existing is None:
            return Response(handler.missing_delete_status)
        if running := self.store.running_operations(existing.key):
            raise _busy(handler, existing, running[0])
        handler.check_removal(existing)
        if handler.delete_reply is Reply.SYNC:
            shown = handler.show(existing)
            self._take_down(existing)
            self.store.delete(existing.id)
            return json_response(200, shown) if handler.shows_deleted else Response(handler.deleted_status)
        existing.state = "Deleting"
        with self.store.transaction():
            self.store.put(existing)
            operation = self.context.start("delete", existing, handler.seconds.get("delete", 0.0))
        self._take_down(existing)
        headers = self._polling_headers(handler, existing, operation, call)
        if handler.delete_reply is Reply.ACCEPTED_OPERATION:
            started = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(operation.started))
            return json_response(
                202, {"operation": handler.operation_name("delete", call.body), "startTime": started}, headers
            )
        headers.pop("Azure-AsyncOperation", None)
        return Response(202, b"", headers)

    def _take_down(self, resource: Resource) -> None:
        """Ends what stands behind a resource and behind all that is below it."""
        for found in [*self.store.below(resource.id), resource]:
            if (handler := self.types.get(found.type)) is not None:
                handler.removed(found)

    def _polling_headers(
        self, handler: ResourceType, resource: Resource, operation: Operation, call: Call
    ) -> dict[str, str]:
        fields = {
            "subscription": call.target.subscription,
            "group": call.target.resource_group,
            "location": str(resource.body.get("location", "")).replace(" ", "").lower(),
            "id": resource.id,
            "operation": operation.id,
        }
        version = handler.operation_api_version or call.api_version
        headers = {"Retry-After": self.context.retry_after(handler.retry_after)}
        if handler.status_path:
            headers["Azure-AsyncOperation"] = (
                f"https://{HOST}{handler.status_path.format(**fields)}?api-version={version}"
            )
        if handler.result_path:
            headers["Location"] = f"https://{HOST}{handler.result_path.format(**fields)}?api-version={version}"
        return headers

    # operations

    def finish_due(self) -> None:
        """Ends the operations whose time has come."""
        now = time.time()
        for operation in self.store.running_operations():
            if not operation.work and now >= operation.due:
                self._finish(operation)

    def _finish(self, operation: Operation) -> None:
        with self.store.transaction():
            operation.ended = time.time()
            operation.status = "Failed" if operation.error else "Succeeded"
            self.store.put_operation(operation)
            resource = self.store.get(operation.resource)
            if resource is None:
                return
            if operation.verb == "delete" and not operation.error:
                for below in [*self.store.below(resource.id), resource]:
                    self.store.delete_principals_of(below.key)
                self.store.delete(resource.id)
                self.store.end_operations_below(resource.key)
                return
            resource.state = operation.status if operation.error else SUCCEEDED
            self.store.put(resource)

    def _show_operation(self, operation: Operation, path: str, version: str) -> Response:
        handler = self.types.get(operation.type)
        running = operation.status == "InProgress"
        again = {"Retry-After": self.context.retry_after(handler.retry_after if handler else 15)}
        if "results" in path.lower() or "asyncoperations" in path.lower():
            if running:
                return Response(202, b"", {**again, "Location": f"https://{HOST}{path}?api-version={version}"})
            if operation.error:
                return json_response(409, {"error": operation.error})
            resource = self.store.get(operation.resource)
            if operation.verb == "delete" or resource is None or handler is None:
                return Response(handler.deleted_result_status if handler is not None else 200)
            return json_response(200, handler.show(resource))
        body: Json = {
            "id": path,
            "name": operation.id,
            "status": "InProgress" if running else operation.status,
            "startTime": time.strftime("%Y-%m-%dT%H:%M:%S.0000000", time.gmtime(operation.started)),
        }
        if operation.error:
            body["error"] = operation.error
        return json_response(200, body)


def _is_registration(path: str) -> bool:
    return re.fullmatch(r"/subscriptions/[^/]+/providers/[^/]+/(?:un)?register", path, re.IGNORECASE) is not None


def _busy(handler: ResourceType, resource: Resource, running: Operation) -> ArmError:
    kind = handler.type.partition("/")[2].lower()
    if kind == "containerapps":
        return ArmError(
            409,
            "ContainerAppOperationInProgress",
            f"Cannot modify a container app '{resource.name}' because there is an active provisioning operation in progress. "
            f"OperationId: '{running.id}'",
            cause="",
        )
    if kind == "jobs":
        return ArmError(
            409,
            "ContainerAppsJobOperationInProgress",
            f"Cannot modify a container apps job '{resource.name}' because there is an active provisioning operation in progress.",
            cause="",
        )
    if kind == "managedenvironments":
        return ArmError(
            409,
            "ManagedEnvironmentOperationInProgress",
            f"Cannot modify Container Apps environment {resource.name} because another operation is in progress.",
            cause="",
        )
    return ArmError(
        409,
        "AnotherOperationInProgress",
        f"Another operation on '{resource.name}' or a resource that depends on it is in progress. Please retry later.",
        cause="",
    )


def _no_operation(resource: Resource) -> Operation:
    return Operation("", "create", resource.key, resource.type, "Succeeded", time.time(), 0.0, False)


def _show_group(group: Resource) -> Json:
    shown: dict[str, Any] = {
        "id": group.id,
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        **group.body,
    }
    shown["properties"] = {"provisioningState": group.state}
    return shown
