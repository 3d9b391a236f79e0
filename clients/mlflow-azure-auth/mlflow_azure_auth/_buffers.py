# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The buffers of MLflow's asynchronous trace export: back pressure, and a new start after a fork.

MLflow 3.12 and later buffer a trace twice: spans in a batch processor of OpenTelemetry, and requests in a queue. Both discard
data when they are full, and neither MLflow nor OpenTelemetry has an option that changes this. This is the only file of the
package that uses private names of MLflow.
"""

from __future__ import annotations

import atexit
import functools
import os
import queue
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

from mlflow_azure_auth import _settings
from mlflow_azure_auth._settings import logger

OLDEST = (3, 12)
# The batch processor discards spans above 2,048. Each thread may add one span to those that are counted here.
SPANS = 512
# Sections under the lock of the trace manager take microseconds.
LOCK_SECONDS = 5.0

_queues: weakref.WeakSet[Any] = weakref.WeakSet()
_synchronous = threading.Event()
_flush_locks = [threading.Lock()]
_locked_managers: list[Any] = []


class WaitingQueue(queue.Queue[Any]):
    """A queue whose put() waits until there is room.

    When one put() has waited in vain, the following ones do not wait until there is room again: a server that is down must not
    delay every span of a program.
    """

    def __init__(self, maxsize: int, patience: float) -> None:
        super().__init__(maxsize)
        self.patience = patience
        self.stalled = False
        self.discarded = 0

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add an item. Raises queue.Full after MLFLOW_AZURE_QUEUE_TIMEOUT, whatever the caller requests."""
        try:
            super().put(item, timeout=0 if self.stalled else self.patience)
        except queue.Full:
            self.discarded += 1
            if not self.stalled:
                self.stalled = True
                logger.error(
                    "The queue of traces was full for %g s, so traces are discarded until the server accepts requests again. "
                    "Check that the tracking server is available, or increase MLFLOW_ASYNC_TRACE_LOGGING_MAX_QUEUE_SIZE "
                    "(now %d) or %s.",
                    *(self.patience, self.maxsize, _settings.QUEUE[0]),
                )
            raise
        self.stalled = False


class BackPressure:
    """A batch processor of OpenTelemetry that delays a thread that ends spans faster than they are exported."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        self.restart()

    def restart(self) -> None:
        """Begin to count, with a lock that no thread holds."""
        self._lock = threading.Lock()
        self._count = 0
        self._registered = False

    def on_end(self, span: Any) -> None:
        """Pass a span on. Each 512th call exports all spans first, and the calls of other threads wait for that."""
        with self._lock:
            if not self._registered:
                # OpenTelemetry's own function at exit stops after 30 seconds. It was registered before this one, so it runs later.
                self._registered = True
                atexit.register(_flush_at_exit)
            self._count += 1
            if self._count >= SPANS and self.processor.force_flush():
                self._count = 0
        self.processor.on_end(span)

    def force_flush(self, timeout_millis: float = 30000) -> bool:
        """Export all spans."""
        return bool(self.processor.force_flush(timeout_millis))

    def shutdown(self) -> None:
        """Export all spans and end the thread of the processor."""
        self.processor.shutdown()


def supported(version: str) -> bool:
    """Return whether a release of MLflow exports traces asynchronously by default."""
    major, minor = (int(part) for part in version.split(".")[:2])
    return (major, minor) >= OLDEST


def install() -> None:
    """Patch MLflow's queues. Raises AttributeError or ImportError when a release of MLflow has other private names."""
    from mlflow.tracing.export.async_export_queue import AsyncTraceExportQueue

    # MLflow may still be importing itself now, and the batch processor's module is not importable then. It is when a queue is created.
    patched: Any = AsyncTraceExportQueue
    patched.__init__ = _with_waiting_queue(patched.__init__)
    patched.put = _with_synchronous_end(patched.put)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_lock_traces, after_in_parent=_unlock_traces, after_in_child=_restart_in_child)


def in_use() -> bool:
    """Return whether this process has a queue, so that a trace may be in it."""
    return bool(_queues)


def flush() -> None:
    """Export everything that is buffered, and report what was discarded. Later traces are exported by the thread that ends them."""
    import mlflow

    # MLflow returns at once from a second flush during a first one, and then the process would end too early.
    with _flush_locks[0]:
        mlflow.flush_trace_async_logging(terminate=True)
        _synchronous.set()
        # What other threads added before they became synchronous.
        mlflow.flush_trace_async_logging(terminate=True)
    _report_discarded()


def _report_discarded() -> None:
    discarded = sum(each._queue.discarded for each in _queues)
    if discarded:
        logger.error("%d requests with traces or spans were discarded because the queue was full.", discarded)
    for each in _queues:
        each._queue.discarded = 0


def _flush_at_exit() -> None:
    if in_use():
        flush()


def _with_waiting_queue(original: Callable[[Any], None]) -> Callable[[Any], None]:
    @functools.wraps(original)
    def initialize(self: Any) -> None:
        # Functions at exit run in reverse order, so this one reports after MLflow's own flush.
        atexit.register(_report_discarded)
        original(self)
        self._queue = WaitingQueue(self._queue.maxsize, _settings.seconds(_settings.QUEUE))
        _queues.add(self)
        _install_back_pressure()

    return initialize


def _with_synchronous_end(original: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    @functools.wraps(original)
    def put(self: Any, task: Any) -> None:
        if _synchronous.is_set():
            task.handle()
        else:
            original(self, task)

    return put


def _install_back_pressure() -> None:
    from mlflow.tracing.processor import base_mlflow

    patched: Any = base_mlflow
    original = patched._create_batch_span_processor
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def create(exporter: Any) -> BackPressure:
        return BackPressure(original(exporter))

    patched._create_batch_span_processor = create


def _lock_traces() -> None:
    """Ensure that no other thread changes the traces in memory during the fork, because the child would inherit half a change."""
    module = sys.modules.get("mlflow.tracing.trace_manager")
    manager = module.InMemoryTraceManager._instance if module else None
    if manager is not None and manager._lock.acquire(timeout=LOCK_SECONDS):
        _locked_managers.append(manager)


def _unlock_traces() -> None:
    while _locked_managers:
        _locked_managers.pop()._lock.release()


def _restart_in_child() -> None:
    """Replace what the parent's threads used. Its traces stay with the parent, and its threads do not exist here."""
    _unlock_traces()
    _synchronous.clear()
    _flush_locks[:] = [threading.Lock()]
    for each in list(_queues):
        each.__init__()
    module = sys.modules.get("mlflow.tracing.processor.base_mlflow")
    for processor in list(module._batch_processor_registry) if module else []:
        processor._pending_on_end_condition = threading.Condition(threading.Lock())
        processor._pending_on_end_count = 0
        processor._deduplication_lock = threading.RLock()
        if isinstance(processor._batch_delegate, BackPressure):
            processor._batch_delegate.restart()
