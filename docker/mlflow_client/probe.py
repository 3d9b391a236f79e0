# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs write.py in the current environment, reads the data back from the server, and reports lost items.

    python probe.py EXPERIMENT

The program prints the lost items and stores them in the run's tag probe.lost, which is empty if nothing is lost. The tag
probe.log contains the output of write.py. The exit status is 1 if an item is lost. The run's tag probe.mark identifies it:
the name of the job execution, or a random value outside of a job.
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

# Timeout of write.py. It allows for the start of a server that has scaled to zero, and for a collector that does not respond.
WRITE_SECONDS = 240
# An MLflow server stores at most 8000 characters of a tag, that of release 2.22 at most 5000.
LOG_CHARACTERS = 4000
TOKENS = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}


def write(experiment: str, mark: str) -> tuple[int, str]:
    """Run the user's program and return its exit status and output."""
    command = [sys.executable, str(Path(__file__).with_name("write.py")), experiment, mark]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=WRITE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        output = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
        return 1, f"{output}\nwrite.py did not end within {WRITE_SECONDS} s."
    return done.returncode, done.stdout


def check(item: str, read: Callable[[], Any], expected: object, lost: list[str]) -> None:
    """Compare a value from the server with the written value, and append the item to `lost` if they differ."""
    try:
        actual = read()
    except (MlflowException, OSError) as error:
        lost.append(f"{item} ({str(error).splitlines()[0][:200]})")
        return
    if actual != expected:
        lost.append(item if actual is None else f"{item} (expected {expected!r}, received {actual!r})")


def artifact(run: Run) -> str:
    """Return the text of the run's artifact."""
    with tempfile.TemporaryDirectory() as folder:
        uri = f"{run.info.artifact_uri}/note.txt"
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder)).read_text(encoding="utf-8")


def find_run(client: MlflowClient, experiment: str, mark: str) -> Run | None:
    """Return the run with this mark, None if there is none."""
    entity = client.get_experiment_by_name(experiment)
    if entity is None:
        return None
    runs = client.search_runs([entity.experiment_id], f"tags.`probe.mark` = '{mark}'", max_results=1)
    return runs[0] if runs else None


def find_trace(client: MlflowClient, run: Run, mark: str) -> Trace | None:
    """Return the trace with this mark among the 50 newest of the experiment, None if there is none."""
    traces = client.search_traces([run.info.experiment_id], max_results=50)
    return next((one for one in traces if one.data.spans and one.data.spans[0].inputs == {"prompt": mark}), None)


def compare(client: MlflowClient, run: Run, mark: str) -> list[str]:
    """Return the names of the items of write.py that are lost."""
    lost: list[str] = []
    check("metric", lambda: run.data.metrics.get("accuracy"), 0.5, lost)
    check("artifact", lambda: artifact(run), mark, lost)
    try:
        trace = find_trace(client, run, mark)
    except (MlflowException, OSError) as error:
        return [*lost, f"trace ({str(error).splitlines()[0][:200]})"]
    if trace is None:
        return [*lost, "trace"]
    span = trace.data.spans[0]
    check("response of the trace", lambda: span.outputs, f"Yes, {mark}", lost)
    check("tokens of the trace", lambda: span.attributes.get("mlflow.chat.tokenUsage"), TOKENS, lost)
    return lost


def main() -> int:
    """Write the data, read it back, and return the exit status."""
    experiment = sys.argv[1]
    mark = os.environ.get("CONTAINER_APP_JOB_EXECUTION_NAME") or uuid.uuid4().hex
    print(f"MLflow {importlib.metadata.version('mlflow-skinny')} to {os.environ.get('MLFLOW_TRACKING_URI')}")
    status, output = write(experiment, mark)
    print(output)

    # The probe tests the export of traces by write.py only, so this process must not use the OpenTelemetry settings.
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        del os.environ[name]
    client = MlflowClient()
    try:
        run = find_run(client, experiment, mark)
    except (MlflowException, OSError) as error:
        print(f"lost: everything; the server does not respond: {error}")
        return 1
    if run is None:
        print("lost: run, metric, artifact, trace")
        return 1
    lost = compare(client, run, mark)
    if status != 0:
        lost.append(f"exit status {status} of write.py")
    client.set_tag(run.info.run_id, "probe.log", output[-LOG_CHARACTERS:])
    client.set_tag(run.info.run_id, "probe.lost", ", ".join(lost)[:LOG_CHARACTERS])
    print(f"lost: {', '.join(lost)}" if lost else "run, metric, artifact and trace arrived")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
