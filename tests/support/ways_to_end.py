# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create a trace, and end the process in one of the ways in which processes end.

    python ways_to_end.py WAY TRACE

The ways whose names begin with `sig` print `ready` and wait for the signal.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
import time

import mlflow

EXPERIMENT = "ways-to-end"
# MLflow exports a batch of spans after 5 seconds. Whoever ends a process with SIGKILL waits longer than that.
LONGER_THAN_A_BATCH = 8


def work(name: str) -> None:
    with mlflow.start_span(name) as span:
        span.set_inputs({"prompt": "p"})
        span.set_outputs({"answer": "a"})


def wait_for_signal() -> None:
    print("ready", flush=True)
    time.sleep(60)


def end_of_program(name: str) -> None:
    work(name)


def sys_exit(name: str) -> None:
    work(name)
    sys.exit(3)


def exception(name: str) -> None:
    work(name)
    raise ValueError(name)


def sigterm(name: str) -> None:
    work(name)
    wait_for_signal()


def sigterm_after_a_second(name: str) -> None:
    work(name)
    time.sleep(1.5)
    wait_for_signal()


def sigterm_with_a_handler_that_exits(name: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_arguments: sys.exit(0))
    work(name)
    wait_for_signal()


def sigint(name: str) -> None:
    work(name)
    wait_for_signal()


def os_exit(name: str) -> None:
    work(name)
    os._exit(0)


def os_exit_after_a_flush(name: str) -> None:
    work(name)
    mlflow.flush_trace_async_logging()
    os._exit(0)


def fork_before_the_first_trace(name: str) -> None:
    child = os.fork()
    if child == 0:
        work(name)
        sys.exit(0)
    os.waitpid(child, 0)


def fork_after_the_first_trace(name: str) -> None:
    work("parent")
    mlflow.flush_trace_async_logging()
    child = os.fork()
    if child == 0:
        work(name)
        mlflow.flush_trace_async_logging()
        os._exit(0)
    os.waitpid(child, 0)


def pool_after_the_first_trace(name: str) -> None:
    work("parent")
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(work, [name])


def process_after_the_first_trace(name: str) -> None:
    work("parent")
    process = multiprocessing.get_context("fork").Process(target=work, args=(name,))
    process.start()
    process.join()


def thread(name: str) -> None:
    worker = threading.Thread(target=work, args=(name,))
    worker.start()
    worker.join()


def coroutine(name: str) -> None:
    async def main() -> None:
        work(name)

    asyncio.run(main())


def worker_of_a_web_server(name: str) -> None:
    child = os.fork()
    if child == 0:
        work(name)
        time.sleep(LONGER_THAN_A_BATCH)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


# These are not among the 16: what the 16 do not show of the hooks.
def forks_during_the_export(name: str) -> None:
    children = []
    for _number in range(5):
        for _trace in range(20):
            work("parent")
        child = os.fork()
        if child == 0:
            work(name)
            mlflow.flush_trace_async_logging()
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def sigterm_during_a_flush(name: str) -> None:
    work(name)
    print("ready", flush=True)
    while True:
        mlflow.flush_trace_async_logging()


def sigterm_of_a_forked_child(name: str) -> None:
    work("parent")
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        work(name)
        os.write(writable, b"ready")
        time.sleep(60)
    os.read(readable, 5)
    mlflow.flush_trace_async_logging()
    signal.signal(signal.SIGTERM, lambda *_arguments: os.kill(child, signal.SIGTERM))
    print("ready", flush=True)
    _pid, status = os.waitpid(child, 0)
    os._exit(128 + os.WTERMSIG(status))


def work_in_experiment(name: str) -> None:
    mlflow.set_experiment(EXPERIMENT)
    work(name)


def spawned_process(name: str) -> None:
    process = multiprocessing.get_context("spawn").Process(target=work_in_experiment, args=(name,))
    process.start()
    process.join()


WAYS = [
    *(end_of_program, sys_exit, exception, sigterm, sigterm_after_a_second, sigterm_with_a_handler_that_exits, sigint),
    *(os_exit, os_exit_after_a_flush, fork_before_the_first_trace, fork_after_the_first_trace),
    *(pool_after_the_first_trace, process_after_the_first_trace, thread, coroutine, worker_of_a_web_server),
]
MORE = [forks_during_the_export, sigterm_during_a_flush, sigterm_of_a_forked_child, spawned_process]


if __name__ == "__main__":
    mlflow.set_experiment(EXPERIMENT)
    {way.__name__: way for way in [*WAYS, *MORE]}[sys.argv[1]](sys.argv[2])
