# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that name the managed identity with which Azure Container Apps authenticates to another service."""

from __future__ import annotations

import re

from .._core.errors import InvalidOption
from .._core.module import Params

_IDENTITY_ID = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[^/]+/?",
    re.IGNORECASE,
)


def check(params: Params, option: str, identity: str | None) -> None:
    """Raise InvalidOption unless the identity is a resource id, C(system-environment), or a C(system) that exists."""
    if identity is None or identity.casefold() == "system-environment":
        return
    if identity.casefold() != "system":
        if not _IDENTITY_ID.fullmatch(identity):
            raise InvalidOption(
                option,
                identity,
                "use the resource id of an identity (/subscriptions/.../userAssignedIdentities/<name>), or system.",
            )
        return
    own = params["identity"]
    if own is not None and "SystemAssigned" not in own["type"]:
        raise InvalidOption(
            option,
            identity,
            f"identity.type is {own['type']}: add SystemAssigned to it, or use the id of a user-assigned identity.",
        )
