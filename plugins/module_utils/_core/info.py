# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look, and change nothing: what every info module does, written once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .arguments import AZURE
from .arm import Arm, Json, Operations
from .errors import ArmError
from .module import Module
from .resource import Params

# Seconds for which a throttled or stumbling Azure is asked again.
WAIT_TIMEOUT: dict[str, Any] = {"wait_timeout": {"type": "int", "default": 120}}


def _public(resource: Json) -> Json:
    return resource


@dataclass(frozen=True)
class Info:
    """A type of Azure resource, as far as its info module differs from the others.

    name: plural noun, key of the result. operations, get, address: of the resource, see Resource; the last option of
    C(address) names one of them. options: argument spec. lists: from the narrowest to the widest: method name and the
    options that it takes, in its order. public: a resource without secrets.
    """

    name: str
    operations: Operations
    address: tuple[str, ...]
    options: dict[str, Any]
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    get: str = "get"
    public: Callable[[Json], Json] = _public


def look(info: Info, params: Params, arm: Arm) -> dict[str, Any]:
    """Returns the resources under their name: one, all that the given options narrow it to, or none.

    Raises ArmError and Failure. What lies in something absent is none; a refused read is an error.
    """
    return {"changed": False, info.name: [info.public(resource) for resource in _found(info, params, arm)]}


def _found(info: Info, params: Params, arm: Arm) -> list[Json]:
    if all(params[option] is not None for option in info.address):
        one = arm.get(info.operations, info.get, *[params[option] for option in info.address])
        return [] if one is None else [one]
    method, options = next(way for way in info.lists if all(params[option] is not None for option in way[1]))
    return all_of(arm, info.operations, method, *[params[option] for option in options])


def all_of(arm: Arm, operations: Operations, method: str, *arguments: str, **options: Any) -> list[Json]:
    """The items of a list, none where what they would lie in is absent."""
    try:
        return arm.call_all(operations, method, *arguments, **options)
    except ArmError as error:
        if error.status == 404 and error.code in (
            "ResourceGroupNotFound",
            "ResourceNotFound",
            "ParentResourceNotFound",
        ):
            return []
        raise


def info_module(info: Info, packages: Mapping[str, str], **constraints: Any) -> Module:
    """The info module of a type."""

    def execute(params: Params, arm: Arm, _check_mode: bool) -> dict[str, Any]:
        return look(info, params, arm)

    return Module({**info.options, **WAIT_TIMEOUT, **AZURE}, execute, packages, constraints)
