# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags by themselves: …/providers/Microsoft.Resources/tags/default of a subscription, group or resource, and the names in use.

Source: https://learn.microsoft.com/rest/api/resources/tags and recorded answers of Azure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from sandbox.arm.resource_type import ArmError, Json
from sandbox.messages import Response, json_response
from sandbox.store import Resource, Store

TYPE = "Microsoft.Resources/tags"
_OF_SUBSCRIPTION = "subscription tags"
_MOST = 50


class Tags:
    """The tags of what stands in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, method: str, scope: str, body: Json) -> Response:
        """Answers a request for the tags of a scope: reads, replaces, merges or removes them."""
        resource = self._store.get(scope)
        if resource is None and scope.count("/") > 2:
            raise ArmError(404, "ResourceNotFound", f"The resource '{scope}' was not found.")
        held = self.of(resource)
        if method in ("PUT", "PATCH"):
            given = (body.get("properties") or {}).get("tags")
            held = _changed(held, "replace" if method == "PUT" else str(body.get("operation")), given)
            self._keep(resource, held)
        elif method == "DELETE":
            self._keep(resource, {})
            return Response(200)
        elif method != "GET":
            raise ArmError(
                405, "HttpMethodNotAllowed", f"The requested resource does not support http method '{method}'."
            )
        shown = resource.id if resource is not None else scope
        identity = {"id": f"{shown}/providers/{TYPE}/default", "name": "default", "type": TYPE}
        return json_response(200, {**identity, "properties": {"tags": held}})

    def of(self, resource: Resource | None) -> Json:
        """The tags of a resource, or those of the subscription."""
        found = resource.body.get("tags") if resource is not None else json.loads(self._subscription())
        return dict(found or {})

    def names(self, subscription: str, tagged: Iterable[Json]) -> list[Json]:
        """The names and values in use, with how often, as …/tagNames lists them; `tagged` are the tags of each resource."""
        used = Counter((name, str(value)) for tags in tagged for name, value in tags.items())
        listed: list[Json] = []
        for name in sorted({name for name, _value in used}):
            at = f"/subscriptions/{subscription}/tagNames/{name}"
            counts = {value: count for (owner, value), count in sorted(used.items()) if owner == name}
            values = [
                {"id": f"{at}/tagValues/{value}", "tagValue": value, "count": {"type": "Total", "value": count}}
                for value, count in counts.items()
            ]
            total = {"type": "Total", "value": sum(counts.values())}
            listed.append({"id": at, "tagName": name, "count": total, "values": values})
        return listed

    def _subscription(self) -> str:
        return self._store.setting(_OF_SUBSCRIPTION) or "{}"

    def _keep(self, resource: Resource | None, tags: Json) -> None:
        if resource is None:
            self._store.set_setting(_OF_SUBSCRIPTION, json.dumps(tags))
            return
        if tags or "tags" in resource.body:
            resource.body["tags"] = tags
        self._store.put(resource)


def _changed(held: Json, operation: str, given: object) -> Json:
    """The tags after an operation: `Replace`, `Merge`, or `Delete`, which takes away the pairs that it names."""
    if not isinstance(given, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid: 'properties.tags' is required.")
    same = {name.lower(): name for name in held}
    if operation.lower() == "replace":
        held = given
    elif operation.lower() == "merge":
        held = held | {same.get(str(name).lower(), str(name)): value for name, value in given.items()}
    elif operation.lower() == "delete":
        gone = {str(name).lower(): str(value) for name, value in given.items()}
        held = {name: value for name, value in held.items() if gone.get(name.lower()) != str(value)}
    else:
        raise ArmError(
            400,
            "InvalidTagsOperation",
            f"The operation '{operation}' is invalid. It must be 'Replace', 'Merge' or 'Delete'.",
        )
    if len(held) > _MOST:
        raise ArmError(400, "InvalidTags", f"The number of tags is {len(held)}. A resource may have {_MOST} at most.")
    return held
