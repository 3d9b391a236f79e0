# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module container_image with a Docker engine and a registry; the responses of Azure are scripted here."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import urllib3
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.arm import Arm
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.auth import Connection, Token
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.clouds import CLOUDS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.deadline import Deadline
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._registry.image import ContainerImage
from azure.core.pipeline.transport import RequestsTransport

from tests.support.docker_registry import Registry

pytestmark = pytest.mark.slow

ENTRA_TOKEN = "token-of-entra-id"


class Credential:
    def get_token(self, *_scopes: str, **_options: Any) -> Token:
        return Token(ENTRA_TOKEN, 4102444800)


class AzureBefore:
    """A session for the requests to Azure: Resource Manager, the token exchange, and the tags of Container Registry."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.refresh_token = f"refresh-{uuid.uuid4()}"
        registry.accepted = {self.refresh_token}

    def request(self, method: str, url: str, data: Any = None, **options: Any) -> requests.Response:
        parts = urlsplit(url)
        if parts.path.startswith("/v2/"):
            return self._of_the_registry(method, parts.path, data, options["headers"])
        status, body = 404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "no"}]}
        if parts.path.endswith("/registries/crtest"):
            status, body = 200, {"id": parts.path, "properties": {"loginServer": self.registry.host}}
        elif parts.path == "/oauth2/exchange":
            assert (parts.scheme, parts.netloc) == ("https", self.registry.host)
            fields = data if isinstance(data, dict) else parse_qs(data if isinstance(data, str) else data.decode())
            assert ENTRA_TOKEN in str(fields)
            status, body = 200, {"refresh_token": self.refresh_token}
        elif parts.path.startswith("/acr/v1/"):
            _empty, _acr, _v1, repository, _tags, tag = parts.path.split("/")
            digest = self.registry.digest(repository, tag)
            if digest:
                attributes = {"name": tag, "digest": digest, "changeableAttributes": {"deleteEnabled": True}}
                status, body = 200, {"imageName": repository, "tag": attributes}
        return _response(status, body, url)

    def _of_the_registry(self, method: str, path: str, data: Any, headers: Any) -> requests.Response:
        token = self.registry.access_token([f"repository:{path.split('/')[2]}:pull,push"])
        sent = {**headers, "Authorization": f"Bearer {token}"}
        url = f"http://{self.registry.host}{path}"
        return requests.request(method, url, data=data, headers=sent, stream=True, timeout=60)

    def arm(self) -> Arm:
        connection = Connection(str(uuid.UUID(int=0)), CLOUDS["AzureCloud"])
        transport = RequestsTransport(session=self, session_owner=False)
        return Arm(connection, Credential(), Deadline(600), transport)


def _response(status: int, body: Any, url: str) -> requests.Response:
    raw = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(raw))}
    response = requests.Response()
    response.status_code, response.url = status, url
    response.headers.update(headers)
    response.raw = urllib3.HTTPResponse(io.BytesIO(raw), headers, status, preload_content=False)
    return response


@pytest.fixture
def azure(registry: Registry) -> AzureBefore:
    return AzureBefore(registry)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A unique build context, so that neither the engine nor the registry has its layers."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nARG GREETING=none\nLABEL greeting=$GREETING\nCOPY . /\n")
    (folder / "one.txt").write_text(str(uuid.uuid4()))
    (folder / "secret.env").write_text("PASSWORD=SECRET")
    (folder / ".dockerignore").write_text("*.env\n")
    return folder


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which clients of Docker store logins."""
    folder = tmp_path / "docker-config"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    return folder


def have(azure: AzureBefore, context: Path, **options: Any) -> dict[str, Any]:
    parameters = {
        "resource_group": "rg",
        "registry": "crtest",
        "repository": "app",
        "tag": None,
        "context": str(context),
        "dockerfile": "Dockerfile",
        "build_args": None,
        "platform": ["linux/amd64"],
        "builder": "docker",
        "state": "present",
        "wait": True,
        **options,
    }
    return ContainerImage(parameters, azure.arm()).execute(False)


def test_the_image_is_built_and_pushed_once(
    engine: Any, azure: AzureBefore, registry: Registry, context: Path, docker_config: Path
) -> None:
    first = have(azure, context, build_args={"GREETING": "hello"})
    image = first["container_image"]
    assert first["changed"] is True
    assert image["digest"] == registry.digest("app", image["tag"])
    pushed = engine.images.get(f"{registry.host}/app:{image['tag']}")
    assert pushed.labels == {"greeting": "hello"}
    files = engine.containers.create(pushed.id, command="none")
    try:
        archive = b"".join(files.export())
    finally:
        files.remove()
    assert b"one.txt" in archive
    assert b"SECRET" not in archive

    again = have(azure, context, build_args={"GREETING": "hello"})
    assert (again["changed"], again["container_image"]) == (False, image)

    assert azure.refresh_token not in json.dumps(first)
    assert not any(azure.refresh_token in file.read_text() for file in docker_config.rglob("*"))
    assert azure.refresh_token not in json.dumps(pushed.history())

    (context / "one.txt").write_text("changed")
    changed = have(azure, context, build_args={"GREETING": "hello"})
    assert changed["changed"] is True
    assert changed["container_image"]["digest"] != image["digest"]


def test_two_platforms_under_one_tag(
    azure: AzureBefore, registry: Registry, context: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="ansible_collections.mlops.mlflow_azure.container_image")
    # In one step: without a base image the engine uses its own architecture for the result of several steps.
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    platforms = ["linux/amd64", "linux/arm64"]
    made = have(azure, context, platform=platforms)
    image = made["container_image"]
    url = f"https://{registry.host}/v2/app/manifests/{image['tag']}"
    accepted = {"Accept": "application/vnd.docker.distribution.manifest.list.v2+json"}
    index = azure.request("GET", url, headers=accepted)
    assert index.headers["Docker-Content-Digest"] == image["digest"]
    parts = {entry["platform"]["architecture"]: entry for entry in index.json()["manifests"]}
    assert set(parts) == {"amd64", "arm64"}
    assert parts["arm64"]["digest"] == registry.digest("app", f"{image['tag']}-linux-arm64")
    assert len({entry["digest"] for entry in parts.values()}) == 2
    messages = [record.getMessage() for record in caplog.records]
    assert any("build of" in line and "Step 1/2" in line for line in messages)
    assert any("push of" in line and "Pushed" in line for line in messages)

    again = have(azure, context, platform=platforms)
    assert (again["changed"], again["container_image"]) == (False, image)


def test_an_error_of_the_build_fails_the_task(azure: AzureBefore, registry: Registry, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY nowhere.txt /\n")
    with pytest.raises(Failure, match=r"build of .*failed: .*nowhere\.txt") as caught:
        have(azure, context, tag="broken")
    assert any("COPY nowhere.txt" in line for line in caught.value.fields["log"])
    assert registry.digest("app", "broken") is None


def test_an_error_of_the_push_fails_the_task(azure: AzureBefore, registry: Registry, context: Path) -> None:
    registry.accepted = {"another"}
    with pytest.raises(Failure, match=r"push of .*failed: ") as caught:
        have(azure, context, tag="refused")
    assert azure.refresh_token not in str(caught.value) + json.dumps(caught.value.fields)
    assert registry.digest("app", "refused") is None


def test_a_missing_engine_fails_the_task(azure: AzureBefore, context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(Failure, match="builder: acr"):
        have(azure, context)
