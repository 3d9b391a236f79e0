# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags: …/providers/Microsoft.Resources/tags/default of a subscription, group or resource, and the tag names in use.

Source: https://learn.microsoft.com/rest/api/resources/tags and the recorded responses of Azure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from sandbox.arm.errors import ArmError
from sandbox.messages import Json, Response, json_response
from sandbox.store import Resource, Store

TYPE = "Microsoft.Resources/tags"
_SUBSCRIPTION_TAGS = "subscription tags"
_LIMIT = 50


class Tags:
    """The tags of the subscription and of the resources in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def handle(self, method: str, scope: str, body: Json) -> Response:
        """Return the response to a request that reads, replaces, merges or removes the tags of a scope."""
        resource = self._store.get(scope)
        if resource is None and scope.count("/") > 2:
            raise ArmError(404, "ResourceNotFound", f"The resource '{scope}' was not found.")
        tags = self.of(resource)
        if method in ("PUT", "PATCH"):
            operation = "replace" if method == "PUT" else str(body.get("operation"))
            tags = _apply(operation, tags, (body.get("properties") or {}).get("tags"))
            self._store_tags(resource, tags)
        elif method == "DELETE":
            self._store_tags(resource, {})
            return Response(200)
        elif method != "GET":
            raise ArmError(
                405, "HttpMethodNotAllowed", f"The requested resource does not support http method '{method}'."
            )
        owner = resource.id if resource is not None else scope
        identity = {"id": f"{owner}/providers/{TYPE}/default", "name": "default", "type": TYPE}
        return json_response(200, {**identity, "properties": {"tags": tags}})

    def of(self, resource: Resource | None) -> Json:
        """Return the tags of a resource; None: those of the subscription."""
        if resource is not None:
            return dict(resource.body.get("tags") or {})
        return dict(json.loads(self._store.setting(_SUBSCRIPTION_TAGS) or "{}"))

    def names(self, subscription: str, tagged: Iterable[Json]) -> list[Json]:
        """Return the tag names and values in use with their counts, as …/tagNames lists them. `tagged`: the tags of each resource."""
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

    def _store_tags(self, resource: Resource | None, tags: Json) -> None:
        if resource is None:
            self._store.set_setting(_SUBSCRIPTION_TAGS, json.dumps(tags))
            return
        if tags or "tags" in resource.body:
            resource.body["tags"] = tags
        self._store.put(resource)


def _apply(operation: str, tags: Json, sent: object) -> Json:
    """Return the tags after an operation: `Replace`, `Merge`, or `Delete`, which removes the pairs that it lists."""
    if not isinstance(sent, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid: 'properties.tags' is required.")
    match operation.lower():
        case "replace":
            tags = sent
        case "merge":
            names = {name.lower(): name for name in tags}
            tags = tags | {names.get(str(name).lower(), str(name)): value for name, value in sent.items()}
        case "delete":
            removed = {str(name).lower(): str(value) for name, value in sent.items()}
            tags = {name: value for name, value in tags.items() if removed.get(name.lower()) != str(value)}
        case _:
            raise ArmError(
                400,
                "InvalidTagsOperation",
                f"The operation '{operation}' is invalid. It must be 'Replace', 'Merge' or 'Delete'.",
            )
    if len(tags) > _LIMIT:
        raise ArmError(400, "InvalidTags", f"The number of tags is {len(tags)}. A resource may have {_LIMIT} at most.")
    return tags
