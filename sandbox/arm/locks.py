# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Management locks: the check of a request against the locks at, above and below its scope.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
"""

from __future__ import annotations

from sandbox.arm.errors import ArmError
from sandbox.store import Store

LOCKS = "Microsoft.Authorization/locks"
LEVELS = {"cannotdelete": "CanNotDelete", "readonly": "ReadOnly"}
_LOCK_SEGMENT = f"/providers/{LOCKS}/".lower()


def check_locked(store: Store, method: str, scope: str) -> None:
    """Raise ArmError for a write below a lock, and for a deletion above one. Requests to the locks themselves are not locked."""
    if method in ("GET", "HEAD"):
        return
    prefix = scope.lower().rstrip("/") + "/"
    if _LOCK_SEGMENT in prefix:
        return
    for lock in store.of_type(LOCKS):
        locked = lock.key.rpartition(_LOCK_SEGMENT)[0]
        above = prefix.startswith(f"{locked}/")
        below = f"{locked}/".startswith(prefix)
        forbids = method == "DELETE" or lock.properties["level"] == "ReadOnly"
        if forbids and (above or (below and method == "DELETE")):
            verb = "delete" if method == "DELETE" else "write"
            raise ArmError(
                409,
                "ScopeLocked",
                f"The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: "
                f"'{lock.id[: len(locked)]}'. Please remove the lock and try again.",
            )
