# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example program writes its experiment once, on a server of the image, even if it is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.image_server import CLONE, Server, bare

PROGRAM = CLONE / "examples" / "example_experiment.py"

# Arguments: the program, the name of its experiment, and a part of a path: the program is killed after the first response to it.
LAUNCHER = """
import importlib.util, os, signal, sys
import requests

path, experiment, *last = sys.argv[1:]
send = requests.Session.send

def send_last(session, request, **options):
    response = send(session, request, **options)
    if last[0] in request.url:
        os.kill(os.getpid(), signal.SIGKILL)
    return response

if last:
    requests.Session.send = send_last
spec = importlib.util.spec_from_file_location("example_experiment", path)
program = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(program)
program.EXPERIMENT = experiment
sys.exit(program.main())
"""

USERS_EXPERIMENT = """
import sys
import mlflow

client = mlflow.MlflowClient()
experiment = client.create_experiment(sys.argv[1])
if sys.argv[1] == "deleted":
    client.delete_experiment(experiment)
"""

CONTENT = """
import json, sys
import mlflow

client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name(sys.argv[1])
locations = [experiment.experiment_id]

def assessments(trace):
    return {each.name: (each.feedback or each.expectation).value for each in trace.info.assessments}

def run(found):
    run_id = found.info.run_id
    paths = [artifact.path for artifact in client.list_artifacts(run_id)]
    return {
        "id": run_id,
        "name": found.info.run_name,
        "status": found.info.status,
        "parameters": found.data.params,
        "metrics": found.data.metrics,
        "artifacts": {path: mlflow.artifacts.load_text(f"{found.info.artifact_uri}/{path}") for path in paths},
        "traces": sorted(trace.info.trace_id for trace in client.search_traces(locations=locations, run_id=run_id)),
    }

print(json.dumps({
    "tags": experiment.tags,
    "runs": sorted(map(run, client.search_runs(locations)), key=lambda found: found["name"]),
    "traces": [
        {
            "id": trace.info.trace_id,
            "prompt": trace.info.request_preview,
            "response": trace.info.response_preview,
            "tokens": trace.info.token_usage,
            "spans": [span.name for span in trace.data.spans],
            "assessments": assessments(trace),
        }
        for trace in client.search_traces(locations=locations, order_by=["timestamp_ms ASC"])
    ],
}))
"""


def python(server: Server, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    env = bare(MLFLOW_TRACKING_URI=server.url, MLFLOW_LOGGING_LEVEL="WARNING", MLFLOW_DISABLE_TELEMETRY="true")
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, env=env, cwd=server.log.parent, capture_output=True, text=True, timeout=120, check=False
    )


def run_program(server: Server, experiment: str, *last_request: str) -> subprocess.CompletedProcess[str]:
    return python(server, "-c", LAUNCHER, PROGRAM, experiment, *last_request)


def content(server: Server, experiment: str) -> Any:
    ended = python(server, "-c", CONTENT, experiment)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def assert_complete(found: Any) -> None:
    assert found["tags"] == {"example_experiment.version": "1"}
    answers, evaluation = found["runs"]
    assert (answers["name"], answers["status"]) == ("answers", "FINISHED")
    assert answers["parameters"] == {"model": "recorded-responses", "temperature": "0.0", "prompts": "4"}
    assert answers["metrics"] == {"output_tokens": 10, "output_words": 8}
    assert list(answers["artifacts"]) == ["system_prompt.txt"]
    assert (evaluation["name"], evaluation["status"]) == ("evaluation", "FINISHED")
    assert evaluation["metrics"] == {"correct/mean": 0.75, "concise/mean": 0.75}
    assert evaluation["artifacts"]["evaluation.csv"].splitlines()[1] == (
        "What is the capital of France?,Paris.,Paris,True,True"
    )
    assert [(trace["prompt"], trace["spans"]) for trace in found["traces"]] == [
        ("What is the capital of France?", ["answer"]),
        ("Summarize: the invoice of 12 March was paid twice, refund one.", ["answer"]),
        ("Translate to German: good morning", ["answer"]),
        ("Which plan covers priority support?", ["answer"]),
    ]
    first = found["traces"][0]
    assert first["response"] == "Paris."
    assert first["tokens"] == {"input_tokens": 21, "output_tokens": 2, "total_tokens": 23}
    assert first["assessments"] == {"expected": "Paris", "correct": True, "concise": True}
    assert [trace["assessments"]["correct"] for trace in found["traces"]] == [True, True, True, False]
    ids = sorted(trace["id"] for trace in found["traces"])
    assert answers["traces"] == evaluation["traces"] == ids


def test_a_second_run_of_the_program_changes_nothing(server: Server) -> None:
    first = python(server, PROGRAM)
    assert first.returncode == 0, first.stderr
    written = content(server, "support-desk")
    assert_complete(written)
    again = python(server, PROGRAM)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == first.stdout.splitlines(keepends=True)[-1]
    assert again.stdout.startswith(f"{server.url}/#/experiments/")
    assert content(server, "support-desk") == written


def test_a_killed_program_is_completed_without_duplicates(server: Server) -> None:
    last_requests = (
        "/experiments/create",
        "/runs/log-batch",
        "/artifacts/system_prompt.txt",
        "/v1/traces",
        "/api/3.0/mlflow/traces",
        "/assessments",
        "/traces/link-to-run",
        "/artifacts/evaluation.csv",
    )
    for last_request in last_requests:
        killed = run_program(server, "killed", last_request)
        assert killed.returncode == -signal.SIGKILL, last_request + killed.stdout + killed.stderr
    ended = run_program(server, "killed")
    assert ended.returncode == 0, ended.stderr
    assert_complete(content(server, "killed"))


@pytest.mark.parametrize("name", ["foreign", "deleted"])
def test_an_experiment_of_a_user_stays_as_it_is(server: Server, name: str) -> None:
    created = python(server, "-c", USERS_EXPERIMENT, name)
    assert created.returncode == 0, created.stderr
    ended = run_program(server, name)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.startswith(f"The experiment {name} is deleted, or not from this version of ")
    found = content(server, name)
    assert (found["runs"], found["traces"], found["tags"]) == ([], [], {})
