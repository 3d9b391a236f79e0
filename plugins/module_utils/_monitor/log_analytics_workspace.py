# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.OperationalInsights/workspaces."""

from __future__ import annotations

from typing import Any

from .._core import names
from .._core.arguments import IN_GROUP, TAGS
from .._core.arm import Operations
from .._core.errors import InvalidOption
from .._core.plan import ENUM, FLAG, LOCATION, NUMBER, WHOLE, Rule, immutable
from .._core.resource import NEEDS_LOCATION, READ_ONLY, Resource

SKUS = ["PerGB2018", "CapacityReservation", "Free", "PerNode", "Premium", "Standalone", "Standard"]
# Gigabytes per day that a commitment tier can have.
LEVELS = [100, 200, 300, 400, 500, 1000, 2000, 5000, 10000, 25000, 50000]
_SWITCH = {"type": "str", "choices": ["Enabled", "Disabled"]}


def same_sku(desired: str, current: str | None) -> bool:
    """Return whether both are the same sku. Standalone is the older name of PerGB2018; older api-versions use lower case."""
    aliases = {"standalone": "pergb2018"}
    folded = [str(sku).lower() for sku in (desired, current)]
    return aliases.get(folded[0], folded[0]) == aliases.get(folded[1], folded[1])


class LogAnalyticsWorkspace(Resource):
    """A Log Analytics workspace."""

    name = "log_analytics_workspace"
    type = "Microsoft.OperationalInsights/workspaces"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.OperationalInsights/workspaces/{name}"
    address = ("resource_group", "name")
    operations = Operations(
        "azure.mgmt.loganalytics:LogAnalyticsManagementClient", "workspaces", "Microsoft.OperationalInsights"
    )
    packages = {"azure.mgmt.loganalytics": "azure-mgmt-loganalytics"}
    update_method = "update"
    partial = True
    wait_timeout = 600
    options = {
        **IN_GROUP,
        "sku": {"type": "str", "choices": SKUS},
        "capacity_reservation_level": {"type": "int", "choices": LEVELS},
        "retention_in_days": {"type": "int"},
        "daily_quota_gb": {"type": "float"},
        "public_network_access_for_ingestion": _SWITCH,
        "public_network_access_for_query": _SWITCH,
        "disable_local_auth": {"type": "bool"},
        "resource_permissions_enabled": {"type": "bool"},
        **TAGS,
    }
    constraints = NEEDS_LOCATION
    rules = {
        "location": immutable("location", LOCATION),
        "properties.features.disableLocalAuth": FLAG,
        "properties.features.enableLogAccessUsingOnlyResourcePermissions": FLAG,
        "properties.publicNetworkAccessForIngestion": ENUM,
        "properties.publicNetworkAccessForQuery": ENUM,
        "properties.retentionInDays": NUMBER,
        "properties.sku.capacityReservationLevel": NUMBER,
        "properties.sku.name": Rule(compare=same_sku),
        "properties.workspaceCapping.dailyQuotaGb": NUMBER,
        "tags": WHOLE,
    }
    read_only = (
        *READ_ONLY,
        "properties.createdDate",
        "properties.customerId",
        "properties.modifiedDate",
        "properties.privateLinkScopedResources",
        "properties.sku.lastSkuUpdate",
        "properties.workspaceCapping.dataIngestionStatus",
        "properties.workspaceCapping.quotaNextResetTime",
    )

    def validate(self) -> None:
        params = self.params
        names.check("resource_group", params["resource_group"], names.RESOURCE_GROUP)
        names.check("name", params["name"], names.WORKSPACE)
        days, quota, level = params["retention_in_days"], params["daily_quota_gb"], params["capacity_reservation_level"]
        if days is not None and days != 7 and not 30 <= days <= 730:
            raise InvalidOption("retention_in_days", days, "use 7, or 30 to 730.")
        if quota is not None and quota != -1 and quota < 0.023:
            raise InvalidOption("daily_quota_gb", quota, "use -1 for no limit, or 0.023 and more.")
        if (level is None) == (params["sku"] == "CapacityReservation"):
            rule = "sku CapacityReservation needs it." if level is None else "only sku CapacityReservation has it."
            raise InvalidOption("capacity_reservation_level", level, rule)

    def desired(self) -> dict[str, Any]:
        params = self.params
        quota = params["daily_quota_gb"]
        sku = {"name": params["sku"], "capacityReservationLevel": params["capacity_reservation_level"]}
        features = {
            "disableLocalAuth": params["disable_local_auth"],
            "enableLogAccessUsingOnlyResourcePermissions": params["resource_permissions_enabled"],
        }
        return {
            "location": params["location"],
            "properties": {
                "features": features if any(item is not None for item in features.values()) else None,
                "publicNetworkAccessForIngestion": params["public_network_access_for_ingestion"],
                "publicNetworkAccessForQuery": params["public_network_access_for_query"],
                "retentionInDays": params["retention_in_days"],
                "sku": sku if params["sku"] is not None else None,
                "workspaceCapping": None if quota is None else {"dailyQuotaGb": quota},
            },
            "tags": self.tags,
        }
