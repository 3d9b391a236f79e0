# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cron expressions of jobs."""

from __future__ import annotations

import re

from .._core.errors import InvalidOption

_FIELDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
_NAMES = {
    "month": "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(),
    "weekday": "SUN MON TUE WED THU FRI SAT".split(),
}
_ITEM = re.compile(r"(\*|(\d+)(?:-(\d+))?)(?:/(\d+))?")
_RULE = "write five fields, minute, hour, day, month and weekday, in UTC, such as 0 3 * * 1-5."


def check(option: str, expression: str | None) -> None:
    """Raise InvalidOption unless the expression is five fields of numbers, names, ranges, steps and lists."""
    fields = (expression or "").split()
    if len(fields) != len(_FIELDS):
        raise InvalidOption(option, expression, _RULE)
    for field, (name, (least, most)) in zip(fields, _FIELDS.items(), strict=True):
        for item in _in_numbers(field, name, least).split(","):
            match = _ITEM.fullmatch(item)
            bounds = [int(bound) for bound in match.groups()[1:3] if bound is not None] if match else []
            if match is None or bounds != sorted(bounds) or not all(least <= bound <= most for bound in bounds):
                raise InvalidOption(
                    option, expression, f"its {name} is {field!r}, not within {least} to {most}; {_RULE}"
                )
            if match[4] is not None and int(match[4]) < 1:
                raise InvalidOption(option, expression, f"its {name} has a step of 0; {_RULE}")


def _in_numbers(field: str, name: str, least: int) -> str:
    """Return the field with numbers instead of names: 1-5 for MON-FRI."""
    for number, word in enumerate(_NAMES.get(name, []), least):
        field = re.sub(rf"\b{word}\b", str(number), field, flags=re.IGNORECASE)
    return field
