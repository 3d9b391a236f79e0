# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback progress: what it says, where it says it, and that all else is as Ansible's own callback says it."""

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
    OneLine,
    Plain,
    Running,
    Told,
    Watch,
    chosen,
    in_words,
    line,
    module_of,
)

CLONE = Path(__file__).resolve().parents[3]
SERVER = Running("sql : Make the SQL server", "prod", "sql_server", 100.0)
# A module that takes its time, and says a secret that nobody may see.
SLOW = """#!/usr/bin/python
# WANT_JSON
import json, os, sys, time
given = json.load(open(sys.argv[1]))
# Ends when the test says so.
end = given["until"]
deadline = time.monotonic() + 60
while not os.path.exists(end) and time.monotonic() < deadline:
    time.sleep(0.02)
diff = {"before": "old\\n", "after": "new\\n"}
warnings = given.get("warnings", [])
print(json.dumps({"changed": True, "failed": given["fails"], "msg": "it is over", "warnings": warnings, "diff": diff}))
"""


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (-1, "0 s"), (59.9, "59 s"), (60, "1 min 00 s"), (245, "4 min 05 s")]
)
def test_seconds_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("action", "module"),
    [
        ("mlops.mlflow_azure.sql_server", "sql_server"),
        ("ansible.builtin.debug", None),
        ("sql_server", None),
    ],
)
def test_only_modules_of_the_collection_are_shown(action: str, module: str | None) -> None:
    assert module_of(action) == module


def test_a_line_says_what_where_how_long_and_how_long_it_usually_takes() -> None:
    assert line(SERVER, 130.0) == "sql : Make the SQL server (prod): 30 s, usually 57 s, seldom more than 1 min 26 s"
    assert line(SERVER._replace(module="container_image"), 130.0) == "sql : Make the SQL server (prod): 30 s"


def test_a_name_cannot_break_the_line_or_the_terminal() -> None:
    assert "\n" not in line(SERVER._replace(task="a\nb\x1b[2J"), 130.0)
    assert "\x1b" not in line(SERVER._replace(task="a\nb\x1b[2J"), 130.0)


def test_typical_times_are_of_modules_that_there_are() -> None:
    modules = {path.stem for path in (CLONE / "plugins" / "modules").glob("*.py")}
    assert set(TYPICAL) <= modules
    assert [name for name, (usual, longest) in TYPICAL.items() if not 0 < usual <= longest] == []


def test_a_plain_line_comes_after_a_while_and_then_ever_more_seldom() -> None:
    told = Told(15.0)
    at = [second for second in range(100, 231) if told.due([SERVER], float(second))]
    assert at == [115, 130, 160, 220]


def test_a_plain_line_is_not_told_of_what_has_ended() -> None:
    told = Told(15.0)
    assert len(told.due([SERVER], 115.0)) == 1
    assert told.due([], 130.0) == []
    assert told.due([SERVER._replace(started=130.0)], 144.0) == []


@pytest.mark.parametrize(
    ("mode", "terminal", "shown"),
    [
        ("auto", True, "live"),
        ("auto", False, "plain"),
        ("live", False, "live"),
        ("plain", True, "plain"),
        ("off", True, "off"),
    ],
)
def test_what_is_shown_where(mode: str, terminal: bool, shown: str) -> None:
    assert chosen(mode, terminal) == shown


def test_plain_lines_go_to_the_stream() -> None:
    stream, now = io.StringIO(), [0.0]
    watch = Watch(Plain(stream, 10.0), lambda: now[0])
    watch.begin("1", "Make the SQL server", "prod", "sql_server")
    now[0] = 12.0
    watch.look()
    watch.look()
    watch.end("1", "prod")
    now[0] = 60.0
    watch.look()
    watch.stop()
    assert stream.getvalue() == "... Make the SQL server (prod): 12 s, usually 57 s, seldom more than 1 min 26 s\n"


class Recorder:
    """Stands for rich: says what was asked of it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        library: Any = self
        self.console, self.live, self.text = library, library, library

    def Console(self, **_options: Any) -> Recorder:  # noqa: N802
        return self

    def Text(self, text: str, **_options: Any) -> str:  # noqa: N802
        return text

    def Live(self, text: str, **_options: Any) -> Recorder:  # noqa: N802
        self.said.append(text)
        return self

    def start(self, refresh: bool) -> None:
        self.said.append("start")

    def update(self, text: str, refresh: bool) -> None:
        self.said.append(text)

    def stop(self) -> None:
        self.said.append("stop")


def test_the_line_that_changes_goes_away_before_others_write() -> None:
    recorder, now = Recorder(), [100.0]
    library: Any = recorder
    watch = Watch(OneLine(io.StringIO(), 1.0, library), lambda: now[0])
    watch.begin("1", "Make it", "prod", "container_image")
    for second in (100.5, 102.0, 103.0):
        now[0] = second
        watch.look()
    with watch.aside():
        recorder.said.append("a message")
    watch.look()
    watch.end("1", "prod")
    watch.look()
    watch.stop()
    assert recorder.said == [
        *("Make it (prod): 2 s", "start", "Make it (prod): 3 s", "stop", "a message"),
        *("Make it (prod): 3 s", "start", "stop"),
    ]


def test_while_others_write_the_line_does_not_come_back() -> None:
    """Another thread shows it: it has to wait until all is written."""
    watch = Watch(Plain(io.StringIO(), 1.0))
    free: list[bool] = []

    def write(*words: str, color: str) -> str:
        other = threading.Thread(target=lambda: free.append(watch._lock.acquire(blocking=False)))
        other.start()
        other.join()
        return f"{color} {' '.join(words)}"

    assert progress._in_turn(watch, write)("of", "h1", color="red") == "red of h1"
    assert free == [False]


# playbooks, with and without a terminal


def prepare(directory: Path, **task: Any) -> tuple[list[str], dict[str, str], Path]:
    """A collection with a module that takes its time, a play of it, and the command that runs it."""
    collection = directory / "collections" / "ansible_collections" / "mlops" / "mlflow_azure"
    (collection / "plugins" / "modules").mkdir(parents=True)
    (collection / "plugins" / "callback").symlink_to(CLONE / "plugins" / "callback")
    (collection / "plugins" / "modules" / "sql_server.py").write_text(SLOW, encoding="utf-8")
    end = directory / "end"
    given = {"name": "Make the server", "mlops.mlflow_azure.sql_server": {"until": str(end), "fails": False}, **task}
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [given]}
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


def without_a_terminal(directory: Path, *options: str, **task: Any) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a run whose module ends once a line about it has come."""
    command, environment, end = prepare(directory, **task)
    with subprocess.Popen(
        [*command, *options], cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        first = run.stderr.readline() if not task.get("no_log") else ""
        end.touch()
        output, errors = run.communicate(timeout=120)
    return run.returncode, output, first + errors


def as_ansible_says_it(directory: Path, *options: str, **task: Any) -> str:
    """The same run with Ansible's own callback."""
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
def test_without_a_terminal_lines_are_added_and_nothing_is_changed(
    tmp_path: Path, options: list[str], task: dict[str, Any]
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    outputs = []
    for directory, run in ((here, without_a_terminal), (there, as_ansible_says_it)):
        directory.mkdir()
        given = json.loads(json.dumps(task))
        if "mlops.mlflow_azure.sql_server" in given:
            given["mlops.mlflow_azure.sql_server"]["until"] = str(directory / "end")
        outputs.append(run(directory, *options, **given))
    (_code, output, errors), expected = outputs
    assert output.replace(str(here), str(there)) == expected
    assert re.match(r"\.\.\. Make the server \(localhost\): \d+ s, usually 57 s, seldom more than 1 min 26 s\n", errors)


def test_nothing_is_told_of_a_task_that_is_not_to_be_logged(tmp_path: Path) -> None:
    code, output, errors = without_a_terminal(tmp_path, "-v", no_log=True)
    assert code == 0, output
    assert "..." not in errors
    assert "censored" in output


def on_a_terminal(directory: Path) -> str:
    """All that a run shows on a terminal; its module ends once the time it usually takes has been shown."""
    command, environment, end = prepare(directory)
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, cwd=directory, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as run:
        os.close(theirs)
        shown = b""
        while True:
            ready, _w, _x = select.select([ours], [], [], 120)
            assert ready, shown
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
            if b"usually 57 s" in shown:
                end.touch()
        os.close(ours)
        assert run.wait(timeout=120) == 0, shown
    return shown.decode()


def test_on_a_terminal_the_line_changes_and_is_gone_in_the_end(tmp_path: Path) -> None:
    pytest.importorskip("rich", reason="rich is not installed")
    shown = on_a_terminal(tmp_path)
    before, _line, after = shown.rpartition("usually 57 s")
    assert "Make the server (localhost)" in before
    # Erased before the result of the task is written.
    assert "\x1b[2K" in after.partition("changed: [localhost]")[0]
    assert re.search(r"(^|\n|\r|\x1b\[2K|\x1b\[\?25h)changed: \[localhost\]", after)
    assert "\n... " not in shown


class Screen:
    """What somebody sees who sits before the terminal: lines, and whether there is a cursor. Knows what rich and Ansible send."""

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


def seen(directory: Path, hosts: int, interrupt: bool) -> tuple[int, Screen]:
    """Exit status and screen of a run on some hosts, the last of which goes on until all others have ended, or until Ctrl-C."""
    command, environment, end = prepare(directory)
    last = f"h{hosts}"
    until = f"{{{{ '{end}' if inventory_hostname == '{last}' else playbook_dir }}}}"
    given = {"until": until, "fails": False, "warnings": ["{{ inventory_hostname }} has ended."]}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"name": "Make the server", "mlops.mlflow_azure.sql_server": given}],
    }
    (directory / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    inventory = ",".join(f"h{number}" for number in range(1, hosts + 1)) + ","
    command = [inventory if word == "localhost," else word for word in command]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 160, 0, 0))
    screen, shown = Screen(), ""
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
            assert ready, shown
            try:
                part = os.read(ours, 65536).decode()
            except OSError:  # the other end is closed
                break
            shown += part
            if shown.count("changed: [") == hosts - 1 and f"({last})" in shown.rpartition("changed: [")[2]:
                if interrupt:
                    os.killpg(run.pid, signal.SIGINT)
                end.touch()
        os.close(ours)
        code = run.wait(timeout=120)
    screen.feed(shown)
    return code, screen


def test_on_a_terminal_no_message_of_another_host_is_erased(tmp_path: Path) -> None:
    pytest.importorskip("rich", reason="rich is not installed")
    code, screen = seen(tmp_path, 6, interrupt=False)
    assert code == 0, screen.lines
    for host in (f"h{number}" for number in range(1, 7)):
        assert f"changed: [{host}]" in screen.lines
        assert [line for line in screen.lines if line.startswith("[WARNING]") and f" {host} has ended." in line], (
            screen.lines
        )
    assert [line for line in screen.lines if "usually" in line] == []
    assert screen.cursor


def test_on_a_terminal_an_interrupted_run_gives_the_cursor_back(tmp_path: Path) -> None:
    pytest.importorskip("rich", reason="rich is not installed")
    code, screen = seen(tmp_path, 2, interrupt=True)
    assert code != 0
    assert screen.cursor
    assert [line for line in screen.lines if "usually" in line] == []


def test_on_a_terminal_without_rich_the_lines_are_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "rich.py").write_text("raise ImportError('there is none')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "without"))
    shown = on_a_terminal(tmp_path)
    assert "... Make the server (localhost)" in shown
    assert "\x1b[2K" not in shown
