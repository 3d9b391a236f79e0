# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The normalisations of Azure Resource Manager, read from tests/contract/normalisations.yml."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FILE = Path(__file__).resolve().parents[1] / "contract" / "normalisations.yml"
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
# A value, or the only key of a mapping, that depends on Azure.
ANY = "*"
KINDS = {
    "another name of the same value": "Azure splits a name into several properties, or replaces it",
    "case of ids": "resource ids and types come back in another case, or below another scope",
    "case of property names": "Azure ignores the case of property names, and returns its own",
    "case of values": "values of an enumeration come back in another case",
    "defaults": "Azure sets what the request does not contain",
    "items that Azure adds": "lists have items that the request does not contain",
    "lists in a string": "words in one string come back with other separators",
    "location": "a region has a display name and a short name",
    "numbers": "numbers come back as JSON numbers, whatever the request contains",
    "properties that Azure adds": "objects have properties that the request does not contain",
    "properties that Azure drops": "properties of the request never come back",
    "quantities": "amounts of memory come back in their shortest form",
    "secrets": "values of secrets never come back",
    "unchanged": "Azure returns what was sent",
    "unset is a word": "an unset property is an empty string, or the word None",
    "unset is absent": "an unset property is missing",
    "unset is empty": "an unset property is an empty object",
    "unset is null": "an unset property is null",
    "values that Azure computes": "Azure replaces the value of the request",
}


class Resource(NamedTuple):
    """A resource of a type: its id, the api-version of requests, and the part of the body that every request needs."""

    id: str
    api_version: str
    body: dict[str, Any]


class Pair(NamedTuple):
    """A pair: the body that a client sends and the body that Azure returns.

    parent: part of the body of the outermost resource that contains this one. absent: paths that Azure does not return.
    only: the judge that applies, where the other one does not.
    """

    type: str
    kind: str
    source: str
    sent: dict[str, Any]
    returned: dict[str, Any]
    parent: dict[str, Any] | None = None
    absent: tuple[str, ...] = ()
    only: str | None = None

    @property
    def name(self) -> str:
        return f"{self.type.partition('.')[2]}: {self.kind}, {self.source}"


@cache
def _content() -> Any:
    return _with_subscription(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def _with_subscription(value: Any) -> Any:
    """Return the content with whole resource ids, where the file has ids that begin with ~/."""
    if isinstance(value, dict):
        return {_with_subscription(key): _with_subscription(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_subscription(item) for item in value]
    return SUBSCRIPTION + value[1:] if isinstance(value, str) and value.startswith("~/") else value


def resources() -> dict[str, Resource]:
    """Return the resource of each type."""
    return {name: Resource(**content) for name, content in _content()["resources"].items()}


def pairs() -> list[Pair]:
    return [Pair(**{**content, "absent": tuple(content.get("absent", ()))}) for content in _content()["pairs"]]


def pairs_for(judge: str) -> list[Pair]:
    """Return the pairs that apply to a module or to the sandbox."""
    return [pair for pair in pairs() if pair.only in (None, judge)]
