# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which a process ends without MLflow's own flush: SIGTERM, and the end of a child of multiprocessing."""

from __future__ import annotations

import multiprocessing
import multiprocessing.util
import os
import signal
import threading
from dataclasses import dataclass
from types import FrameType
from typing import Any

from mlflow_azure_auth import _buffers, _settings
from mlflow_azure_auth._settings import logger

# After the flush, the main thread has this long to receive the signal. It may be in a long call of a library.
MAIN_THREAD_SECONDS = 1.0


@dataclass
class State:
    """Holds the state of the hooks in this process."""

    installed: bool = False
    handles_sigterm: bool = False
    previous: Any = signal.SIG_DFL
    flushing: bool = False
    flushed: bool = False

    def restart(self) -> None:
        """Forget the flush of the parent, in a child after a fork."""
        self.flushing = self.flushed = False


_state = State()


def keep_traces() -> None:
    """Install the hooks that export MLflow's traces when this process receives SIGTERM or forks, and when it is a child of
    multiprocessing. Call this in the main thread, before the first span. Further calls do nothing.
    """
    from mlflow.version import VERSION

    if not _buffers.supported(VERSION):
        return
    if not _state.installed:
        _buffers.install()
        _install_fork_hooks()
        _state.installed = True
    if not _state.handles_sigterm:
        _install_signal_handler()


def _install_fork_hooks() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_state.restart)
    # multiprocessing ends its children with os._exit, so functions of atexit do not run there. Its finalizers do.
    multiprocessing.util.register_after_fork(_state, _flush_at_end_of_child)
    if multiprocessing.parent_process() is not None:
        _flush_at_end_of_child(_state)


def _install_signal_handler() -> None:
    previous = signal.getsignal(signal.SIGTERM)
    # None is a handler that was not installed by Python, so it cannot be called. SIG_IGN is the decision of somebody else.
    if os.name != "posix" or previous in (None, signal.SIG_IGN):
        return
    try:
        signal.signal(signal.SIGTERM, _on_sigterm)
    except ValueError:
        logger.info(
            "SIGTERM: no handler was installed, because only the main thread can do that. "
            "Call mlflow_azure_auth.keep_traces() or import mlflow in the main thread first."
        )
        return
    _state.previous = previous
    _state.handles_sigterm = True


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    """Delay the default action of SIGTERM until the traces are exported.

    The flush runs in another thread while the main thread continues: the signal may have interrupted the main thread in a
    section whose lock the flush needs.
    """
    if callable(_state.previous):
        # That handler decides when the process ends. sys.exit and a normal end flush through atexit.
        _state.previous(number, frame)
    elif _state.flushed or not _buffers.in_use():
        _end()
    elif not _state.flushing:
        _state.flushing = True
        try:
            threading.Thread(target=_flush_and_end, name="mlflow-azure-sigterm", daemon=True).start()
        except RuntimeError:
            # The interpreter is ending, and MLflow's own flush is running. A second SIGTERM ends the process.
            _state.flushed = True


def _flush_and_end() -> None:
    _flush(_settings.seconds(_settings.FLUSH))
    _state.flushed = True
    signal.pthread_kill(_main_thread(), signal.SIGTERM)
    threading.Event().wait(MAIN_THREAD_SECONDS)
    os._exit(128 + signal.SIGTERM)


def _main_thread() -> int:
    identity = threading.main_thread().ident
    assert identity is not None, "the main thread runs"
    return identity


def _end() -> None:
    """Perform the default action of SIGTERM. The kernel ignores that for process 1 of a container, which ends by itself."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.raise_signal(signal.SIGTERM)
    os._exit(128 + signal.SIGTERM)


def _flush_at_end_of_child(_owner: State) -> None:
    multiprocessing.util.Finalize(None, _flush_child, exitpriority=100)


def _flush_child() -> None:
    if _buffers.in_use():
        _flush(_settings.seconds(_settings.FLUSH))


def _flush(timeout: float) -> None:
    """Export everything that is buffered within a bounded time."""
    thread = threading.Thread(target=_buffers.flush, name="mlflow-azure-flush", daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        logger.error(
            "Traces may be lost: the tracking server did not accept all of them within %g s. Check that it is available, or "
            "increase %s and the time between SIGTERM and SIGKILL.",
            *(timeout, _settings.FLUSH[0]),
        )
