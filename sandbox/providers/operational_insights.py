# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.OperationalInsights: Log Analytics workspaces."""

from __future__ import annotations

import base64
import secrets
import uuid

from sandbox.arm.errors import ArmError
from sandbox.arm.locations import region
from sandbox.arm.resource_type import Call, NameRule, Reply, ResourceType, utc_now
from sandbox.messages import Json, Response, json_response
from sandbox.store import Resource

_SKUS = {"free", "pernode", "premium", "standard", "standalone", "pergb2018", "capacityreservation", "lacluster"}
_FIXED = ("legacy", "searchVersion")
# the solutions of a workspace: https://learn.microsoft.com/rest/api/loganalytics/intelligence-packs/list
_PACKS = (
    ("ChangeTracking", "Change Tracking"),
    ("LogManagement", "Log Management"),
    ("Security", "Security and Audit"),
    ("Updates", "System Update Assessment"),
)
_OPTIONAL = ("source", "defaultDataCollectionRuleResourceId", "forceCmkForQuery")


class Workspace(ResourceType):
    """A Log Analytics workspace."""

    type = "Microsoft.OperationalInsights/workspaces"
    create_reply = Reply.ASYNC_OPERATION
    delete_reply = Reply.SYNC
    seconds = {"create": 12.3, "delete": 5.5}
    retry_after = 20
    location_is_resource = True
    located = True
    name_rule = NameRule(
        r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
        "InvalidParameter",
        "'Name' property doesn't match. Reason: '{name}' must be 4 to 63 letters, digits and hyphens, and begin and end with a letter or digit.",
    )
    operation_api_version = "2015-11-01-preview"
    status_path = "/subscriptions/{subscription}/providers/Microsoft.OperationalInsights/locations/{location}/operationstatuses/{operation}"

    def check(self, call: Call, existing: Resource | None) -> None:
        properties = call.body.get("properties") or {}
        sku = (properties.get("sku") or {}).get("name")
        if sku is not None and sku.lower() not in _SKUS:
            raise ArmError(
                400, "InvalidParameter", f"'Sku' property doesn't match. Reason: '{sku}' is not a known sku.", cause=""
            )
        retention = properties.get("retentionInDays")
        fewest = 7 if str(sku).lower() == "free" else 30
        if retention is not None and not fewest <= int(retention) <= 730:
            raise ArmError(
                400,
                "InvalidParameter",
                f"'RetentionInDays' property doesn't match the SKU limits. Reason: {retention} is not between {fewest} and 730.",
                cause="",
            )

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body.get("properties") or {}
        current = existing.properties if existing else {}
        now = utc_now()
        sku = (requested.get("sku") or current.get("sku") or {}).get("name") or "PerGB2018"
        level = (requested.get("sku") or current.get("sku") or {}).get("capacityReservationLevel")
        capping = requested.get("workspaceCapping") or current.get("workspaceCapping") or {}
        body: Json = {
            "properties": {
                "customerId": current.get("customerId") or str(uuid.uuid4()),
                "provisioningState": "",
                "sku": {
                    "name": "PerGB2018" if sku.lower() == "standalone" else sku,
                    **({"capacityReservationLevel": level} if level is not None else {}),
                    "lastSkuUpdate": now,
                },
                "retentionInDays": int(requested.get("retentionInDays") or current.get("retentionInDays") or 30),
                "features": {
                    "legacy": 0,
                    "searchVersion": 1,
                    "enableLogAccessUsingOnlyResourcePermissions": True,
                    **(current.get("features") or {}),
                    **{name: value for name, value in (requested.get("features") or {}).items() if name not in _FIXED},
                },
                "workspaceCapping": {
                    "dailyQuotaGb": float(capping.get("dailyQuotaGb", 0.5 if sku.lower() == "free" else -1.0)),
                    "quotaNextResetTime": now,
                    "dataIngestionStatus": "RespectQuota",
                },
                "publicNetworkAccessForIngestion": requested.get("publicNetworkAccessForIngestion")
                or current.get("publicNetworkAccessForIngestion")
                or "Enabled",
                "publicNetworkAccessForQuery": requested.get("publicNetworkAccessForQuery")
                or current.get("publicNetworkAccessForQuery")
                or "Enabled",
                **{
                    name: requested.get(name, current.get(name))
                    for name in _OPTIONAL
                    if requested.get(name, current.get(name))
                },
                "createdDate": current.get("createdDate") or now,
                "modifiedDate": now,
            },
            "location": region(call.body["location"]),
            "etag": f'"{uuid.uuid4()}"',
        }
        if call.body.get("tags"):
            body["tags"] = call.body["tags"]
        keys = existing.private if existing else {"primary": _key(), "secondary": _key()}
        return body, keys

    def run_action(self, call: Call, resource: Resource, action: str) -> Response:
        match action:
            case "usages" | "managementgroups":
                return json_response(200, {"value": []})  # no agent reports to the workspaces of the sandbox
            case "intelligencepacks":
                packs = [
                    {"name": name, "enabled": name == "LogManagement", "displayName": title} for name, title in _PACKS
                ]
                return json_response(200, packs)
            case "sharedkeys":
                return json_response(200, _shared_keys(resource))
            case "regeneratesharedkey":
                resource.private |= {"primary": _key(), "secondary": _key()}
                self.store.put(resource)
                return json_response(200, _shared_keys(resource))
        return super().run_action(call, resource, action)


def _shared_keys(workspace: Resource) -> Json:
    return {"primarySharedKey": workspace.private["primary"], "secondarySharedKey": workspace.private["secondary"]}


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()
