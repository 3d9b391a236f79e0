# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probe of the role mlflow_client, as a process, against the server of the image."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.image_server import CLONE, Server, bare

PROBE = CLONE / "docker" / "mlflow_client" / "probe.py"
# No server listens at this address.
AGENT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9/", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
SETTINGS = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "",
    "MLFLOW_ENABLE_OTLP_EXPORTER": "false",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "none",
    "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
}


def probe(mark: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROBE), "probed"],
        env=bare(CONTAINER_APP_JOB_EXECUTION_NAME=mark, **environment),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def tags_of(server: Server, mark: str) -> dict[str, str]:
    """Return the tags that the probe wrote to its run."""
    headers = {"Content_Type": "application/json"}
    response = server.ask("GET", "/api/2.0/mlflow/experiments/get-by-name?experiment_name=probed")
    body = {
        "experiment_ids": [json.loads(response.body)["experiment"]["experiment_id"]],
        "filter": f"tags.`probe.mark` = '{mark}'",
    }
    answer = server.ask("POST", "/api/2.0/mlflow/runs/search", json.dumps(body), **headers)
    (run,) = json.loads(answer.body)["runs"]
    tags: list[dict[str, Any]] = run["data"]["tags"]
    return {tag["key"]: tag["value"] for tag in tags}


def test_all_content_arrives_with_the_settings(server: Server, tmp_path: Path) -> None:
    ended = probe("kept-1", tmp_path, **{**AGENT, **SETTINGS, "MLFLOW_TRACKING_URI": server.url})
    assert ended.returncode == 0, ended.stdout
    assert "run, metric, artifact and trace arrived" in ended.stdout
    assert tags_of(server, "kept-1").get("probe.lost", "") == ""


def test_the_lost_trace_is_reported_without_the_settings(server: Server, tmp_path: Path) -> None:
    ended = probe("lost-1", tmp_path, **{**AGENT, "MLFLOW_TRACKING_URI": server.url})
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1] == "lost: trace"
    tags = tags_of(server, "lost-1")
    assert tags["probe.lost"] == "trace"
    assert "probe.log" in tags


def test_a_lost_artifact_is_reported(server: Server, tmp_path: Path) -> None:
    # A client that does not send the artifact to the server.
    program = tmp_path / "write.py"
    program.write_text(
        (PROBE.with_name("write.py")).read_text().replace('mlflow.log_text(mark, "note.txt")', "pass"), encoding="utf-8"
    )
    (tmp_path / "probe.py").write_text(PROBE.read_text(), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, str(tmp_path / "probe.py"), "probed"],
        env=bare(CONTAINER_APP_JOB_EXECUTION_NAME="artifact-1", MLFLOW_TRACKING_URI=server.url),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout
    assert ended.stdout.splitlines()[-1].startswith("lost: artifact (")


def test_an_unreachable_server_is_reported(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}"
        ended = probe("none-1", tmp_path, MLFLOW_TRACKING_URI=uri, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert ended.returncode == 1
    assert "lost: everything; the server does not respond" in ended.stdout
