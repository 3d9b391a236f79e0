# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks: what module management_lock does."""

from __future__ import annotations

import re
from typing import Any

from .._core.api_versions import API_VERSIONS
from .._core.arm import ANY_RESOURCE, Arm, Json
from .._core.errors import InvalidOption
from .._core.plan import CREATE, DELETE, ENUM, NONE, Plan, Rules, plan, whole_body
from .._core.resource import READ_ONLY, Params

# The client of locks is a package of its own that exists as a pre-release only; the client of all resources takes any id.
VERSION = API_VERSIONS["Microsoft.Authorization/locks"]
RULES: Rules = {"properties.level": ENUM}
NOTES_LENGTH = 512
_NAME = re.compile(r"[^<>%&:\\?/]{0,259}[^<>%&:\\?/. ]")


def check(params: Params) -> None:
    """Raises InvalidOption."""
    if not params["scope"].startswith("/"):
        raise InvalidOption("scope", params["scope"], "write a resource id, as /subscriptions/.../resourceGroups/rg.")
    if not _NAME.fullmatch(params["name"]):
        rule = "1 to 260 characters, none of <>%&:\\?/, not ending with a dot or a space."
        raise InvalidOption("name", params["name"], rule)
    if len(params["notes"] or "") > NOTES_LENGTH:
        raise InvalidOption("notes", params["notes"], f"{NOTES_LENGTH} characters at most.")


def execute(params: Params, arm: Arm, check_mode: bool) -> dict[str, Any]:
    """Returns C(changed), C(management_lock) ({} when absent) and C(diff)."""
    check(params)
    lock = f"{params['scope'].rstrip('/')}/providers/Microsoft.Authorization/locks/{params['name']}"
    current = arm.get(ANY_RESOURCE, "get_by_id", lock, api_version=VERSION)
    if params["state"] == "absent":
        if current is not None and not check_mode:
            arm.submit(ANY_RESOURCE, "begin_delete_by_id", lock, api_version=VERSION)
        return _result(Plan(NONE if current is None else DELETE, current or {}, {}, {}), {})
    wanted = {"properties": {"level": params["level"], "notes": params["notes"]}}
    planned = plan(current, wanted, RULES, whole_body(READ_ONLY))
    predicted = {"id": lock, "name": params["name"], "type": "Microsoft.Authorization/locks", **planned.after}
    if planned.action == NONE or check_mode:
        return _result(planned, predicted if planned.action == CREATE else planned.after)
    # Azure answers with the lock that stands; there is nothing to wait for.
    arm.submit(ANY_RESOURCE, "begin_create_or_update_by_id", lock, body=planned.body, api_version=VERSION)
    return _result(planned, arm.get(ANY_RESOURCE, "get_by_id", lock, api_version=VERSION) or predicted)


def _result(planned: Plan, shown: Json) -> dict[str, Any]:
    return {
        "changed": planned.changed,
        "management_lock": shown,
        "diff": {"before": planned.before, "after": planned.after},
    }
