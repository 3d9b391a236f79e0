# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of webhooks: readable by all processes of the server, or refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mlflow_azure_server._webhooks import KEY, WRITES, stores_secret

from tests.support.image_server import Answer, Server, bare, free_port, running, settings

FERNET_KEY = "b25seS1mb3ItdGhlLW1pbnV0ZXMtb2YtYS10ZXN0LTE="
ROUTES = """
import json, mlflow.server
rules = [(rule.rule, method) for rule in mlflow.server.app.url_map.iter_rules() for method in rule.methods]
print(json.dumps(sorted((rule, method) for rule, method in rules if "webhook" in rule)))
"""
EVENTS = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]


def send(server: Server, method: str, path: str = "", **body: Any) -> Answer:
    return server.ask(
        method, f"/api/2.0/mlflow/webhooks{path}", json.dumps(body) if body else None, Content_Type="application/json"
    )


def create(server: Server, name: str, **body: Any) -> Answer:
    # A literal address, because the server resolves names. No event of the test occurs, so nothing is delivered.
    return send(server, "POST", name=name, url="https://192.88.99.1/a", events=EVENTS, **body)


def listed(server: Server) -> list[str]:
    answer = send(server, "GET")
    assert answer.status == 200, answer.body
    return sorted(webhook["name"] for webhook in json.loads(answer.body).get("webhooks", []))


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("POST", {"secret": "s"}, True),
        ("POST", json.dumps({"secret": "s"}), True),
        ("POST", {"secret": ""}, False),
        ("POST", {"secret": None}, False),
        ("POST", {}, False),
        ("POST", "no JSON", False),
        ("POST", ["secret"], False),
        ("POST", None, False),
        ("PATCH", {"secret": "s"}, True),
        ("PATCH", {"secret": ""}, True),
        ("PATCH", {"name": "n"}, False),
    ],
)
def test_requests_that_store_a_secret(method: str, body: Any, expected: bool) -> None:
    assert stores_secret(method, body) is expected


def test_all_routes_of_mlflow_that_write_webhooks_are_covered(server_bin: Path) -> None:
    routes = subprocess.run(
        [str(server_bin / "python"), "-W", "ignore", "-c", ROUTES],
        env=bare(),
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    writes = {(rule, method) for rule, method in json.loads(routes.stdout) if method in {"POST", "PATCH", "PUT"}}
    tests = {(rule, method) for rule, method in writes if rule.endswith("/test")}
    versions = {f"/{api}/2.0" for api in ("api", "ajax-api")}
    assert writes - tests == {(version + path, method) for path, method in WRITES for version in versions}


def test_without_a_key_a_secret_is_refused(server_bin: Path, tmp_path: Path) -> None:
    env = settings(tmp_path, free_port())
    with running(server_bin / "mlflow-azure-server", env, tmp_path / "log") as server:
        refused = create(server, "with-secret", secret="s")
        assert refused.status == 400, refused.body
        assert KEY in refused.body
        assert json.loads(refused.body)["error_code"] == "INVALID_PARAMETER_VALUE"
        created = create(server, "without-secret")
        assert created.status == 200, created.body
        webhook = json.loads(created.body)["webhook"]["webhook_id"]
        assert send(server, "PATCH", f"/{webhook}", secret="s").status == 400
        assert send(server, "PATCH", f"/{webhook}", name="renamed").status == 200
        assert listed(server) == ["renamed"]


def test_with_a_key_a_secret_survives_a_restart(server_bin: Path, tmp_path: Path) -> None:
    # With two workers, both must read what one has stored.
    env = settings(tmp_path, free_port(), MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY=FERNET_KEY)
    with running(server_bin / "mlflow-azure-server", env, tmp_path / "log") as server:
        assert create(server, "with-secret", secret="s").status == 200
        assert [listed(server) for _request in range(10)] == [["with-secret"]] * 10
    with running(server_bin / "mlflow-azure-server", env, tmp_path / "log") as server:
        assert listed(server) == ["with-secret"]
