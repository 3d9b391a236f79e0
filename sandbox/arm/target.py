# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The target of a request to Resource Manager, parsed from the path of its URL."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

ENDPOINT = "https://management.azure.com"


@dataclass(frozen=True)
class Target:
    """A resource (`names` is as long as `types`), a collection of resources, or an action on a resource."""

    subscription: str
    resource_group: str | None
    scope: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def type(self) -> str:
        """The resource type with its namespace."""
        return "/".join((self.namespace, *self.types))

    @property
    def parent_type(self) -> str:
        """The resource type without its last segment."""
        return "/".join((self.namespace, *self.types[:-1]))

    @property
    def id(self) -> str:
        """The resource id, in the case of the request."""
        pairs = "".join(f"/{kind}/{name}" for kind, name in zip(self.types, self.names, strict=False))
        return f"{self.scope}/providers/{self.namespace}{pairs}"

    @property
    def name(self) -> str:
        """The name of the resource, without those of its parents."""
        return self.names[-1]

    @property
    def group_id(self) -> str | None:
        """The id of the resource group; None outside of one."""
        if self.resource_group is None:
            return None
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"

    @property
    def parent_id(self) -> str | None:
        """The id of the parent resource; None for a type at the top level."""
        return self.parent.id if len(self.types) > 1 else None

    @property
    def parent(self) -> Target:
        """The resource that the last segment of the type is below."""
        return replace(self, types=self.types[:-1], names=self.names[: len(self.types) - 1])

    @property
    def is_collection_or_action(self) -> bool:
        """Whether the path ends in a type or an action, and not in the name of a resource."""
        return len(self.types) == len(self.names) + 1


def parse_target(path: str) -> Target | None:
    """Return the target that the path of a URL addresses; None where it addresses no resource of a provider."""
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
