# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of the demo, without a sandbox."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import demo
from scripts.exclusive import Lock, exclusive

EXPERIMENT = "https://mlflow.example/#/experiments/2/traces"


@pytest.fixture
def deployed(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone after a run of site.yml that changed three tasks; `env` of the sandbox prints one variable."""
    (clone / demo.LOG).parent.mkdir()
    (clone / demo.LOG).write_text("sandbox : ok=9 changed=3 unreachable=0\n")
    (clone / demo.OUTPUT).mkdir(parents=True)
    (clone / demo.OUTPUT / "client.env").write_text("# client\nMLFLOW_TRACKING_URI=https://mlflow.example\nEMPTY=\n")
    (clone / demo.OUTPUT / "verified.json").write_text(json.dumps({"read_back": ["run", "trace"], "restarted": True}))
    (clone / demo.EXAMPLE).parent.mkdir()
    answers = {"env": json.dumps({"HTTPS_PROXY": "http://127.0.0.1:1"}), "url": "http://127.0.0.1:2"}
    monkeypatch.setattr(demo, "sandbox", lambda command, *_arguments: answers[command])
    monkeypatch.setattr(demo, "start_sandbox", lambda: 0)
    monkeypatch.setattr(demo, "play", lambda _held: 0)
    monkeypatch.setattr(demo, "healthy", lambda _url: True)
    return clone


@pytest.mark.usefixtures("clone")
def test_two_demos_at_the_same_time(capsys: pytest.CaptureFixture[str]) -> None:
    with exclusive("demo", "it"):
        assert demo.main() == 1
    assert capsys.readouterr().err.startswith("Another process still works on the demo ")
    assert not Path("demo").exists()


@pytest.mark.usefixtures("clone")
def test_a_playbook_that_does_not_finish(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def hang(_held: Lock) -> int:
        raise subprocess.TimeoutExpired(["ansible-playbook"], demo.PLAY_SECONDS)

    monkeypatch.setattr(demo, "start_sandbox", lambda: 0)
    monkeypatch.setattr(demo, "play", hang)
    assert demo.main() == 1
    assert (
        capsys.readouterr().err
        == "site.yml did not finish within 1800 s and was stopped. Its log is .ansible/demo.log.\n"
    )


def test_the_summary_names_the_example_experiment(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (deployed / demo.EXAMPLE).write_text(f"print('{EXPERIMENT}')")
    assert demo.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert "MLflow runs." in lines
    assert "  Example experiment  http://127.0.0.1:2/#/experiments/2/traces" in lines
    assert "  Tracking URI        https://mlflow.example" in lines
    assert "  Verified            run, trace: written, read back and compared, and again after a restart" in lines


def test_an_experiment_of_the_user_is_not_in_the_summary(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (deployed / demo.EXAMPLE).write_text("")
    assert demo.main() == 0
    assert "Example experiment" not in capsys.readouterr().out


def test_the_example_has_the_settings_of_client_env_and_of_the_sandbox(
    deployed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "the user's own")
    (deployed / demo.EXAMPLE).write_text("import json, os; print(json.dumps(dict(os.environ)))")
    with exclusive("demo", "the demo") as lock:
        environ = json.loads(demo.log_example(lock))
        assert environ["TMPDIR"] == str(lock.temporary)
    assert environ["MLFLOW_TRACKING_URI"] == "https://mlflow.example"
    assert environ["HTTPS_PROXY"] == "http://127.0.0.1:1"
    assert environ["EMPTY"] == ""
    assert "MLFLOW_RUN_ID" not in environ
    assert environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.parametrize(
    ("program", "seconds", "failure"),
    [
        ("raise SystemExit(3)", 60, "exit status 3"),
        ("import signal; signal.pause()", 0.2, "timed out after 0.2 seconds"),
    ],
    ids=["fails", "hangs"],
)
def test_an_example_that_is_not_complete(
    deployed: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    program: str,
    seconds: float,
    failure: str,
) -> None:
    monkeypatch.setattr(demo, "EXAMPLE_SECONDS", seconds)
    (deployed / demo.EXAMPLE).write_text(program)
    assert demo.main() == 1
    message = capsys.readouterr().err
    assert message.startswith("MLflow runs at http://127.0.0.1:2, but its example experiment is not complete: ")
    assert message.endswith(f"{failure}. Try again.\n")


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


def test_the_demo_waits_until_the_app_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(demo.time, "sleep", waits.append)
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        assert demo.healthy(url)
        assert len(waits) == 2
    monkeypatch.setattr(demo, "HEALTH_SECONDS", 0)
    assert not demo.healthy(url)
