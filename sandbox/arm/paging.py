# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that come in pages, and filters of resources and resource groups.

Source: https://learn.microsoft.com/rest/api/resources/resources/list.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from sandbox.arm.resource_type import ArmError, Json

MOST = 1000
_TERM = re.compile(r"(\w+)\s+(eq|ne)\s+'((?:[^']|'')*)'", re.IGNORECASE)
_SUBSTRING = re.compile(r"substringof\(\s*'((?:[^']|'')*)'\s*,\s*(\w+)\s*\)", re.IGNORECASE)
_FIELDS = ("resourcetype", "name", "location", "resourcegroup", "tagname", "tagvalue", "kind")


def page(items: list[Json], base: str, query: Mapping[str, str]) -> Json:
    """One page of a list: at most `$top` (1 to 1000) items from where `$skipToken` says, and the link to the next page.

    `query` has names in lower case.
    """
    top = query.get("$top", str(MOST))
    if not top.isdigit() or int(top) < 1:
        raise ArmError(
            400, "InvalidTopQueryParameter", f"The value '{top}' of the query parameter '$top' is not valid."
        )
    size, first = min(int(top), MOST), _position(query.get("$skiptoken", ""))
    answer: Json = {"value": items[first : first + size]}
    if first + size < len(items):
        token = base64.urlsafe_b64encode(f"from {first + size}".encode()).decode()
        kept = {name: value for name, value in query.items() if name != "$skiptoken"}
        answer["nextLink"] = f"{base}?{urlencode({**kept, '$skiptoken': token}, quote_via=quote, safe='$')}"
    return answer


def _position(token: str) -> int:
    if not token:
        return 0
    try:
        found = re.fullmatch(r"from (\d+)", base64.urlsafe_b64decode(token).decode())
    except (binascii.Error, ValueError):
        found = None
    if found is None:
        raise ArmError(
            400, "InvalidSkipToken", f"The value '{token}' of the query parameter '$skiptoken' is not valid."
        )
    return int(found[1])


def resource_filter(wanted: str) -> Callable[[Json], bool]:
    """What a `$filter` of resources asks for: `eq`, `ne` and `substringof` on their fields, joined by `and` or by `or`."""
    if not wanted.strip():
        return lambda item: True
    joined = re.split(r"\s+(and|or)\s+", wanted.strip(), flags=re.IGNORECASE)
    terms, words = joined[0::2], {word.lower() for word in joined[1::2]}
    tests = [_term(term.strip("() ") if term.count("(") != term.count(")") else term, wanted) for term in terms]
    if len(words) > 1:
        raise _refused(wanted)
    every = all if words != {"or"} else any
    return lambda item: every(test(item) for test in tests)


def _term(term: str, wanted: str) -> Callable[[Json], bool]:
    plain, inside = _TERM.fullmatch(term), _SUBSTRING.fullmatch(term)
    if plain is not None and plain[1].lower() in _FIELDS:
        name, value, equal = plain[1].lower(), plain[3].replace("''", "'").lower(), plain[2].lower() == "eq"
        return lambda item: (value in _values(item, name)) == equal
    if inside is not None and inside[2].lower() in _FIELDS:
        name, value = inside[2].lower(), inside[1].replace("''", "'").lower()
        return lambda item: any(value in held for held in _values(item, name))
    raise _refused(wanted)


def _values(item: Json, name: str) -> list[str]:
    tags: dict[str, Any] = item.get("tags") or {}
    if name in ("tagname", "tagvalue"):
        return [str(one).lower() for one in (tags if name == "tagname" else tags.values())]
    if name == "resourcegroup":
        found = re.search(r"/resourcegroups/([^/]+)", str(item.get("id")), re.IGNORECASE)
        return [found[1].lower()] if found else []
    held = str(item.get("type" if name == "resourcetype" else name, "")).lower()
    return [held.replace(" ", "") if name == "location" else held]


def _refused(wanted: str) -> ArmError:
    return ArmError(
        400,
        "InvalidFilterInQueryString",
        f"Invalid $filter '{wanted}' specified in the query string. The filter supports eq, ne and substringof on "
        f"{', '.join(_FIELDS)}, joined by 'and' or by 'or'.",
    )
