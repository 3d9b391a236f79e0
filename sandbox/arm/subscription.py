# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The subscription and what lies directly in it: its tenant, locations, resource providers, and lists of resources.

Source: https://learn.microsoft.com/rest/api/resources.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from sandbox.arm.api_versions import supported
from sandbox.arm.paging import resource_filter
from sandbox.arm.resource_type import REGIONS, ArmError, Json, ResourceType
from sandbox.store import Resource, Store

_LISTED = ("id", "name", "type", "location", "tags", "sku", "kind", "identity", "zones", "managedBy")
_GROUP_PROVIDER = "Microsoft.Resources"
# What the API of quotas says, https://learn.microsoft.com/azure/container-apps/quotas; more are made all the same.
ENVIRONMENTS_PER_REGION = 20


class Subscription:
    """The one subscription of a sandbox."""

    def __init__(self, store: Store, types: Mapping[str, ResourceType]) -> None:
        self._store = store
        self._types = types

    @property
    def id(self) -> str:
        return self._store.setting("subscription_id") or ""

    def tenant(self) -> Json:
        """The tenant, as /tenants lists it."""
        tenant = self._store.setting("tenant_id") or ""
        return {
            "id": f"/tenants/{tenant}",
            "tenantId": tenant,
            "countryCode": "US",
            "displayName": "Sandbox",
            "domains": [],
            "tenantCategory": "Home",
        }

    def shown(self) -> Json:
        """The subscription, as /subscriptions lists it."""
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
        """All resource providers with their types and whether they are registered."""
        namespaces = sorted({handler.type.split("/")[0] for handler in self._types.values()} | {_GROUP_PROVIDER})
        return [self._provider(namespace) for namespace in namespaces]

    def provider(self, wanted: str) -> Json:
        for provider in self.providers():
            if provider["namespace"].lower() == wanted.lower():
                return provider
        raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{wanted}' is invalid.")

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
        return self._store.setting(f"unregistered {namespace.lower()}") != "yes"

    def register(self, namespace: str, *, wanted: bool) -> Json:
        """Registers a provider, or takes its registration back."""
        known = str(self.provider(namespace)["namespace"])
        self._store.set_setting(f"unregistered {known.lower()}", "no" if wanted else "yes")
        return self.provider(namespace)

    def check_registered(self, namespace: str) -> None:
        """Refuses a write to a provider that is not registered."""
        if self.registered(namespace):
            return
        said = {
            "code": "MissingSubscriptionRegistration",
            "message": f"The subscription is not registered to use namespace '{namespace}'. "
            "See https://aka.ms/rps-not-found for how to register subscriptions.",
        }
        details = [{**said, "target": namespace}]
        raise ArmError(409, said["code"], said["message"], details=details)

    # quotas

    def app_usages(self, location: str) -> list[Json]:
        """How many environments of Container Apps there are in a region, and may be."""
        region = location.replace(" ", "").lower()
        environments = self._store.of_type("microsoft.app/managedenvironments")
        used = sum(str(one.body.get("location", "")).replace(" ", "").lower() == region for one in environments)
        name = "ManagedEnvironmentCount"
        return [
            {
                "unit": "Count",
                "currentValue": used,
                "limit": ENVIRONMENTS_PER_REGION,
                "name": {"value": name, "localizedValue": name},
            }
        ]

    # lists

    def contents(self, scope: str, query: Mapping[str, str]) -> list[Json]:
        """The tracked resources below a scope that pass `$filter`, as a list of resources shows them."""
        passes, expanded = resource_filter(query.get("$filter", "")), query.get("$expand", "").lower()
        shown: list[Json] = []
        for resource in self._store.below(scope):
            handler = self._types.get(resource.type)
            if handler is None or "location" not in resource.body:
                continue
            full = handler.show(resource)
            item = {name: full[name] for name in _LISTED if name in full}
            if not passes(item):
                continue
            on_request = {
                "createdTime": _moment(resource.created),
                "changedTime": _moment(resource.updated),
                "provisioningState": resource.state,
            }
            item |= {name: value for name, value in on_request.items() if name.lower() in expanded}
            shown.append(item)
        return shown


def check_conditions(method: str, headers: Mapping[str, str], existing: Resource | None) -> None:
    """Refuses a write whose If-Match or If-None-Match does not hold, for resources that have an etag."""
    if method not in ("PUT", "PATCH", "DELETE"):
        return
    current = existing.body.get("etag") or existing.properties.get("etag") if existing is not None else None
    match, none_match = headers.get("if-match", ""), headers.get("if-none-match", "")
    if match and existing is None:
        raise _unmet("If-Match", match, "")
    if current is None:
        return
    if match and match != "*" and not _same(match, current):
        raise _unmet("If-Match", match, current)
    if none_match and (none_match == "*" or _same(none_match, current)):
        raise _unmet("If-None-Match", none_match, current)


def _same(given: str, current: str) -> bool:
    """Whether a list of etags holds one; weak and strong ones are the same to Resource Manager."""
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in given.split(",")}
    return current.removeprefix("W/").strip('"') in tags


def _unmet(header: str, given: str, current: str) -> ArmError:
    return ArmError(
        412,
        "PreconditionFailed",
        f"The condition '{given}' in the {header} header was not satisfied. The current etag is '{current}'.",
        cause="service",
    )


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e7):07d}Z"
