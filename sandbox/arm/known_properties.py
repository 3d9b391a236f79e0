# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties of request bodies: Azure accepts their names in any case and ignores unknown ones; `--strict` makes them an error.

The names are those of Azure's SDK, in `known_properties.json`, which `scripts/known_properties.py` writes.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A tree has the names of the properties; `*` is any name of a map. None: no rule for what is below.
Tree = dict[str, Any] | None
# Properties of Resource Manager itself, which not every model lists.
_ANYWHERE = ("id", "name", "type", "systemData", "etag", "location", "tags")


@functools.cache
def _known() -> dict[str, Tree]:
    trees: dict[str, Tree] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return {kind: None if tree is None else {**dict.fromkeys(_ANYWHERE), **tree} for kind, tree in trees.items()}


def normalize_names(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return a body whose properties have the names in Azure's case."""
    renamed: dict[str, Any] = _renamed(body, _known().get(kind.lower()))
    return renamed


def _renamed(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_renamed(item, tree) for item in value]
    if tree is None or not isinstance(value, dict):
        return value
    if "*" in tree:
        return {name: _renamed(member, tree["*"]) for name, member in value.items()}
    folded = {name.lower(): name for name in tree}
    renamed: dict[str, Any] = {}
    for sent, member in value.items():
        name: str = folded.get(str(sent).lower(), str(sent))
        if name == sent or name not in value:
            renamed[name] = _renamed(member, tree.get(name))
    return renamed


def unknown_properties(kind: str, body: dict[str, Any]) -> list[str]:
    """Return the paths of the properties that are in no model of Azure's SDK, of a body from `normalize_names`."""
    return list(_unknown(body, _known().get(kind.lower()), ""))


def _unknown(value: Any, tree: Tree, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, tree, f"{path}[{index}]")
    elif tree is not None and isinstance(value, dict):
        for name, member in value.items():
            below = f"{path}.{name}".lstrip(".")
            if name not in tree and "*" not in tree:
                yield below
            else:
                yield from _unknown(member, tree["*"] if "*" in tree else tree[name], below)
