# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to Azure SQL: the identity, the time that they stay open, and the lock for changes of the schema."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.image_server import bare
from tests.support.tds_peer import Certificate, Script, new_certificate, peer, until_open

IDENTITY = "11111111-1111-1111-1111-111111111111"
URIS = {
    "mssql-python": "mssql+mssqlpython://me:x@127.0.0.1:{port}/mlflow?Encrypt=no&plugin=azure_sql",
    "pyodbc": "mssql+pyodbc://me:x@127.0.0.1:{port}/mlflow?driver=ODBC+Driver+18+for+SQL+Server&Encrypt=no"
    "&plugin=azure_sql",
}
IDENTITY_URIS = {
    "mssql-python": "mssql+mssqlpython://127.0.0.1:{port}/mlflow?Authentication=ActiveDirectoryMSI"
    f"&UID={IDENTITY}&Encrypt=yes&TrustServerCertificate=yes&plugin=azure_sql&azure_sql_wait=0",
    "pyodbc": f"mssql+pyodbc://{IDENTITY}@127.0.0.1:{{port}}/mlflow?driver=ODBC+Driver+18+for+SQL+Server"
    "&Authentication=ActiveDirectoryMsi&Encrypt=yes&TrustServerCertificate=yes&plugin=azure_sql&azure_sql_wait=0",
}
ASK = """
import sys
from mlflow_azure_server import _entry
_entry._load_driver(sys.argv[1])
from mlflow.store.db.utils import create_sqlalchemy_engine
from sqlalchemy import text
engine = create_sqlalchemy_engine(sys.argv[1])
for _ in range(2):
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
print("ready", flush=True)
sys.stdin.readline()
"""


@contextmanager
def process_after_two_queries(server_bin: Path, uri: str, **variables: str) -> Iterator[None]:
    """Run a process that has sent two queries and keeps running."""
    command = [str(server_bin / "python"), "-c", ASK, uri]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=bare(**variables), stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout
            assert process.stderr
            assert process.stdout.readline() == "ready\n", process.stderr.read()
            yield
        finally:
            process.kill()


@pytest.mark.parametrize("driver", URIS)
def test_no_connection_stays_open_to_a_database_that_may_pause(server_bin: Path, driver: str) -> None:
    script = Script()
    with peer(script) as port:
        with process_after_two_queries(
            server_bin, URIS[driver].format(port=port), MLFLOW_SQLALCHEMYSTORE_POOLCLASS="NullPool"
        ):
            until_open(script, 0)
        assert script.login_count == 2


@pytest.mark.parametrize("driver", URIS)
def test_a_connection_stays_open_to_other_databases(server_bin: Path, driver: str) -> None:
    script = Script()
    with peer(script) as port, process_after_two_queries(server_bin, URIS[driver].format(port=port)):
        until_open(script, 1)
        assert script.login_count == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return new_certificate(tmp_path_factory.mktemp("certificate"))


@contextmanager
def identity_endpoint() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The address of the identity endpoint of a container app, and the requests to it."""
    requests: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            requests.append({**query, "header": self.headers.get("X-IDENTITY-HEADER", "")})
            token = {
                "access_token": "token-of-the-identity",
                "expires_on": "4102444800",
                "resource": query.get("resource", ""),
                "token_type": "Bearer",
                "client_id": IDENTITY,
            }
            # The ODBC driver expects no space before a colon, as Azure sends it.
            body = json.dumps(token, separators=(",", ":")).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/msi/token", requests
        server.shutdown()


@pytest.mark.parametrize("driver", IDENTITY_URIS)
def test_the_identity_of_the_app_logs_in(server_bin: Path, certificate: Certificate, driver: str) -> None:
    script = Script()
    with peer(script, certificate) as port, identity_endpoint() as (endpoint, requests):
        variables = {"IDENTITY_ENDPOINT": endpoint, "IDENTITY_HEADER": "secret-of-the-app"}
        with process_after_two_queries(server_bin, IDENTITY_URIS[driver].format(port=port), **variables):
            pass
    assert script.tokens == ["token-of-the-identity"]
    assert requests
    assert requests[0]["header"] == "secret-of-the-app"
    assert requests[0]["client_id"] == IDENTITY
    assert requests[0]["resource"].rstrip("/") == "https://database.windows.net"


# The critical section creates a file, which must not exist yet.
PREPARE = """
import os, sys
from mlflow_azure_server import _entry, _schema
uri, mark = sys.argv[1:]
_entry._load_driver(uri)
_schema._PAUSE = 0.01
left = ["one change"]
def run(connection, uri, log):
    os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    print("upgraded", flush=True)
    os.unlink(mark)
    left.clear()
_schema.upgrade(uri, 60, lambda line: None, [_schema.Step("test", lambda connection: list(left), run)])
"""


@pytest.mark.parametrize("driver", URIS)
def test_one_process_of_eight_at_a_time_changes_the_schema(server_bin: Path, tmp_path: Path, driver: str) -> None:
    """The peer grants sp_getapplock to one session at a time, as SQL Server does."""
    script = Script()
    holder = threading.Lock()
    refused = []

    def take() -> str:
        if holder.acquire(blocking=False):
            return "0"
        refused.append(1)
        return "-1"

    def release() -> str:
        holder.release()
        return "0"

    script.answers = {"sp_getapplock": take, "sp_releaseapplock": release}
    with peer(script) as port:
        holder.acquire()
        uri = URIS[driver].format(port=port)
        command = [str(server_bin / "python"), "-c", PREPARE, uri, str(tmp_path / "mark")]
        pipe = subprocess.PIPE
        replicas = [subprocess.Popen(command, env=bare(), stdout=pipe, stderr=pipe, text=True) for _time in range(8)]
        # All eight processes wait before the first one gets the lock.
        until_open(script, 8)
        holder.release()
        ended = [(*replica.communicate(timeout=90), replica.returncode) for replica in replicas]
    assert ended == [("upgraded\n", "", 0)] * 8
    assert refused
    assert not holder.locked()


WAIT = """
import sys
from mlflow_azure_server import _entry, _schema
uri, timeout = sys.argv[1:]
_entry._load_driver(uri)
_schema._PAUSE = 0.01
left = ["one change"]
def run(connection, uri, log):
    print("upgraded")
    left.clear()
try:
    steps = [_schema.Step("test", lambda connection: list(left), run)]
    _schema.upgrade(uri, int(timeout), lambda line: print(line, file=sys.stderr), steps)
except _schema.SettingError as error:
    print(error)
"""


def wait_for_the_lock(server_bin: Path, uri: str, timeout: int) -> subprocess.CompletedProcess[str]:
    command = [str(server_bin / "python"), "-c", WAIT, uri, str(timeout)]
    return subprocess.run(command, env=bare(), capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.parametrize("driver", URIS)
def test_a_replica_that_loses_its_connection_keeps_waiting_for_the_lock(server_bin: Path, driver: str) -> None:
    script = Script()
    attempts = iter(["-1"] * 6)
    script.answers = {"sp_getapplock": lambda: next(attempts, "0")}
    # Another replica holds the lock, and the connection of this one is lost three times.
    script.statements = [("sp_getapplock", None)] * 2 + [("sp_releaseapplock", None)]
    with peer(script) as port:
        ended = wait_for_the_lock(server_bin, URIS[driver].format(port=port), 60)
    assert ended.stdout == "upgraded\n"
    assert ended.stderr.count("the connection to the database was lost") == 3
    assert script.login_count == 4


@pytest.mark.parametrize("driver", URIS)
def test_a_replica_without_a_connection_gives_up_at_its_deadline(server_bin: Path, driver: str) -> None:
    """The reason is the connection, not the rights of the login."""
    script = Script(answers={"sp_getapplock": "-1"})
    script.statements = [("sp_getapplock", None)] * 100_000
    with peer(script) as port:
        ended = wait_for_the_lock(server_bin, URIS[driver].format(port=port), 2)
    assert "did not answer in time" in ended.stdout
    assert "own the schema" not in ended.stdout
