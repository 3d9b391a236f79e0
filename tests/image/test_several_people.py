# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Concurrent users of two replicas and one database."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.image_server import START_SECONDS, bare, free_port, settings, starting

CLIENTS = 20
SECONDS = 60


def clients(server_bin: Path, *arguments: str) -> dict[str, Any]:
    """Return the output of many_clients.py."""
    program = str(Path(__file__).with_name("many_clients.py"))
    command = [str(server_bin / "python"), "-W", "ignore", program, *arguments]
    ended = subprocess.run(command, env=bare(), capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 0, ended.stderr
    printed: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return printed


@pytest.mark.slow
def test_no_write_of_twenty_clients_of_two_replicas_is_lost(server_bin: Path, tmp_path: Path) -> None:
    executable = server_bin / "mlflow-azure-server"
    environments = []
    for name in ("one", "two", "later"):
        # A temporary folder each, as containers have.
        (tmp_path / name).mkdir()
        environments.append(settings(tmp_path, free_port(), TMPDIR=str(tmp_path / name)))
    with (
        starting(executable, environments[0], tmp_path / "log1") as one,
        starting(executable, environments[1], tmp_path / "log2") as two,
    ):
        one.wait_until_healthy(2 * START_SECONDS)
        two.wait_until_healthy(2 * START_SECONDS)
        made = one.ask(
            "POST", "/api/2.0/mlflow/experiments/create", '{"name": "several"}', Content_Type="application/json"
        )
        experiment = str(json.loads(made.body)["experiment_id"])
        acknowledged = clients(server_bin, "write", experiment, str(CLIENTS), str(SECONDS), one.url, two.url)
    print(f"runs by client: {acknowledged['by_client']}; refused: {acknowledged['refused']}")
    # Read by a server that was not running, so that nothing comes from its memory.
    with starting(executable, environments[2], tmp_path / "log3") as later:
        later.wait_until_healthy(2 * START_SECONDS)
        stored = clients(server_bin, "read", experiment, later.url)
    lost = {
        run: (what, stored["runs"].get(run)) for run, what in acknowledged["runs"].items() if _lost(what, stored, run)
    }
    assert not lost
    assert set(acknowledged["traces"]) <= set(stored["traces"])
    assert min(acknowledged["by_client"]) > 0
    assert len(acknowledged["refused"]) <= len(acknowledged["runs"]) / 100, acknowledged["refused"]


def _lost(what: dict[str, Any], stored: dict[str, Any], run: str) -> bool:
    """Return whether acknowledged content is missing. Content whose write was not answered may exist."""
    there = stored["runs"].get(run)
    return (
        there is None or there["steps"] < what["steps"] or (what["note"] is not None and there["note"] != what["note"])
    )
