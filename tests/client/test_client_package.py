# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The package mlflow-azure-auth: its settings, its supported releases of MLflow, and the private names that it uses."""

from __future__ import annotations

import logging
import queue
import subprocess
from pathlib import Path

import pytest
from mlflow_azure_auth import _buffers, _settings

from tests.support.client_package import client_with_hooks
from tests.support.image_server import bare

CLIENT = "mlflow-skinny==3.17.2"
SIGTERM_HANDLER = "import mlflow, signal; print(getattr(signal.getsignal(signal.SIGTERM), '__module__', None))"


def run(program: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [client_with_hooks(CLIENT), "-c", program]
    return subprocess.run(
        command, env=bare(**variables), cwd=cwd, capture_output=True, text=True, timeout=60, check=True
    )


@pytest.mark.parametrize("value", ["x", "-1", "nan", "inf", "3601", "25 s"])
def test_an_invalid_timeout_is_reported_and_replaced(
    value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_AZURE_FLUSH_TIMEOUT", value)
    with caplog.at_level(logging.WARNING):
        assert _settings.seconds(_settings.FLUSH) == 25
    assert f"MLFLOW_AZURE_FLUSH_TIMEOUT: '{value}' is not a number of seconds from 0 to 3600" in caplog.text


@pytest.mark.parametrize(("value", "expected"), [("", 25), ("0", 0), (" 7.5 ", 7.5), ("3600", 3600)])
def test_a_valid_timeout_is_used(value: str, expected: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_AZURE_FLUSH_TIMEOUT", value)
    assert _settings.seconds(_settings.FLUSH) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [("2.22.5", False), ("3.11.1", False), ("3.12.0", True), ("3.12.0rc1", True), ("4.0.0", True)],
)
def test_releases_with_asynchronous_export_are_supported(version: str, expected: bool) -> None:
    assert _buffers.supported(version) is expected


def test_a_full_queue_waits_once_and_counts() -> None:
    waiting = _buffers.WaitingQueue(1, patience=0.01)
    waiting.put("a", block=False)
    for _number in range(3):
        with pytest.raises(queue.Full):
            waiting.put("b", block=False)
    assert (waiting.stalled, waiting.discarded) == (True, 3)
    waiting.get()
    waiting.put("c", block=False)
    assert not waiting.stalled


def test_the_import_of_mlflow_installs_the_hooks_without_a_warning(tmp_path: Path) -> None:
    """A new MLflow without one of the private names fails here: MLflow warns of an entry point that cannot be loaded."""
    done = run(SIGTERM_HANDLER, tmp_path, PYTHONWARNINGS="error")
    assert done.stdout == "mlflow_azure_auth._process\n"
    assert done.stderr == ""


def test_the_hooks_can_be_switched_off(tmp_path: Path) -> None:
    assert run(SIGTERM_HANDLER, tmp_path, MLFLOW_AZURE_KEEP_TRACES="false").stdout == "signal\n"


def test_an_ignored_sigterm_stays_ignored(tmp_path: Path) -> None:
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); import mlflow; print(signal.getsignal(signal.SIGTERM).name)"
    assert run(program, tmp_path).stdout == "SIG_IGN\n"


def test_the_main_thread_installs_the_handler_that_another_thread_could_not(tmp_path: Path) -> None:
    program = (
        "import threading, signal, importlib\n"
        "thread = threading.Thread(target=importlib.import_module, args=('mlflow',)); thread.start(); thread.join()\n"
        "print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)\n"
        "import mlflow_azure_auth; mlflow_azure_auth.keep_traces()\n"
        "print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)\n"
    )
    assert run(program, tmp_path).stdout == "True\nFalse\n"
