# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traces faster than the server accepts them: all arrive, or the log contains the number of those that did not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.client_package import client_settings, client_with_hooks
from tests.support.image_server import bare
from tests.support.trace_server import TraceServer, trace_server

PROGRAM = Path(__file__).with_name("burst.py")
BURST = 5000


def burst(
    server: TraceServer, python: str, cwd: Path, traces: int = BURST, threads: int = 4, **variables: str
) -> subprocess.CompletedProcess[str]:
    env: Mapping[str, str] = bare(**{"MLFLOW_TRACKING_URI": server.url, **variables})
    command = [python, str(PROGRAM), str(traces), str(threads)]
    return subprocess.run(command, env=dict(env), cwd=cwd, capture_output=True, text=True, timeout=600, check=True)


@pytest.mark.slow
def test_the_settings_of_client_env_keep_a_burst(tmp_path: Path) -> None:
    with trace_server() as server:
        burst(server, sys.executable, tmp_path, **client_settings(server.url))
        assert (len(server.traces), server.span_requests) == (BURST, BURST)


@pytest.mark.parametrize("threads", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_the_hooks_keep_a_burst(threads: int, tmp_path: Path) -> None:
    with trace_server() as server:
        ended = burst(server, client_with_hooks("mlflow-skinny==3.17.2"), tmp_path, threads=threads)
        assert len(server.traces) == BURST
    assert "discarded" not in ended.stderr


@pytest.mark.slow
def test_without_either_a_burst_loses_traces(tmp_path: Path) -> None:
    """When a new MLflow keeps them, the settings and the hooks can be reconsidered."""
    with trace_server() as server:
        burst(server, sys.executable, tmp_path)
        assert len(server.traces) < BURST


def test_the_hooks_report_what_they_discard(tmp_path: Path) -> None:
    """The server does not respond, the queue is full, and the program continues."""
    traces, room, workers = 60, 5, 2
    with trace_server() as server:
        server.available.clear()
        variables = {
            "MLFLOW_TRACKING_URI": server.url,
            "MLFLOW_ASYNC_TRACE_LOGGING_MAX_QUEUE_SIZE": str(room),
            "MLFLOW_ASYNC_TRACE_LOGGING_MAX_WORKERS": str(workers),
            "MLFLOW_USE_BATCH_SPAN_PROCESSOR": "false",
            "MLFLOW_AZURE_QUEUE_TIMEOUT": "0.5",
        }
        command = [client_with_hooks("mlflow-skinny==3.17.2"), str(PROGRAM), str(traces), "1"]
        with subprocess.Popen(
            command, env=bare(**variables), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == "done\n"
            server.available.set()
            _output, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors.count("The queue of traces was full for 0.5 s, so traces are discarded") == 1
    discarded = re.search(r"(\d+) requests with traces or spans were discarded", errors)
    assert discarded, errors
    # Each trace is one request with its span and one with the trace.
    assert len(server.traces) + server.span_requests + int(discarded[1]) == 2 * traces
