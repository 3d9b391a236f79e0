# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measured durations of Azure's operations; `--latency` scales them.

Each row is a distribution: the seconds at 0, 25, 50, 75, 90 and 100 percent. The figures come from the polls of recorded runs,
less half a polling interval, since a poll observes the end late.
"""

from __future__ import annotations

import random
from itertools import pairwise

Seconds = tuple[float, float, float, float, float, float]

_SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
# for types that are not in the table: factors of the typical duration
_SPREAD: Seconds = (0.6, 0.9, 1.0, 1.15, 1.4, 2.0)
TABLE: dict[tuple[str, str], Seconds] = {
    ("microsoft.app/managedenvironments", "create"): (56, 76, 86, 119, 139, 338),
    ("microsoft.app/managedenvironments", "update"): (9, 55, 90, 109, 253, 583),
    ("microsoft.app/managedenvironments", "delete"): (925, 950, 985, 1069, 1186, 1307),
    ("microsoft.app/containerapps", "create"): (2, 9, 11, 12, 14, 51),
    ("microsoft.app/containerapps", "update"): (5, 9, 11, 12, 14, 34),
    ("microsoft.app/containerapps", "delete"): (5, 8, 9, 10, 11, 23),
    ("microsoft.app/jobs", "create"): (2, 5, 6, 6, 8, 11),
    ("microsoft.app/jobs", "update"): (3, 5, 7, 8, 10, 12),
    ("microsoft.app/jobs", "delete"): (8, 8, 9, 10, 11, 13),
    ("microsoft.containerregistry/registries", "create"): (0, 1, 1, 2, 10, 20),
    ("microsoft.containerregistry/registries", "update"): (0, 1, 5, 6, 7, 11),
    ("microsoft.containerregistry/registries", "delete"): (1, 1, 12, 20, 25, 25),
    ("microsoft.keyvault/vaults", "create"): (4, 9, 16, 18, 19, 38),
    ("microsoft.operationalinsights/workspaces", "create"): (0, 1, 12, 20, 32, 33),
    ("microsoft.operationalinsights/workspaces", "delete"): (4, 5, 5.5, 6, 7, 10),
    ("microsoft.resources/resourcegroups", "delete"): (7, 15, 55, 110, 353, 1847),
    ("microsoft.sql/servers", "create"): (2, 55, 57, 59, 76, 286),
    ("microsoft.sql/servers", "update"): (2, 3, 3.5, 26, 27, 27),
    ("microsoft.sql/servers", "delete"): (5, 7, 8, 26, 240, 404),
    ("microsoft.sql/servers/administrators", "create"): (5, 7, 7.5, 8, 10, 15),
    ("microsoft.sql/servers/azureadonlyauthentications", "create"): (5, 7, 8, 9, 11, 16),
    ("microsoft.sql/servers/connectionpolicies", "create"): (0, 2, 2.5, 4, 10, 26),
    ("microsoft.sql/servers/databases", "create"): (15, 45, 54, 68, 84, 131),
    ("microsoft.sql/servers/databases", "update"): (8, 30, 45, 55, 75, 106),
    ("microsoft.sql/servers/databases", "delete"): (0, 7, 8, 9, 24, 38),
    ("microsoft.sql/servers/databases/backuplongtermretentionpolicies", "create"): (7, 9, 11, 11, 11, 12),
    ("microsoft.sql/servers/databases/backupshorttermretentionpolicies", "create"): (2, 2, 9.5, 40, 53, 54),
    ("microsoft.sql/servers/databases/transparentdataencryption", "create"): (2, 2, 12, 15, 22, 27),
    ("microsoft.sql/servers/virtualnetworkrules", "create"): (3, 8, 13, 14, 18, 21),
    ("microsoft.sql/servers/virtualnetworkrules", "update"): (1, 1, 8, 9, 12, 16),
    ("microsoft.sql/servers/virtualnetworkrules", "delete"): (1, 1, 8, 14, 16, 23),
    ("microsoft.storage/storageaccounts", "create"): (8, 9, 10, 18, 22, 43),
}


def quantile(seconds: Seconds, share: float) -> float:
    """Return the time within which a share (0 to 1) of the operations end."""
    for (low, high), (first, last) in zip(pairwise(_SHARES), pairwise(seconds), strict=True):
        if share <= high:
            return first + (last - first) * (share - low) / (high - low)
    return seconds[-1]


def draw_seconds(resource_type: str, verb: str, typical: float, seed: str) -> float:
    """Draw the duration of an operation: the same for the same seed. `typical` is for types that are not in the table."""
    seconds = TABLE.get((resource_type.lower(), verb))
    share = random.Random(f"{seed} {resource_type.lower()} {verb}").random()
    return typical * quantile(_SPREAD, share) if seconds is None else quantile(seconds, share)
