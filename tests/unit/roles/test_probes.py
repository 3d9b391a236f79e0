# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes of the container app."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

CLONE = Path(__file__).resolve().parents[3]
# The first start waits for a paused database, and then creates the schema.
SCHEMA_SECONDS = 60


@pytest.fixture
def probes() -> dict[str, dict[str, Any]]:
    """Return the probes of the app by type."""
    tasks = yaml.safe_load((CLONE / "roles" / "mlflow_app" / "tasks" / "apply.yml").read_text(encoding="utf-8"))
    (app,) = [task["mlops.mlflow_azure.container_app"] for task in tasks if "mlops.mlflow_azure.container_app" in task]
    (container,) = app["containers"]
    return {probe["type"]: probe for probe in container["probes"]}


def test_each_probe_requests_the_health_endpoint_of_the_server(probes: dict[str, dict[str, Any]]) -> None:
    assert sorted(probes) == ["Liveness", "Readiness", "Startup"]
    for probe in probes.values():
        assert probe["http_get"] == {"path": "/health", "port": "{{ mlflow_app_port }}"}


def test_the_startup_probe_lasts_until_a_paused_database_has_resumed(probes: dict[str, dict[str, Any]]) -> None:
    startup = probes["Startup"]
    settings = (CLONE / "docker" / "mlflow" / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in settings.splitlines() if line.startswith("| `MLFLOW_AZURE_DATABASE_TIMEOUT`")]
    database_seconds = int(row.split("|")[2].strip(" `"))
    assert startup["period_seconds"] * startup["failure_threshold"] >= database_seconds + SCHEMA_SECONDS
