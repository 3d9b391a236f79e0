# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lengths of MLflow's text columns in bytes, and the schema step that widens the columns.

In a database with a _UTF8 collation varchar(n) holds n bytes, and MLflow limits texts by characters. A character takes up to
4 bytes in UTF-8. So a column that users write is 4 bytes wide for each character that MLflow accepts:

* up to 8,000 bytes varchar(n), beyond that varchar(max).
* A column in an index or UNIQUE constraint has at most what the others of its columns leave of 1,700 bytes, the largest
  entry of a nonclustered index. It cannot be varchar(max).
* A column of a primary key or foreign key keeps its length, because ALTER COLUMN refuses these columns.
* nvarchar(n) holds n units of 2 bytes, of which a character takes up to 2.

A longer value is refused with HTTP 400 (_value_lengths.py).

ALTER COLUMN to a longer varchar is allowed for columns in an index and in UNIQUE and CHECK constraints:
https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql
Index keys: https://learn.microsoft.com/sql/sql-server/maximum-capacity-specifications-for-sql-server
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

# The number of characters is that of the column in MLflow's own model, MLflow validates nothing else.
COLUMN = ""
# MLflow truncates or refuses longer values. The test of the table reads these constants.
_VALIDATION = "mlflow.utils.validation."
_LABEL_SCHEMAS = "mlflow.genai.label_schemas.validation."
_REVIEW_QUEUES = "mlflow.genai.review_queues.validation."
# A user's own preview has no limit (mlflow.update_current_trace). This is the longest that MLflow cuts a preview to.
_PREVIEW = "mlflow.tracing.constant.TRACE_REQUEST_RESPONSE_PREVIEW_MAX_LENGTH_DBX"
_DIMENSION = "mlflow.store.tracking.utils.trace_analytics.MODEL_DIMENSION_MAX_LENGTH"
# The location of an experiment is the start of those of its runs and models.
_LOCATION = "mlflow.environment_variables.MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH"


@dataclass(frozen=True)
class Text:
    """A column that users write: the characters that MLflow accepts, the column's type, and MLflow's constant for the limit."""

    characters: int
    type: str
    rule: str = COLUMN


TEXT: Mapping[str, Text] = {
    "assessments.name": Text(250, "varchar(1000)"),
    "assessments.source_id": Text(250, "varchar(1000)"),
    "budget_policies.created_by": Text(255, "varchar(1020)"),
    "budget_policies.last_updated_by": Text(255, "varchar(1020)"),
    "budget_policies.target_value": Text(255, "varchar(1020)"),
    "datasets.dataset_source_type": Text(36, "varchar(144)"),
    "datasets.digest": Text(36, "varchar(36)", _VALIDATION + "MAX_DATASET_DIGEST_SIZE"),
    "datasets.name": Text(500, "varchar(500)", _VALIDATION + "MAX_DATASET_NAME_SIZE"),
    "endpoint_bindings.created_by": Text(255, "varchar(1020)"),
    "endpoint_bindings.display_name": Text(255, "varchar(1020)"),
    "endpoint_bindings.last_updated_by": Text(255, "varchar(1020)"),
    "endpoint_bindings.resource_id": Text(255, "varchar(255)"),
    "endpoint_model_mappings.created_by": Text(255, "varchar(1020)"),
    "endpoint_tags.key": Text(250, "varchar(250)"),
    "endpoint_tags.value": Text(5000, "varchar(max)"),
    "endpoints.created_by": Text(255, "varchar(1020)"),
    "endpoints.last_updated_by": Text(255, "varchar(1020)"),
    "endpoints.name": Text(255, "varchar(1020)"),
    "evaluation_dataset_records.created_by": Text(255, "varchar(1020)"),
    "evaluation_dataset_records.last_updated_by": Text(255, "varchar(1020)"),
    "evaluation_dataset_records.source_id": Text(36, "varchar(144)"),
    "evaluation_dataset_tags.key": Text(255, "varchar(255)"),
    "evaluation_dataset_tags.value": Text(5000, "varchar(max)"),
    "evaluation_datasets.created_by": Text(255, "varchar(1020)"),
    "evaluation_datasets.last_updated_by": Text(255, "varchar(1020)"),
    "evaluation_datasets.name": Text(255, "varchar(1020)"),
    "experiment_tags.key": Text(250, "varchar(250)", _VALIDATION + "MAX_EXPERIMENT_TAG_KEY_LENGTH"),
    "experiments.artifact_location": Text(2048, "varchar(max)", _LOCATION),
    "experiments.name": Text(500, "varchar(1637)", _VALIDATION + "MAX_EXPERIMENT_NAME_LENGTH"),
    "guardrail_configs.created_by": Text(255, "varchar(1020)"),
    "guardrails.created_by": Text(255, "varchar(1020)"),
    "guardrails.last_updated_by": Text(255, "varchar(1020)"),
    "guardrails.name": Text(255, "varchar(1020)"),
    "input_tags.name": Text(255, "varchar(255)", _VALIDATION + "MAX_INPUT_TAG_KEY_SIZE"),
    "input_tags.value": Text(500, "varchar(2000)", _VALIDATION + "MAX_INPUT_TAG_VALUE_SIZE"),
    "issues.created_by": Text(255, "varchar(1020)"),
    "issues.name": Text(250, "varchar(1000)"),
    "jobs.creator": Text(255, "varchar(1020)"),
    "label_schemas.created_by": Text(255, "varchar(1020)"),
    "label_schemas.name": Text(250, "varchar(1000)", _LABEL_SCHEMAS + "NAME_MAX_LENGTH"),
    "latest_metrics.key": Text(250, "varchar(250)", _VALIDATION + "MAX_ENTITY_KEY_LENGTH"),
    "logged_model_metrics.dataset_digest": Text(36, "varchar(144)", _VALIDATION + "MAX_DATASET_DIGEST_SIZE"),
    "logged_model_metrics.dataset_name": Text(500, "varchar(2000)", _VALIDATION + "MAX_DATASET_NAME_SIZE"),
    "logged_model_metrics.metric_name": Text(500, "varchar(500)"),
    "logged_model_params.param_key": Text(255, "varchar(255)"),
    "logged_model_tags.tag_key": Text(255, "varchar(255)"),
    "logged_models.artifact_location": Text(2048, "varchar(max)", _LOCATION),
    "logged_models.model_type": Text(500, "varchar(2000)"),
    "logged_models.name": Text(500, "varchar(2000)"),
    "logged_models.status_message": Text(1000, "varchar(4000)"),
    "mcp_access_endpoints.created_by": Text(256, "varchar(1024)"),
    "mcp_access_endpoints.last_updated_by": Text(256, "varchar(1024)"),
    "mcp_access_endpoints.server_alias": Text(256, "varchar(1024)"),
    "mcp_access_endpoints.server_name": Text(256, "varchar(256)"),
    "mcp_access_endpoints.server_version": Text(128, "varchar(512)"),
    "mcp_access_endpoints.url": Text(2048, "varchar(max)"),
    "mcp_server_aliases.alias": Text(256, "varchar(256)"),
    "mcp_server_aliases.name": Text(256, "varchar(256)"),
    "mcp_server_aliases.version": Text(128, "varchar(512)"),
    "mcp_server_tags.key": Text(250, "varchar(250)"),
    "mcp_server_tags.name": Text(256, "varchar(256)"),
    "mcp_server_tags.value": Text(5000, "varchar(max)"),
    "mcp_server_version_tags.key": Text(250, "varchar(250)"),
    "mcp_server_version_tags.name": Text(256, "varchar(256)"),
    "mcp_server_version_tags.value": Text(5000, "varchar(max)"),
    "mcp_server_version_tags.version": Text(128, "varchar(128)"),
    "mcp_server_versions.created_by": Text(256, "varchar(1024)"),
    "mcp_server_versions.last_updated_by": Text(256, "varchar(1024)"),
    "mcp_server_versions.name": Text(256, "varchar(256)"),
    "mcp_server_versions.source": Text(512, "varchar(2048)"),
    "mcp_server_versions.version": Text(128, "varchar(128)"),
    "mcp_servers.created_by": Text(256, "varchar(1024)"),
    "mcp_servers.display_name": Text(256, "varchar(1024)"),
    "mcp_servers.last_updated_by": Text(256, "varchar(1024)"),
    "mcp_servers.name": Text(256, "varchar(256)"),
    "metrics.key": Text(250, "varchar(250)", _VALIDATION + "MAX_ENTITY_KEY_LENGTH"),
    "model_definitions.created_by": Text(255, "varchar(1020)"),
    "model_definitions.last_updated_by": Text(255, "varchar(1020)"),
    "model_definitions.model_name": Text(256, "varchar(1024)"),
    "model_definitions.name": Text(255, "varchar(1020)"),
    "model_definitions.provider": Text(64, "varchar(256)"),
    "model_version_tags.key": Text(250, "varchar(250)", _VALIDATION + "MAX_MODEL_REGISTRY_TAG_KEY_LENGTH"),
    "model_version_tags.name": Text(256, "varchar(256)"),
    "model_versions.description": Text(5000, "varchar(max)"),
    "model_versions.name": Text(256, "varchar(256)"),
    "model_versions.run_link": Text(500, "varchar(2000)"),
    "model_versions.source": Text(2048, "varchar(max)", _LOCATION),
    "model_versions.status_message": Text(500, "varchar(2000)"),
    "model_versions.storage_location": Text(2048, "varchar(max)", _LOCATION),
    "model_versions.user_id": Text(256, "varchar(1024)"),
    "params.key": Text(250, "varchar(250)", _VALIDATION + "MAX_ENTITY_KEY_LENGTH"),
    "params.value": Text(6000, "varchar(max)", _VALIDATION + "MAX_PARAM_VAL_LENGTH"),
    "registered_model_aliases.alias": Text(255, "varchar(256)", _VALIDATION + "MAX_REGISTERED_MODEL_ALIAS_LENGTH"),
    "registered_model_aliases.name": Text(256, "varchar(256)"),
    "registered_model_tags.key": Text(250, "varchar(250)", _VALIDATION + "MAX_MODEL_REGISTRY_TAG_KEY_LENGTH"),
    "registered_model_tags.name": Text(256, "varchar(256)"),
    "registered_model_tags.value": Text(100000, "varchar(max)", _VALIDATION + "MAX_MODEL_REGISTRY_TAG_VALUE_LENGTH"),
    "registered_models.description": Text(5000, "varchar(max)"),
    "registered_models.name": Text(256, "varchar(256)"),
    "review_queue_items.completed_by": Text(250, "varchar(1000)", _REVIEW_QUEUES + "USER_MAX_LENGTH"),
    "review_queue_users.user_id": Text(250, "varchar(250)", _REVIEW_QUEUES + "USER_MAX_LENGTH"),
    "review_queues.created_by": Text(255, "varchar(1020)"),
    "review_queues.name": Text(250, "varchar(1000)", _REVIEW_QUEUES + "QUEUE_NAME_MAX_LENGTH"),
    "review_queues.name_key": Text(250, "varchar(1000)", _REVIEW_QUEUES + "QUEUE_NAME_MAX_LENGTH"),
    "runs.artifact_uri": Text(2048, "varchar(max)", _LOCATION),
    "runs.entry_point_name": Text(50, "varchar(200)"),
    "runs.name": Text(250, "varchar(1000)"),
    "runs.source_name": Text(500, "varchar(2000)"),
    "runs.source_version": Text(50, "varchar(200)"),
    "runs.user_id": Text(256, "varchar(1024)"),
    "scorers.scorer_name": Text(256, "varchar(1024)"),
    "secrets.created_by": Text(255, "varchar(1020)"),
    "secrets.last_updated_by": Text(255, "varchar(1020)"),
    "secrets.masked_value": Text(500, "varchar(2000)"),
    "secrets.provider": Text(64, "varchar(256)"),
    "secrets.secret_name": Text(255, "varchar(1020)"),
    "span_metrics.key": Text(250, "varchar(250)"),
    "spans.model_name": Text(500, "nvarchar(1000)", _DIMENSION),
    "spans.model_provider": Text(500, "nvarchar(1000)", _DIMENSION),
    "spans.type": Text(500, "varchar(1642)"),
    "sql_assessment_daily_rollups.metric_name": Text(250, "varchar(1000)"),
    "sql_span_cost_daily_rollups.model_name": Text(500, "nvarchar(500)", _DIMENSION),
    "sql_span_cost_daily_rollups.model_provider": Text(500, "nvarchar(500)", _DIMENSION),
    "tags.key": Text(250, "varchar(250)", _VALIDATION + "MAX_ENTITY_KEY_LENGTH"),
    "tags.value": Text(8000, "varchar(max)", _VALIDATION + "MAX_TAG_VAL_LENGTH"),
    "trace_info.client_request_id": Text(50, "varchar(200)"),
    "trace_info.request_preview": Text(10000, "varchar(max)", _PREVIEW),
    "trace_info.response_preview": Text(10000, "varchar(max)", _PREVIEW),
    "trace_info.session_id": Text(250, "varchar(1000)"),
    "trace_info.trace_name": Text(4096, "varchar(max)"),
    "trace_metrics.key": Text(250, "varchar(250)"),
    "trace_request_metadata.key": Text(250, "varchar(250)"),
    "trace_request_metadata.value": Text(8000, "varchar(max)"),
    "trace_tags.key": Text(250, "varchar(250)", _VALIDATION + "MAX_TRACE_TAG_KEY_LENGTH"),
    "trace_tags.value": Text(8000, "varchar(max)", _VALIDATION + "MAX_TRACE_TAG_VAL_LENGTH"),
    "webhooks.description": Text(1000, "varchar(4000)"),
    "webhooks.url": Text(500, "varchar(2000)"),
}

# All other columns with a length hold only ASCII characters, by reason and table. They keep their length.
ASCII: Mapping[str, Mapping[str, str]] = {
    "ids: hexadecimal or decimal digits, MLflow's prefixes and hyphens": {
        "assessments": "assessment_id overrides run_id span_id trace_id",
        "budget_policies": "budget_policy_id",
        "datasets": "dataset_uuid",
        "endpoint_bindings": "endpoint_id",
        "endpoint_model_mappings": "endpoint_id mapping_id model_definition_id",
        "endpoint_tags": "endpoint_id",
        "endpoints": "endpoint_id",
        "entity_associations": "association_id destination_id source_id",
        "evaluation_dataset_records": "dataset_id dataset_record_id",
        "evaluation_dataset_tags": "dataset_id",
        "evaluation_datasets": "dataset_id",
        "guardrail_configs": "endpoint_id guardrail_id",
        "guardrails": "action_endpoint_id guardrail_id scorer_id",
        "input_tags": "input_uuid",
        "inputs": "destination_id input_uuid source_id",
        "issues": "issue_id source_run_id",
        "job_locks": "job_id",
        "jobs": "id",
        "label_schemas": "schema_id",
        "latest_metrics": "run_uuid",
        "logged_model_metrics": "dataset_uuid model_id run_id",
        "logged_model_params": "model_id",
        "logged_model_tags": "model_id",
        "logged_models": "model_id source_run_id",
        "mcp_access_endpoints": "id",
        "metrics": "run_uuid",
        "model_definitions": "model_definition_id secret_id",
        "model_versions": "run_id",
        "online_scoring_configs": "online_scoring_config_id scorer_id",
        "params": "run_uuid",
        "review_queue_items": "item_id queue_id",
        "review_queue_label_schemas": "queue_id schema_id",
        "review_queue_users": "queue_id",
        "review_queues": "queue_id",
        "runs": "run_uuid",
        "scorer_versions": "scorer_id",
        "scorers": "scorer_id",
        "secrets": "secret_id",
        "span_metrics": "span_id trace_id",
        "spans": "parent_span_id span_id trace_id",
        "tags": "run_uuid",
        "trace_info": "request_id",
        "trace_metrics": "request_id",
        "trace_request_metadata": "request_id",
        "trace_tags": "request_id",
        "webhook_events": "webhook_id",
        "webhooks": "webhook_id",
    },
    "names of enumerations, jobs and metrics in MLflow's own code": {
        "assessments": "assessment_type source_type",
        "budget_policies": "budget_action budget_unit duration_unit target_scope",
        "endpoint_bindings": "resource_type",
        "endpoint_model_mappings": "linkage_type",
        "endpoints": "routing_strategy",
        "entity_associations": "destination_type source_type",
        "evaluation_dataset_records": "source_type",
        "experiments": "lifecycle_stage",
        "guardrails": "action stage",
        "inputs": "destination_type source_type",
        "issues": "severity status",
        "jobs": "executor_backend job_name",
        "label_schemas": "input_type type",
        "logged_models": "lifecycle_stage",
        "mcp_access_endpoints": "transport_type",
        "mcp_server_versions": "status",
        "model_versions": "current_stage status",
        "review_queue_items": "item_type status",
        "review_queues": "queue_type",
        "runs": "lifecycle_stage source_type status",
        "spans": "status",
        "sql_assessment_daily_rollups": "grouping_set",
        "sql_span_cost_daily_rollups": "grouping_set metric_name",
        "sql_trace_metric_daily_rollups": "grouping_set metric_name trace_status",
        "sql_trace_rollup_rebuild_queue": "rollup_family",
        "trace_info": "status",
        "webhook_events": "action entity",
        "webhooks": "status",
    },
    "hashes, Fernet tokens and sort keys that MLflow computes": {
        "evaluation_dataset_records": "input_hash",
        "evaluation_datasets": "digest",
        "job_locks": "lock_key",
        "jobs": "token_hash",
        "mcp_server_versions": "version_prerelease_sort_key",
        "scheduler_leases": "lease_key",
        "webhooks": "secret",
    },
    "MLflow accepts only ASCII letters, digits and signs": {
        "budget_policies": "workspace",
        "endpoints": "workspace",
        "evaluation_datasets": "workspace",
        "experiments": "workspace",
        "guardrail_configs": "workspace",
        "guardrails": "workspace",
        "jobs": "workspace",
        "mcp_access_endpoints": "workspace",
        "mcp_server_aliases": "workspace",
        "mcp_server_tags": "workspace",
        "mcp_server_version_tags": "workspace",
        "mcp_server_versions": "workspace",
        "mcp_servers": "workspace",
        "model_definitions": "workspace",
        "model_version_tags": "workspace",
        "model_versions": "workspace",
        "registered_model_aliases": "workspace",
        "registered_model_tags": "workspace",
        "registered_models": "workspace",
        "secrets": "workspace",
        "webhooks": "name workspace",
        "workspaces": "name trace_archival_retention",
    },
}

_DECLARED = re.compile(r"(n?varchar)\((\d+|max)\)", re.IGNORECASE)


@dataclass(frozen=True)
class Change:
    """A column that is narrower than `Text.type`. `current` is its declared type, None if the column does not exist."""

    table: str
    column: str
    current: str | None
    target: str
    nullable: bool = True

    def __str__(self) -> str:
        """Return the change as a line for the log."""
        return f"{self.table}.{self.column}: {self.current or 'missing'} to {self.target}"

    def statement(self) -> str:
        """Return the T-SQL statement. Without COLLATE the column has the collation of the database, as before."""
        null = "NULL" if self.nullable else "NOT NULL"
        return f"ALTER TABLE [{self.table}] ALTER COLUMN [{self.column}] {self.target} {null}"


@dataclass(frozen=True)
class Column:
    """A column of the database."""

    type: str
    nullable: bool


def changes(columns: Mapping[str, Column]) -> list[Change]:
    """Return the changes that a database with `columns`, by "table.column", requires."""
    result = []
    for name, wanted in TEXT.items():
        table, column = name.split(".")
        current = columns.get(name)
        if current is None:
            result.append(Change(table, column, None, wanted.type))
        elif not _is_wide_enough(current.type, wanted.type):
            result.append(Change(table, column, current.type, wanted.type, current.nullable))
    return result


def _is_wide_enough(current: str, target: str) -> bool:
    """Return whether a column of type `current` takes every value of `target`. A type without a length takes all."""
    declared, wanted = _DECLARED.fullmatch(current), _DECLARED.fullmatch(target)
    if declared is None or wanted is None or declared[2].lower() == "max":
        return True
    if declared[1].lower() != wanted[1].lower():
        # MLflow's nvarchar columns are VARCHAR on SQLite.
        return wanted[1] == "varchar"
    return wanted[2] != "max" and int(declared[2]) >= int(wanted[2])


def pending(connection: Connection) -> list[str]:
    """Return a line for each column to widen. PostgreSQL counts characters, so there is none."""
    return [str(change) for change in _pending(connection)]


def widen(connection: Connection, _uri: str, log: Callable[[str], None]) -> None:
    """Widen all columns that are too narrow. Each statement is committed on its own, so an ended process loses nothing."""
    found = [change for change in _pending(connection) if change.current is not None]
    path = _sqlite_file(connection)
    if path is not None:
        # SQLite holds texts of any length. The declared types are changed so that they are those of Azure SQL.
        log(f"widening: {len(found)} declared types of SQLite")
        connection.rollback()
        _declare(path, found)
        return
    for change in found:
        log(f"widening: {change}")
        connection.exec_driver_sql(change.statement())
        connection.commit()


def _pending(connection: Connection) -> list[Change]:
    if connection.dialect.name == "mssql":
        return changes(_sql_server_columns(connection))
    path = _sqlite_file(connection)
    if path is None:
        return []
    return changes({f"{table}.{name}": column for table, name, column in _sqlite_columns(connection)})


def _sqlite_file(connection: Connection) -> Path | None:
    """Return the file of a SQLite database, None for another database and for a database in memory."""
    if connection.dialect.name != "sqlite":
        return None
    name = connection.engine.url.database
    return Path(name) if name and name != ":memory:" else None


def _sql_server_columns(connection: Connection) -> dict[str, Column]:
    rows = connection.exec_driver_sql(
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, CHARACTER_OCTET_LENGTH, IS_NULLABLE "
        "FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = SCHEMA_NAME() AND DATA_TYPE IN ('varchar', 'nvarchar')"
    )
    return {f"{table}.{column}": _column(kind, int(octets), nullable) for table, column, kind, octets, nullable in rows}


def _column(kind: str, octets: int, nullable: str) -> Column:
    """Return a column of INFORMATION_SCHEMA.COLUMNS. Its length is -1 for max."""
    length = "max" if octets < 0 else str(octets // (2 if kind == "nvarchar" else 1))
    return Column(f"{kind}({length})", nullable == "YES")


def _sqlite_columns(connection: Connection) -> Iterator[tuple[str, str, Column]]:
    for table in sorted({name.partition(".")[0] for name in TEXT}):
        for row in connection.exec_driver_sql(f'PRAGMA table_info("{table}")'):
            yield table, row[1], Column(row[2], not row[3])


def _declare(path: Path, found: list[Change]) -> None:
    """Change declared types in the schema of a SQLite file.

    alembic would copy each table, and lose its unnamed CHECK constraints. A declared length has no effect on stored values,
    so only the text of the schema changes: https://www.sqlite.org/lang_altertable.html#otheralter
    """
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        version = database.execute("PRAGMA schema_version").fetchone()[0]
        database.execute("PRAGMA writable_schema = ON")
        for table in sorted({change.table for change in found}):
            (statement,) = database.execute(
                "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
            ).fetchone()
            declared = declare(statement, [change for change in found if change.table == table])
            database.execute("UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?", (declared, table))
        # Other connections read the schema again.
        database.execute(f"PRAGMA schema_version = {version + 1}")
        database.execute("PRAGMA writable_schema = OFF")
        database.execute("COMMIT")


def declare(statement: str, found: list[Change]) -> str:
    """Return a CREATE TABLE statement of SQLite with the types of the changes. Raise ValueError if a column is not in it."""
    for change in found:
        column = rf"([(,]\s*[\"\[`]?{re.escape(change.column)}[\"\]`]?\s+){re.escape(change.current or '')}"
        declared = "TEXT" if change.target.endswith("(max)") else change.target.upper()
        statement, count = re.subn(column, rf"\g<1>{declared}", statement)
        if count != 1:
            raise ValueError(f"{change.table}.{change.column} is {count} times in {statement}")
    # The database could not be opened with a statement that SQLite does not parse.
    sqlite3.connect(":memory:").execute(statement)
    return statement
