# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs write.py in the environment as it is, reads back what arrived, and says what was lost.

    python probe.py EXPERIMENT

What was lost is printed, is kept as the tag probe.lost of the run (empty: nothing) beside probe.log, what write.py printed, and
makes the exit status 1. The run is found by its tag probe.mark: the name of the job's execution where there is one.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run, Trace
from mlflow.exceptions import MlflowException

# Late answers of a server that has scaled to zero, and a collector that does not answer, are waited for.
WRITE_SECONDS = 240
# MLflow's server keeps 8000 characters of a tag, and those of 2.22 keep 5000.
LOG_CHARACTERS = 4000
TOKENS = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}


def write(experiment: str, mark: str) -> tuple[int, str]:
    """Run the user's program; return its exit status and what it printed."""
    command = [sys.executable, str(Path(__file__).with_name("write.py")), experiment, mark]
    try:
        ended = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=WRITE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        printed = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
        return 1, f"{printed}\nwrite.py did not end in {WRITE_SECONDS} s."
    return ended.returncode, ended.stdout


def read(what: str, reading: Callable[[], Any], expected: object, lost: list[str]) -> None:
    """Compare what the server has with what was written."""
    try:
        found = reading()
    except (MlflowException, OSError) as error:
        lost.append(f"{what} ({str(error).splitlines()[0][:200]})")
        return
    if found != expected:
        lost.append(what if found is None else f"{what} (expected {expected!r}, found {found!r})")


def artifact(run: Run) -> str:
    """The text of the artifact."""
    with tempfile.TemporaryDirectory() as folder:
        uri = f"{run.info.artifact_uri}/note.txt"
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder)).read_text(encoding="utf-8")


def find_run(client: MlflowClient, experiment: str, mark: str) -> Run | None:
    """The run of this mark."""
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return None
    runs = client.search_runs([found.experiment_id], f"tags.`probe.mark` = '{mark}'", max_results=1)
    return runs[0] if runs else None


def find_trace(client: MlflowClient, run: Run, mark: str) -> Trace | None:
    """The trace of this mark, among the newest of its experiment."""
    traces = client.search_traces([run.info.experiment_id], max_results=50)
    return next((one for one in traces if one.data.spans and one.data.spans[0].inputs == {"prompt": mark}), None)


def compare(client: MlflowClient, run: Run, mark: str) -> list[str]:
    """What was lost of what write.py wrote, in words."""
    lost: list[str] = []
    read("metric", lambda: run.data.metrics.get("accuracy"), 0.5, lost)
    read("artifact", lambda: artifact(run), mark, lost)
    try:
        trace = find_trace(client, run, mark)
    except (MlflowException, OSError) as error:
        return [*lost, f"trace ({str(error).splitlines()[0][:200]})"]
    if trace is None:
        return [*lost, "trace"]
    span = trace.data.spans[0]
    read("response of the trace", lambda: span.outputs, f"Yes, {mark}", lost)
    read("tokens of the trace", lambda: span.attributes.get("mlflow.chat.tokenUsage"), TOKENS, lost)
    return lost


def main() -> int:
    """Write, read back, and return the exit status."""
    experiment = sys.argv[1]
    mark = os.environ.get("CONTAINER_APP_JOB_EXECUTION_NAME") or uuid.uuid4().hex
    print(f"MLflow {importlib.metadata.version('mlflow-skinny')} to {os.environ.get('MLFLOW_TRACKING_URI')}")
    status, printed = write(experiment, mark)
    print(printed)

    # Reading is not what is tried.
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        del os.environ[name]
    client = MlflowClient()
    try:
        run = find_run(client, experiment, mark)
    except (MlflowException, OSError) as error:
        print(f"lost: everything; the server does not answer: {error}")
        return 1
    if run is None:
        print("lost: run, metric, artifact, trace")
        return 1
    lost = compare(client, run, mark)
    if status != 0:
        lost.append(f"the program's end (exit status {status})")
    client.set_tag(run.info.run_id, "probe.log", printed[-LOG_CHARACTERS:])
    client.set_tag(run.info.run_id, "probe.lost", ", ".join(lost)[:LOG_CHARACTERS])
    print(f"lost: {', '.join(lost)}" if lost else "run, metric, artifact and trace arrived")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
