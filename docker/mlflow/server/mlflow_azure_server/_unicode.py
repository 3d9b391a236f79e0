# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text outside ASCII on SQL Server: the types of parameters, and the collation of comparisons.

The engine plugin `azure_sql` registers these listeners.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# The collation of MLflow's filters (mlflow/utils/search_utils.py, _MSSQL_CASE_SENSITIVE_COLLATION).
MLFLOW_COLLATION = "Japanese_Bushu_Kakusu_100_CS_AS_KS_WS"
# The same sensitivities with the code page UTF-8. `varchar … COLLATE name` converts the text to the code page of the collation.
# That of MLflow's collation is 932 (Japanese), which has no é, Arabic letter or emoji. The server replaces such a character
# by a similar one or by a question mark. Then the column never equals an nvarchar parameter, and with a varchar parameter,
# which the server converts too, different texts are equal.
# https://learn.microsoft.com/sql/t-sql/statements/collations
# https://learn.microsoft.com/sql/t-sql/statements/collation-precedence-transact-sql
# https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support (UTF-8, SQL Server 2019 and later)
UTF8_COLLATION = "Latin1_General_100_CS_AS_KS_WS_SC_UTF8"
_COLLATE = re.compile(rf"\bCOLLATE {MLFLOW_COLLATION}\b")


def compare_as_utf8(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _executemany: bool
) -> tuple[str, Any]:
    """Return the statement with the UTF-8 collation instead of MLflow's. Listener for `before_cursor_execute`."""
    return _COLLATE.sub(f"COLLATE {UTF8_COLLATION}", statement), parameters


class NvarcharUnlessAscii:
    """A listener for `do_setinputsizes` that sends a text as nvarchar unless it is ASCII.

    SQLAlchemy declares each text as varchar to pyodbc. For a database with a UTF-8 collation Microsoft's ODBC driver converts
    a long varchar parameter in parts. From the second part on it writes wrong bytes for characters of three bytes, and the
    server stores them without an error.

    ASCII stays varchar, because a comparison of a varchar column with an nvarchar parameter cannot use an index.
    """

    def __init__(self, dbapi: Any) -> None:
        """Read the numbers of the types from the driver `dbapi`."""
        self._varchar = {dbapi.SQL_CHAR, dbapi.SQL_VARCHAR, dbapi.SQL_LONGVARCHAR}
        # Size 0 means nvarchar(max). SQLAlchemy declares the same for a column of the type Unicode.
        self._nvarchar = (dbapi.SQL_WVARCHAR, 0, 0)

    def __call__(self, sizes: dict[Any, Any], _cursor: Any, _statement: str, _parameters: Any, context: Any) -> None:
        """Change the type of each varchar parameter that is not ASCII in one of the rows."""
        names = context.compiled.bind_names
        for parameter, size in sizes.items():
            number = size[0] if isinstance(size, tuple) else size
            if number in self._varchar and not all(
                _is_ascii(value)
                for row in context.compiled_parameters
                for value in _values(row, names[parameter], parameter.expanding)
            ):
                sizes[parameter] = self._nvarchar


def _values(row: Mapping[str, Any], name: str, expanding: bool) -> list[Any]:
    """Return the values of a parameter. Those of an IN clause have the names <name>_1, <name>_2 and so on."""
    return [value for key, value in row.items() if key.startswith(f"{name}_")] if expanding else [row[name]]


def _is_ascii(value: object) -> bool:
    """Return whether `value` is NULL or ASCII. A value of another type counts as not ASCII."""
    return value is None or (isinstance(value, str) and value.isascii())
