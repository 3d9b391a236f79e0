# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The regions of Azure, and the errors of requests that name another location."""

from __future__ import annotations

from typing import Any

from sandbox.arm.errors import ArmError

REGIONS = {
    name.replace(" ", "").lower(): name
    for name in (
        "Australia East",
        "Australia Southeast",
        "Brazil South",
        "Canada Central",
        "Canada East",
        "Central India",
        "Central US",
        "East Asia",
        "East US",
        "East US 2",
        "France Central",
        "Germany West Central",
        "Italy North",
        "Japan East",
        "Japan West",
        "Korea Central",
        "North Central US",
        "North Europe",
        "Norway East",
        "Poland Central",
        "South Africa North",
        "South Central US",
        "South India",
        "Southeast Asia",
        "Spain Central",
        "Sweden Central",
        "Switzerland North",
        "UAE North",
        "UK South",
        "UK West",
        "West Central US",
        "West Europe",
        "West US",
        "West US 2",
        "West US 3",
    )
}


def region(location: str) -> str:
    """Return the canonical name of a location: `westeurope` for `West Europe`."""
    return location.replace(" ", "").lower()


# https://learn.microsoft.com/azure/reliability/regions-paired
_PAIRS = (
    ("australiaeast", "australiasoutheast"),
    ("canadacentral", "canadaeast"),
    ("centralindia", "southindia"),
    ("centralus", "eastus2"),
    ("eastasia", "southeastasia"),
    ("eastus", "westus"),
    ("francecentral", "westeurope"),
    ("germanywestcentral", "northeurope"),
    ("japaneast", "japanwest"),
    ("northcentralus", "southcentralus"),
    ("northeurope", "westeurope"),
    ("swedencentral", "northeurope"),
    ("uksouth", "ukwest"),
    ("westcentralus", "westus2"),
)


def paired_region(location: str) -> str:
    """Return the region that holds the geo-redundant copies of a region."""
    pairs = {second: first for first, second in _PAIRS} | dict(_PAIRS)
    return pairs.get(region(location), "northeurope")


def check_location(location: Any, resource_type: str) -> None:
    """Raise ArmError for a location that Azure does not have."""
    if not isinstance(location, str) or not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if region(location) not in REGIONS:
        known = ",".join(sorted(REGIONS))
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type '{resource_type}'. "
            f"List of available regions for the resource type is '{known}'.",
        )
