# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GUIDs and scopes in options."""

from __future__ import annotations

import re

from .errors import InvalidOption

_GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def is_guid(value: str) -> bool:
    """Return whether the value is a GUID."""
    return _GUID.fullmatch(value) is not None


def check_scope(scope: str) -> None:
    """Raise InvalidOption unless C(scope) is a resource id."""
    if not scope.startswith("/"):
        raise InvalidOption("scope", scope, "write a resource id, as /subscriptions/.../resourceGroups/rg.")
