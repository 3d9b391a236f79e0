# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of Azure SQL: from the drivers of Microsoft to the response for the MLflow client."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.image_server import bare
from tests.support.tds_peer import Fault, Script, peer

DRIVERS = {
    "mssql-python": "mssql+mssqlpython://me:SECRET@127.0.0.1:{port}/mlflow?Encrypt=no",
    "pyodbc": "mssql+pyodbc://me:SECRET@127.0.0.1:{port}/mlflow?driver=ODBC+Driver+18+for+SQL+Server&Encrypt=no",
}
PLUGIN = "&plugin=azure_sql&azure_sql_wait=20"
TRY_AGAIN = "The service has encountered an error processing your request. Please try again. Error code {}."
# By error number: severity, and the text of sys.messages or, for errors of Azure SQL alone, of its documentation.
PASSING = {
    615: (
        21,
        "Could not find database ID 5, name 'mlflow'. The database may be offline. Wait a few minutes and try again.",
    ),
    701: (17, "There is insufficient system memory in resource pool 'default' to run this query."),
    926: (14, "Database 'mlflow' cannot be opened. It has been marked SUSPECT by recovery."),
    1204: (
        19,
        "The instance of the SQL Server Database Engine cannot obtain a LOCK resource at this time. Rerun your statement.",
    ),
    1205: (
        13,
        "Transaction (Process ID 52) was deadlocked on lock resources with another process and has been chosen as the "
        "deadlock victim. Rerun the transaction.",
    ),
    1222: (16, "Lock request time out period exceeded."),
    3960: (16, "Snapshot isolation transaction aborted due to update conflict."),
    4060: (11, 'Cannot open database "mlflow" requested by the login. The login failed.'),
    4221: (16, "Login to read-secondary failed due to long wait on 'HADR_DATABASE_WAIT_FOR_TRANSITION_TO_VERSIONING'."),
    8645: (
        17,
        "A timeout occurred while waiting for memory resources to execute the query in resource pool 'default' (2).",
    ),
    9002: (17, "The transaction log for database 'mlflow' is full due to 'LOG_BACKUP'."),
    10928: (20, "Resource ID: 1. The request limit for the database is 60 and has been reached."),
    10929: (
        20,
        "Resource ID: 1. The request minimum guarantee is 0, maximum limit is 60 and the current usage for the database is "
        "60. However, the server is currently too busy to support requests greater than 60 for this database.",
    ),
    40143: (17, TRY_AGAIN.format(40143)),
    40166: (17, TRY_AGAIN.format(40166)),
    40197: (17, TRY_AGAIN.format(40197)),
    40501: (20, "The service is currently busy. Retry the request after 10 seconds. Incident ID: 1. Code: 2."),
    40540: (17, TRY_AGAIN.format(40540)),
    40544: (17, "The database 'mlflow' has reached its size quota. Partition or delete data, or drop indexes."),
    40549: (16, "Session is terminated because you have a long-running transaction. Try shortening your transaction."),
    40550: (16, "The session has been terminated because it has acquired too many locks."),
    40551: (16, "The session has been terminated because of excessive TEMPDB usage."),
    40552: (16, "The session has been terminated because of excessive transaction log space usage."),
    40553: (16, "The session has been terminated because of excessive memory usage."),
    40613: (
        20,
        "Database 'mlflow' on server 'sql-mlflow' is not currently available.  Please retry the connection later.  If the "
        "problem persists, contact customer support, and provide them the session tracing ID of '{1}'.",
    ),
    49918: (16, "Cannot process request. Not enough resources to process request."),
    49919: (16, 'Cannot process create or update request. Too many operations in progress for subscription "1".'),
    49920: (16, 'Cannot process request. Too many operations in progress for subscription "1".'),
}
# Errors that end after a wait, so that a request that meets them at login succeeds.
WAITED_OUT = {
    *(615, 926, 4221, 10928, 10929, 40143, 40166, 40197, 40501, 40540, 40613, 49918, 49919, 49920),
}


def fault(number: int, severity: int | None = None) -> Fault:
    usual, message = PASSING[number]
    return Fault(number, severity or usual, message)


@dataclass(frozen=True)
class Client:
    """A client of MLflow whose database is a scripted peer. log: the file with the messages of the server."""

    script: Script
    port: int
    process: subprocess.Popen[str]
    log: Path

    def ask(self, statement: str = "SELECT 1", *, new: bool = False) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"statement": statement, "new": new}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def statuses(self, statement: str = "SELECT 1", *, new: bool = False) -> list[int]:
        """Return the statuses for a client that retries as the MLflow client does: at 503, not at 400."""
        statuses = [int(self.ask(statement, new=new)["status"])]
        while statuses[-1] == 503 and len(statuses) < 3:
            statuses.append(int(self.ask(statement)["status"]))
        return statuses


@contextmanager
def _client(server_bin: Path, log: Path, uri: str) -> Iterator[Client]:
    script = Script()
    requests = str(Path(__file__).with_name("requests_to_azure_sql.py"))
    with peer(script) as port, log.open("w") as errors:
        process = subprocess.Popen(
            [str(server_bin / "python"), requests, uri.format(port=port)],
            env=bare(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield Client(script, port, process, log)
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def client_of(server_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Client]]:
    """The client over a driver, by the end of its URI. Each starts once, because the imports of MLflow take seconds."""
    clients: dict[tuple[str, str], Client] = {}
    with ExitStack() as stack:

        def client(driver: str, options: str = PLUGIN) -> Client:
            if (driver, options) not in clients:
                log = tmp_path_factory.mktemp("azure_sql") / "log"
                clients[driver, options] = stack.enter_context(_client(server_bin, log, DRIVERS[driver] + options))
            return clients[driver, options]

        yield client


@pytest.fixture(params=DRIVERS)
def client(request: pytest.FixtureRequest, client_of: Callable[[str, str], Client]) -> Client:
    client = client_of(request.param, PLUGIN)
    assert client.ask()["status"] == 200
    return client


@pytest.mark.parametrize("number", PASSING)
def test_an_error_in_a_statement(client: Client, number: int, report_count: Callable[[str], None]) -> None:
    client.script.statements.append(("in a statement", fault(number)))
    statuses = client.statuses("SELECT 'in a statement'")
    report_count(f"SQL error {number} in a statement: {statuses}")
    # MLflow retries the victim of a deadlock itself; its clients retry after the other errors.
    assert statuses == ([200] if number == 1205 else [503, 200])


@pytest.mark.parametrize("number", PASSING)
def test_an_error_at_login(client: Client, number: int, report_count: Callable[[str], None]) -> None:
    before = client.script.login_count
    client.script.logins.append(fault(number))
    statuses = client.statuses(new=True)
    report_count(f"SQL error {number} at login: {statuses}")
    assert statuses == ([200] if number in WAITED_OUT | {1205} else [503, 200])
    assert client.script.login_count == before + 2


@pytest.mark.parametrize("severity", [14, 17, 20])
@pytest.mark.parametrize("number", [40197, 40501, 40613, 49918])
def test_an_error_at_login_of_any_severity(client: Client, number: int, severity: int) -> None:
    client.script.logins.extend([fault(number, severity)] * 3)
    assert client.ask(new=True)["status"] == 200
    log = client.log.read_text()
    assert f"error {number} at login, attempt 3" in log
    assert "SECRET" not in log


def test_an_unavailable_database_is_no_client_error(client_of: Callable[[str, str], Client]) -> None:
    for driver in DRIVERS:
        impatient = client_of(driver, "&plugin=azure_sql&azure_sql_wait=0")
        impatient.script.logins.append(fault(40613))
        assert impatient.statuses(new=True) == [503, 200]


def test_a_refused_login_is_no_client_error(client: Client) -> None:
    client.script.logins.append(Fault(18456, 14, "Login failed for user '<token-identified principal>'."))
    before = client.script.login_count
    answer = client.ask(new=True)
    assert (answer["status"], client.script.login_count) == (503, before + 1)
    assert "Login failed" in answer["error"]


def test_a_broken_connection(client: Client) -> None:
    client.script.statements.append(("in the middle", None))
    assert client.statuses("SELECT 'in the middle'") == [503, 200]


def test_a_pooled_connection_to_a_moved_database_is_not_used(client: Client) -> None:
    """MLflow checks a connection before each request."""
    before = client.script.login_count
    client.script.statements.append(("SELECT 1", fault(40613)))
    assert client.ask("SELECT 'moved'")["status"] == 200
    assert client.script.login_count == before + 1


def test_a_client_error_stays_a_400(client: Client) -> None:
    """A duplicate key whose value quotes another error remains a duplicate key."""
    quoted = (
        f"Violation of PRIMARY KEY constraint. The duplicate key value is ([SQL Server]{PASSING[40613][1]} (40613) )."
    )
    client.script.statements.append(("duplicate", Fault(2627, 14, quoted)))
    assert client.ask("SELECT 'duplicate'")["status"] == 400
    client.script.statements.append(("syntax", Fault(102, 15, "Incorrect syntax near 'syntax'.")))
    assert client.ask("SELECT 'syntax'")["status"] == 400


@pytest.mark.parametrize(
    ("driver", "number", "status"), [("pyodbc", 1205, 400), ("pyodbc", 40613, 500), ("mssql-python", 40197, 400)]
)
def test_the_client_gets_another_status_without_the_plugin(
    client_of: Callable[[str, str], Client], driver: str, number: int, status: int
) -> None:
    """When this fails, a release of the driver or of MLflow handles the error, and the plugin is needed for less."""
    bare_driver = client_of(driver, "")
    bare_driver.script.statements.append(("in a statement", fault(number)))
    assert bare_driver.ask("SELECT 'in a statement'")["status"] == status
