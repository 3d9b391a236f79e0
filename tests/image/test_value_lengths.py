# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A value that is longer than its column: the error of SQL Server's drivers and of SQLite, and the response for the client."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow_azure_server._lengths import refusal

from sandbox.runners.text_lengths import enforce
from tests.support.image_server import Server, bare, free_port, running, settings
from tests.support.tds_peer import Fault, Script, peer

DRIVERS = {
    "mssql-python": "mssql+mssqlpython://me:x@127.0.0.1:{port}/mlflow?Encrypt=no",
    "pyodbc": "mssql+pyodbc://me:x@127.0.0.1:{port}/mlflow?driver=ODBC+Driver+18+for+SQL+Server&Encrypt=no",
}
REMEDY = " Shorten it. Letters outside ASCII take 2 to 4 bytes each."
# The texts of sys.messages.
FAULTS = {
    2628: "String or binary data would be truncated in table 'mlflow.dbo.params', column 'key'. Truncated value: 'яяя'.",
    8152: "String or binary data would be truncated.",
    1946: "Operation failed. The index entry of length 1720 bytes for the index 'params_pk' exceeds the maximum length of "
    "1700 bytes for nonclustered indexes.",
}
KEY = "The value of params.key has 400 bytes in UTF-8, and the column takes 250." + REMEDY
INDEX = "The values of the index params_pk have 1720 bytes, and the index takes 1700." + REMEDY
DECLARED = {"key": 250, "value": 8000, "run_uuid": 32}


@pytest.mark.parametrize(("number", "expected"), [(2628, KEY), (8152, KEY), (1946, INDEX)])
def test_the_message_names_column_limit_and_length(number: int, expected: str) -> None:
    rows = [{"key": "short", "value": "x"}, {"key": "я" * 200, "value": "я" * 6000, "run_uuid": "a" * 32}]
    error = f"[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{FAULTS[number]} ({number}) (SQLExecDirectW)"
    assert refusal(error, "params", rows, DECLARED) == expected


@pytest.mark.parametrize(
    "error",
    [
        "[SQL Server]Violation of PRIMARY KEY constraint 'params_pk'. (2627) (SQLExecDirectW)",
        "UNIQUE constraint failed: params.key",
        "",
    ],
)
def test_another_error_has_no_message(error: str) -> None:
    assert refusal(error, "params", [{"key": "я" * 200}], DECLARED) is None


def test_a_statement_without_known_parameters_has_a_message() -> None:
    assert refusal(FAULTS[2628], None, [], {}) == "A value of params.key is longer than its column." + REMEDY
    assert refusal(FAULTS[8152], None, [], {}) == "A value of the request is longer than its column." + REMEDY


def test_the_rows_of_one_statement_are_searched() -> None:
    rows = [{"key_m0": "short", "value_m0": "x", "key_m1": "я" * 200, "value_m1": None}]
    assert refusal(FAULTS[8152], "params", rows, DECLARED) == KEY


def test_the_limit_is_that_after_the_widening() -> None:
    rows = [{"name": "я" * 501}]
    assert refusal(FAULTS[8152], "runs", rows, {"name": 250}) == (
        "The value of runs.name has 1002 bytes in UTF-8, and the column takes 1000." + REMEDY
    )


# Inserts a param over the engine and session of MLflow, and prints the response.
INSERT = """
import json, sys
from mlflow.server.handlers import catch_mlflow_exception
from mlflow.store.db.utils import _get_managed_session_maker, create_sqlalchemy_engine
from mlflow.store.tracking.dbmodels.models import SqlParam
from mlflow_azure_server import _entry
from sqlalchemy.orm import sessionmaker
_entry._load_driver(sys.argv[1])
sessions = _get_managed_session_maker(sessionmaker(bind=create_sqlalchemy_engine(sys.argv[1])), "mssql")
@catch_mlflow_exception
def insert():
    with sessions(read_only=False) as session:
        session.add(SqlParam(key=chr(0x44f) * 200, value="1", run_uuid="a" * 32))
response = insert()
print(json.dumps({"status": response.status_code, **json.loads(response.get_data())}))
"""


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(("number", "expected"), [(2628, KEY), (8152, KEY), (1946, INDEX)])
def test_the_errors_of_both_drivers_are_a_response_400(
    server_bin: Path, driver: str, number: int, expected: str
) -> None:
    script = Script(statements=[("INSERT INTO params", Fault(number, 16, FAULTS[number]))])
    with peer(script) as port:
        uri = DRIVERS[driver].format(port=port) + "&plugin=azure_sql&azure_sql_wait=0&plugin=value_lengths"
        command = [str(server_bin / "python"), "-c", INSERT, uri]
        done = subprocess.run(command, env=bare(), capture_output=True, text=True, timeout=60, check=True)
    answer = json.loads(done.stdout)
    assert (answer["status"], answer["error_code"], answer["message"]) == (400, "BAD_REQUEST", expected)


@pytest.fixture(scope="module")
def server(server_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose SQLite database refuses what Azure SQL refuses, with the triggers of the sandbox."""
    directory = tmp_path_factory.mktemp("lengths")
    env = settings(directory, free_port(), MLFLOW_WORKERS="1")
    with running(server_bin / "mlflow-azure-server", env, directory / "log") as running_server:
        with closing(sqlite3.connect(directory / "mlflow.db", timeout=30, isolation_level=None)) as database:
            enforce(database, "mlflow", utf8=True)
        yield running_server


def post(server: Server, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = server.ask("POST", f"/api/2.0/mlflow/{path}", json.dumps(body), Content_Type="application/json")
    return answer.status, json.loads(answer.body)


def get(server: Server, path: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(server.ask("GET", f"/api/2.0/mlflow/{path}").body)
    return result


LETTERS = {"Latin": "é", "Cyrillic": "я", "Chinese": "请", "emoji": "🙂"}


@pytest.mark.parametrize("script", LETTERS)
def test_texts_at_the_limits_of_mlflow_are_read_back_equal(server: Server, script: str) -> None:
    letter = LETTERS[script]
    status, made = post(server, "runs/create", {"experiment_id": "0", "run_name": letter * 250, "start_time": 1})
    assert status == 200, made
    run = made["run"]["info"]["run_id"]
    param, tag = letter * 6000, letter * 8000
    # MLflow refuses emoji in keys.
    key = "key" if script == "emoji" else letter * (250 // len(letter.encode()))
    batch = {"run_id": run, "params": [{"key": key, "value": param}], "tags": [{"key": key, "value": tag}]}
    assert post(server, "runs/log-batch", batch)[0] == 200
    read = get(server, f"runs/get?run_id={run}")["run"]
    assert read["info"]["run_name"] == letter * 250
    assert read["data"]["params"] == [{"key": key, "value": param}]
    assert {"key": key, "value": tag} in read["data"]["tags"]
    name = letter * (500 if script != "emoji" else 409)
    status, made = post(server, "experiments/create", {"name": name})
    assert status == 200, made
    assert get(server, f"experiments/get?experiment_id={made['experiment_id']}")["experiment"]["name"] == name
    model = {"name": f"model {script}", "description": letter * 5000}
    assert post(server, "registered-models/create", model)[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "column", "size", "limit"),
    [
        ("experiments/create", {"name": "🙂" * 410}, "experiments.name", 1640, 1637),
        ("registered-models/create", {"name": "请" * 86}, "registered_models.name", 258, 256),
        ("runs/log-batch", {"params": [{"key": "я" * 126, "value": "1"}]}, "params.key", 252, 250),
        ("runs/set-tag", {"key": "я" * 126, "value": "1"}, "tags.key", 252, 250),
        ("runs/log-metric", {"key": "я" * 126, "value": 1, "timestamp": 1}, "metrics.key", 252, 250),
        ("runs/create", {"experiment_id": "0", "run_name": "r" * 1001}, "runs.name", 1001, 1000),
    ],
)
def test_a_longer_text_is_refused_by_column_limit_and_length(
    server: Server, path: str, body: dict[str, Any], column: str, size: int, limit: int
) -> None:
    if path.startswith("runs/") and path != "runs/create":
        status, made = post(server, "runs/create", {"experiment_id": "0", "start_time": 1})
        assert status == 200, made
        body = {"run_id": made["run"]["info"]["run_id"], **body}
    status, answer = post(server, path, body)
    message = f"The value of {column} has {size} bytes in UTF-8, and the column takes {limit}.{REMEDY}"
    assert (status, answer["error_code"], answer["message"]) == (400, "BAD_REQUEST", message)
