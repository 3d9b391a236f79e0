# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of the role mlflow_client, its validation, and its message after a failed probe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.role_run import run

URI = "https://mlflow.example.org"
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-x/providers"
PROBE: dict[str, Any] = {
    "mlflow_client_tracking_uri": URI,
    "mlflow_client_probe": True,
    "mlflow_client_resource_group": "rg-x",
    "mlflow_client_location": "westeurope",
    "mlflow_client_registry_name": "crexample",
    "mlflow_client_app_environment_id": f"{SUBSCRIPTION}/Microsoft.App/managedEnvironments/cae-x",
    "mlflow_client_identity_id": f"{SUBSCRIPTION}/Microsoft.ManagedIdentity/userAssignedIdentities/id-x",
}
ROLE = {"ansible.builtin.include_role": {"name": "mlops.mlflow_azure.mlflow_client"}}


def test_the_fact_holds_the_lines_of_client_env(tmp_path: Path) -> None:
    kept = tmp_path / "fact.json"
    copy = {"content": "{{ mlflow_client_environment | to_json }}", "dest": str(kept), "mode": "0600"}
    settings = {
        "mlflow_client_tracking_uri": f"{URI}/",
        "mlflow_client_location": "",
        "mlflow_client_registry_name": "",
    }
    done = run(tmp_path, [ROLE, {"ansible.builtin.copy": copy}], settings, {})
    assert done.returncode == 0, done.stdout + done.stderr
    block = json.loads(kept.read_text(encoding="utf-8"))
    assert block[0] == {"name": "MLFLOW_TRACKING_URI", "value": URI}
    assert {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": ""} in block
    # The API of Azure accepts only strings.
    assert all(isinstance(entry["value"], str) for entry in block)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"mlflow_client_tracking_uri": "sqlite:///x"}, "mlflow_client_tracking_uri"),
        ({"mlflow_client_tracking_uri": "https://ml flow"}, "mlflow_client_tracking_uri"),
        ({"mlflow_client_probe_job": "Job_"}, "mlflow_client_probe_job"),
        ({"mlflow_client_probe_job": "a" * 28}, "mlflow_client_probe_job"),
        ({"mlflow_client_probe_releases": []}, "mlflow_client_probe_releases"),
        ({"mlflow_client_probe_releases": ["9"]}, "mlflow_client_probe_releases"),
        ({"mlflow_client_identity_id": "id-x"}, "mlflow_client_identity_id"),
        ({"mlflow_client_app_environment_id": ""}, "mlflow_client_app_environment_id"),
        ({"mlflow_client_registry_name": "my-registry"}, "mlflow_client_registry_name"),
    ],
)
def test_invalid_settings_are_named_before_the_first_write(change: dict[str, Any], named: str, tmp_path: Path) -> None:
    # The collection of this test has no modules.
    done = run(tmp_path, [ROLE], {**PROBE, **change}, {})
    assert done.returncode != 0
    assert named in done.stdout + done.stderr


def test_a_failed_probe_without_a_run_names_its_log(tmp_path: Path) -> None:
    modules = {
        "container_image": {"changed": False, "container_image": {"reference": "crexample.azurecr.io/p@sha256:0"}},
        "container_app_job": {"changed": False, "container_app_job": {}},
        "container_app_job_execution": {
            "failed": True,
            "msg": "Execution mlflow-probe-3-17-abcdefg ended as Failed.",
            "container_app_job_execution": {"name": "mlflow-probe-3-17-abcdefg"},
        },
    }
    done = run(tmp_path, [ROLE], {**PROBE, "mlflow_client_tracking_uri": "http://127.0.0.1:9"}, modules)
    text = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert "MLflow's client 3.17 inside the environment: Execution mlflow-probe-3-17-abcdefg ended as Failed." in text
    assert "Lost: everything" in text
    assert "az containerapp job logs show --resource-group rg-x --name mlflow-probe-3-17" in text
