# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource ids: their parts, and the smallest bodies that create the resources that others refer to."""

from __future__ import annotations

import re
from typing import Any

RESOURCE_ID = re.compile(
    r"/subscriptions/[^/]+/resource[gG]roups/([^/\"]+)/providers/([A-Za-z.]+(?:/[A-Za-z]+/[^/\"?]+)+)"
)
# By type: api-version and body.
MINIMAL_BODIES: dict[str, tuple[str, Any]] = {
    "microsoft.app/managedenvironments": ("2025-07-01", {"properties": {}}),
    "microsoft.managedidentity/userassignedidentities": ("2023-01-31", {}),
    "microsoft.sql/servers": (
        "2023-08-01",
        {"properties": {"administratorLogin": "boss", "administratorLoginPassword": "Pa55-w0rd-of-ours"}},
    ),
    "microsoft.sql/servers/databases": ("2023-08-01", {}),
    "microsoft.storage/storageaccounts": ("2023-05-01", {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}),
}


def type_of(path: str) -> str:
    """Return the resource type of an id, in lower case."""
    namespace, *rest = path.rpartition("/providers/")[2].split("/")
    return "/".join((namespace, *rest[0::2])).lower()


def ancestors(path: str) -> list[str]:
    """Return the ids of the resources that contain a resource, outermost first."""
    head, _mark, tail = path.rpartition("/providers/")
    namespace, *rest = tail.split("/")
    inner = [f"{head}/providers/{namespace}/{'/'.join(rest[:end])}" for end in range(2, len(rest) - 1, 2)]
    return ([*ancestors(head), head] if "/providers/" in head else []) + inner
