# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to a real server whose database goes away at each statement: HTTP 503 with Retry-After, never a client error."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.image_server import Answer, Server, bare, free_port, running, settings
from tests.support.tds_peer import UTF8_COLLATION, Script, peer

DRIVERS = {
    "mssql-python": "mssql+mssqlpython://me:SECRET@127.0.0.1:{port}/mlflow?Encrypt=no",
    "pyodbc": "mssql+pyodbc://me:SECRET@127.0.0.1:{port}/mlflow?driver=ODBC+Driver+18+for+SQL+Server&Encrypt=no&LongAsMax=Yes",
}
SCHEMA = """
import json
import mlflow.server.handlers
from mlflow.store.db.utils import Base
from mlflow_azure_server import _schema, _widening
kinds = {name: text.type.partition("(")[0] for name, text in _widening.TEXT.items()}
print(json.dumps([list(Base.metadata.tables), _schema.expected_revision(_schema.migration_scripts()), kinds]))
"""
# The columns of users' text, after the widening.
WIDE = ("TABLE_NAME", "COLUMN_NAME", "DATA_TYPE", "CHARACTER_OCTET_LENGTH", "IS_NULLABLE")
RUN = "a" * 32
EXPERIMENT = {
    "experiment_id": "0",
    "name": "Default",
    "lifecycle_stage": "active",
    "artifact_location": "mlflow-artifacts:/0",
}
RUN_ROW = {
    "run_uuid": RUN,
    "name": "run",
    "lifecycle_stage": "active",
    "experiment_id": "0",
    "status": "RUNNING",
    "user_id": "me",
    "artifact_uri": f"mlflow-artifacts:/0/{RUN}/artifacts",
    "start_time": "1",
}
SPAN = {
    "traceId": "0123456789abcdef0123456789abcdef",
    "spanId": "0123456789abcdef",
    "name": "span",
    "startTimeUnixNano": "1700000000000000000",
    "endTimeUnixNano": "1700000001000000000",
}
# Statements after whose loss a response may be a success: the check of a pooled connection, and the end of a read.
HARMLESS = ("SELECT 1", "BEGIN TRANSACTION", "ROLLBACK TRANSACTION")


def labelled(table: str, row: dict[str, str]) -> list[dict[str, str]]:
    """Return the row of a table with the labels of MLflow's two forms of SELECT."""
    return [{**row, **{f"{table}_{name}": value for name, value in row.items()}}]


def post(path: str, body: dict[str, object], **headers: str) -> Callable[[Server], Answer]:
    return lambda server: server.ask("POST", path, json.dumps(body), Content_Type="application/json", **headers)


METRIC = {"key": "m", "value": 1, "timestamp": 1, "step": 0}
REQUESTS = {
    "traces": post("/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}, x_mlflow_experiment_id="0"),
    "log-batch": post(
        "/api/2.0/mlflow/runs/log-batch",
        {
            "run_id": RUN,
            "metrics": [METRIC],
            "params": [{"key": "p", "value": "v"}],
            "tags": [{"key": "t", "value": "v"}],
        },
    ),
    "log-metric": post("/api/2.0/mlflow/runs/log-metric", {"run_id": RUN, **METRIC}),
    "log-parameter": post("/api/2.0/mlflow/runs/log-parameter", {"run_id": RUN, "key": "p", "value": "v"}),
    "set-tag": post("/api/2.0/mlflow/runs/set-tag", {"run_id": RUN, "key": "t", "value": "v"}),
    "runs/create": post("/api/2.0/mlflow/runs/create", {"experiment_id": "0", "user_id": "me", "start_time": 1}),
    "experiments/create": post("/api/2.0/mlflow/experiments/create", {"name": "new"}),
    "registered-models/create": post("/api/2.0/mlflow/registered-models/create", {"name": "new"}),
}


@dataclass(frozen=True)
class Site:
    """A server and the script of its database."""

    server: Server
    script: Script


@pytest.fixture(scope="module")
def schema(server_bin: Path) -> tuple[list[str], str, dict[str, str]]:
    ended = subprocess.run(
        [server_bin / "python", "-c", SCHEMA], env=bare(), capture_output=True, text=True, timeout=120, check=True
    )
    tables, revision, kinds = json.loads(ended.stdout)
    return tables, revision, kinds


@pytest.fixture(scope="module", params=DRIVERS)
def site(
    request: pytest.FixtureRequest,
    server_bin: Path,
    schema: tuple[list[str], str, dict[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    tables, revision, kinds = schema
    script = Script(
        collation=UTF8_COLLATION,
        answers={
            "sp_getapplock": "0",
            "sp_releaseapplock": "0",
            "version_num": revision,
            "FROM INFORMATION_SCHEMA.COLUMNS": [
                dict(zip(WIDE, (*name.split("."), kind, "-1", "YES"), strict=True)) for name, kind in kinds.items()
            ],
            "SELECT COUNT(*)": "1",
            "FROM [INFORMATION_SCHEMA].[TABLES]": [{"TABLE_NAME": table} for table in tables],
            "FROM sys.objects": [{"name": table} for table in [*tables, "alembic_version"]],
            "FROM sys.": "1",
            "workspace !=": [],
            "FROM experiments": labelled("experiments", EXPERIMENT),
            "FROM runs": labelled("runs", RUN_ROW),
            # Other tables are empty.
            "FROM ": [],
        },
    )
    directory = tmp_path_factory.mktemp("database_lost")
    with peer(script) as port:
        env = settings(
            directory,
            free_port(),
            MLFLOW_BACKEND_STORE_URI=DRIVERS[request.param].format(port=port),
            MLFLOW_WORKERS="1",
            MLFLOW_AZURE_SQL_WAIT="0",
        )
        with running(server_bin / "mlflow-azure-server", env, directory / "log") as server:
            yield Site(server, script)
            script.away = False


def test_a_worker_whose_first_connection_fails(site: Site) -> None:
    """MLflow opens its store at the first request, outside of the code that handles errors of the database."""
    site.script.away = True
    for request in REQUESTS.values():
        answer = request(site.server)
        assert (answer.status, bool(answer.retry_after)) == (503, True), answer
    site.script.away = False


@pytest.mark.parametrize("stays_away", [False, True], ids=["one connection", "the database"])
@pytest.mark.parametrize("name", REQUESTS)
def test_a_write_whose_connection_is_lost(
    site: Site, name: str, stays_away: bool, report_count: Callable[[str], None]
) -> None:
    """The connection is lost at each statement in turn, with the login, the commit and the rollback among them."""
    script = site.script
    expected = REQUESTS[name](site.server)
    before = len(script.seen)
    expected = REQUESTS[name](site.server)
    count = len(script.seen) - before
    wrong, unavailable = [], 0
    for number in range(1, count + 1):
        script.drop_at, script.dropped, script.stays_away = number, "", stays_away
        answer = REQUESTS[name](site.server)
        script.drop_at, script.away = 0, False
        unavailable += answer.status == 503
        if answer.status == 503:
            right = answer.retry_after is not None and answer.retry_after.isdigit()
        else:
            right = answer.status == expected.status and script.dropped in ("", *HARMLESS)
        if not right:
            wrong.append((number, script.dropped, answer))
    report_count(f"{name}: {unavailable} of {count} lost statements are HTTP 503, the others do not matter")
    assert expected.status == 200, expected
    assert not wrong
    assert unavailable
