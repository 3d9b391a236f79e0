# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Option C(identity) of resources that may have managed identities, and how Azure writes it."""

from __future__ import annotations

from typing import Any

from .errors import InvalidOption
from .module import Params
from .plan import Json, Rule, same_ignoring_case, same_keys

OPTION: dict[str, Any] = {
    "identity": {
        "type": "dict",
        "options": {
            "type": {
                "type": "str",
                "required": True,
                "choices": ["None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned"],
            },
            "user_assigned_identities": {"type": "list", "elements": "str"},
        },
    }
}
RULES = {
    # Some providers leave out an identity of type None.
    "identity.type": Rule(compare=lambda wanted, current: same_ignoring_case(wanted, current or "None")),
    "identity.userAssignedIdentities": Rule(compare=same_keys),
}
READ_ONLY = (
    "identity.principalId",
    "identity.tenantId",
    "identity.userAssignedIdentities.*.principalId",
    "identity.userAssignedIdentities.*.clientId",
)


def check(params: Params) -> None:
    """Raises InvalidOption unless identities are given exactly where the type speaks of them."""
    identity = params["identity"]
    if identity is None:
        return
    ids, kind = identity["user_assigned_identities"], identity["type"]
    if "UserAssigned" in kind and not ids:
        raise InvalidOption("identity.user_assigned_identities", ids, f"type {kind} needs at least one id.")
    if "UserAssigned" not in kind and ids:
        raise InvalidOption("identity.user_assigned_identities", ids, f"type is {kind}, which has none.")


def desired(params: Params) -> dict[str, Any] | None:
    """ARM JSON of option C(identity)."""
    identity = params["identity"]
    if identity is None:
        return None
    ids = identity["user_assigned_identities"]
    return {"type": identity["type"], "userAssignedIdentities": {id_: {} for id_ in ids} if ids else None}


def whole(body: Json) -> Json:
    """The body of a PUT: only a type with UserAssigned may speak of such identities."""
    identity = body.get("identity")
    if not isinstance(identity, dict) or "userassigned" in str(identity.get("type")).casefold():
        return body
    return {**body, "identity": {key: item for key, item in identity.items() if key != "userAssignedIdentities"}}


def patched(before: Json, body: Json) -> Json:
    """The body of a PATCH: an identity goes away when it is named with null, not when it is left out."""
    if not isinstance(body.get("identity"), dict):
        return body
    wanted = body["identity"].get("userAssignedIdentities") or {}
    kept = {id_.casefold() for id_ in wanted}
    if "UserAssigned" not in body["identity"]["type"]:
        kept, wanted = set(), {}
    gone = [
        id_ for id_ in (before.get("identity") or {}).get("userAssignedIdentities") or {} if id_.casefold() not in kept
    ]
    identities = {**wanted, **dict.fromkeys(gone)}
    identity = {key: item for key, item in body["identity"].items() if key != "userAssignedIdentities"}
    return {**body, "identity": {**identity, **({"userAssignedIdentities": identities} if identities else {})}}
