# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building blocks of options: argument specs, checks of values, and the conversion of lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.errors import InvalidOption

Spec = dict[str, Any]


def text(**rest: Any) -> Spec:
    """Return the argument spec of a string."""
    return {"type": "str", **rest}


def items(**options: Spec) -> Spec:
    """Return the argument spec of a list of mappings."""
    return {"type": "list", "elements": "dict", "options": options}


def group(**options: Spec) -> Spec:
    """Return the argument spec of a mapping."""
    return {"type": "dict", "options": options}


NAME = text(required=True)
STRINGS: Spec = {"type": "list", "elements": "str"}
INTEGER: Spec = {"type": "int"}
BOOLEAN: Spec = {"type": "bool"}
# Switch of a group of settings, which are on when the group is set.
ENABLED: Spec = {"type": "bool", "default": True}


def each(values: list[Any] | None, convert: Callable[[Any], Any]) -> list[Any] | None:
    """Return the converted items of a list, None for an option that is not set."""
    return None if values is None else [convert(value) for value in values]


def check_unique(option: str, values: list[str]) -> None:
    """Raise InvalidOption for the first value that occurs twice."""
    for value in values:
        if values.count(value) > 1:
            raise InvalidOption(option, value, "it occurs twice: each value in the list must be unique.")


def check_between(option: str, value: float | None, least: int, most: int) -> None:
    """Raise InvalidOption for a value outside of the bounds."""
    if value is not None and not least <= value <= most:
        raise InvalidOption(option, value, f"use {least} to {most}.")


def check_port(option: str, port: int | None) -> None:
    """Raise InvalidOption for a number that is not a port."""
    if port is not None and not 1 <= port <= 65535:
        raise InvalidOption(option, port, "a port is 1 to 65535.")


def check_disabled(option: str, settings: dict[str, Any]) -> None:
    """Raise InvalidOption when a group with C(enabled: false) has other settings."""
    others = sorted(key for key, value in settings.items() if key != "enabled" and value is not None)
    if others:
        raise InvalidOption(
            f"{option}.enabled", False, f"then {option} has no other settings: remove {', '.join(others)}."
        )
