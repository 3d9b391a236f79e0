# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters drift_report, status_report, missing_role_assignments, probe_failure and ip_security_restrictions."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.filter.drift_report import drift_report
from ansible_collections.mlops.mlflow_azure.plugins.filter.ip_security_restrictions import ip_security_restrictions
from ansible_collections.mlops.mlflow_azure.plugins.filter.missing_role_assignments import missing_role_assignments
from ansible_collections.mlops.mlflow_azure.plugins.filter.probe_failure import probe_failure
from ansible_collections.mlops.mlflow_azure.plugins.filter.status_report import status_report

APP = {
    "id": "/subscriptions/s/app",
    "name": "mlflow",
    "properties": {
        "provisioningState": "Succeeded",
        "configuration": {"ingress": {"fqdn": "mlflow.example"}},
        "template": {"containers": [{"image": "cr.azurecr.io/mlflow@sha256:0"}]},
    },
}
REVISIONS = [
    {
        "name": "mlflow--2",
        "properties": {"active": True, "runningState": "Running", "replicas": 1, "trafficWeight": 100},
    },
    {"name": "mlflow--1", "properties": {"active": False}},
    {"name": "mlflow--3", "properties": {"active": True}},
]
DATABASES = {
    "sql_databases": [{"name": "mlflow", "properties": {"status": "Online", "currentServiceObjectiveName": "S0"}}]
}


def report(apps: dict[str, Any], **given: Any) -> list[str]:
    more = {"databases": DATABASES, "version": {"status": 200, "content": "3.17.0\n"}, **given}
    return status_report(apps, deployment="dev", resource_group="rg-mlflow-dev", server="sql-dev", **more)


def test_status_of_a_running_deployment() -> None:
    assert report({"container_apps": [APP], "container_app_revisions": REVISIONS}) == [
        "Deployment: dev in rg-mlflow-dev",
        "App: mlflow, Succeeded",
        "Image: cr.azurecr.io/mlflow@sha256:0",
        "Revision mlflow--2: Running, replicas: 1, traffic: 100 %",
        "Revision mlflow--3: unknown, replicas: 0, traffic: 0 %",
        "MLflow: 3.17.0",
        "Schema of the database: that of MLflow 3.17.0: the server starts on no other",
        "Database: sql-dev/mlflow, Online, S0",
        "Tracking URI and UI: https://mlflow.example",
        "Portal: https://portal.azure.com/#resource/subscriptions/s/app",
    ]


def test_status_without_resources() -> None:
    assert report({"container_apps": []}, databases={"sql_databases": []}) == [
        "Deployment: dev in rg-mlflow-dev",
        "App: there is none. Run site.yml to create it.",
        "Database: there is none",
    ]


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ({"status": 403, "content": "RBAC: access denied"}, "403"),
        ({"status": -1}, "-1"),
        ({"skipped": True}, "-"),
        ({"status": 200, "content": "<html>"}, "200"),
    ],
)
def test_status_with_an_unknown_version(version: dict[str, Any], status: str) -> None:
    lines = report({"container_apps": [APP]}, version=version)
    assert "MLflow: unknown" in lines
    assert (
        f"Schema of the database: unknown, because the server does not respond to this machine (HTTP {status})" in lines
    )


@pytest.mark.parametrize("configuration", [{}, {"ingress": None}, {"ingress": {}}])
def test_status_of_an_app_without_ingress(configuration: dict[str, Any]) -> None:
    app = {**APP, "properties": {**APP["properties"], "configuration": configuration}}
    assert "Tracking URI and UI: none" in report({"container_apps": [app]})


def test_status_in_the_sandbox_names_its_portal() -> None:
    assert report({"container_apps": [APP]}, sandbox=True)[-1] == "Portal: run python -m sandbox status"


def test_report_without_drift() -> None:
    assert drift_report([], "dev") == "dev: everything is as the inventory says."


def test_report_names_secrets_that_are_not_compared() -> None:
    assert drift_report([], "dev", ["a", "b"]).endswith(" Not compared, because this run has no value: a, b.")


def test_report_has_a_line_for_each_difference() -> None:
    entries = [{"lines": ["x: tags differ", "x: is missing"]}, {"lines": ["y: differs"]}]
    assert drift_report(entries, "dev").splitlines() == [
        "dev: 2 resources differ. Run site.yml to correct the deployment.",
        *("* x: tags differ", "* x: is missing", "* y: differs"),
    ]
    assert drift_report(entries[:1], "dev").startswith("dev: 1 resource differs.")


def test_missing_role_assignments_are_those_that_would_change() -> None:
    item = {"role": "AcrPull", "scope": "/r", "principal_id": "p"}
    results = [
        {"changed": True, "item": item, "role_assignment": {}},
        {"changed": False, "item": item, "role_assignment": {}},
        {"failed": True, "changed": True, "item": item, "msg": "AuthorizationFailed"},
    ]
    assert missing_role_assignments(results) == ["The role 'AcrPull' is missing on /r for the principal p."]
    assert missing_role_assignments([]) == []


def test_ip_security_restrictions_admit_each_range() -> None:
    ranges = [{"name": "office", "range": "203.0.113.0/24"}, {"name": "office", "range": "198.51.100.7"}]
    assert ip_security_restrictions(ranges) == [
        {"name": "office", "ip_address_range": "203.0.113.0/24", "action": "Allow"},
        {"name": "office", "ip_address_range": "198.51.100.7", "action": "Allow"},
    ]
    assert ip_security_restrictions([]) == []


PROBE = {"release": "3.17", "resource_group": "rg-x", "job": "mlflow-probe-3-17"}


def probe_run(**tags: str) -> dict[str, Any]:
    return {"data": {"tags": [{"key": f"probe.{name}", "value": value} for name, value in tags.items()]}}


def test_the_failure_of_a_probe_names_the_lost_data_and_its_output() -> None:
    runs = [probe_run(mark="e-1", lost="the trace", log="404"), probe_run(mark="e-1", lost="the artifact")]
    message = probe_failure({"msg": "Execution e-1 ended as Failed."}, runs=runs, **PROBE)
    assert message == (
        "MLflow's client 3.17 inside the environment: Execution e-1 ended as Failed. Lost: the trace. It printed: 404"
    )


def test_the_failure_of_a_probe_that_stopped_early_names_its_end() -> None:
    message = probe_failure({}, runs=[probe_run(mark="e-1", lost="")], **PROBE)
    assert message == "MLflow's client 3.17 inside the environment: The probe failed. Lost: its end. It printed: "


@pytest.mark.parametrize("runs", [[], [{"data": {}}], [{}]])
def test_the_failure_of_a_probe_without_a_run_names_the_command_for_its_log(runs: list[dict[str, Any]]) -> None:
    message = probe_failure({"msg": "No.", "container_app_job_execution": {"name": "e-1"}}, runs=runs, **PROBE)
    assert message == (
        "MLflow's client 3.17 inside the environment: No. Lost: everything, the server has no run of it. Its log: "
        "az containerapp job logs show --resource-group rg-x --name mlflow-probe-3-17 --container probe --execution e-1"
    )
    assert probe_failure({}, runs=runs, **PROBE).endswith(" --execution <execution>")
