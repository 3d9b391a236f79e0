# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client of a sandbox for the tests: HTTPS through its proxy, as any other client."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

PROJECT = Path(__file__).resolve().parents[2]
APP = PROJECT / "tests" / "sandbox" / "app"
VERSION = "2025-07-01"
ROLES = {
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
}


def run_cli(home: Path, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m sandbox` with a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_HOME")}
    return subprocess.run(
        [sys.executable, "-m", "sandbox", "--home", str(home), *arguments],
        cwd=PROJECT,
        env={**kept, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@dataclass
class Client:
    """Client of one sandbox."""

    home: Path
    environment: dict[str, str]
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self.session.proxies = {"https": self.environment["HTTPS_PROXY"]}
        self.session.verify = self.environment["REQUESTS_CA_BUNDLE"]

    @property
    def subscription(self) -> str:
        return f"/subscriptions/{self.environment['AZURE_SUBSCRIPTION_ID']}"

    def token(self, scope: str = "https://management.azure.com/.default") -> str:
        answer = self.session.post(
            f"https://login.microsoftonline.com/{self.environment['AZURE_TENANT_ID']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self.environment["AZURE_CLIENT_ID"],
                "client_secret": self.environment["AZURE_CLIENT_SECRET"],
                "scope": scope,
            },
            timeout=30,
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def arm(
        self, method: str, path: str, body: Any = None, token: str | None = None, version: str = VERSION
    ) -> requests.Response:
        """Send a request to Resource Manager."""
        return self.session.request(
            method,
            f"https://management.azure.com{path}",
            params={"api-version": version},
            json=body,
            headers={"Authorization": f"Bearer {token or self.token()}"},
            timeout=60,
        )

    def put(self, path: str, body: Any) -> dict[str, Any]:
        """Create or update a resource, wait for the operation, and return the resource."""
        answer = self.arm("PUT", path, body)
        assert answer.status_code in (200, 201, 202), answer.text
        self.wait(answer)
        current = self.arm("GET", path)
        assert current.status_code == 200, current.text
        resource: dict[str, Any] = current.json()
        return resource

    def wait(self, answer: requests.Response) -> dict[str, Any]:
        """Poll a long-running operation to its end. Return its last status."""
        url = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
        if url is None:
            return {"status": "Succeeded"}
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            polled = self.session.get(url, headers={"Authorization": f"Bearer {self.token()}"}, timeout=30)
            body = polled.json() if polled.content else {}
            if polled.status_code != 202 and body.get("status") not in ("InProgress", "Creating", "Updating"):
                return {"status": "Succeeded", **body}
            time.sleep(0.05)  # between two polls of a condition
        raise AssertionError(f"{url} did not end")

    def until(self, condition: Callable[[], Any], label: str) -> Any:
        """Wait until a condition is true. Return its value."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if value := condition():
                return value
            time.sleep(0.05)  # between two polls of a condition
        raise AssertionError(f"condition never true: {label}")

    def group(self) -> str:
        """Create a resource group. Return its id."""
        path = f"{self.subscription}/resourceGroups/rg-{uuid.uuid4().hex[:8]}"
        assert self.arm("PUT", path, {"location": "westeurope"}).status_code == 201
        return path

    def identity(self, group: str, name: str = "id-one") -> dict[str, Any]:
        return self.put(
            f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}", {"location": "westeurope"}
        )

    def assign(self, scope: str, role: str, principal: str) -> requests.Response:
        return self.arm(
            "PUT",
            f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}",
            {
                "properties": {
                    "principalId": principal,
                    "principalType": "ServicePrincipal",
                    "roleDefinitionId": f"{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}",
                }
            },
        )

    def me(self) -> str:
        """Return the object id of the caller."""
        payload = self.token().split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(payload + "=="))["oid"])

    def storage(self, group: str, **properties: Any) -> dict[str, Any]:
        name = f"st{uuid.uuid4().hex[:12]}"
        body = {
            "location": "westeurope",
            "sku": {"name": "Standard_LRS"},
            "kind": "StorageV2",
            "properties": properties,
        }
        return self.put(f"{group}/providers/Microsoft.Storage/storageAccounts/{name}", body)

    def build(
        self, registry: str, image: str, dockerfile: str = "Dockerfile", context: Path = APP, **arguments: str
    ) -> dict[str, Any]:
        """Upload a context and run a build. Return the run."""
        upload = self.arm("POST", f"{registry}/listBuildSourceUploadUrl").json()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.add(context, arcname=".")
        sent = self.session.put(
            upload["uploadUrl"], data=packed.getvalue(), headers={"x-ms-blob-type": "BlockBlob"}, timeout=60
        )
        assert sent.status_code == 201, sent.text
        request = {
            "type": "DockerBuildRequest",
            "imageNames": [image],
            "isPushEnabled": True,
            "sourceLocation": upload["relativePath"],
            "dockerFilePath": dockerfile,
            "platform": {"os": "Linux"},
            "arguments": [{"name": name, "value": value} for name, value in arguments.items()],
        }
        scheduled = self.arm("POST", f"{registry}/scheduleRun", request)
        assert scheduled.status_code == 200, scheduled.text
        assert scheduled.json()["properties"]["status"] == "Queued"
        path = f"{registry}/runs/{scheduled.json()['properties']['runId']}"

        def ended() -> dict[str, Any] | None:
            run: dict[str, Any] = self.arm("GET", path).json()
            return run if run["properties"]["status"] not in ("Queued", "Running") else None

        result: dict[str, Any] = self.until(ended, f"the end of {path}")
        return result

    def log(self, registry: str, run: dict[str, Any]) -> str:
        link = self.arm("POST", f"{registry}/runs/{run['name']}/listLogSasUrl").json()["logLink"]
        return self.session.get(link, timeout=30).text


@dataclass(frozen=True)
class Platform:
    """Prerequisites of an app: a registry with the tests' image, an environment, and an identity that may pull."""

    group: str
    registry: str
    server: str
    environment: str
    domain: str
    identity: dict[str, Any]


def make_platform(client: Client) -> Platform:
    """Create a registry with an image, an identity that may pull it, and an environment."""
    group = client.group()
    name = f"cr{uuid.uuid4().hex[:10]}"
    registry = f"{group}/providers/Microsoft.ContainerRegistry/registries/{name}"
    client.put(registry, {"location": "westeurope", "sku": {"name": "Basic"}})
    run = client.build(registry, "probe:1")
    assert run["properties"]["status"] == "Succeeded", client.log(registry, run)
    identity = client.identity(group)
    assert client.assign(registry, "AcrPull", identity["properties"]["principalId"]).status_code == 201
    environment = client.put(
        f"{group}/providers/Microsoft.App/managedEnvironments/env", {"location": "westeurope", "properties": {}}
    )
    return Platform(
        group, registry, f"{name}.azurecr.io", environment["id"], environment["properties"]["defaultDomain"], identity
    )


def app_body(platform: Platform, **changes: Any) -> dict[str, Any]:
    """Return a container app that runs the tests' image.

    `changes`: env, secrets, args, command, ingress, image, identity, registries; and other properties of container, template and configuration.
    """
    identity_id = platform.identity["id"]
    container = {
        "name": "main",
        "image": changes.get("image", f"{platform.server}/probe:1"),
        "env": [{"name": "ID", "value": platform.identity["properties"]["clientId"]}, *changes.get("env", [])],
    }
    for name in ("command", "args"):
        if name in changes:
            container[name] = changes[name]
    container |= changes.get("container", {})
    return {
        "location": "westeurope",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {changes.get("identity", identity_id): {}}},
        "properties": {
            "environmentId": platform.environment,
            "configuration": {
                "ingress": {"external": True, "targetPort": 8080, **changes.get("ingress", {})},
                "secrets": changes.get("secrets"),
                "registries": changes.get(
                    "registries", [{"server": platform.server, "identity": changes.get("identity", identity_id)}]
                ),
                **changes.get("configuration", {}),
            },
            "template": {"containers": [container], **changes.get("template", {})},
        },
    }


def app_path(platform: Platform) -> str:
    """Return the id of a new app."""
    return f"{platform.group}/providers/Microsoft.App/containerApps/app-{uuid.uuid4().hex[:8]}"


def error_code(response: requests.Response) -> str:
    """Return the code of an error response."""
    return str(response.json()["error"]["code"])


def status_and_code(response: requests.Response) -> tuple[int, str]:
    """Return the HTTP status and the code of an error response."""
    return response.status_code, error_code(response)
