# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The editions and service objectives of databases in a region; `az sql db create --edition` reads them.

Sources: https://learn.microsoft.com/rest/api/sql/capabilities/list-by-location and
https://learn.microsoft.com/azure/azure-sql/database/resource-limits-vcore-single-databases.
"""

from __future__ import annotations

from sandbox.arm.locations import REGIONS, region
from sandbox.messages import Json
from sandbox.providers.sql.service_objectives import DTU, VCORE_TIERS, service_objective

_VCORES = (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 32, 40, 80)
# the default service objective of each edition
_DEFAULTS = ("Basic", "S0", "P1", "GP_Gen5_2", "BC_Gen5_2", "HS_Gen5_2")


def capabilities(location: str) -> Json:
    """Return the body of the response to GET …/locations/<location>/capabilities."""
    tiers = [*dict.fromkeys(tier for tier, _capacity, _size in DTU.values()), *VCORE_TIERS.values()]
    editions: dict[str, list[Json]] = {tier: [] for tier in tiers}
    for name in _objectives():
        objective = _objective(name)
        editions[objective["sku"]["tier"]].append(objective)
    return {
        "name": REGIONS.get(region(location), location),
        "status": "Available",
        "supportedServerVersions": [
            {
                "name": "12.0",
                "status": "Default",
                "supportedEditions": [
                    {
                        "name": name,
                        "status": "Default" if name == "GeneralPurpose" else "Available",
                        "supportedServiceLevelObjectives": objectives,
                    }
                    for name, objectives in editions.items()
                ],
                "supportedElasticPoolEditions": [],
            }
        ],
        "supportedManagedInstanceVersions": [],
    }


def _objectives() -> list[str]:
    vcores = [f"{tier}_Gen5_{count}" for tier in VCORE_TIERS for count in _VCORES]
    serverless = [
        f"{tier}_S_Gen5_{count}" for tier in ("GP", "HS") for count in ((1, *_VCORES) if tier == "GP" else _VCORES)
    ]
    return [*DTU, *vcores, *serverless]


def _objective(name: str) -> Json:
    sku, _name = service_objective({"name": name})
    return {
        "name": name,
        "status": "Default" if name in _DEFAULTS else "Available",
        "sku": sku,
        "performanceLevel": {"value": float(sku["capacity"]), "unit": "DTU" if name in DTU else "VCores"},
        "supportedMaxSizes": [],
    }
