# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what a trace costs a program: the time of the program, synchronously and asynchronously. ``make bench`` runs this.

    python tests/benchmarks/client.py [--traces N]

The server is that of the image, with SQLite and two workers. Each program creates traces of one span and of five spans, one
after another. The time of a trace is that until the program may continue; the time at exit is what MLflow then needs to export the rest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[0] = str(PROJECT)  # instead of this folder

from tests.support.client_package import client_settings, client_with_hooks
from tests.support.image_server import bare, free_port, running, server_environment, settings

MLFLOW = "mlflow-skinny==3.17.2"
PATIENCE = 900
PROGRAM = """
import sys, time
import mlflow
mlflow.set_experiment("bench")
traces, spans = int(sys.argv[1]), int(sys.argv[2])

def trace():
    with mlflow.start_span("root") as span:
        span.set_inputs({"prompt": "p" * 500})
        for number in range(spans - 1):
            with mlflow.start_span(f"child-{number}"):
                pass

trace()
mlflow.flush_trace_async_logging()
start = time.perf_counter()
for number in range(traces):
    trace()
made = time.perf_counter()
mlflow.flush_trace_async_logging()
print((made - start) / traces * 1e3, time.perf_counter() - made)
"""


def milliseconds(url: str, cwd: Path, traces: int, spans: int, asynchronous: bool) -> tuple[float, float]:
    """Return the milliseconds of a trace, and the seconds that the export of the rest takes."""
    value = "true" if asynchronous else "false"
    env = bare(**{**client_settings(url), "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": value})
    command = [client_with_hooks(MLFLOW), "-c", PROGRAM, str(traces), str(spans)]
    done = subprocess.run(command, env=env, cwd=cwd, stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True)
    each, rest = done.stdout.split()
    return float(each), float(rest)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--traces", type=int, default=200, help="traces of each program (default 200)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        env = settings(folder, free_port(), MLFLOW_WORKERS="2")
        with running(server_environment() / "mlflow-azure-server", env, folder / "server.log") as server:
            print(f"client, {options.traces} traces of each program (load {os.getloadavg()[0]:.1f}):")
            for spans in (1, 5):
                for asynchronous in (False, True):
                    each, rest = milliseconds(server.url, folder, options.traces, spans, asynchronous)
                    label = (
                        f"{'asynchronous' if asynchronous else 'synchronous'} trace of {spans} span{'s'[: spans - 1]}"
                    )
                    print(f"{label:34s} {each:8.2f} ms, then {rest:.1f} s to export the rest", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
