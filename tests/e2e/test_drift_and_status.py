# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""drift.yml tells what somebody changed by hand, site.yml puts it right, and status.yml tells what runs."""

from __future__ import annotations

import re

from tests.support.site_copy import Deployment

STORAGE, FIREWALL = "2025-06-01", "2025-01-01"


def test_what_stands_as_it_should_is_no_drift(deployment: Deployment) -> None:
    before = deployment.site.writes()
    play = deployment.site.play("drift.yml")
    assert play.code == 0, play.output[-4000:]
    assert "sandbox: everything is as the inventory says." in play.output
    assert play.changed == 0
    assert deployment.site.writes() == before


def test_what_was_changed_by_hand_is_told_and_put_right(deployment: Deployment) -> None:
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
    said = " ".join(play.output.rpartition("[ERROR]: ")[2].split())
    assert "sandbox: 2 resources differ" in said
    name = account["id"].rpartition("/")[2]
    assert (
        f"Microsoft.Storage/storageAccounts {name}: properties.allowSharedKeyAccess is true, and should be false"
        in said
    )
    assert f"Microsoft.Storage/storageAccounts {name}: tags.application is mine, and should be mlflow" in said
    assert "AllowAllWindowsAzureIps: is missing" in said
    assert site.writes() == before
    assert not [secret for secret in site.secrets() if secret in play.output]
    repaired = site.play("site.yml")
    assert repaired.code == 0, repaired.output[-4000:]
    # The account, its shared keys (after everything that may have needed them) and the rule.
    assert repaired.changed == 3
    again = site.play("drift.yml")
    assert again.code == 0, again.output[-4000:]


def test_status_tells_what_runs_and_changes_nothing(deployment: Deployment) -> None:
    site = deployment.site
    before = site.writes()
    play = site.play("status.yml")
    assert play.code == 0, play.output[-4000:]
    assert play.changed == 0
    assert site.writes() == before
    (app,) = site.resources("Microsoft.App/containerApps", "rg-mlflow-sandbox")
    said = " ".join(play.output.split())
    assert f"Image: {app['properties']['template']['containers'][0]['image']}" in said
    revision = app["properties"]["latestReadyRevisionName"]
    assert re.search(rf"Revision {revision}: Running\w*, replicas: 1, traffic: 100 %", said)
    version = re.search(r"MLflow: (3\.\d+\.\d+)", said)
    assert version is not None
    assert f"Schema of the database: that of MLflow {version[1]}" in said
    assert "Database: sql-mlflow-sandbox/mlflow, Online" in said
    assert site.client_settings()["MLFLOW_TRACKING_URI"] in said
    assert not [secret for secret in site.secrets() if secret in play.output]


def test_status_of_nothing(deployment: Deployment) -> None:
    play = deployment.site.play("status.yml", "-e", "deployment=nowhere")
    assert play.code == 0, play.output[-4000:]
    assert "App: there is none" in play.output
    assert "Database: there is none" in play.output


def test_every_run_ends_with_what_stands(deployment: Deployment) -> None:
    end = " ".join(deployment.first.output.rpartition("Say what stands")[2].split())
    settings = deployment.site.client_settings()
    assert f"Tracking URI and UI: {settings['MLFLOW_TRACKING_URI']}" in end
    assert "Image: crmlflowsandbox.azurecr.io/" in end
    assert "client.env" in end
    assert "verified.json" in end
