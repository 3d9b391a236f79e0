# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What make runs works alone, keeps its temporary files inside the clone, and ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import alone as locking
from scripts import demo, environment
from scripts.alone import Turn, alone


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty clone, in which nobody waits for a lock that is taken."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locking, "WAIT_SECONDS", 0)
    return tmp_path


def installed(directory: Path, pip: str) -> None:
    """Make an environment whose Python is a shell script."""
    python = directory / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{pip}\n")
    python.chmod(0o755)
    (directory / environment.RECORD).mkdir()
    (directory / environment.RECORD / "python").write_text(environment.key())


def test_what_a_killed_run_left_is_gone_at_the_next(clone: Path) -> None:
    with alone("work", "the work") as turn:
        (turn.temporary / "pip-unpack-1").mkdir()
    with alone("work", "the work") as turn:
        assert turn.temporary == clone / ".cache" / "tmp" / "work"
        assert list(turn.temporary.iterdir()) == []


def test_a_second_one_gives_up_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with alone("work", "the work") as turn:
        (turn.temporary / "in-use").touch()
        with (
            pytest.raises(TimeoutError, match=r"^Somebody else still works on the work after 0 s: .+$"),
            alone("work", "the work"),
        ):
            pass
        assert (turn.temporary / "in-use").exists()
        with alone("other", "other work"):
            pass
    assert capsys.readouterr().out == ""  # it did not wait at all


def test_one_that_waits_goes_on_when_the_other_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locking, "WAIT_SECONDS", 60)
    with alone("work", "the work") as first:
        lock = locking.fcntl.flock
        monkeypatch.setattr(locking.time, "sleep", lambda _seconds: lock(first.descriptor, locking.fcntl.LOCK_UN))
        with alone("work", "the work"):
            pass
    assert capsys.readouterr().out == "Waiting until somebody else has ended the work (60 s at most)\n"


def test_a_child_that_outlives_its_parent_holds_the_lock() -> None:
    with alone("work", "the work") as turn:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(turn.descriptor,))
    with pytest.raises(TimeoutError), alone("work", "the work"):
        pass
    child.communicate()
    with alone("work", "the work"):
        pass


def test_pip_has_its_temporary_files_in_the_clone(clone: Path) -> None:
    installed(clone / "venv", 'touch "$TMPDIR/pip-unpack-1"')
    (clone / "some.lock").write_text("some")
    assert environment.main(Path("venv"), [Path("some.lock")]) == 0
    assert (clone / ".cache/tmp/venv/pip-unpack-1").exists()
    assert not (clone / "venv" / environment.BUSY).exists()


@pytest.mark.parametrize("own", [None, ".rustup", "elsewhere"])
def test_neither_venv_nor_pip_writes_into_the_home(
    clone: Path, monkeypatch: pytest.MonkeyPatch, own: str | None
) -> None:
    """venv calls pip to install it, and pip calls rustc, whose rustup writes into the home of who has none there yet."""
    home = clone / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("RUSTUP_HOME", raising=False)
    if own == ".rustup":
        (home / own).mkdir()
    elif own:
        monkeypatch.setenv("RUSTUP_HOME", own)
    python = clone / "python"
    python.write_text(
        f'#!/bin/sh\necho "$2 $TMPDIR ${{RUSTUP_HOME-unset}}" >> {clone}/calls\n'
        'if [ "$2" = venv ]; then mkdir -p "$3/bin"; ln -s "$0" "$3/bin/python"; fi\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(environment.sys, "executable", str(python))
    (clone / "some.lock").write_text("some")
    assert environment.main(Path("venv"), [Path("some.lock")]) == 0
    rustup = {None: str(clone / ".cache/rustup"), ".rustup": "unset"}.get(own, own)
    temporary = clone / ".cache/tmp/venv"
    assert (clone / "calls").read_text().splitlines() == [f"venv {temporary} {rustup}", f"pip {temporary} {rustup}"]


def test_nothing_is_installed_twice(clone: Path) -> None:
    installed(clone / "venv", "echo once >> calls")
    (clone / "some.lock").write_text("some")
    for _time in range(2):
        assert environment.main(Path("venv"), [Path("some.lock")]) == 0
    assert (clone / "calls").read_text() == "once\n"


@pytest.mark.parametrize(
    ("pip", "said"),
    [
        ("exit 3", "pip could not install into venv (exit status 3); its own message is above."),
        ("exec tail -f /dev/null", "The installation into venv did not end within 0.2 s and was stopped; try again."),
    ],
    ids=["fails", "hangs"],
)
def test_an_installation_that_does_not_end_well(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pip: str, said: str
) -> None:
    monkeypatch.setattr(environment, "PIP_SECONDS", 0.2)
    installed(clone / "venv", pip)
    (clone / "some.lock").write_text("some")
    assert environment.main(Path("venv"), [Path("some.lock")]) == 1
    assert capsys.readouterr().err == f"{said}\n"
    assert (clone / "venv" / environment.BUSY).exists()  # so the next one makes it anew
    assert not (clone / "venv" / environment.RECORD / "some.lock").exists()


@pytest.mark.parametrize("taken", [".venv", "demo"])
def test_two_at_once(capsys: pytest.CaptureFixture[str], taken: str) -> None:
    with alone(taken, "it"):
        assert (demo.main() if taken == "demo" else environment.main(Path(taken), [])) == 1
    assert capsys.readouterr().err.startswith("Somebody else still works on the ")
    assert not Path(taken).exists()


def test_a_play_that_does_not_end(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ends_never(turn: Turn) -> int:
        raise subprocess.TimeoutExpired(["ansible-playbook"], demo.PLAY_SECONDS)

    monkeypatch.setattr(demo, "start_sandbox", lambda: 0)
    monkeypatch.setattr(demo, "play", ends_never)
    assert demo.main() == 1
    assert (
        capsys.readouterr().err
        == "site.yml did not end within 1800 s and was stopped; .ansible/demo.log says how far it came.\n"
    )


SERVER = """
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    statuses = [503, 204, 200]

    def do_GET(self):
        self.send_response(self.statuses.pop(0) if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *words):
        pass

with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
    print(server.server_port, flush=True)
    for _time in range(3):
        server.handle_request()
"""


def test_the_demo_ends_when_the_app_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(demo.time, "sleep", waits.append)
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        assert demo.answers(url)
        assert len(waits) == 2
    monkeypatch.setattr(demo, "ANSWER_SECONDS", 0)
    assert not demo.answers(url)
