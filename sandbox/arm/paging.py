# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of lists, and the `$filter` of lists.

Source: https://learn.microsoft.com/rest/api/resources/resources/list.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from sandbox.arm.errors import ArmError
from sandbox.messages import Json
from sandbox.store import Resource

PAGE_SIZE = 1000
_TERM = re.compile(r"(\w+)\s+(eq|ne)\s+'((?:[^']|'')*)'", re.IGNORECASE)
_SUBSTRING = re.compile(r"substringof\(\s*'((?:[^']|'')*)'\s*,\s*(\w+)\s*\)", re.IGNORECASE)
_FIELDS = ("resourcetype", "name", "location", "resourcegroup", "tagname", "tagvalue", "kind")


def page(items: list[Json], base: str, query: Mapping[str, str]) -> Json:
    """Return one page of a list: at most `$top` (1 to 1000) items from the position in `$skipToken`, and the link to the next page.

    The names in `query` are in lower case.
    """
    top = query.get("$top", str(PAGE_SIZE))
    if not top.isdigit() or int(top) < 1:
        raise ArmError(
            400, "InvalidTopQueryParameter", f"The value '{top}' of the query parameter '$top' is not valid."
        )
    size, first = min(int(top), PAGE_SIZE), _position(query.get("$skiptoken", ""))
    content: Json = {"value": items[first : first + size]}
    if first + size < len(items):
        token = base64.urlsafe_b64encode(f"from {first + size}".encode()).decode()
        other = {name: value for name, value in query.items() if name != "$skiptoken"}
        content["nextLink"] = f"{base}?{urlencode({**other, '$skiptoken': token}, quote_via=quote, safe='$')}"
    return content


def _position(token: str) -> int:
    if not token:
        return 0
    try:
        position = re.fullmatch(r"from (\d+)", base64.urlsafe_b64decode(token).decode())
    except (binascii.Error, ValueError):
        position = None
    if position is None:
        raise ArmError(
            400, "InvalidSkipToken", f"The value '{token}' of the query parameter '$skiptoken' is not valid."
        )
    return int(position[1])


def resource_filter(expression: str) -> Callable[[Json], bool]:
    """Compile the `$filter` of a list of resources: `eq`, `ne` and `substringof` on their fields, joined by `and` or by `or`."""
    if not expression.strip():
        return lambda item: True
    parts = re.split(r"\s+(and|or)\s+", expression.strip(), flags=re.IGNORECASE)
    terms, operators = parts[0::2], {operator.lower() for operator in parts[1::2]}
    tests = [_term(term.strip("() ") if term.count("(") != term.count(")") else term, expression) for term in terms]
    if len(operators) > 1:
        raise _invalid_filter(expression)
    combine = all if operators != {"or"} else any
    return lambda item: combine(test(item) for test in tests)


def matches_filter(resource: Resource, expression: str) -> bool:
    """Return whether a resource matches a `$filter` of `name eq 'value'` terms and `assignedTo('id')`."""
    for name, value in re.findall(r"(\w+)\s+eq\s+'([^']*)'", expression):
        if str(resource.properties.get(name, "")).lower() != value.lower():
            return False
    if principal := re.search(r"assignedTo\('([^']*)'\)", expression):
        return str(resource.properties.get("principalId", "")).lower() == principal[1].lower()
    return True


def _term(term: str, expression: str) -> Callable[[Json], bool]:
    comparison, substring = _TERM.fullmatch(term), _SUBSTRING.fullmatch(term)
    if comparison is not None and comparison[1].lower() in _FIELDS:
        name, operator, operand = (group.lower() for group in comparison.groups())
        equal, text = operator == "eq", operand.replace("''", "'")
        return lambda item: (text in _values(item, name)) == equal
    if substring is not None and substring[2].lower() in _FIELDS:
        field, part = substring[2].lower(), substring[1].replace("''", "'").lower()
        return lambda item: any(part in value for value in _values(item, field))
    raise _invalid_filter(expression)


def _values(item: Json, name: str) -> list[str]:
    tags: dict[str, Any] = item.get("tags") or {}
    if name in ("tagname", "tagvalue"):
        return [str(text).lower() for text in (tags if name == "tagname" else tags.values())]
    if name == "resourcegroup":
        group = re.search(r"/resourcegroups/([^/]+)", str(item.get("id")), re.IGNORECASE)
        return [group[1].lower()] if group else []
    value = str(item.get("type" if name == "resourcetype" else name, "")).lower()
    return [value.replace(" ", "") if name == "location" else value]


def _invalid_filter(expression: str) -> ArmError:
    return ArmError(
        400,
        "InvalidFilterInQueryString",
        f"Invalid $filter '{expression}' specified in the query string. The filter supports eq, ne and substringof on "
        f"{', '.join(_FIELDS)}, joined by 'and' or by 'or'.",
    )
