# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""drift.yml reports manual changes, site.yml corrects them, and status.yml reports the status."""

from __future__ import annotations

import re

from tests.support.site_copy import Deployment
from tests.support.task_results import changed

STORAGE, FIREWALL = "2025-06-01", "2025-01-01"


def test_an_unchanged_deployment_has_no_drift(deployment: Deployment) -> None:
    before = deployment.site.writes()
    play = deployment.site.play("drift.yml")
    assert play.code == 0, play.output[-4000:]
    assert "sandbox: everything is as the inventory says." in play.output
    assert play.changed == 0
    assert deployment.site.writes() == before


def test_manual_changes_are_reported_and_corrected(deployment: Deployment) -> None:
    site, client = deployment.site, deployment.site.client()
    (account,) = site.resources("Microsoft.Storage/storageAccounts", "rg-mlflow-sandbox")
    (rule,) = site.resources("Microsoft.Sql/servers/firewallRules", "rg-mlflow-sandbox")
    opened = client.arm(
        "PATCH",
        account["id"],
        {"properties": {"allowSharedKeyAccess": True}, "tags": {"application": "mine"}},
        version=STORAGE,
    )
    assert opened.status_code == 200, opened.text
    assert client.arm("DELETE", rule["id"], version=FIREWALL).status_code == 200
    before = site.writes()
    play = site.play("drift.yml")
    assert play.code == 2, play.output[-4000:]
    report = " ".join(play.output.rpartition("[ERROR]: ")[2].split())
    assert "sandbox: 2 resources differ" in report
    name = account["id"].rpartition("/")[2]
    assert (
        f"Microsoft.Storage/storageAccounts {name}: properties.allowSharedKeyAccess is true, and should be false"
        in report
    )
    assert f"Microsoft.Storage/storageAccounts {name}: tags.application is mine, and should be mlflow" in report
    assert "AllowAllWindowsAzureIps: is missing" in report
    assert site.writes() == before
    assert not [secret for secret in site.secrets() if secret in play.output]
    repaired = site.play("site.yml")
    assert repaired.code == 0, repaired.output[-4000:]
    # The account is written twice: its shared keys are disabled after everything that may use them.
    assert changed(repaired.results) == {("storage", "storage_account"), ("sql", "sql_firewall_rule")}
    (corrected,) = site.resources("Microsoft.Storage/storageAccounts", "rg-mlflow-sandbox")
    assert corrected["properties"]["allowSharedKeyAccess"] is False
    assert corrected["tags"] == account["tags"]
    assert len(site.resources("Microsoft.Sql/servers/firewallRules", "rg-mlflow-sandbox")) == 1
    written = {key.lower() for key, _time in set(site.writes()) - set(before)}
    assert written == {account["id"].lower(), rule["id"].lower()}
    again = site.play("drift.yml")
    assert again.code == 0, again.output[-4000:]


def test_status_reports_the_deployment_and_changes_nothing(deployment: Deployment) -> None:
    site = deployment.site
    before = site.writes()
    play = site.play("status.yml")
    assert play.code == 0, play.output[-4000:]
    assert play.changed == 0
    assert site.writes() == before
    (app,) = site.resources("Microsoft.App/containerApps", "rg-mlflow-sandbox")
    report = " ".join(play.output.split())
    assert f"Image: {app['properties']['template']['containers'][0]['image']}" in report
    revision = app["properties"]["latestReadyRevisionName"]
    assert re.search(rf"Revision {revision}: Running\w*, replicas: 1, traffic: 100 %", report)
    version = re.search(r"MLflow: (3\.\d+\.\d+)", report)
    assert version is not None
    assert f"Schema of the database: that of MLflow {version[1]}" in report
    assert "Database: sql-mlflow-sandbox/mlflow, Online" in report
    assert site.client_settings()["MLFLOW_TRACKING_URI"] in report
    assert not [secret for secret in site.secrets() if secret in play.output]


def test_status_without_a_deployment(deployment: Deployment) -> None:
    play = deployment.site.play("status.yml", "-e", "deployment=nowhere")
    assert play.code == 0, play.output[-4000:]
    assert "App: there is none" in play.output
    assert "Database: there is none" in play.output


def test_each_run_ends_with_a_summary(deployment: Deployment) -> None:
    end = " ".join(deployment.first.output.rpartition("Deployment sandbox in rg-mlflow-sandbox")[2].split())
    settings = deployment.site.client_settings()
    assert f"Tracking URI and UI: {settings['MLFLOW_TRACKING_URI']}" in end
    assert "Image: crmlflowsandbox.azurecr.io/" in end
    assert "client.env" in end
    assert "verified.json" in end
