# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create traces as fast as possible, in several threads, and print `done`.

python burst.py TRACES THREADS
"""

from __future__ import annotations

import sys
import threading

import mlflow

traces, threads = int(sys.argv[1]), int(sys.argv[2])


def work() -> None:
    for number in range(traces // threads):
        with mlflow.start_span("burst") as span:
            span.set_inputs({"number": number})


mlflow.set_experiment("burst")
workers = [threading.Thread(target=work) for _number in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print("done", flush=True)
