# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entry point as a process: it exits with an error of one line, or becomes the server with its settings."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.image_server import START_SECONDS, Server, bare, free_port, running, settings, starting

APP = "mlflow.happyhill-1a2b3c4d.westeurope.azurecontainerapps.io"
# Stands for a password; SQLite has none.
SECRET = "do-not-show-this"


def refusal(server_bin: Path, env: dict[str, str], *arguments: str) -> str:
    """Return the line that the entry point prints when it does not start."""
    ended = subprocess.run(
        [str(server_bin / "mlflow-azure-server"), *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 78
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert SECRET not in ended.stderr
    return ended.stderr


@pytest.fixture(scope="module")
def server(server_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("server")
    name, _dot, suffix = APP.partition(".")
    env = settings(
        directory,
        free_port(),
        MLFLOW_BACKEND_STORE_URI=f"sqlite:///{directory}/{SECRET}.db",
        CONTAINER_APP_NAME=name,
        CONTAINER_APP_ENV_DNS_SUFFIX=suffix,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9/",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
    )
    with running(server_bin / "mlflow-azure-server", env, directory / "log") as running_server:
        yield running_server


def test_a_bad_setting_is_an_error_of_one_line(server_bin: Path, tmp_path: Path) -> None:
    line = refusal(server_bin, settings(tmp_path, 5000, MLFLOW_WORKERS="many\nand more"))
    assert "MLFLOW_WORKERS='many\\nand more': is not a whole number from 1 to 64" in line


def test_the_first_missing_setting_is_named(server_bin: Path) -> None:
    assert "MLFLOW_BACKEND_STORE_URI: is missing" in refusal(server_bin, bare())


def test_arguments_are_refused(server_bin: Path, tmp_path: Path) -> None:
    assert "arguments='--host 0.0.0.0'" in refusal(server_bin, settings(tmp_path, 5000), "--host", "0.0.0.0")


@pytest.mark.parametrize("variable", ["TMPDIR", "MLFLOW_ARTIFACTS_DESTINATION", "MLFLOW_EXPOSE_PROMETHEUS"])
def test_a_directory_that_cannot_be_written_is_refused(server_bin: Path, tmp_path: Path, variable: str) -> None:
    (tmp_path / "file").touch()
    below = str(tmp_path / "file" / "below")
    line = refusal(server_bin, settings(tmp_path, 5000, **{variable: below}))
    assert f"{variable}={below!r}: cannot be written (Not a directory), and " in line


def test_a_directory_for_the_database_that_cannot_be_created_is_refused(server_bin: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    env = settings(tmp_path, 5000, MLFLOW_BACKEND_STORE_URI=f"sqlite:///{tmp_path}/file/below/mlflow.db")
    assert f"{tmp_path}/file/below cannot be written (Not a directory)" in refusal(server_bin, env)


def test_a_directory_in_which_the_schema_cannot_be_locked_is_refused(server_bin: Path, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db.schema-lock").mkdir()
    line = refusal(server_bin, settings(tmp_path, 5000))
    assert f"{tmp_path}/mlflow.db.schema-lock cannot be written (Is a directory)" in line


def test_an_uri_that_sqlite_does_not_accept_is_refused(server_bin: Path, tmp_path: Path) -> None:
    line = refusal(server_bin, settings(tmp_path, 5000, MLFLOW_BACKEND_STORE_URI=f"sqlite://{tmp_path.name}:x/db"))
    assert "MLFLOW_BACKEND_STORE_URI: cannot be used: " in line


def test_a_database_of_a_newer_mlflow_is_refused(server_bin: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('ffffffffffff')")
        database.commit()
    line = refusal(server_bin, settings(tmp_path, 5000))
    assert "the database has schema ffffffffffff, which a newer MLflow created" in line


def test_a_database_that_does_not_answer_is_named_without_its_password(server_bin: Path, tmp_path: Path) -> None:
    env = settings(
        tmp_path,
        5000,
        MLFLOW_BACKEND_STORE_URI=f"postgresql://me:{SECRET}@127.0.0.1:{free_port()}/mlflow",
        MLFLOW_AZURE_DATABASE_TIMEOUT="1",
    )
    assert "did not answer in time" in refusal(server_bin, env)


def test_a_file_that_is_no_database_is_refused_without_a_retry(server_bin: Path, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("This is a text, and longer than the header of a database." * 10)
    assert "file is not a database" in refusal(server_bin, settings(tmp_path, 5000))


def test_an_empty_database_stays_empty_without_migrations(server_bin: Path, tmp_path: Path) -> None:
    line = refusal(server_bin, settings(tmp_path, 5000, MLFLOW_AZURE_UPGRADE_SCHEMA="false"))
    assert "the database has schema none, and this MLflow requires" in line


def test_the_server_answers(server: Server, server_bin: Path) -> None:
    assert server.ask("GET", "/health").status == 200
    health = [str(server_bin / "mlflow-azure-health")]
    env = bare(MLFLOW_HOST="127.0.0.1", MLFLOW_PORT=str(server.port))
    assert subprocess.run(health, env=env, timeout=20, check=False).returncode == 0
    assert subprocess.run(health, env={**env, "MLFLOW_PORT": str(free_port())}, timeout=20, check=False).returncode == 1


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"MLFLOW_PORT": "http"}, "MLFLOW_PORT='http': is not a whole number from 1 to 65535"),
        ({"MLFLOW_PORT": "70000"}, "MLFLOW_PORT='70000': is not a whole number from 1 to 65535"),
        ({"MLFLOW_HOST": "my\nhost"}, "MLFLOW_HOST='my\\nhost': is not an address to listen on"),
    ],
)
def test_the_health_check_prints_an_error_of_one_line(
    server_bin: Path, variables: dict[str, str], message: str
) -> None:
    health = str(server_bin / "mlflow-azure-health")
    ended = subprocess.run([health], env=bare(**variables), capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_the_health_check_refuses_another_protocol(server_bin: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        # The response waits for the client, so the peer is as good as a server that answers.
        port = str(other.getsockname()[1])
        health = subprocess.Popen(
            [str(server_bin / "mlflow-azure-health")], env=bare(MLFLOW_PORT=port), stderr=subprocess.PIPE
        )
        connection, _address = other.accept()
        with connection:
            connection.sendall(b"220 ready\r\n")
        _output, errors = health.communicate(timeout=20)
    assert (health.returncode, errors) == (1, b"")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (APP, 200),
        (f"{APP}:443", 200),
        (APP.upper(), 200),
        (f"{APP.title()}:443", 200),
        (f"{APP}.", 200),
        (f"{APP.upper()}.:443", 200),
        ("LOCALHOST:5000", 200),
        (f"{APP}..", 403),
        (f"{APP}:80", 403),
        (".", 403),
        (f"{APP}.evil.example.org", 403),
        ("evil.example.org", 403),
    ],
)
def test_the_server_accepts_its_host_names_only(server: Server, host: str, status: int) -> None:
    assert server.ask("GET", "/", Host=host).status == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (f"https://{APP}", 200),
        (f"HTTPS://{APP.upper()}", 200),
        (f"https://{APP}.", 200),
        (f"http://{APP}", 403),
        ("https://evil.example.org", 403),
        ("HTTPS://EVIL.EXAMPLE.ORG", 403),
        ("null", 403),
    ],
)
def test_only_its_own_pages_may_write(server: Server, origin: str, status: int) -> None:
    answer = server.ask(
        "POST",
        "/ajax-api/2.0/mlflow/experiments/search",
        '{"max_results": 1}',
        Host=APP,
        Origin=origin,
        Content_Type="application/json",
    )
    assert answer.status == status, answer.body


def test_no_process_has_the_variables_of_the_agent(server: Server) -> None:
    processes = server.processes()
    assert len(processes) >= 3, "the parent and two workers"
    for process in processes:
        variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
        assert not [variable for variable in variables if variable.startswith(b"OTEL_EXPORTER_OTLP_")]


def test_no_command_line_contains_the_database_uri(server: Server) -> None:
    for process in server.processes():
        assert SECRET not in Path(f"/proc/{process}/cmdline").read_text()


def test_the_ui_is_served(server: Server) -> None:
    assert "<title>MLflow</title>" in server.ask("GET", "/").body


def test_the_gateway_is_off_without_a_passphrase(server: Server) -> None:
    answer = server.ask(
        "POST", "/api/3.0/mlflow/gateway/secrets/create", "{}", Host=APP, Content_Type="application/json"
    )
    assert "AI Gateway feature is disabled" in answer.body


def test_two_servers_that_start_at_once_create_one_schema_and_stop_on_a_signal(
    server_bin: Path, tmp_path: Path
) -> None:
    executable = server_bin / "mlflow-azure-server"
    database = f"sqlite:///{tmp_path}/shared.db"
    replicas = []
    for name in ("one", "two"):
        # A temporary folder each, as containers have: it contains the lock of MLflow.
        (tmp_path / name).mkdir()
        variables = {"MLFLOW_BACKEND_STORE_URI": database, "TMPDIR": str(tmp_path / name), "MLFLOW_WORKERS": "1"}
        replicas.append(settings(tmp_path, free_port(), **variables))
    with (
        starting(executable, replicas[0], tmp_path / "log1") as one,
        starting(executable, replicas[1], tmp_path / "log2") as two,
    ):
        one.wait_until_healthy()
        two.wait_until_healthy()
        processes = one.processes() + two.processes()
        assert [one.stop(), two.stop()] == [0, 0]
    logs = (tmp_path / "log1").read_text() + (tmp_path / "log2").read_text()
    assert logs.count("upgrading to") == 1
    assert not [process for process in processes if os.path.exists(f"/proc/{process}")]  # noqa: PTH110


@pytest.mark.slow
def test_one_of_eight_servers_that_start_at_once_creates_the_schema(server_bin: Path, tmp_path: Path) -> None:
    executable = server_bin / "mlflow-azure-server"
    with ExitStack() as stack:
        replicas = []
        for number in range(8):
            directory = tmp_path / str(number)
            directory.mkdir()
            variables = {"TMPDIR": str(directory), "MLFLOW_WORKERS": "1"}
            env = settings(tmp_path, free_port(), **variables)
            replicas.append(stack.enter_context(starting(executable, env, directory / "log")))
        for replica in replicas:
            replica.wait_until_healthy(8 * START_SECONDS)
        search = ("POST", "/api/2.0/mlflow/experiments/search", '{"max_results": 5}')
        answers = [replica.ask(*search, Content_Type="application/json") for replica in replicas]
    assert [answer.status for answer in answers] == [200] * 8
    logs = [replica.log.read_text() for replica in replicas]
    assert sum(log.count("upgrading to") for log in logs) == 1


def test_the_expected_schema_is_that_of_mlflow(server_bin: Path) -> None:
    script = (
        "from mlflow_azure_server._schema import expected_revision, migration_scripts;"
        "from alembic.script import ScriptDirectory;"
        "scripts = migration_scripts();"
        "assert [expected_revision(scripts)] == ScriptDirectory(str(scripts.parent)).get_heads()"
    )
    subprocess.run([str(server_bin / "python"), "-c", script], env=bare(), check=True, timeout=60)
