# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SQLAlchemy engine plugin `value_lengths`: reports a value that is longer than its column by column, limit and length.

Usage: `…://…&plugin=value_lengths`. MLflow returns HTTP 400 for the error, with its message. The message of the driver would
contain the whole statement with all its values, and in most cases not the column.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import CreateEnginePlugin, ExceptionContext
from sqlalchemy.exc import SQLAlchemyError

from mlflow_azure_server._lengths import refusal

NAME = "value_lengths"


class ValueTooLong(SQLAlchemyError):  # type: ignore[misc]  # mypy has no SQLAlchemy to look into
    """A value that its column cannot hold. Not an IntegrityError, for which MLflow searches for a duplicate."""


class ValueLengthsPlugin(CreateEnginePlugin):  # type: ignore[misc]  # mypy has no SQLAlchemy to look into
    """SQLAlchemy engine plugin `value_lengths`. It has no options."""

    def update_url(self, url: URL) -> URL:
        """Return the URL, from which SQLAlchemy itself removes the name of the plugin."""
        return url

    def engine_created(self, engine: Engine) -> None:
        """Register the plugin for the engine's error event."""
        event.listen(engine, "handle_error", _handle_error, retval=True)


def _handle_error(context: ExceptionContext) -> BaseException | None:
    execution: Any = context.execution_context
    compiled = getattr(execution, "compiled", None)
    table = getattr(getattr(compiled, "statement", None), "table", None)
    rows = getattr(execution, "compiled_parameters", None) or []
    message = refusal(str(context.original_exception), getattr(table, "name", None), rows, _lengths(table))
    return None if message is None else ValueTooLong(message)


def _lengths(table: Any) -> dict[str, int]:
    """Return the declared lengths of a table's columns in MLflow's models, by name."""
    columns = [] if table is None else table.columns
    return {column.name: column.type.length for column in columns if getattr(column.type, "length", None)}
