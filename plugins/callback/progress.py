# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback ``progress``: displays running tasks with their elapsed time and the typical duration."""

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: stdout
short_description: Display the progress of long-running tasks
version_added: 0.3.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - While a task of this collection waits for Azure, the callback displays for each host the name of the task, its elapsed time and the
    time that Azure usually takes.
  - On a terminal with the Python package C(rich), the display is updated in place. Otherwise the callback writes a line to standard error
    after O(plain_after) seconds, after twice that time, and so on.
  - All other output is that of P(ansible.builtin.default#callback), with the same options. The progress display contains names of tasks
    and hosts only, never an option or a result. It omits tasks with C(no_log).
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout in the configuration, C(stdout_callback = mlops.mlflow_azure.progress)
  - rich, for the display that is updated in place
options:
  mode:
    description:
      - V(live) updates the display in place, V(plain) writes lines, V(off) disables the progress display. V(auto) selects V(live) on a
        terminal, else V(plain). Without C(rich), V(live) behaves like V(plain).
    type: str
    choices: [auto, live, plain, "off"]
    default: auto
    env:
      - name: MLFLOW_AZURE_PROGRESS
    ini:
      - section: callback_mlflow_azure_progress
        key: mode
  plain_after:
    description:
      - Elapsed time in seconds after which V(plain) mode reports a running task.
    type: float
    default: 15.0
    env:
      - name: MLFLOW_AZURE_PROGRESS_PLAIN_AFTER
    ini:
      - section: callback_mlflow_azure_progress
        key: plain_after
  live_after:
    description:
      - Elapsed time in seconds after which V(live) mode displays a running task. This avoids flicker from short tasks.
    type: float
    default: 1.0
    env:
      - name: MLFLOW_AZURE_PROGRESS_LIVE_AFTER
    ini:
      - section: callback_mlflow_azure_progress
        key: live_after
"""

import atexit
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple, TextIO

from ansible.plugins.callback.default import CallbackModule as Default

# Seconds that Azure takes to create a resource: median and 90th percentile in the test recordings of the Azure CLI and of
# Azure Service Operator, 2023 to 2026. Modules without recordings have no entry.
TYPICAL: dict[str, tuple[int, int]] = {
    "container_app": (11, 16),
    "container_app_environment": (87, 141),
    "container_app_job": (6, 10),
    "container_registry": (6, 20),
    "key_vault": (16, 33),
    "log_analytics_workspace": (12, 32),
    "sql_database": (54, 84),
    "sql_server": (57, 86),
    "storage_account": (10, 31),
}
COLLECTION = "mlops.mlflow_azure."
# Interval in seconds at which the display is refreshed.
TICK = 0.25
_SEPARATOR = re.compile(r"\s+")


class Running(NamedTuple):
    """A running task on a host. ``started`` is a time of the monotonic clock."""

    task: str
    host: str
    module: str
    started: float


def module_name(action: str) -> str | None:
    """Return the short name of a module of this collection, None for any other action."""
    return action[len(COLLECTION) :] if action.startswith(COLLECTION) else None


def format_duration(seconds: float) -> str:
    """Return a duration as text, for example "8 s" or "1 min 05 s"."""
    whole = max(0, int(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def format_line(running: Running, now: float) -> str:
    """Return the line for a running task, without line breaks and terminal control sequences."""
    name = "".join(letter for letter in _SEPARATOR.sub(" ", running.task) if letter.isprintable())
    elapsed = f"{name} ({running.host}): {format_duration(now - running.started)}"
    if running.module not in TYPICAL:
        return elapsed
    median, percentile_90 = TYPICAL[running.module]
    return f"{elapsed}, usually {format_duration(median)}, rarely more than {format_duration(percentile_90)}"


class Schedule:
    """Schedule of the plain lines: the first after ``after`` seconds, the next each time the elapsed time has doubled."""

    def __init__(self, after: float) -> None:
        self._after = max(after, TICK)
        self._next: dict[Running, float] = {}

    def due(self, running: list[Running], now: float) -> list[str]:
        """Return the lines that are due now, each one once."""
        self._next = {one: self._next.get(one, self._after) for one in running}
        lines = []
        for one in running:
            if now - one.started >= self._next[one]:
                lines.append(format_line(one, now))
                while self._next[one] <= now - one.started:
                    self._next[one] *= 2
        return lines


class PlainDisplay:
    """Display that writes a line to a stream when one is due."""

    def __init__(self, stream: TextIO, after: float) -> None:
        self._stream = stream
        self._schedule = Schedule(after)

    def show(self, running: list[Running], now: float) -> None:
        """Write the lines that are due."""
        for line in self._schedule.due(running, now):
            self._stream.write(f"... {line}\n")
            self._stream.flush()

    def clear(self) -> None:
        """Do nothing: written lines stay."""


class LiveDisplay:
    """Display at the bottom of a terminal that rich updates in place."""

    def __init__(self, stream: TextIO, after: float, library: ModuleType) -> None:
        self._rich = library
        self._console = library.console.Console(file=stream, force_terminal=True, highlight=False)
        self._after = after
        self._live: Any = None

    def show(self, running: list[Running], now: float) -> None:
        """Display the tasks that have run for ``after`` seconds, one line each."""
        lines = [format_line(one, now) for one in running if now - one.started >= self._after]
        if not lines:
            self.clear()
            return
        text = self._rich.text.Text("\n".join(lines), style="cyan", no_wrap=True, overflow="ellipsis")
        if self._live is None:
            self._live = self._rich.live.Live(
                text,
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)
        else:
            self._live.update(text, refresh=True)

    def clear(self) -> None:
        """Erase the display, so that other output can use its lines."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class Watch:
    """The running tasks, and the thread that displays them. ``clock`` returns the seconds of a monotonic clock."""

    def __init__(self, display: PlainDisplay | LiveDisplay, clock: Callable[[], float] = time.monotonic) -> None:
        self._display = display
        self._clock = clock
        self._lock = threading.RLock()
        self._running: dict[tuple[str, str], Running] = {}
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, identity: str, task: str, host: str, module: str) -> None:
        """Add a task that has started on a host."""
        with self._lock:
            self._display.clear()
            self._running[(identity, host)] = Running(task, host, module, self._clock())
        if self._thread is None:
            self._thread = threading.Thread(target=self._refresh_until_stopped, name="progress", daemon=True)
            self._thread.start()

    def remove(self, identity: str, host: str) -> None:
        """Remove a task that has ended on a host. Call it before the result of the task is written."""
        with self._lock:
            self._display.clear()
            self._running.pop((identity, host), None)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Erase the display while other output is written. The next refresh displays it again."""
        with self._lock:
            self._display.clear()
            yield

    def stop(self) -> None:
        """Stop the thread and erase the display."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._display.clear()
            self._running.clear()

    def refresh(self) -> None:
        """Display the running tasks."""
        with self._lock:
            self._display.show(list(self._running.values()), self._clock())

    def _refresh_until_stopped(self) -> None:
        while not self._stopped.wait(TICK):
            self.refresh()


def resolve_mode(mode: str, terminal: bool) -> str:
    """Return the effective mode: live, plain or off."""
    if mode == "auto":
        return "live" if terminal else "plain"
    return mode


def _rich() -> ModuleType | None:
    """Return the package rich, or None if it is not installed.

    It is imported only for the live display, because every fork of Ansible would copy its memory.
    """
    try:
        import rich.console
        import rich.live
        import rich.text
    except ImportError:
        return None
    return rich


def _pause_during(watch: Watch, write: Callable[..., Any]) -> Callable[..., Any]:
    """Return Ansible's output function, wrapped so that the display is paused while it writes.

    Otherwise the next refresh would erase the output.
    """
    process = os.getpid()

    def display(*arguments: Any, **options: Any) -> Any:
        # A forked worker sends its output to this process. Its copy of the lock may never be released.
        if os.getpid() != process:
            return write(*arguments, **options)
        with watch.paused():
            return write(*arguments, **options)

    return display


def _stop_at_exit(watch: Watch) -> None:
    """Stop the display and restore the cursor when Ansible exits, also after Ctrl-C."""
    process = os.getpid()
    atexit.register(lambda: watch.stop() if os.getpid() == process else None)


class CallbackModule(Default):
    """Ansible's default callback, extended by the progress display."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "mlops.mlflow_azure.progress"

    _watch: Watch | None = None

    def v2_playbook_on_start(self, playbook: Any) -> None:
        mode = resolve_mode(self.get_option("mode"), sys.stderr.isatty() and sys.stdout.isatty())
        library = _rich() if mode == "live" else None
        if library is not None:
            self._watch = Watch(LiveDisplay(sys.stdout, self.get_option("live_after"), library))
            # Ansible has one display object. Wrapping it covers warnings and banners too, which Ansible writes itself.
            self._display.display = _pause_during(self._watch, self._display.display)
            _stop_at_exit(self._watch)
        elif mode != "off":
            self._watch = Watch(PlainDisplay(sys.stderr, self.get_option("plain_after")))
        super().v2_playbook_on_start(playbook)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        super().v2_runner_on_start(host, task)
        module = module_name(task.resolved_action or task.action)
        if self._watch is not None and module is not None and not task.no_log:
            self._watch.add(task._uuid, task.get_name(), host.get_name(), module)

    def v2_runner_on_ok(self, result: Any) -> None:
        self._remove(result)
        super().v2_runner_on_ok(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._remove(result)
        super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._remove(result)
        super().v2_runner_on_skipped(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._remove(result)
        super().v2_runner_on_unreachable(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if self._watch is not None:
            self._watch.stop()
        super().v2_playbook_on_stats(stats)

    def _remove(self, result: Any) -> None:
        if self._watch is not None:
            self._watch.remove(result.task._uuid, result.host.get_name())
