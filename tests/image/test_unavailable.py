# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses of the app for errors of the database that MLflow does not handle, and for a pool without a free connection."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.image_server import bare
from tests.support.tds_peer import Script, peer

# Each store raises its error in the route, without a session of MLflow.
APP = """
import asyncio, json, sys
from mlflow.server import handlers, otel_api
from mlflow_azure_server._app import create_app
from sqlalchemy.exc import OperationalError, ProgrammingError

class Store:
    async def log_spans_async(self, experiment, spans):
        raise error

def store():
    if path != "/v1/traces":
        raise error
    return Store()

otel_api._get_tracking_store = handlers._get_tracking_store = store
app = create_app()

async def request(path, body):
    sent = []
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"host", b"localhost"), (b"x-mlflow-experiment-id", b"0")]
    headers.append((b"content-length", str(len(content)).encode()))
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers}
    scope.update({"http_version": "1.1", "scheme": "http", "server": ("localhost", 80), "client": ("127.0.0.1", 1)})
    messages = [{"type": "http.request", "body": content, "more_body": False}]
    async def receive():
        # A client that waits for the response does not disconnect.
        return messages.pop(0) if messages else await asyncio.Event().wait()
    async def send(message):
        sent.append(message)
    await app({**scope, "asgi": {"version": "3.0"}, "root_path": ""}, receive, send)
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return [sent[0]["status"], headers.get("retry-after"), body.decode()]

SPAN = {"traceId": "0123456789abcdef0123456789abcdef", "spanId": "0123456789abcdef", "name": "s"}
SPAN.update({"startTimeUnixNano": "1", "endTimeUnixNano": "2"})
error = {"lost": OperationalError("SELECT 1", None, Exception("gone")), "other": ValueError("bug")}[sys.argv[1]]
path = sys.argv[2]
body = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]} if path == "/v1/traces" else {"experiment_id": "0"}
print(json.dumps(asyncio.run(request(path, body))))
"""
PATHS = ("/v1/traces", "/api/2.0/mlflow/runs/create")
# The pool has one connection, which is in use.
POOL = """
import sys
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _get_managed_session_maker
from mlflow_azure_server import _entry
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

_entry._load_driver(sys.argv[1])
engine = create_engine(sys.argv[1], pool_size=1, max_overflow=0, pool_timeout=0.01)
sessions = _get_managed_session_maker(sessionmaker(bind=engine), "mssql")
with engine.connect():
    try:
        with sessions(read_only=False) as session:
            session.execute(text("SELECT 1"))
    except MlflowException as error:
        print(error.get_http_status_code())
"""


def answer(server_bin: Path, error: str, path: str) -> tuple[int, str | None, str]:
    ended = subprocess.run(
        [server_bin / "python", "-c", APP, error, path],
        env=bare(MLFLOW_BACKEND_STORE_URI="sqlite://", MLFLOW_SERVER_ALLOWED_HOSTS="localhost"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    status, retry_after, body = json.loads(ended.stdout.splitlines()[-1])
    return status, retry_after, body


@pytest.mark.parametrize("path", PATHS)
def test_an_unhandled_error_of_the_database_is_a_503(server_bin: Path, path: str) -> None:
    status, retry_after, body = answer(server_bin, "lost", path)
    assert (status, retry_after) == (503, "15")
    assert json.loads(body)["error_code"] == "TEMPORARILY_UNAVAILABLE"


@pytest.mark.parametrize(("path", "status"), list(zip(PATHS, (422, 500), strict=True)))
def test_another_error_is_not_a_503(server_bin: Path, path: str, status: int) -> None:
    assert answer(server_bin, "other", path)[:2] == (status, None)


@pytest.mark.parametrize("driver", ["mssqlpython", "pyodbc"])
def test_a_pool_without_a_free_connection_is_a_503(server_bin: Path, driver: str) -> None:
    options = "driver=ODBC+Driver+18+for+SQL+Server&Encrypt=no" if driver == "pyodbc" else "Encrypt=no"
    with peer(Script()) as port:
        uri = f"mssql+{driver}://me:SECRET@127.0.0.1:{port}/mlflow?{options}&plugin=azure_sql"
        ended = subprocess.run(
            [server_bin / "python", "-c", POOL, uri],
            env=bare(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ended.stdout == "503\n", ended.stderr
