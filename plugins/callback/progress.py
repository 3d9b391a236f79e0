# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback ``progress``: what is being made, for how long, and how long that usually takes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: stdout
short_description: Show what takes long while it does
version_added: 0.3.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - While a task of this collection waits for Azure, it shows for each host what is being made, for how long, and how long Azure
    usually takes for it.
  - On a terminal, and where the Python package C(rich) is installed, that is one line that changes. Everywhere else a plain line
    appears on standard error after O(plain_after) seconds, and after twice that time, and so on.
  - All else is as P(ansible.builtin.default#callback) shows it, with the same options. What is added shows names of tasks and of
    hosts, never an option or a result, and nothing of a task with C(no_log).
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout in the configuration, C(stdout_callback = mlops.mlflow_azure.progress)
  - rich, for the line that changes
options:
  mode:
    description:
      - V(auto) uses a line that changes where there is a terminal and C(rich), and plain lines elsewhere. V(live) and V(plain) are
        the one and the other; without C(rich), V(live) is V(plain) too. V(off) shows nothing.
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
      - Seconds after which a task that still runs is told by a plain line.
    type: float
    default: 15.0
    env:
      - name: MLFLOW_AZURE_PROGRESS_PLAIN_AFTER
    ini:
      - section: callback_mlflow_azure_progress
        key: plain_after
  live_after:
    description:
      - Seconds after which a task that still runs is shown in the line that changes. Faster ones would only flicker.
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

# Seconds that Azure usually takes: median and 90th percentile of creations on record in the test recordings of Azure's own command
# line and of Azure Service Operator, 2023 to 2026. None where nothing is on record.
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
# Seconds between two looks at the clock.
TICK = 0.25
_SEPARATOR = re.compile(r"\s+")


class Running(NamedTuple):
    """A task that runs on a host. started: of a monotonic clock."""

    task: str
    host: str
    module: str
    started: float


def module_of(action: str) -> str | None:
    """The short name of a module of this collection, None for any other action."""
    return action[len(COLLECTION) :] if action.startswith(COLLECTION) else None


def in_words(seconds: float) -> str:
    """Seconds as people say them: 8 s, 1 min 05 s."""
    whole = max(0, int(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def line(running: Running, now: float) -> str:
    """One line about a task that runs, without a line break and without the codes of a terminal."""
    name = "".join(letter for letter in _SEPARATOR.sub(" ", running.task) if letter.isprintable())
    told = f"{name} ({running.host}): {in_words(now - running.started)}"
    if running.module not in TYPICAL:
        return told
    usual, longest = TYPICAL[running.module]
    return f"{told}, usually {in_words(usual)}, seldom more than {in_words(longest)}"


class Told:
    """Which plain lines are due: after so many seconds, and each time that has doubled."""

    def __init__(self, after: float) -> None:
        self._after = max(after, TICK)
        self._next: dict[Running, float] = {}

    def due(self, running: list[Running], now: float) -> list[str]:
        """The lines that are due now, each once."""
        self._next = {one: self._next.get(one, self._after) for one in running}
        lines = []
        for one in running:
            if now - one.started >= self._next[one]:
                lines.append(line(one, now))
                while self._next[one] <= now - one.started:
                    self._next[one] *= 2
        return lines


class Plain:
    """Writes the lines that are due on standard error."""

    def __init__(self, stream: TextIO, after: float) -> None:
        self._stream = stream
        self._told = Told(after)

    def show(self, running: list[Running], now: float) -> None:
        """Write what is due."""
        for one in self._told.due(running, now):
            self._stream.write(f"... {one}\n")
            self._stream.flush()

    def clear(self) -> None:
        """Nothing of it has to go."""


class OneLine:
    """A line at the bottom of a terminal that changes, by rich."""

    def __init__(self, stream: TextIO, after: float, library: ModuleType) -> None:
        self._rich = library
        self._console = library.console.Console(file=stream, force_terminal=True, highlight=False)
        self._after = after
        self._live: Any = None

    def show(self, running: list[Running], now: float) -> None:
        """Show the tasks that have run long enough, one line each."""
        lines = [line(one, now) for one in running if now - one.started >= self._after]
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
        """Take the line away, so that others can write where it was."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class Watch:
    """The tasks that run, and a thread that shows them. clock: seconds of a monotonic clock."""

    def __init__(self, display: Plain | OneLine, clock: Callable[[], float] = time.monotonic) -> None:
        self._display = display
        self._clock = clock
        self._lock = threading.RLock()
        self._running: dict[tuple[str, str], Running] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, identity: str, task: str, host: str, module: str) -> None:
        """A task has begun on a host."""
        with self._lock:
            self._display.clear()
            self._running[(identity, host)] = Running(task, host, module, self._clock())
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="progress", daemon=True)
            self._thread.start()

    def end(self, identity: str, host: str) -> None:
        """A task has ended on a host. What other callbacks write of it comes after this."""
        with self._lock:
            self._display.clear()
            self._running.pop((identity, host), None)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Make room for what others write meanwhile; what runs is shown again with the next look after it."""
        with self._lock:
            self._display.clear()
            yield

    def stop(self) -> None:
        """Show nothing more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._display.clear()
            self._running.clear()

    def look(self) -> None:
        """Show what runs now."""
        with self._lock:
            self._display.show(list(self._running.values()), self._clock())

    def _look(self) -> None:
        while not self._ended.wait(TICK):
            self.look()


def chosen(mode: str, terminal: bool) -> str:
    """What is shown: live (plain without rich), plain or off."""
    if mode == "auto":
        return "live" if terminal else "plain"
    return mode


def _rich() -> ModuleType | None:
    """Imported only where a line changes: it would be in the memory that Ansible copies for each task."""
    try:
        import rich.console
        import rich.live
        import rich.text
    except ImportError:
        return None
    return rich


def _in_turn(watch: Watch, write: Callable[..., Any]) -> Callable[..., Any]:
    """Ansible's way to write, during which the line that changes is away: what is written under it would be erased with it."""
    process = os.getpid()

    def display(*arguments: Any, **options: Any) -> Any:
        # A worker hands over to this process what it has to say, and its copy of the lock may never be opened.
        if os.getpid() != process:
            return write(*arguments, **options)
        with watch.aside():
            return write(*arguments, **options)

    return display


def _at_exit(watch: Watch) -> None:
    """However Ansible ends, by Ctrl-C too, the line goes and the terminal gets its cursor back."""
    process = os.getpid()
    atexit.register(lambda: watch.stop() if os.getpid() == process else None)


class CallbackModule(Default):
    """The callback as Ansible finds it: the default one, and what takes long."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "mlops.mlflow_azure.progress"

    _watch: Watch | None = None

    def v2_playbook_on_start(self, playbook: Any) -> None:
        mode = chosen(self.get_option("mode"), sys.stderr.isatty() and sys.stdout.isatty())
        library = _rich() if mode == "live" else None
        if library is not None:
            self._watch = Watch(OneLine(sys.stdout, self.get_option("live_after"), library))
            # Of the one display that Ansible has, so that warnings and banners, which it writes by itself, are told in turn too.
            self._display.display = _in_turn(self._watch, self._display.display)
            _at_exit(self._watch)
        elif mode != "off":
            self._watch = Watch(Plain(sys.stderr, self.get_option("plain_after")))
        super().v2_playbook_on_start(playbook)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        super().v2_runner_on_start(host, task)
        module = module_of(task.resolved_action or task.action)
        if self._watch is not None and module is not None and not task.no_log:
            self._watch.begin(task._uuid, task.get_name(), host.get_name(), module)

    def v2_runner_on_ok(self, result: Any) -> None:
        self._end(result)
        super().v2_runner_on_ok(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._end(result)
        super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._end(result)
        super().v2_runner_on_skipped(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._end(result)
        super().v2_runner_on_unreachable(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if self._watch is not None:
            self._watch.stop()
        super().v2_playbook_on_stats(stats)

    def _end(self, result: Any) -> None:
        if self._watch is not None:
            self._watch.end(result.task._uuid, result.host.get_name())
