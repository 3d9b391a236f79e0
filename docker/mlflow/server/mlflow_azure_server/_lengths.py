# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The message for a value that is longer than its column, from the error of a driver.

Error numbers 2628, 8152 and 1946:
https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mlflow_azure_server._widening import TEXT

# 2628 names table and column, 8152 does not. mssql-python reports no numbers, so the texts identify the errors.
_TRUNCATED = re.compile(
    r"String or binary data would be truncated(?: in (?:table|object) '(?P<table>[^']*)', column '(?P<column>[^']*)')?",
    re.IGNORECASE,
)
_INDEX = re.compile(
    r"index entry of length (?P<length>\d+) bytes for the index '(?P<index>[^']*)' exceeds the maximum length of "
    r"(?P<limit>\d+) bytes",
    re.IGNORECASE,
)
# A statement with several rows names its parameters "value_m0", "value_m1", …
_ROW = re.compile(r"_m\d+$")
_LENGTH = re.compile(r"n?varchar\((\d+)\)", re.IGNORECASE)
_REMEDY = "Shorten it. Letters outside ASCII take 2 to 4 bytes each"


def refusal(
    error: str, table: str | None, rows: Iterable[Mapping[str, Any]], declared: Mapping[str, int]
) -> str | None:
    """Return the message for a driver's error, None if the error is not about a value's length.

    `table` is that of the statement, `rows` are its parameters by column, `declared` the lengths of its columns in MLflow's
    models.
    """
    index = _INDEX.search(error)
    if index:
        return (
            f"The values of the index {index['index']} have {index['length']} bytes, and the index takes {index['limit']}. "
            f"{_REMEDY}."
        )
    truncated = _TRUNCATED.search(error)
    if truncated is None:
        return None
    name = (truncated["table"] or table or "").rpartition(".")[2]
    limits = {column: _limit(f"{name}.{column}", length) for column, length in declared.items()}
    values = [(_ROW.sub("", key), value) for row in rows for key, value in row.items() if isinstance(value, str)]
    too_long = [
        (_bytes(value), column, limit)
        for column, value in values
        if (limit := limits.get(column)) is not None
        and _bytes(value) > limit
        and column == (truncated["column"] or column)
    ]
    if not too_long:
        column = truncated["column"]
        return f"A value of {f'{name}.{column}' if column else 'the request'} is longer than its column. {_REMEDY}."
    size, column, limit = max(too_long)
    return f"The value of {name}.{column} has {size} bytes in UTF-8, and the column takes {limit}. {_REMEDY}."


def _limit(name: str, declared: int) -> int | None:
    """Return the bytes that a column takes, None for varchar(max)."""
    if name not in TEXT:
        return declared
    length = _LENGTH.fullmatch(TEXT[name].type)
    return int(length[1]) if length else None


def _bytes(value: str) -> int:
    return len(value.encode("utf-8", "surrogatepass"))
