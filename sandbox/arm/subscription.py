# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The subscription: its tenant, locations, resource providers, and lists of resources.

Source: https://learn.microsoft.com/rest/api/resources.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from sandbox.arm.api_versions import supported
from sandbox.arm.errors import ArmError
from sandbox.arm.locations import REGIONS
from sandbox.arm.paging import resource_filter
from sandbox.arm.resource_type import ResourceType
from sandbox.messages import Json
from sandbox.store import Resource, Store

_LISTED = ("id", "name", "type", "location", "tags", "sku", "kind", "identity", "zones", "managedBy")
_GROUP_PROVIDER = "Microsoft.Resources"


class Subscription:
    """The one subscription of a sandbox."""

    def __init__(self, store: Store, types: Mapping[str, ResourceType]) -> None:
        self._store = store
        self._types = types

    @property
    def id(self) -> str:
        """The subscription id."""
        return self._store.setting("subscription_id") or ""

    def tenant(self) -> Json:
        """Return the tenant as /tenants lists it."""
        tenant = self._store.setting("tenant_id") or ""
        return {
            "id": f"/tenants/{tenant}",
            "tenantId": tenant,
            "countryCode": "US",
            "displayName": "Sandbox",
            "domains": [],
            "tenantCategory": "Home",
        }

    def show(self) -> Json:
        """Return the subscription as /subscriptions lists it."""
        return {
            "id": f"/subscriptions/{self.id}",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": self.id,
            "tenantId": self._store.setting("tenant_id"),
            "displayName": "Sandbox",
            "state": "Enabled",
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": "PayAsYouGo_2014-09-01",
                "spendingLimit": "Off",
            },
        }

    def locations(self) -> list[Json]:
        """Return the regions as …/locations lists them."""
        return [
            {
                "id": f"/subscriptions/{self.id}/locations/{name}",
                "name": name,
                "type": "Region",
                "displayName": display,
                "regionalDisplayName": display,
                "metadata": {
                    "regionType": "Physical",
                    "regionCategory": "Recommended",
                    "physicalLocation": "This machine",
                },
            }
            for name, display in REGIONS.items()
        ]

    # resource providers

    def providers(self) -> list[Json]:
        """Return all resource providers with their types and registration states."""
        namespaces = sorted({handler.type.split("/")[0] for handler in self._types.values()} | {_GROUP_PROVIDER})
        return [self._provider(namespace) for namespace in namespaces]

    def provider(self, namespace: str) -> Json:
        """Return one resource provider."""
        for provider in self.providers():
            if provider["namespace"].lower() == namespace.lower():
                return provider
        raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")

    def _provider(self, namespace: str) -> Json:
        versions = list(reversed(supported(namespace)))
        names = [
            handler.type.partition("/")[2]
            for handler in self._types.values()
            if handler.type.startswith(namespace + "/")
        ]
        if namespace == _GROUP_PROVIDER:
            names = ["subscriptions", "resourceGroups"]
        return {
            "id": f"/subscriptions/{self.id}/providers/{namespace}",
            "namespace": namespace,
            "resourceTypes": [
                {
                    "resourceType": name,
                    "locations": list(REGIONS.values()),
                    "apiVersions": versions,
                    "defaultApiVersion": next(one for one in versions if not one.endswith("preview")),
                    "capabilities": "None",
                }
                for name in names
            ],
            "registrationState": "Registered" if self.registered(namespace) else "NotRegistered",
            "registrationPolicy": "RegistrationRequired",
        }

    def registered(self, namespace: str) -> bool:
        """Return whether a resource provider is registered."""
        return self._store.setting(f"unregistered {namespace.lower()}") != "yes"

    def set_registered(self, namespace: str, registered: bool) -> Json:
        """Set the registration state of a resource provider, and return the provider."""
        provider = str(self.provider(namespace)["namespace"])
        self._store.set_setting(f"unregistered {provider.lower()}", "no" if registered else "yes")
        return self.provider(namespace)

    def check_registered(self, namespace: str) -> None:
        """Raise ArmError for a resource provider that is not registered. Microsoft.Resources needs no registration."""
        if namespace == _GROUP_PROVIDER or self.registered(namespace):
            return
        error = {
            "code": "MissingSubscriptionRegistration",
            "message": f"The subscription is not registered to use namespace '{namespace}'. "
            "See https://aka.ms/rps-not-found for how to register subscriptions.",
        }
        raise ArmError(409, error["code"], error["message"], details=[{**error, "target": namespace}])

    # lists

    def contents(self, scope: str, query: Mapping[str, str]) -> list[Json]:
        """Return the tracked resources below a scope that match `$filter`, as a list of resources contains them."""
        matches, expanded = resource_filter(query.get("$filter", "")), query.get("$expand", "").lower()
        items: list[Json] = []
        for resource in self._store.below(scope):
            handler = self._types.get(resource.type)
            if handler is None or "/providers/" not in resource.key or "location" not in resource.body:
                continue
            full = handler.show(resource)
            item = {name: full[name] for name in _LISTED if name in full}
            if not matches(item):
                continue
            on_request = {
                "createdTime": _timestamp(resource.created),
                "changedTime": _timestamp(resource.updated),
                "provisioningState": resource.state,
            }
            item |= {name: value for name, value in on_request.items() if name.lower() in expanded}
            items.append(item)
        return items


def check_conditions(method: str, headers: Mapping[str, str], existing: Resource | None) -> None:
    """Raise ArmError for a write whose If-Match or If-None-Match is not satisfied, for resources with an etag."""
    if method not in ("PUT", "PATCH", "DELETE"):
        return
    current = existing.body.get("etag") or existing.properties.get("etag") if existing is not None else None
    match, none_match = headers.get("if-match", ""), headers.get("if-none-match", "")
    if match and existing is None:
        raise _precondition_failed("If-Match", match, "")
    if current is None:
        return
    if match and match != "*" and not _contains_etag(match, current):
        raise _precondition_failed("If-Match", match, current)
    if none_match and (none_match == "*" or _contains_etag(none_match, current)):
        raise _precondition_failed("If-None-Match", none_match, current)


def _contains_etag(header: str, current: str) -> bool:
    """Return whether the list of etags in a header contains one; Resource Manager does not distinguish weak and strong etags."""
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
    return current.removeprefix("W/").strip('"') in tags


def _precondition_failed(header: str, condition: str, current: str) -> ArmError:
    return ArmError(
        412,
        "PreconditionFailed",
        f"The condition '{condition}' in the {header} header was not satisfied. The current etag is '{current}'.",
        cause="service",
    )


def _timestamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e7):07d}Z"
