# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml deploys MLflow to the sandbox, a second run changes nothing, and the server stores data."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
from pathlib import Path

import pytest

from tests.support.site_copy import Deployment

TYPES = (
    "Microsoft.Resources/resourceGroups",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Sql/servers",
    "Microsoft.Sql/servers/databases",
    "Microsoft.Sql/servers/firewallRules",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Storage/storageAccounts/blobServices/containers",
    "Microsoft.App/managedEnvironments",
    "Microsoft.App/containerApps",
)
OTEL = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4397", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}

LOG_ALL = """
import hashlib, json, os, sys, tempfile
import mlflow
from mlflow.tracing.constant import SpanAttributeKey

mlflow.set_experiment(sys.argv[1])
with mlflow.start_run(run_name="one") as run:
    mlflow.log_param("p", "v")
    mlflow.log_metric("m", 0.5)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.bin")
        with open(path, "wb") as stream:
            stream.write(sys.argv[2].encode() * 1000)
        mlflow.log_artifact(path)

@mlflow.trace(span_type="CHAT_MODEL")
def ask(prompt):
    span = mlflow.get_current_active_span()
    if span is not None:
        span.set_attribute(SpanAttributeKey.CHAT_USAGE, {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18})
    return "Paris, of course"

ask("What is the capital of France?")
mlflow.flush_trace_async_logging(terminate=True)
print("RUN", run.info.run_id)
"""

READ_ALL = """
import json, sys
import mlflow
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name(sys.argv[1])
runs = client.search_runs([experiment.experiment_id])
traces = client.search_traces(locations=[experiment.experiment_id])
print("FOUND", json.dumps({
    "experiment": experiment.experiment_id,
    "runs": [[r.data.params, r.data.metrics, [a.path for a in client.list_artifacts(r.info.run_id)]] for r in runs],
    "traces": [[t.info.request_preview, t.info.response_preview, t.info.token_usage] for t in traces],
}))
"""


def read_back(deployment: Deployment, experiment: str) -> dict:
    done = deployment.site.python(
        READ_ALL, experiment, MLFLOW_TRACKING_URI=deployment.site.client_settings()["MLFLOW_TRACKING_URI"]
    )
    assert done.returncode == 0, done.stdout
    result: dict = json.loads(done.stdout.partition("FOUND ")[2])
    return result


def test_the_first_run_creates_and_verifies_the_deployment(deployment: Deployment) -> None:
    site = deployment.site
    for kind in TYPES:
        (made,) = site.resources(kind)
        assert made["state"] == "Succeeded", kind
    proof = json.loads((site.clone / "out/sandbox/verified.json").read_text())
    assert proof["read_back"] == ["experiment", "run", "artifact", "trace"]
    assert proof["restarted"] is True


def test_the_deployment_is_secure_by_default(deployment: Deployment) -> None:
    site = deployment.site
    (registry,) = site.resources("Microsoft.ContainerRegistry/registries")
    (account,) = site.resources("Microsoft.Storage/storageAccounts")
    (server,) = site.resources("Microsoft.Sql/servers")
    (database,) = site.resources("Microsoft.Sql/servers/databases")
    (app,) = site.resources("Microsoft.App/containerApps")
    assert registry["properties"]["adminUserEnabled"] is False
    assert account["properties"]["allowSharedKeyAccess"] is False
    assert account["properties"]["allowBlobPublicAccess"] is False
    assert account["properties"]["minimumTlsVersion"] == "TLS1_2"
    assert server["properties"]["administrators"]["azureADOnlyAuthentication"] is True
    assert database["properties"]["collation"] == "Latin1_General_100_CS_AS_SC_UTF8"
    container = app["properties"]["template"]["containers"][0]
    assert "@sha256:" in container["image"]
    assert app["properties"]["configuration"]["ingress"]["ipSecurityRestrictions"]
    assert app["properties"]["configuration"]["registries"][0]["passwordSecretRef"] == ""


def test_a_second_run_writes_nothing(deployment: Deployment) -> None:
    before = deployment.site.writes()
    again = deployment.site.play("site.yml")
    assert again.code == 0, again.output[-4000:]
    assert again.changed == 0
    assert deployment.site.writes() == before


def test_check_mode_of_an_unchanged_deployment_reports_no_change(deployment: Deployment) -> None:
    before = deployment.site.writes()
    plan = deployment.site.play("site.yml", "--check", "--diff")
    assert plan.code == 0, plan.output[-4000:]
    assert plan.changed == 0
    assert deployment.site.writes() == before


def test_check_mode_shows_a_change_and_writes_nothing(deployment: Deployment) -> None:
    before = deployment.site.writes()
    plan = deployment.site.play("site.yml", "--check", "--diff", "-e", "mlflow_app_max_replicas=3")
    assert plan.code == 0, plan.output[-4000:]
    assert plan.changed == 1
    assert re.search(r"^\+ +maxReplicas: 3$", plan.output, re.MULTILINE)
    assert deployment.site.writes() == before


def test_client_settings_are_private_and_plain(deployment: Deployment) -> None:
    path = deployment.site.clone / "out/sandbox/client.env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ignored = deployment.site.run("git", "-c", "init.defaultBranch=main", "init", "-q")
    assert ignored.returncode == 0, ignored.stdout
    assert deployment.site.run("git", "check-ignore", "-q", "out/sandbox/client.env").returncode == 0
    shutil.rmtree(deployment.site.clone / ".git")
    settings = deployment.site.client_settings()
    assert settings["MLFLOW_TRACKING_URI"].startswith("https://mlflow.")
    assert settings["OTEL_EXPORTER_OTLP_ENDPOINT"] == ""
    assert not {'"', "'"} & set(path.read_text())


def test_client_settings_prevent_the_loss_of_traces(deployment: Deployment) -> None:
    """The same client runs twice with the environment variables of Azure: without the settings, the trace is lost."""
    site = deployment.site
    settings = site.client_settings()
    lost = site.python(LOG_ALL, "without-settings", "x", **OTEL, MLFLOW_TRACKING_URI=settings["MLFLOW_TRACKING_URI"])
    assert lost.returncode == 0, lost.stdout
    result = read_back(deployment, "without-settings")
    assert result["runs"] == [[{"p": "v"}, {"m": 0.5}, ["a.bin"]]]
    assert result["traces"] == []
    kept = site.python(LOG_ALL, "with-settings", "y", **{**OTEL, **settings})
    assert kept.returncode == 0, kept.stdout
    result = read_back(deployment, "with-settings")
    assert result["runs"] == [[{"p": "v"}, {"m": 0.5}, ["a.bin"]]]
    ((request, response, tokens),) = result["traces"]
    assert "capital of France" in request
    assert "Paris" in response
    assert tokens == {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}


def test_metadata_is_in_the_database_and_artifacts_in_the_storage_account(deployment: Deployment) -> None:
    """The server stores nothing locally."""
    site = deployment.site
    (server,) = site.resources("Microsoft.Sql/servers")
    database = site.clone / ".sandbox/sql" / server["id"].rpartition("/")[2]
    assert [path.suffix for path in database.iterdir()].count(".db") == 1
    client = site.client()
    (account,) = site.resources("Microsoft.Storage/storageAccounts")
    made = client.assign(account["id"], "Storage Blob Data Contributor", client.me())
    url = account["properties"]["primaryEndpoints"]["blob"] + "mlflow?restype=container&comp=list"
    headers = {
        "Authorization": f"Bearer {client.token('https://storage.azure.com/.default')}",
        "x-ms-version": "2023-11-03",
    }
    listed = client.session.get(url, headers=headers, timeout=30)
    client.arm("DELETE", made.json()["id"])
    assert listed.status_code == 200
    assert listed.text.count("a.bin</Name>") == 2


def test_foreign_origins_and_hosts_are_refused(deployment: Deployment) -> None:
    """The server accepts only the host name and the origin of the app."""
    client = deployment.site.client()
    uri = deployment.site.client_settings()["MLFLOW_TRACKING_URI"]
    search = f"{uri}/api/2.0/mlflow/experiments/search"
    assert client.session.post(search, json={"max_results": 1}, headers={"Origin": uri}, timeout=30).status_code == 200
    assert (
        client.session.post(
            search, json={"max_results": 1}, headers={"Origin": "https://evil.example"}, timeout=30
        ).status_code
        == 403
    )
    foreign = client.session.post(search, json={"max_results": 1}, headers={"Host": "evil.example"}, timeout=30)
    assert foreign.status_code == 404
    assert "does not exist" in foreign.text


def test_verify_leaves_no_data(deployment: Deployment) -> None:
    before = read_back(deployment, "with-settings")
    play = deployment.site.play("verify.yml")
    assert play.code == 0, play.output[-4000:]
    assert read_back(deployment, "with-settings") == before


def server_processes(app: str) -> list[Path]:
    result = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        if f"CONTAINER_APP_REPLICA_NAME={app}".encode() in environment:
            result.append(entry)
    return result


def test_the_server_has_no_otlp_exporter(deployment: Deployment) -> None:
    (app,) = deployment.site.resources("Microsoft.App/containerApps")
    processes = server_processes(app["properties"]["latestReadyRevisionName"])
    assert processes
    for entry in processes:
        if b"uvicorn" in (entry / "cmdline").read_bytes():
            assert b"OTEL_EXPORTER_OTLP" not in (entry / "environ").read_bytes()


# a browser


def test_the_ui_shows_experiment_run_and_trace(deployment: Deployment, tmp_path: Path) -> None:
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no Chromium with its driver on this machine")
    from selenium.webdriver.support.ui import WebDriverWait

    result = read_back(deployment, "with-settings")
    options = selenium.ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1900,1000",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-proxy-server",
        f"--user-data-dir={tmp_path}",
    ):
        options.add_argument(argument)
    window = selenium.Chrome(options=options, service=selenium.ChromeService(driver))

    def text(part: str = "body") -> str:
        return str(window.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", part))

    def until_shown(*wanted: str) -> None:
        WebDriverWait(window, 60).until(
            lambda _window: all(word in text() for word in wanted), f"the page never showed {wanted}: {text()[:2000]}"
        )

    try:
        base = deployment.site.sandbox("url", "mlflow")
        window.get(f"{base}/#/experiments")
        until_shown("with-settings")
        window.get(f"{base}/#/experiments/{result['experiment']}/runs")
        until_shown("one")
        window.get(f"{base}/#/experiments/{result['experiment']}/traces")
        until_shown("capital of France", "Paris, of course", "Tokens")
        find_row = "return [...document.querySelectorAll('[role=row]')].map(r => r.innerText).find(t => t.includes('capital of France'))"
        row = WebDriverWait(window, 60).until(lambda _window: window.execute_script(find_row))
        assert "Paris, of course" in row
        assert "18" in re.findall(r"^\d+$", row, re.MULTILINE)
        window.save_screenshot(os.environ.get("MLFLOW_UI_SCREENSHOT", str(tmp_path / "traces.png")))
    finally:
        window.quit()


def test_artifacts_are_unchanged_after_the_download(deployment: Deployment) -> None:
    program = """
import hashlib, mlflow, tempfile
client = mlflow.MlflowClient()
run = client.search_runs([client.get_experiment_by_name("with-settings").experiment_id])[0]
with tempfile.TemporaryDirectory() as folder:
    with open(client.download_artifacts(run.info.run_id, "a.bin", folder), "rb") as stream:
        print("SHA", hashlib.sha256(stream.read()).hexdigest())
"""
    done = deployment.site.python(program, **deployment.site.client_settings())
    assert hashlib.sha256(b"y" * 1000).hexdigest() in done.stdout, done.stdout
