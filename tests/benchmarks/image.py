# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the server image with stock MLflow: size, start, latency, memory, throughput. ``make bench`` runs this.

    python tests/benchmarks/image.py [--rounds N] [--only size|server]

Both servers have two workers and the same SQLite database. The measurements alternate, so that other load affects both. The
sizes are those of the layers above the same base image; they require a Docker engine. The exit status is 1 if a limit is
exceeded.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import re
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[0] = str(PROJECT)  # instead of this folder

import docker
from tests.support.image_server import CONTEXT, Server, environment, free_port, server_environment, settings, starting

# Base images of the build; the first one that exists is used.
BASES = ("mlflow-azure-test/base", "python:3.12-slim-bookworm")
SIZE, START, SPEEDUP, MEMORY, WRITES = 0.60, 1.3, 5.0, 0.40, 0.9
CLIENTS = 8
SECONDS = 4.0
PATIENCE = 300
# Dockerfile of an image with stock MLflow.
FULL = "FROM {base}\nRUN python3 -m venv /opt/mlflow && /opt/mlflow/bin/pip install --no-cache-dir {mlflow}\n"

Figure = tuple[str, str, str, bool]


def locked_mlflow() -> str:
    match = re.search(r"^mlflow==\S+", (CONTEXT / "requirements.lock").read_text(), re.MULTILINE)
    if match is None:
        raise SystemExit("requirements.lock has no mlflow")
    return match[0]


def sizes() -> list[Figure]:
    """Compare the sizes of the layers above the base image: those of the image, and those of stock MLflow."""
    try:
        engine = docker.from_env(timeout=3600)
        base = next(name for name in BASES if engine.images.list(name))
    except (docker.errors.DockerException, StopIteration) as error:
        print(f"size: not measured, because there is no Docker engine with one of {', '.join(BASES)} ({error})")
        return []
    common = {"network_mode": "host", "rm": True, "forcerm": True}
    ours, _log = engine.images.build(
        path=str(CONTEXT), buildargs={"ACCEPT_MSODBC_EULA": "Y", "BASE_IMAGE": base}, **common
    )
    dockerfile = io.BytesIO(FULL.format(base=base, mlflow=locked_mlflow()).encode())
    full, _log = engine.images.build(fileobj=dockerfile, **common)
    below = engine.images.get(base).attrs["Size"]
    mine, theirs = ((image.attrs["Size"] - below) / 1e6 for image in (ours, full))
    engine.close()
    share = mine / theirs
    return [(f"layers above {base}", f"{mine:.0f} of {theirs:.0f} MB = {share:.2f}", "at most 0.60", share <= SIZE)]


def program(folder: Path, name: str, *command: str | Path) -> Path:
    """Write an executable that runs the command."""
    path = folder / name
    path.write_text("#!/bin/sh\nexec " + " ".join(f"'{part}'" for part in command) + "\n")
    path.chmod(0o755)
    return path


def seconds_to_health(executable: Path, folder: Path, **variables: str) -> float:
    env = settings(folder, free_port(), MLFLOW_WORKERS="2", **variables)
    start = time.monotonic()
    with starting(executable, env, folder / "start.log") as server:
        server.wait_until_healthy(PATIENCE)
        return time.monotonic() - start


def health_p50(server: Server) -> float:
    """Return the median duration of a request on an open connection in milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    durations = []
    for _time in range(150):
        start = time.perf_counter()
        connection.request("GET", "/health")
        connection.getresponse().read()
        durations.append((time.perf_counter() - start) * 1e3)
    connection.close()
    return statistics.median(durations)


def megabytes(server: Server) -> float:
    """Return the memory of all processes of a server (PSS, which counts shared memory once)."""
    total = 0
    for process in server.processes():
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        total += int(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0])
    return total / 1024


def per_second(server: Server, path: str, headers: dict[str, str], body: Callable[[], bytes]) -> float:
    """Return the number of accepted requests per second from several concurrent clients."""
    until = time.monotonic() + SECONDS

    def client(_number: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        accepted = 0
        while time.monotonic() < until:
            try:
                connection.request("POST", path, body(), {"Content-Type": "application/json", **headers})
                response = connection.getresponse()
                response.read()
            except http.client.RemoteDisconnected:
                # uvicorn sometimes closes a connection. The next request opens a new one.
                connection.close()
                continue
            accepted += response.status == 200
        connection.close()
        return accepted

    start = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum(pool.map(client, range(CLIENTS))) / (time.monotonic() - start)


def call(server: Server, path: str, **body: object) -> dict[str, dict[str, dict[str, str]]]:
    response = server.ask("POST", f"/api/2.0/mlflow/{path}", json.dumps(body), Content_Type="application/json")
    if response.status != 200:
        raise SystemExit(f"{path}: {response.status} {response.body}")
    content: dict[str, dict[str, dict[str, str]]] = json.loads(response.body)
    return content


def batch(run: str) -> bytes:
    stamp = time.time_ns()
    metrics = [{"key": f"m{n}", "value": n, "timestamp": stamp // 1000, "step": stamp % 1_000_000} for n in range(10)]
    return json.dumps({"run_id": run, "metrics": metrics}).encode()


def trace() -> bytes:
    number, stamp = uuid.uuid4().hex, str(time.time_ns())
    spans = [
        {
            "traceId": number,
            "spanId": f"{n + 1:016x}",
            "name": f"s{n}",
            "kind": 1,
            "startTimeUnixNano": stamp,
            "endTimeUnixNano": stamp,
            **({"parentSpanId": f"{1:016x}"} if n else {}),
        }
        for n in range(5)
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


@contextmanager
def both(folder: Path, ours: Path, stock: Path) -> Iterator[tuple[Server, Server]]:
    """Start the server of the image and a stock server with the same database."""
    for name in ("ours", "stock"):
        (folder / name).mkdir()
    env = settings(folder, free_port(), MLFLOW_WORKERS="2", TMPDIR=str(folder / "ours"))
    other = settings(folder, free_port(), MLFLOW_WORKERS="2", TMPDIR=str(folder / "stock"))
    with starting(ours, env, folder / "ours.log") as one:
        one.wait_until_healthy(PATIENCE)
        with starting(stock, other, folder / "stock.log") as two:
            two.wait_until_healthy(PATIENCE)
            yield one, two


def servers(rounds: int) -> list[Figure]:
    slim = server_environment()
    default = environment("mlflow-stock", [locked_mlflow()])
    ours = slim / "mlflow-azure-server"
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        stock = program(folder, "run-stock", default / "mlflow", "server")
        bare = program(folder, "run-bare", slim / "mlflow", "server")
        seconds_to_health(ours, folder)  # creates the schema
        starts: tuple[list[float], list[float]] = ([], [])
        for _round in range(rounds):
            starts[0].append(seconds_to_health(ours, folder))
            starts[1].append(seconds_to_health(bare, folder, MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false"))
        with both(folder, ours, stock) as pair:
            experiment = str(call(pair[0], "experiments/create", name=f"bench-{uuid.uuid4()}")["experiment_id"])
            run = call(pair[0], "runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
            to_traces = {"x-mlflow-experiment-id": experiment}
            measures: dict[str, Callable[[Server], float]] = {
                "health": health_p50,
                "log-batch": lambda server: per_second(
                    server, "/api/2.0/mlflow/runs/log-batch", {}, lambda: batch(run)
                ),
                "traces": lambda server: per_second(server, "/v1/traces", to_traces, trace),
            }
            results: dict[str, tuple[list[float], list[float]]] = {label: ([], []) for label in measures}
            for number in range(rounds):
                for label, measure in measures.items():
                    # The order alternates, because the second server has the warmer cache.
                    for index in (0, 1) if number % 2 == 0 else (1, 0):
                        results[label][index].append(measure(pair[index]))
            memory = megabytes(pair[0]), megabytes(pair[1])
    median = {label: (statistics.median(mine), statistics.median(theirs)) for label, (mine, theirs) in results.items()}
    start = statistics.median(starts[0]), statistics.median(starts[1])
    fast = median["health"][1] / median["health"][0]
    used, longer = memory[0] / memory[1], start[0] / start[1]
    return [
        ("start to /health", f"{start[0]:.1f} and {start[1]:.1f} s = {longer:.2f}", "at most 1.30", longer <= START),
        (
            "/health p50, 2 workers",
            f"{median['health'][0]:.1f} and {median['health'][1]:.1f} ms: {fast:.1f} x",
            "at least 5.0 x",
            fast >= SPEEDUP,
        ),
        ("memory (PSS)", f"{memory[0]:.0f} and {memory[1]:.0f} MB = {used:.2f}", "at most 0.40", used <= MEMORY),
        *[
            (
                f"{label} of {CLIENTS} clients",
                f"{mine:.1f} and {theirs:.1f} /s = {mine / theirs:.2f}",
                "at least 0.90",
                mine / theirs >= WRITES,
            )
            for label, (mine, theirs) in median.items()
            if label != "health"
        ],
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default 5)")
    parser.add_argument("--only", choices=("size", "server"))
    options = parser.parse_args()
    figures = ([] if options.only == "server" else sizes()) + (
        [] if options.only == "size" else servers(options.rounds)
    )
    print(f"image and stock MLflow, medians of {options.rounds} rounds (load {os.getloadavg()[0]:.1f}):")
    for label, figure, limit, passed in figures:
        print(f"{label:34s} {figure:>34s}   {limit}{'' if passed else '   MISSED'}", flush=True)
    return 0 if all(figure[-1] for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
