# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback progress: content and destination of its lines. All other output equals that of Ansible's default callback."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.callback import progress
from ansible_collections.mlops.mlflow_azure.plugins.callback.progress import (
    TYPICAL,
    LiveDisplay,
    PlainDisplay,
    Running,
    Schedule,
    Watch,
    format_duration,
    format_line,
    module_name,
    resolve_mode,
)

CLONE = Path(__file__).resolve().parents[3]
SERVER = Running("sql : Create the SQL server", "prod", "sql_server", 100.0)
# A module that runs until the test creates the file "until".
SLOW = """#!/usr/bin/python
# WANT_JSON
import json, os, sys, time
arguments = json.load(open(sys.argv[1]))
end = arguments["until"]
deadline = time.monotonic() + 60
while not os.path.exists(end) and time.monotonic() < deadline:
    time.sleep(0.02)
diff = {"before": "old\\n", "after": "new\\n"}
warnings = arguments.get("warnings", [])
print(json.dumps({"changed": True, "failed": arguments["fails"], "msg": "done", "warnings": warnings, "diff": diff}))
"""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (-1, "0 s"), (59.9, "59 s"), (60, "1 min 00 s"), (245, "4 min 05 s")]
)
def test_format_of_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("action", "module"),
    [
        ("mlops.mlflow_azure.sql_server", "sql_server"),
        ("ansible.builtin.debug", None),
        ("sql_server", None),
    ],
)
def test_only_modules_of_the_collection_are_displayed(action: str, module: str | None) -> None:
    assert module_name(action) == module


def test_line_contains_task_host_elapsed_time_and_typical_duration() -> None:
    assert (
        format_line(SERVER, 130.0)
        == "sql : Create the SQL server (prod): 30 s, usually 57 s, rarely more than 1 min 26 s"
    )
    assert format_line(SERVER._replace(module="container_image"), 130.0) == "sql : Create the SQL server (prod): 30 s"


def test_line_has_no_control_characters_from_a_task_name() -> None:
    assert "\n" not in format_line(SERVER._replace(task="a\nb\x1b[2J"), 130.0)
    assert "\x1b" not in format_line(SERVER._replace(task="a\nb\x1b[2J"), 130.0)


def test_typical_durations_refer_to_existing_modules() -> None:
    modules = {path.stem for path in (CLONE / "plugins" / "modules").glob("*.py")}
    assert set(TYPICAL) <= modules
    assert [name for name, (median, percentile_90) in TYPICAL.items() if not 0 < median <= percentile_90] == []


def test_plain_lines_are_due_each_time_the_elapsed_time_doubles() -> None:
    schedule = Schedule(15.0)
    due = [second for second in range(100, 231) if schedule.due([SERVER], float(second))]
    assert due == [115, 130, 160, 220]


def test_no_plain_line_is_due_for_an_ended_task() -> None:
    schedule = Schedule(15.0)
    assert len(schedule.due([SERVER], 115.0)) == 1
    assert schedule.due([], 130.0) == []
    assert schedule.due([SERVER._replace(started=130.0)], 144.0) == []


@pytest.mark.parametrize(
    ("mode", "terminal", "effective"),
    [
        ("auto", True, "live"),
        ("auto", False, "plain"),
        ("live", False, "live"),
        ("plain", True, "plain"),
        ("off", True, "off"),
    ],
)
def test_resolve_mode(mode: str, terminal: bool, effective: str) -> None:
    assert resolve_mode(mode, terminal) == effective


def test_plain_lines_are_written_to_the_stream() -> None:
    stream, now = io.StringIO(), [0.0]
    watch = Watch(PlainDisplay(stream, 10.0), lambda: now[0])
    watch.add("1", "Create the SQL server", "prod", "sql_server")
    now[0] = 12.0
    watch.refresh()
    watch.refresh()
    watch.remove("1", "prod")
    now[0] = 60.0
    watch.refresh()
    watch.stop()
    assert stream.getvalue() == "... Create the SQL server (prod): 12 s, usually 57 s, rarely more than 1 min 26 s\n"


class Recorder:
    """Fake of the package rich that records the calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        library: Any = self
        self.console, self.live, self.text = library, library, library

    def Console(self, **_options: Any) -> Recorder:  # noqa: N802
        return self

    def Text(self, text: str, **_options: Any) -> str:  # noqa: N802
        return text

    def Live(self, text: str, **_options: Any) -> Recorder:  # noqa: N802
        self.calls.append(text)
        return self

    def start(self, refresh: bool) -> None:
        self.calls.append("start")

    def update(self, text: str, refresh: bool) -> None:
        self.calls.append(text)

    def stop(self) -> None:
        self.calls.append("stop")


def test_live_display_is_erased_before_other_output() -> None:
    recorder, now = Recorder(), [100.0]
    library: Any = recorder
    watch = Watch(LiveDisplay(io.StringIO(), 1.0, library), lambda: now[0])
    watch.add("1", "Build it", "prod", "container_image")
    for second in (100.5, 102.0, 103.0):
        now[0] = second
        watch.refresh()
    with watch.paused():
        recorder.calls.append("a message")
    watch.refresh()
    watch.remove("1", "prod")
    watch.refresh()
    watch.stop()
    assert recorder.calls == [
        *("Build it (prod): 2 s", "start", "Build it (prod): 3 s", "stop", "a message"),
        *("Build it (prod): 3 s", "start", "stop"),
    ]


def test_live_display_stays_erased_during_other_output() -> None:
    """The thread that refreshes the display waits for the lock until the output is written."""
    watch = Watch(PlainDisplay(io.StringIO(), 1.0))
    free: list[bool] = []

    def write(*words: str, color: str) -> str:
        other = threading.Thread(target=lambda: free.append(watch._lock.acquire(blocking=False)))
        other.start()
        other.join()
        return f"{color} {' '.join(words)}"

    assert progress._pause_during(watch, write)("of", "h1", color="red") == "red of h1"
    assert free == [False]


# Playbooks with and without a terminal


def prepare(directory: Path, **task: Any) -> tuple[list[str], dict[str, str], Path]:
    """Write a collection with the slow module, and a play; return the command, its environment and the file that ends the module."""
    collection = directory / "collections" / "ansible_collections" / "mlops" / "mlflow_azure"
    (collection / "plugins" / "modules").mkdir(parents=True)
    (collection / "plugins" / "callback").symlink_to(CLONE / "plugins" / "callback")
    (collection / "plugins" / "modules" / "sql_server.py").write_text(SLOW, encoding="utf-8")
    end = directory / "end"
    entry = {"name": "Create the server", "mlops.mlflow_azure.sql_server": {"until": str(end), "fails": False}, **task}
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [entry]}
    (directory / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MLFLOW_"))},
        "ANSIBLE_COLLECTIONS_PATH": str(directory / "collections"),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_STDOUT_CALLBACK": "mlops.mlflow_azure.progress",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "MLFLOW_AZURE_PROGRESS_PLAIN_AFTER": "0.3",
        "MLFLOW_AZURE_PROGRESS_LIVE_AFTER": "0.1",
        "TERM": "xterm",
        "COLUMNS": "160",
    }
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", "play.yml"]
    return command, environment, end


def run_without_terminal(directory: Path, *options: str, **task: Any) -> tuple[int, str, str]:
    """Return exit status, standard output and standard error of a run whose module ends after the first progress line."""
    command, environment, end = prepare(directory, **task)
    with subprocess.Popen(
        [*command, *options], cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        first = run.stderr.readline() if not task.get("no_log") else ""
        end.touch()
        output, errors = run.communicate(timeout=120)
    return run.returncode, output, first + errors


def run_with_default_callback(directory: Path, *options: str, **task: Any) -> str:
    """Return the standard output of the same run with Ansible's default callback."""
    command, environment, end = prepare(directory, **task)
    end.touch()
    environment["ANSIBLE_STDOUT_CALLBACK"] = "ansible.builtin.default"
    done = subprocess.run(
        [*command, *options], cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout


@pytest.mark.parametrize(
    ("options", "task"),
    [
        (["--diff"], {}),
        ([], {"ignore_errors": True, "mlops.mlflow_azure.sql_server": {"fails": True}}),
        ([], {"mlops.mlflow_azure.sql_server": {"fails": True}}),
    ],
    ids=["diff", "ignored failure", "failure"],
)
def test_without_terminal_only_progress_lines_are_added(
    tmp_path: Path, options: list[str], task: dict[str, Any]
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    outputs = []
    for directory, run in ((here, run_without_terminal), (there, run_with_default_callback)):
        directory.mkdir()
        entry = json.loads(json.dumps(task))
        if "mlops.mlflow_azure.sql_server" in entry:
            entry["mlops.mlflow_azure.sql_server"]["until"] = str(directory / "end")
        outputs.append(run(directory, *options, **entry))
    (_code, output, errors), expected = outputs
    assert output.replace(str(here), str(there)) == expected
    assert re.match(
        r"\.\.\. Create the server \(localhost\): \d+ s, usually 57 s, rarely more than 1 min 26 s\n", errors
    )


def test_task_with_no_log_has_no_progress_line(tmp_path: Path) -> None:
    code, output, errors = run_without_terminal(tmp_path, "-v", no_log=True)
    assert code == 0, output
    assert "..." not in errors
    assert "censored" in output


def run_on_terminal(directory: Path) -> str:
    """Return the terminal output of a run whose module ends once the typical duration has been displayed."""
    command, environment, end = prepare(directory)
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, cwd=directory, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as run:
        os.close(theirs)
        output = b""
        while True:
            ready, _w, _x = select.select([ours], [], [], 120)
            assert ready, output
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            output += part
            if b"usually 57 s" in output:
                end.touch()
        os.close(ours)
        assert run.wait(timeout=120) == 0, output
    return output.decode()


def test_live_display_is_erased_at_the_end(tmp_path: Path) -> None:
    pytest.importorskip("rich", reason="rich is not installed")
    output = run_on_terminal(tmp_path)
    before, _line, after = output.rpartition("usually 57 s")
    assert "Create the server (localhost)" in before
    # The display is erased before the result of the task is written.
    assert "\x1b[2K" in after.partition("changed: [localhost]")[0]
    assert re.search(r"(^|\n|\r|\x1b\[2K|\x1b\[\?25h)changed: \[localhost\]", after)
    assert "\n... " not in output


class Screen:
    """Terminal screen: its lines, and whether the cursor is visible. It interprets the control sequences of rich and Ansible."""

    def __init__(self) -> None:
        self.lines, self.row, self.column, self.cursor = [""], 0, 0, True

    def feed(self, text: str) -> None:
        for control, number, code, plain in re.findall(r"\x1b\[(\?)?(\d*)[;\d]*([A-Za-z])|([^\x1b])", text):
            if plain == "\n":
                self.row += 1
                self.lines += [""] * (self.row + 1 - len(self.lines))
            elif plain == "\r":
                self.column = 0
            elif plain:
                now = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = now[: self.column] + plain + now[self.column + 1 :]
                self.column += 1
            elif code == "A":
                self.row = max(0, self.row - int(number or 1))
            elif code == "K":
                self.lines[self.row] = ""
            elif control and number == "25":
                self.cursor = code == "h"


def run_on_screen(directory: Path, hosts: int, interrupt: bool) -> tuple[int, Screen]:
    """Return exit status and screen of a run on several hosts. The last host runs until all others have ended, or until Ctrl-C."""
    command, environment, end = prepare(directory)
    last = f"h{hosts}"
    until = f"{{{{ '{end}' if inventory_hostname == '{last}' else playbook_dir }}}}"
    arguments = {"until": until, "fails": False, "warnings": ["{{ inventory_hostname }} has ended."]}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"name": "Create the server", "mlops.mlflow_azure.sql_server": arguments}],
    }
    (directory / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    inventory = ",".join(f"h{number}" for number in range(1, hosts + 1)) + ","
    command = [inventory if word == "localhost," else word for word in command]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 160, 0, 0))
    screen, output = Screen(), ""
    with subprocess.Popen(
        command,
        cwd=directory,
        env={**environment, "ANSIBLE_FORKS": "30"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as run:
        os.close(theirs)
        while True:
            ready, _w, _x = select.select([ours], [], [], 120)
            assert ready, output
            try:
                part = os.read(ours, 65536).decode()
            except OSError:  # the other end is closed
                break
            output += part
            if output.count("changed: [") == hosts - 1 and f"({last})" in output.rpartition("changed: [")[2]:
                if interrupt:
                    os.killpg(run.pid, signal.SIGINT)
                end.touch()
        os.close(ours)
        code = run.wait(timeout=120)
    screen.feed(output)
    return code, screen


def test_live_display_keeps_messages_of_other_hosts(tmp_path: Path) -> None:
    pytest.importorskip("rich", reason="rich is not installed")
    code, screen = run_on_screen(tmp_path, 6, interrupt=False)
    assert code == 0, screen.lines
    for host in (f"h{number}" for number in range(1, 7)):
        assert f"changed: [{host}]" in screen.lines
        assert [line for line in screen.lines if line.startswith("[WARNING]") and f" {host} has ended." in line], (
            screen.lines
        )
    assert [line for line in screen.lines if "usually" in line] == []
    assert screen.cursor


def test_interrupted_run_restores_the_cursor(tmp_path: Path) -> None:
    pytest.importorskip("rich", reason="rich is not installed")
    code, screen = run_on_screen(tmp_path, 2, interrupt=True)
    assert code != 0
    assert screen.cursor
    assert [line for line in screen.lines if "usually" in line] == []


def test_terminal_without_rich_uses_plain_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "rich.py").write_text("raise ImportError('not installed')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "without"))
    output = run_on_terminal(tmp_path)
    assert "... Create the server (localhost)" in output
    assert "\x1b[2K" not in output
