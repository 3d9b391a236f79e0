# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.Storage/storageAccounts/blobServices."""

from __future__ import annotations

from typing import Any

from .._core import names
from .._core.arm import Json
from .._core.errors import InvalidOption
from .._core.plan import FLAG, NUMBER, Plan
from .._core.resource import READ_ONLY, Resource
from .client import PACKAGES, storage_operations

_ENABLED = {"type": "bool", "required": True}
# Each policy with the name of its number of days.
_POLICIES = {
    "changeFeed": "retentionInDays",
    "containerDeleteRetentionPolicy": "days",
    "deleteRetentionPolicy": "days",
    "restorePolicy": "days",
}
# Options, their number of days and its limit.
_LIMITS = (
    ("blob_delete_retention", "days", 365),
    ("container_delete_retention", "days", 365),
    ("change_feed", "retention_in_days", 146000),
    ("restore", "days", 365),
)


class StorageBlobService(Resource):
    """The settings of the blob service of a storage account: it exists with the account, and cannot be deleted."""

    name = "storage_blob_service"
    type = "Microsoft.Storage/storageAccounts/blobServices"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.Storage/storageAccounts/{account}/blobServices/default"
    address = ("resource_group", "account")
    operations = storage_operations("blob_services")
    packages = PACKAGES
    get_method = "get_service_properties"
    create_method = "set_service_properties"
    update_method = "set_service_properties"
    wait_timeout = 300
    state = "present"
    options = {
        "resource_group": {"type": "str", "required": True},
        "account": {"type": "str", "required": True},
        "versioning_enabled": {"type": "bool"},
        "blob_delete_retention": {
            "type": "dict",
            "options": {"enabled": _ENABLED, "days": {"type": "int"}, "allow_permanent_delete": {"type": "bool"}},
            "required_if": [("enabled", True, ("days",))],
        },
        "container_delete_retention": {
            "type": "dict",
            "options": {"enabled": _ENABLED, "days": {"type": "int"}},
            "required_if": [("enabled", True, ("days",))],
        },
        "change_feed": {"type": "dict", "options": {"enabled": _ENABLED, "retention_in_days": {"type": "int"}}},
        "restore": {
            "type": "dict",
            "options": {"enabled": _ENABLED, "days": {"type": "int"}},
            "required_if": [("enabled", True, ("days",))],
        },
        "last_access_time_tracking_enabled": {"type": "bool"},
    }
    rules = {
        **{f"properties.{policy}.enabled": FLAG for policy in _POLICIES},
        **{f"properties.{policy}.{days}": NUMBER for policy, days in _POLICIES.items()},
        "properties.deleteRetentionPolicy.allowPermanentDelete": FLAG,
        "properties.isVersioningEnabled": FLAG,
        "properties.lastAccessTimeTrackingPolicy.enable": FLAG,
    }
    read_only = (
        *READ_ONLY,
        "properties.restorePolicy.lastEnabledTime",
        "properties.restorePolicy.minRestoreTime",
        "sku",
    )

    @classmethod
    def argument_spec(cls) -> dict[str, Any]:
        """Return the argument spec without option C(state)."""
        spec = super().argument_spec()
        del spec["state"]
        return spec

    def validate(self) -> None:
        params = self.params
        names.check("resource_group", params["resource_group"], names.RESOURCE_GROUP)
        names.check("account", params["account"], names.STORAGE_ACCOUNT)
        for option, name, most in _LIMITS:
            days = (params[option] or {}).get(name)
            if days is not None and not 1 <= days <= most:
                raise InvalidOption(f"{option}.{name}", days, f"use 1 to {most} days.")
        if (params["restore"] or {}).get("enabled"):
            self._validate_restore()

    def _validate_restore(self) -> None:
        """Raise InvalidOption for settings that exclude point-in-time restore."""
        params = self.params
        blobs, restore = params["blob_delete_retention"] or {}, params["restore"]
        if blobs.get("days") is not None and restore["days"] >= blobs["days"]:
            rule = f"it must be less than blob_delete_retention.days ({blobs['days']})."
            raise InvalidOption("restore.days", restore["days"], rule)
        needed = (
            ("versioning_enabled", params["versioning_enabled"]),
            ("change_feed.enabled", (params["change_feed"] or {}).get("enabled")),
            ("blob_delete_retention.enabled", blobs.get("enabled")),
        )
        for option, enabled in needed:
            if enabled is False:
                rule = "restore needs it: set it to true, or restore.enabled to false."
                raise InvalidOption(option, False, rule)

    def desired(self) -> dict[str, Any]:
        params = self.params
        blobs, containers = params["blob_delete_retention"], params["container_delete_retention"]
        feed, restore, tracking = params["change_feed"], params["restore"], params["last_access_time_tracking_enabled"]
        return {
            "properties": {
                "changeFeed": feed
                and {
                    "enabled": feed["enabled"],
                    "retentionInDays": feed["retention_in_days"] if feed["enabled"] else None,
                },
                "containerDeleteRetentionPolicy": containers and _policy(containers),
                "deleteRetentionPolicy": blobs
                and {**_policy(blobs), "allowPermanentDelete": blobs["allow_permanent_delete"]},
                "isVersioningEnabled": params["versioning_enabled"],
                "lastAccessTimeTrackingPolicy": None if tracking is None else {"enable": tracking},
                "restorePolicy": restore and _policy(restore),
            },
        }

    def request_body(self, planned: Plan) -> Json:
        """Return all settings, since Azure turns off what is left out; without days where a policy is off."""
        properties = {
            name: {key: item for key, item in value.items() if key != _POLICIES[name]}
            if name in _POLICIES and not value.get("enabled")
            else value
            for name, value in planned.body["properties"].items()
        }
        return {**planned.body, "properties": properties}

    def public(self, resource: Json) -> Json:
        return {**resource, "name": "default"}


def _policy(option: dict[str, Any]) -> dict[str, Any]:
    return {"enabled": option["enabled"], "days": option["days"] if option["enabled"] else None}
