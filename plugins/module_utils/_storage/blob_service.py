# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module storage_blob_service wants of Microsoft.Storage/storageAccounts/blobServices."""

from __future__ import annotations

from typing import Any

from .._core import names as _names
from .._core.arm import Arm, Json
from .._core.errors import InvalidOption
from .._core.plan import NUMBER, Plan, Rule
from .._core.resource import READ_ONLY as RESOURCE_READ_ONLY
from .._core.resource import Params

_ENABLED = {"type": "bool", "required": True}
OPTIONS: dict[str, Any] = {
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
# Azure leaves out what is false.
_FLAG = Rule(compare=lambda wanted, current: bool(wanted) == bool(current))
_POLICIES = {
    "changeFeed": "retentionInDays",
    "containerDeleteRetentionPolicy": "days",
    "deleteRetentionPolicy": "days",
    "restorePolicy": "days",
}
RULES = {
    **{f"properties.{policy}.enabled": _FLAG for policy in _POLICIES},
    **{f"properties.{policy}.{days}": NUMBER for policy, days in _POLICIES.items()},
    "properties.deleteRetentionPolicy.allowPermanentDelete": _FLAG,
    "properties.isVersioningEnabled": _FLAG,
    "properties.lastAccessTimeTrackingPolicy.enable": _FLAG,
}
READ_ONLY = (
    *RESOURCE_READ_ONLY,
    "properties.restorePolicy.lastEnabledTime",
    "properties.restorePolicy.minRestoreTime",
    "sku",
)


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("account", params["account"], _names.STORAGE_ACCOUNT)
    blobs, restore = params["blob_delete_retention"] or {}, params["restore"] or {}
    limits = (
        ("blob_delete_retention", "days", 365),
        ("container_delete_retention", "days", 365),
        ("change_feed", "retention_in_days", 146000),
        ("restore", "days", 365),
    )
    for option, name, most in limits:
        days = (params[option] or {}).get(name)
        if days is not None and not 1 <= days <= most:
            raise InvalidOption(f"{option}.{name}", days, f"use 1 to {most} days.")
    if not restore.get("enabled"):
        return
    if blobs.get("days") is not None and restore["days"] >= blobs["days"]:
        rule = f"it must be less than blob_delete_retention.days ({blobs['days']})."
        raise InvalidOption("restore.days", restore["days"], rule)
    feed = params["change_feed"] or {"enabled": None}
    needed = (
        ("versioning_enabled", params["versioning_enabled"]),
        ("change_feed.enabled", feed["enabled"]),
        ("blob_delete_retention.enabled", blobs.get("enabled")),
    )
    for option, on in needed:
        if on is False:
            raise InvalidOption(option, False, "restore needs it: set it to true, or restore.enabled to false.")


def desired(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
    blobs, containers = params["blob_delete_retention"], params["container_delete_retention"]
    feed, restore, tracking = params["change_feed"], params["restore"], params["last_access_time_tracking_enabled"]
    return {
        "properties": {
            "changeFeed": feed
            and {
                "enabled": feed["enabled"],
                "retentionInDays": feed["retention_in_days"] if feed["enabled"] else None,
            },
            "containerDeleteRetentionPolicy": containers and _kept_for(containers),
            "deleteRetentionPolicy": blobs
            and {**_kept_for(blobs), "allowPermanentDelete": blobs["allow_permanent_delete"]},
            "isVersioningEnabled": params["versioning_enabled"],
            "lastAccessTimeTrackingPolicy": None if tracking is None else {"enable": tracking},
            "restorePolicy": restore and _kept_for(restore),
        },
    }


def _kept_for(policy: dict[str, Any]) -> dict[str, Any]:
    return {"enabled": policy["enabled"], "days": policy["days"] if policy["enabled"] else None}


def body(_arm: Arm, _params: Params, planned: Plan) -> Json:
    """The request of a write: all settings, for Azure turns off what is left out; no days where a policy is off."""
    properties = {
        name: {key: item for key, item in value.items() if key != _POLICIES[name]}
        if name in _POLICIES and not value.get("enabled")
        else value
        for name, value in planned.body["properties"].items()
    }
    return {**planned.body, "properties": properties}
