# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties that a request may have: Azure takes their names in any case, and ignores others; `--strict` refuses them.

The names are those of Azure's SDK, in `known_properties.json`, which `scripts/known_properties.py` writes.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A tree has the names of the properties; `*` stands for the names of a map. None: anything may be below.
Tree = dict[str, Any] | None
# What a body may have that no model names: what is the same in all of them, and Resource Manager's own.
_ANYWHERE = ("id", "name", "type", "systemData", "etag", "location", "tags")


@functools.cache
def _known() -> dict[str, Tree]:
    found: dict[str, Tree] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return {kind: None if tree is None else {**dict.fromkeys(_ANYWHERE), **tree} for kind, tree in found.items()}


def with_azures_names(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """A body whose properties have the names that Azure shows, whatever their case was."""
    named: dict[str, Any] = _named(body, _known().get(kind.lower()))
    return named


def _named(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_named(one, tree) for one in value]
    if tree is None or not isinstance(value, dict):
        return value
    if "*" in tree:
        return {name: _named(one, tree["*"]) for name, one in value.items()}
    folded = {name.lower(): name for name in tree}
    named: dict[str, Any] = {}
    for given, one in value.items():
        name: str = folded.get(str(given).lower(), str(given))
        if name == given or name not in value:
            named[name] = _named(one, tree.get(name))
    return named


def unknown_properties(kind: str, body: dict[str, Any]) -> list[str]:
    """The paths of the properties of a body, as `with_azures_names` returns it, that Azure's SDK does not know."""
    return list(_unknown(body, _known().get(kind.lower()), ""))


def _unknown(value: Any, tree: Tree, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _unknown(one, tree, f"{path}[{index}]")
    elif tree is not None and isinstance(value, dict):
        for name, one in value.items():
            below = f"{path}.{name}".lstrip(".")
            if name not in tree and "*" not in tree:
                yield below
            else:
                yield from _unknown(one, tree["*"] if "*" in tree else tree[name], below)
