# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module mlflow_roundtrip against a server, from its arguments to its result."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._mlflow.content import Loss, compare, content_of
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._mlflow.limits import LETTERS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._mlflow.roundtrip import client_environment

from tests.support.image_server import CLONE, Server, bare, free_port, running, server_environment, settings

# Runs the module on the controller, without the packaging of Ansible.
DRIVER = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.mlops.mlflow_azure.plugins.modules import mlflow_roundtrip
with patch_module_args(json.loads(sys.argv[1])):
    mlflow_roundtrip.main()
"""
SIZE = 300_000
COMPARED = [
    *("run status", "run name", "parameter learning_rate", "parameter text"),
    *(f"parameter limit {script}" for script in LETTERS),
    *("metric loss", "metric accuracy", "tag roundtrip.text"),
    *(f"tag roundtrip.limit {script}" for script in LETTERS),
    *("artifact roundtrip.bin", "trace prompt", "trace response", "trace token usage"),
]


def module(cwd: Path, arguments: dict[str, Any], **environment: str) -> dict[str, Any]:
    """Return the result of the module with these arguments."""
    env = bare(PYTHONPATH=str(CLONE / ".ansible" / "collections"), HOME=str(cwd / "home"), TMPDIR=str(cwd / "tmp"))
    (cwd / "tmp").mkdir(exist_ok=True)
    ended = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps({"artifact_size": SIZE, "timeout": 60, **arguments})],
        env={**env, **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stdout, ended.stderr
    result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert bool(result.get("failed")) == (ended.returncode != 0)
    # The module writes temporary files only, and has removed them.
    assert [entry.name for entry in cwd.iterdir()] == ["tmp"]
    assert not list((cwd / "tmp").iterdir())
    return result


@pytest.fixture
def arguments(server: Server, request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"tracking_uri": server.url, "experiment": re.sub(r"\W+", "-", request.node.name)}


def post(server: Server, path: str, body: dict[str, Any]) -> Any:
    answer = server.ask("POST", f"/api/2.0/mlflow/{path}", json.dumps(body), Content_Type="application/json")
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def lost(result: dict[str, Any]) -> list[str]:
    assert result["failed"]
    for item in result["lost"]:
        assert item["what"] in result["msg"]
    return [item["what"] for item in result["lost"]]


def test_content_is_written_read_back_and_removed(
    arguments: dict[str, Any], artifacts: Path, server: Server, tmp_path: Path
) -> None:
    # Variables of a container app or of the user's shell must not affect the client.
    around = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}/",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_SDK_DISABLED": "true",
        "MLFLOW_TRACE_SAMPLING_RATIO": "0",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:1",
        "MLFLOW_RUN_ID": "0123456789abcdef0123456789abcdef",
    }

    planned = module(tmp_path, {**arguments, "_ansible_check_mode": True}, **around)
    assert planned["changed"]
    assert lost(module(tmp_path, {**arguments, "state": "verified"}))[0] == "experiment"

    written = module(tmp_path, arguments, **around)
    assert written["changed"]
    assert written["mlflow_roundtrip"]["compared"] == COMPARED
    again = module(tmp_path, arguments, **around)
    assert not again["changed"]
    assert again["mlflow_roundtrip"]["run_id"] == written["mlflow_roundtrip"]["run_id"]

    verified = module(tmp_path, {**arguments, "state": "verified"}, **around)
    assert not verified["changed"]
    assert verified["mlflow_roundtrip"] == written["mlflow_roundtrip"]

    directory = artifacts / written["mlflow_roundtrip"]["experiment_id"]
    assert list(directory.rglob("roundtrip.bin"))
    removal = {**arguments, "state": "absent"}
    assert module(tmp_path, {**removal, "_ansible_check_mode": True})["changed"]
    assert list(directory.rglob("roundtrip.bin")), "removed in check mode"
    assert module(tmp_path, removal)["changed"]
    assert not [path for path in directory.rglob("*") if path.is_file()]
    assert not module(tmp_path, removal)["changed"]
    names = [entry["name"] for entry in post(server, "experiments/search", {"max_results": 1000})["experiments"]]
    assert not [name for name in names if name.startswith(arguments["experiment"])]


def test_other_content_replaces_the_previous_content(arguments: dict[str, Any], tmp_path: Path) -> None:
    first = module(tmp_path, arguments)["mlflow_roundtrip"]
    other = {**arguments, "text": "Other"}
    assert lost(module(tmp_path, {**other, "state": "verified"}))[0] == "run"
    second = module(tmp_path, other)
    assert second["changed"]
    assert second["mlflow_roundtrip"]["experiment_id"] != first["experiment_id"]
    assert not module(tmp_path, {**other, "state": "verified"})["changed"]


def test_each_loss_is_reported(arguments: dict[str, Any], server: Server, artifacts: Path, tmp_path: Path) -> None:
    ids = module(tmp_path, arguments)["mlflow_roundtrip"]
    verified = {**arguments, "state": "verified"}

    (stored,) = (artifacts / ids["experiment_id"]).rglob("roundtrip.bin")
    content = stored.read_bytes()
    assert len(content) == SIZE
    stored.write_bytes(content[:-1] + b"?")
    result = module(tmp_path, verified)
    assert lost(result) == ["artifact roundtrip.bin"]
    assert result["lost"][0]["found"].startswith(f"{SIZE} bytes, sha256 ")
    stored.write_bytes(content[:1000])
    assert module(tmp_path, verified)["lost"][0]["found"].startswith("1000 bytes")
    stored.write_bytes(content)
    assert not module(tmp_path, verified)["changed"]

    post(server, "runs/set-tag", {"run_id": ids["run_id"], "key": "roundtrip.text", "value": "Pr?fung ?? ?"})
    result = module(tmp_path, verified)
    assert lost(result) == ["tag roundtrip.text"]
    assert "Prüfung 東京 🙂" in result["msg"]
    assert "Pr?fung ?? ?" in result["msg"]

    post(server, "traces/delete-traces", {"experiment_id": ids["experiment_id"], "request_ids": [ids["trace_id"]]})
    assert lost(module(tmp_path, verified)) == [
        *("tag roundtrip.text", "trace prompt", "trace response", "trace token usage")
    ]

    stored.unlink()
    result = module(tmp_path, verified)
    assert "artifact roundtrip.bin" in lost(result)
    assert next(item for item in result["lost"] if item["what"] == "artifact roundtrip.bin")["status"] >= 400


def test_an_artifact_that_cannot_be_stored_is_reported_with_the_error_of_the_server(tmp_path: Path) -> None:
    place = tmp_path / "server"
    place.mkdir()
    work = tmp_path / "work"
    work.mkdir()
    executable = server_environment() / "mlflow-azure-server"
    with running(executable, settings(place, free_port(), MLFLOW_WORKERS="1"), place / "log") as broken:
        # A file where the server needs a folder: root cannot write there either.
        (place / "artifacts").rmdir()
        (place / "artifacts").write_text("in the way")
        arguments = {"tracking_uri": broken.url, "experiment": "unstored"}
        result = module(work, arguments)
        assert lost(result) == ["artifact roundtrip.bin"]
        assert result["lost"][0]["status"] == 500
        assert "Internal Server Error" in result["lost"][0]["error"]
        assert f"could not store 1 of {len(COMPARED)}" in result["msg"]
        # The content that was written is removed all the same.
        assert module(work, {**arguments, "state": "absent"})["changed"]
        assert not module(work, {**arguments, "state": "absent"})["changed"]


def test_an_unreachable_server(arguments: dict[str, Any], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}"
        result = module(tmp_path, {**arguments, "tracking_uri": uri, "timeout": 20})
    assert result["failed"]
    assert f"MLflow at {uri}: could not look for the experiment" in result["msg"]
    assert result["status"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tracking_uri": "sqlite:///mlflow.db"}, "tracking_uri: must begin with https://"),
        ({"experiment": " "}, "experiment: must have 1 to 200 characters"),
        ({"experiment": "x" * 201}, "experiment: must have 1 to 200 characters"),
        ({"artifact_size": 0}, "artifact_size: 0 is not between 1"),
        ({"timeout": 0}, "timeout: 0 is not at least 1"),
        ({"state": "gone"}, "state"),
    ],
)
def test_invalid_options(arguments: dict[str, Any], change: dict[str, Any], message: str, tmp_path: Path) -> None:
    result = module(tmp_path, {**arguments, **change})
    assert result["failed"]
    assert message in result["msg"]


def test_the_options_determine_the_content() -> None:
    one = content_of("a", 1000, "text")
    assert content_of("a", 1000, "text") == one
    assert len(one.artifact()) == 1000
    for other in (
        content_of("b", 1000, "text"),
        content_of("a", 1001, "text"),
        content_of("a", 1000, "texts"),
    ):
        assert other.digest != one.digest
        assert other.artifact()[:16] != one.artifact()[:16]


def test_the_environment_keeps_credentials_and_proxies_only() -> None:
    kept = {
        "HTTPS_PROXY": "http://127.0.0.1:3128",
        "REQUESTS_CA_BUNDLE": "/ca.pem",
        "MLFLOW_TRACKING_TOKEN": "token",
        "MLFLOW_TRACKING_SERVER_CERT_PATH": "/server.pem",
    }
    gone = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://agent",
        "MLFLOW_REGISTRY_URI": "http://other",
        "MLFLOW_TRACKING_URI": "http://other",
        "_MLFLOW_HTTP_REQUEST_MAX_RETRIES_LIMIT": "0",
    }
    env = client_environment({**kept, **gone}, "https://mlflow.example.org")
    assert kept.items() <= env.items()
    assert not gone.items() & env.items()
    assert env["MLFLOW_TRACKING_URI"] == "https://mlflow.example.org"


def test_the_content_is_at_the_limits_of_mlflow() -> None:
    content = content_of("a", 1000, "東京")
    assert len(content.run_name) == 250
    for script, letter in LETTERS.items():
        assert content.parameters[f"limit {script}"] == letter * 6000
        assert content.tags[f"roundtrip.limit {script}"] == letter * 8000
    assert sorted(len(letter.encode()) for letter in LETTERS.values()) == [2, 2, 3, 4]
    # The preview has the first 1,000 characters of each.
    assert len(content.prompt[:1000].encode()) > 3500
    assert len(content.response[:1000].encode()) > 3500


def test_an_ascii_text_has_ascii_limits_for_a_database_without_other_scripts() -> None:
    content = content_of("a", 1000, "Latin")
    assert content.parameters["limit ASCII"] == "x" * 6000
    assert content.run_name.isascii()
    assert all(value.isascii() for value in [*content.parameters.values(), *content.tags.values(), content.prompt])


def test_a_loss_contains_the_error_of_the_read() -> None:
    error = Loss("artifact", None, None, "denied", 403)
    losses = compare({"tag a": "1", "artifact x": "2", "tag b": "3"}, {"tag a": "1", "tag b": "4"}, {"artifact": error})
    assert [str(item) for item in losses] == ["artifact x (HTTP 403: denied)", "tag b (expected 3, found 4)"]
