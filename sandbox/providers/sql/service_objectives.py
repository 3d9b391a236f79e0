# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service objectives of databases, and the sizes that each accepts.

Sources: https://learn.microsoft.com/azure/azure-sql/database/resource-limits-dtu-single-databases and
https://learn.microsoft.com/azure/azure-sql/database/resource-limits-vcore-single-databases.
"""

from __future__ import annotations

import re

from sandbox.arm.errors import ArmError
from sandbox.messages import Json

MIB = 1024**2
GIB = 1024**3
DTU = {
    "Basic": ("Basic", 5, 2),
    "S0": ("Standard", 10, 250),
    "S1": ("Standard", 20, 250),
    "S2": ("Standard", 50, 250),
    "S3": ("Standard", 100, 250),
} | {"P1": ("Premium", 125, 500), "P2": ("Premium", 250, 500), "P4": ("Premium", 500, 500)}
VCORE_TIERS = {"GP": "GeneralPurpose", "BC": "BusinessCritical", "HS": "Hyperscale"}


def service_objective(requested: Json | None) -> tuple[Json, str]:
    """Return the sku of a database with all its fields, and the name of its service objective."""
    name = str((requested or {}).get("name") or "GP_Gen5_2")
    if name in ("Standard", "Premium", "Basic") and requested and requested.get("capacity") is not None:
        for objective, (tier, capacity, _size) in DTU.items():
            if tier == name and capacity == int(requested["capacity"]):
                return {"name": tier, "tier": tier, "capacity": capacity}, objective
    if name in DTU:
        tier, capacity, _size = DTU[name]
        return {"name": tier, "tier": tier, "capacity": capacity}, name
    if name == "ElasticPool":
        return {"name": name, "tier": str((requested or {}).get("tier") or "GeneralPurpose"), "capacity": 0}, name
    match = re.fullmatch(r"(GP|BC|HS)(_S)?_(Gen5|DC|Fsv2)(?:_(\d+))?", name)
    if match is None:
        raise ArmError(400, "InvalidSkuName", f"Invalid SKU name '{name}'.", cause="")
    family, vcores = match[3], int(match[4] or (requested or {}).get("capacity") or 2)
    short = f"{match[1]}{match[2] or ''}_{family}"
    return {"name": short, "tier": VCORE_TIERS[match[1]], "family": family, "capacity": vcores}, f"{short}_{vcores}"


def sizes(objective: str) -> set[int]:
    """Return the sizes in bytes that a service objective of the DTU model accepts."""
    tier, capacity, _largest = DTU[objective]
    accepted = {100 * MIB, 500 * MIB, GIB, 2 * GIB}
    if tier == "Basic":
        return accepted
    larger = [5, 10, 20, 30, 40, 50, 100, 150, 200, 250]
    if tier == "Premium" or capacity >= 100:
        larger += [300, 400, 500, 750, 1024]
    return accepted | {gigabytes * GIB for gigabytes in larger}


def default_size(sku: Json) -> int:
    """Return the size in bytes of a database without `maxSizeBytes`."""
    if sku["tier"] == "Hyperscale":
        return -1
    if sku["tier"] in VCORE_TIERS.values():
        return 32 * GIB
    return {"Basic": 2, "Standard": 250, "Premium": 500}[sku["tier"]] * GIB
