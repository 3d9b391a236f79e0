# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace that is complete when its process ends is on the server, in whichever way the process ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import ways_to_end
from tests.support.client_package import client_settings, client_with_hooks
from tests.support.image_server import Server, bare

PROGRAM = Path(ways_to_end.__file__)
WAYS = [way.__name__ for way in ways_to_end.WAYS]
MORE = [way.__name__ for way in ways_to_end.MORE]
# How these ways end; all others end with 0. A negative status is a signal.
STATUS = {"sys_exit": 3, "exception": 1, "sigint": -signal.SIGINT, "sigterm_of_a_forked_child": 128 + signal.SIGTERM}
STATUS |= dict.fromkeys(("sigterm", "sigterm_after_a_second", "sigterm_during_a_flush"), -signal.SIGTERM)
# With asynchronous export, nothing can be done at os._exit.
LOST_WITH_HOOKS = "os_exit"
LOST_WITHOUT = [
    *("sigterm", "os_exit", "fork_after_the_first_trace", "pool_after_the_first_trace"),
    *("process_after_the_first_trace",),
]


@dataclass(frozen=True)
class End:
    """How a process ended. spans: the number of spans of each trace that the server has."""

    status: int | None
    spans: list[int]
    errors: str


def span_counts(server: Server, name: str) -> list[int]:
    """Return the number of spans of each trace with this name."""
    experiment = server.ask("GET", "/api/2.0/mlflow/experiments/get-by-name?experiment_name=ways-to-end")
    number = json.loads(experiment.body)["experiment"]["experiment_id"]
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": number}}
    body = {"locations": [location], "filter": f"trace.name = '{name}'"}
    found = server.ask("POST", "/api/3.0/mlflow/traces/search", json.dumps(body), Content_Type="application/json")
    assert found.status == 200, found.body
    ids = [trace["trace_id"] for trace in json.loads(found.body).get("traces", [])]
    traces = [json.loads(server.ask("GET", f"/api/3.0/mlflow/traces/get?trace_id={each}").body) for each in ids]
    return [len(trace["trace"]["spans"]) for trace in traces]


def end(server: Server, way: str, python: str, cwd: Path, variables: Mapping[str, str], seconds: float = 60) -> End:
    """Run a program that ends in this way."""
    name = f"trace-{uuid.uuid4().hex}"
    process = subprocess.Popen(
        [python, str(PROGRAM), way, name],
        env=bare(**{"MLFLOW_TRACKING_URI": server.url, **variables}),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        if way.startswith("sig"):
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT if way == "sigint" else signal.SIGTERM)
        _output, errors = process.communicate(timeout=seconds)
        status = process.returncode
    except subprocess.TimeoutExpired:
        subprocess.run(["/bin/kill", "-KILL", "--", f"-{process.pid}"], check=True)
        _output, errors = process.communicate()
        status = None
    return End(status, span_counts(server, name), errors)


@pytest.fixture(scope="module")
def client_env(server: Server) -> dict[str, str]:
    """The settings of client.env."""
    return client_settings(server.url)


@pytest.mark.parametrize("way", [*WAYS, *MORE])
def test_with_the_settings_of_client_env_no_trace_is_lost(
    server: Server, client_env: dict[str, str], way: str, tmp_path: Path
) -> None:
    ended = end(server, way, sys.executable, tmp_path, client_env)
    expected = [1] * (5 if way == "forks_during_the_export" else 1)
    assert (ended.spans, ended.status) == (expected, STATUS.get(way, 0)), ended.errors


@pytest.mark.parametrize("way", [*WAYS, *MORE])
def test_with_the_hooks_and_asynchronous_export_no_trace_is_lost_but_at_os_exit(
    server: Server, way: str, tmp_path: Path
) -> None:
    ended = end(server, way, client_with_hooks("mlflow-skinny==3.17.2"), tmp_path, {})
    expected = [1] * (5 if way == "forks_during_the_export" else way != LOST_WITH_HOOKS)
    assert (ended.spans, ended.status) == (expected, STATUS.get(way, 0)), ended.errors


@pytest.mark.slow
@pytest.mark.parametrize("way", [*WAYS, *MORE])
@pytest.mark.parametrize("client", ["mlflow-tracing==3.17.2", "mlflow-skinny==3.12.0"])
def test_with_the_hooks_in_other_clients(server: Server, client: str, way: str, tmp_path: Path) -> None:
    ended = end(server, way, client_with_hooks(client), tmp_path, {})
    expected = [1] * (5 if way == "forks_during_the_export" else way != LOST_WITH_HOOKS)
    assert (ended.spans, ended.status) == (expected, STATUS.get(way, 0)), ended.errors


@pytest.mark.slow
@pytest.mark.parametrize("way", LOST_WITHOUT)
def test_without_either_these_ways_lose_traces(server: Server, way: str, tmp_path: Path) -> None:
    """When a new MLflow keeps them, the settings and the hooks can be reconsidered."""
    assert end(server, way, sys.executable, tmp_path, {}, seconds=15).spans == []
