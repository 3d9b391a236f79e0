# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module log_analytics_workspace wants of Microsoft.OperationalInsights/workspaces."""

from __future__ import annotations

from typing import Any

from .._core import names as _names
from .._core.errors import InvalidOption
from .._core.plan import ENUM, LOCATION, NUMBER, WHOLE, Rule, immutable
from .._core.resource import READ_ONLY as RESOURCE_READ_ONLY
from .._core.resource import Params

SKUS = ["PerGB2018", "CapacityReservation", "Free", "PerNode", "Premium", "Standalone", "Standard"]
# Gigabytes a day that Azure sells ahead.
LEVELS = [100, 200, 300, 400, 500, 1000, 2000, 5000, 10000, 25000, 50000]


def same_sku(wanted: str, current: str | None) -> bool:
    """Standalone is the older name of PerGB2018; older api-versions answer in lower case."""
    names = {"standalone": "pergb2018"}
    folded = [str(sku).lower() for sku in (wanted, current)]
    return names.get(folded[0], folded[0]) == names.get(folded[1], folded[1])


# Azure leaves out what is false.
_FLAG = Rule(compare=lambda wanted, current: bool(wanted) == bool(current))
RULES = {
    "location": immutable("location", LOCATION),
    "properties.features.disableLocalAuth": _FLAG,
    "properties.features.enableLogAccessUsingOnlyResourcePermissions": _FLAG,
    "properties.publicNetworkAccessForIngestion": ENUM,
    "properties.publicNetworkAccessForQuery": ENUM,
    "properties.retentionInDays": NUMBER,
    "properties.sku.capacityReservationLevel": NUMBER,
    "properties.sku.name": Rule(compare=same_sku),
    "properties.workspaceCapping.dailyQuotaGb": NUMBER,
    "tags": WHOLE,
}
READ_ONLY = (
    *RESOURCE_READ_ONLY,
    "properties.createdDate",
    "properties.customerId",
    "properties.modifiedDate",
    "properties.privateLinkScopedResources",
    "properties.sku.lastSkuUpdate",
    "properties.workspaceCapping.dataIngestionStatus",
    "properties.workspaceCapping.quotaNextResetTime",
)


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("name", params["name"], _names.WORKSPACE)
    days, quota, level = params["retention_in_days"], params["daily_quota_gb"], params["capacity_reservation_level"]
    if days is not None and days != 7 and not 30 <= days <= 730:
        raise InvalidOption("retention_in_days", days, "use 7, or 30 to 730.")
    if quota is not None and quota != -1 and quota < 0.023:
        raise InvalidOption("daily_quota_gb", quota, "use -1 for no limit, or 0.023 and more.")
    if (level is None) == (params["sku"] == "CapacityReservation"):
        rule = "sku CapacityReservation needs it." if level is None else "only sku CapacityReservation has it."
        raise InvalidOption("capacity_reservation_level", level, rule)


def desired(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
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
        "tags": params["tags"],
    }
