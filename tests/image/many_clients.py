# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many users of the MLflow client at the same time, and one who reads afterwards.

    python many_clients.py write EXPERIMENT_ID CLIENTS SECONDS URL...
    python many_clients.py read EXPERIMENT_ID URL

Prints as JSON what the server has acknowledged, or what it has stored: {"runs": {id: {"steps": ..., "note": ...}}, "traces": [id]}.
Writing adds "refused", the errors of the clients, and "by_client", the runs that each client has finished.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

import requests
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException

STEPS = 20


def trace(url: str, experiment: str) -> str:
    """Send a trace of two spans. Return its id when the server has stored it."""
    number = uuid.uuid4().hex
    root = {"traceId": number, "spanId": number[:16], "name": "ask", "kind": 1, "status": {"code": 1}}
    root |= {"startTimeUnixNano": str(time.time_ns()), "endTimeUnixNano": str(time.time_ns())}
    child = {**root, "spanId": number[16:], "parentSpanId": number[:16], "name": "think"}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [root, child]}]}]}
    answer = requests.post(f"{url}/v1/traces", json=body, headers={"x-mlflow-experiment-id": experiment}, timeout=120)
    answer.raise_for_status()
    return f"tr-{number}"


def write(number: int, experiment: str, until: float, urls: list[str]) -> dict[str, Any]:
    """Work as one user: each request goes to the next replica."""
    turns = cycle(urls[number % len(urls) :] + urls[: number % len(urls)])
    clients = {url: MlflowClient(tracking_uri=url) for url in urls}
    runs: dict[str, Any] = {}
    traces: list[str] = []
    refused: list[str] = []
    finished = 0
    while time.monotonic() < until:
        try:
            run = clients[next(turns)].create_run(experiment).info.run_id
            runs[run] = {"steps": 0, "note": None}
            values = [Metric("loss", 1 / (step + 1), time.time_ns() // 1_000_000, step) for step in range(STEPS)]
            clients[next(turns)].log_batch(run, metrics=values, params=[Param("client", str(number))])
            runs[run]["steps"] = STEPS
            clients[next(turns)].log_text(run, run, "note.txt")
            runs[run]["note"] = run
            traces.append(trace(next(turns), experiment))
            clients[next(turns)].set_terminated(run)
            finished += 1
        except (MlflowException, requests.RequestException) as error:
            refused.append(str(error)[:300])
    return {"runs": runs, "traces": traces, "refused": refused, "finished": finished}


def read(experiment: str, url: str) -> dict[str, Any]:
    client = MlflowClient(tracking_uri=url)
    runs: dict[str, Any] = {}
    token = None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        runs |= {run.info.run_id: run for run in page}
        token = page.token
        if not token:
            break

    def of(run: Any) -> dict[str, Any]:
        steps = {metric.step for metric in client.get_metric_history(run.info.run_id, "loss")}
        query = {"run_id": run.info.run_id, "path": "note.txt"}
        note = requests.get(f"{url}/get-artifact", params=query, timeout=120)
        return {"steps": len(steps), "note": note.text if note.ok else None}

    with ThreadPoolExecutor(4) as pool:
        stored = dict(zip(runs, pool.map(of, runs.values()), strict=True))
    traces = []
    token = None
    while True:
        listed = client.search_traces(locations=[experiment], max_results=100, page_token=token)
        traces += [one.info.trace_id for one in listed if len(one.data.spans) == 2]
        token = listed.token
        if not token:
            return {"runs": stored, "traces": traces}


def main() -> None:
    if sys.argv[1] == "read":
        print(json.dumps(read(*sys.argv[2:4])))
        return
    experiment, count, seconds, urls = sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(count) as pool:
        each = list(pool.map(lambda number: write(number, experiment, until, urls), range(count)))
    print(
        json.dumps(
            {
                "runs": {run: what for one in each for run, what in one["runs"].items()},
                "traces": [number for one in each for number in one["traces"]],
                "refused": [error for one in each for error in one["refused"]],
                "by_client": [one["finished"] for one in each],
            }
        )
    )


if __name__ == "__main__":
    main()
