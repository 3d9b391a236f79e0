# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployed server stores large files that the client sends to the storage account, and secrets of webhooks."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.support.site_copy import Deployment

MEGABYTE = 2**20
# Files of this size count as large, so that the test needs no file of 500 MiB.
LARGE_FILES = {
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(5 * MEGABYTE),
    "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(MEGABYTE),
}
UPLOAD = """
import hashlib, os, pathlib, sys, tempfile
import mlflow, requests

hosts = []
send = requests.Session.send
requests.Session.send = lambda session, sent, **options: (hosts.append(sent.url.split("/")[2]), send(session, sent, **options))[1]
mlflow.set_experiment("large-files")
with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
    file = pathlib.Path(folder, "weights.bin")
    file.write_bytes(os.urandom(12 * 2**20))
    mlflow.log_artifact(str(file), "model")
    back = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="model/weights.bin", dst_path=folder)
    assert pathlib.Path(back).read_bytes() == file.read_bytes()
print("PARTS", sum(host.endswith(".blob.core.windows.net") for host in hosts))
"""


@pytest.mark.parametrize(
    ("settings", "parts"), [({}, 12), ({"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false"}, 0)], ids=["default", "off"]
)
def test_a_large_file_is_sent_in_parts_to_the_storage_account(
    deployment: Deployment, settings: dict[str, str], parts: int
) -> None:
    site = deployment.site
    done = site.python(UPLOAD, **site.client_settings(), **LARGE_FILES, **settings)
    assert done.returncode == 0, done.stdout
    assert f"PARTS {parts}" in done.stdout


def test_the_secret_of_a_webhook_survives_a_restart(deployment: Deployment) -> None:
    client, uri = deployment.site.client(), deployment.site.client_settings()["MLFLOW_TRACKING_URI"]
    webhooks = f"{uri}/api/2.0/mlflow/webhooks"
    # A literal address, because the server resolves names. No event occurs, so nothing is delivered.
    body: dict[str, Any] = {"name": "hook", "url": "https://192.88.99.1/a", "secret": "of-the-test"}
    body["events"] = [{"entity": "PROMPT", "action": "CREATED"}]
    created = client.session.post(webhooks, json=body, timeout=60)
    assert created.status_code == 200, created.text
    (app,) = deployment.site.resources("Microsoft.App/containerApps")
    revision = client.arm("GET", app["id"], version="2025-01-01").json()["properties"]["latestReadyRevisionName"]
    (before,) = replicas(deployment, app["id"], revision)
    restarted = client.arm("POST", f"{app['id']}/revisions/{revision}/restart", version="2025-01-01")
    assert restarted.status_code == 200, restarted.text
    client.until(lambda: before not in replicas(deployment, app["id"], revision), "the end of the old replica")
    listed: requests.Response = client.until(lambda: answer(deployment, webhooks), "the restarted server")
    assert listed.status_code == 200, listed.text
    assert [webhook["name"] for webhook in json.loads(listed.text)["webhooks"]] == ["hook"]
    webhook = created.json()["webhook"]["webhook_id"]
    assert client.session.delete(f"{webhooks}/{webhook}", timeout=60).status_code == 200


def replicas(deployment: Deployment, app: str, revision: str) -> list[str]:
    listed = deployment.site.client().arm("GET", f"{app}/revisions/{revision}/replicas", version="2025-01-01")
    return [replica["name"] for replica in listed.json()["value"]]


def answer(deployment: Deployment, url: str) -> requests.Response | None:
    """Return the server's response, or None while the ingress has no replica."""
    response = deployment.site.client().session.get(url, timeout=60)
    return None if response.status_code in {502, 503, 504} else response
