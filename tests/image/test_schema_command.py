# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command `mlflow-azure-schema check|upgrade`, and the start that only checks."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.image_server import bare, free_port, running, settings

SECRET = "do-not-show-this"


def command(server_bin: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(server_bin / "mlflow-azure-schema"), *arguments],
        env=bare(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def status(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the JSON on the standard output, which has nothing else."""
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture(scope="module")
def upgraded(server_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the complete schema."""
    file = tmp_path_factory.mktemp("upgraded") / "mlflow.db"
    done = command(server_bin, "upgrade", MLFLOW_BACKEND_STORE_URI=f"sqlite:///{file}")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("mlflow-azure-server: ")] == [
        f"mlflow-azure-server: database schema none: upgrading to {status(done)['expected']}",
        "mlflow-azure-server: default experiment: creating",
        "mlflow-azure-server: widening: 99 declared types of SQLite",
    ]
    assert status(done) == {"head": status(done)["expected"], "expected": status(done)["expected"], "pending": {}}
    return file


@pytest.fixture
def copy(upgraded: Path, tmp_path: Path) -> Path:
    file = tmp_path / "mlflow.db"
    file.write_bytes(upgraded.read_bytes())
    return file


def test_check_lists_all_steps_for_an_empty_database_and_changes_nothing(
    server_bin: Path, uri: str, tmp_path: Path
) -> None:
    done = command(server_bin, "check", MLFLOW_BACKEND_STORE_URI=uri)
    assert done.returncode == 1
    found = status(done)
    assert found["head"] is None
    assert list(found["pending"]) == ["migrations", "default experiment", "widening"]
    assert found["pending"]["migrations"] == [f"none to {found['expected']}"]
    assert (tmp_path / "mlflow.db").stat().st_size == 0


def test_check_and_a_second_upgrade_find_nothing(server_bin: Path, copy: Path) -> None:
    before = copy.read_bytes()
    for verb in ("check", "upgrade"):
        done = command(server_bin, verb, MLFLOW_BACKEND_STORE_URI=f"sqlite:///{copy}")
        assert (done.returncode, done.stderr) == (0, "")
        assert status(done)["pending"] == {}
    assert copy.read_bytes() == before


def test_only_the_missing_step_runs(server_bin: Path, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as database:
        database.execute("DELETE FROM experiments")
        database.execute("PRAGMA writable_schema = ON")
        database.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'session_id VARCHAR(1000)', 'session_id VARCHAR(250)')"
        )
        database.commit()
    done = command(server_bin, "check", MLFLOW_BACKEND_STORE_URI=f"sqlite:///{copy}")
    assert done.returncode == 1
    assert status(done)["pending"] == {
        "default experiment": ["missing"],
        "widening": ["trace_info.session_id: VARCHAR(250) to varchar(1000)"],
    }
    done = command(server_bin, "upgrade", MLFLOW_BACKEND_STORE_URI=f"sqlite:///{copy}")
    assert (done.returncode, status(done)["pending"]) == (0, {})
    assert "upgrading to" not in done.stderr
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT name FROM experiments").fetchall() == [("Default",)]


def test_an_upgrade_that_is_killed_while_it_migrates_is_completed_by_the_next(
    server_bin: Path, uri: str, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [str(server_bin / "mlflow-azure-schema"), "upgrade"],
        env=bare(MLFLOW_BACKEND_STORE_URI=uri),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (tmp_path / "mlflow.db").exists():
        assert process.poll() is None
    # MLflow commits its first tables, then runs all migrations in one transaction.
    with closing(sqlite3.connect(tmp_path / "mlflow.db", timeout=30)) as database:
        while not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchall():
            assert process.poll() is None
    while not (tmp_path / "mlflow.db-journal").exists():
        assert process.poll() is None
    process.kill()
    process.wait(30)
    assert command(server_bin, "check", MLFLOW_BACKEND_STORE_URI=uri).returncode == 1
    done = command(server_bin, "upgrade", MLFLOW_BACKEND_STORE_URI=uri)
    assert (done.returncode, status(done)["pending"]) == (0, {})


def test_a_step_that_leaves_something_is_an_error_of_one_line(server_bin: Path, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as database:
        database.execute("ALTER TABLE webhooks DROP COLUMN description")
        database.commit()
    done = command(server_bin, "upgrade", MLFLOW_BACKEND_STORE_URI=f"sqlite:///{copy}")
    assert done.returncode == 78
    assert done.stdout == ""
    (line,) = (line for line in done.stderr.splitlines() if "not complete" in line)
    assert "the step 'widening' is not complete: webhooks.description: missing to varchar(4000)" in line


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        ([], {}, "arguments='': are not supported. Use mlflow-azure-schema check, or upgrade"),
        (["drop"], {}, "arguments='drop': are not supported"),
        (["check", "now"], {}, "arguments='check now': are not supported"),
        (["check"], {"MLFLOW_BACKEND_STORE_URI": " "}, "MLFLOW_BACKEND_STORE_URI: is missing"),
        (["check"], {"MLFLOW_BACKEND_STORE_URI": f"mysql://me:{SECRET}@db/x"}, "has no driver for this scheme"),
        (["check"], {"MLFLOW_AZURE_DATABASE_TIMEOUT": "x"}, "MLFLOW_AZURE_DATABASE_TIMEOUT='x'"),
        (["upgrade"], {"MLFLOW_BACKEND_STORE_URI": "sqlite:////proc/mlflow.db"}, "the database rejects it"),
    ],
)
def test_an_error_is_one_line_with_status_78(
    server_bin: Path, tmp_path: Path, arguments: list[str], variables: dict[str, str], message: str
) -> None:
    given = {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{tmp_path}/mlflow.db", **variables}
    done = command(server_bin, *arguments, **given)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert message in done.stderr
    assert SECRET not in done.stderr


def test_a_database_that_does_not_answer_is_an_error_of_one_line(server_bin: Path) -> None:
    uri = f"postgresql://me:{SECRET}@127.0.0.1:{free_port()}/mlflow"
    done = command(server_bin, "check", MLFLOW_BACKEND_STORE_URI=uri, MLFLOW_AZURE_DATABASE_TIMEOUT="1")
    assert (done.returncode, done.stdout) == (78, "")
    assert "did not answer in time" in done.stderr
    assert SECRET not in done.stderr


def test_two_upgrades_exclude_each_other(server_bin: Path, copy: Path) -> None:
    with (copy.with_name("mlflow.db.schema-lock")).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = command(
            server_bin,
            "upgrade",
            MLFLOW_BACKEND_STORE_URI=f"sqlite:///{copy}",
            MLFLOW_AZURE_DATABASE_TIMEOUT="1",
        )
    assert done.returncode == 78
    assert "another process is still upgrading the database's schema" in done.stderr


def test_sigterm_ends_a_command_that_waits(server_bin: Path, copy: Path) -> None:
    with (copy.with_name("mlflow.db.schema-lock")).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(
            [str(server_bin / "mlflow-azure-schema"), "check"],
            env=bare(MLFLOW_BACKEND_STORE_URI=f"sqlite:///{copy}"),
        )
        # The command has opened the lock file when it waits for the lock.
        name = os.fsencode(lock.name)
        while not any(_opened(process.pid, name)):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM


def _opened(process: int, name: bytes) -> list[bool]:
    links = []
    for link in Path(f"/proc/{process}/fd").glob("*"):
        try:
            links.append(os.fsencode(link.readlink()) == name)
        except FileNotFoundError:
            continue
    return links


def test_a_start_without_upgrades_names_the_steps_and_the_remedy(server_bin: Path, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as database:
        database.execute("DELETE FROM experiments")
        database.commit()
    env = settings(copy.parent, free_port(), MLFLOW_AZURE_UPGRADE_SCHEMA="false")
    done = subprocess.run(
        [str(server_bin / "mlflow-azure-server")], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 78
    assert "(pending: default experiment). Run `mlflow-azure-schema upgrade` as the owner of the schema" in done.stderr


def test_a_start_without_upgrades_serves_a_complete_schema(server_bin: Path, copy: Path) -> None:
    schema = copy.parent / "schema.txt"
    env = settings(copy.parent, free_port(), MLFLOW_AZURE_UPGRADE_SCHEMA="false", MLFLOW_WORKERS="1")
    with closing(sqlite3.connect(copy)) as database:
        schema.write_text("\n".join(database.iterdump()))
    with running(server_bin / "mlflow-azure-server", env, copy.parent / "log") as server:
        search = ("POST", "/api/2.0/mlflow/experiments/search", '{"max_results": 5}')
        assert server.ask(*search, Content_Type="application/json").status == 200
    with closing(sqlite3.connect(copy)) as database:
        assert "\n".join(database.iterdump()) == schema.read_text()
