# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers and replicas as data, and the interface of the runtimes that run them: processes or a Docker engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sandbox.apps.ingress import Ingress
from sandbox.messages import Json
from sandbox.store import Resource


class StartFailed(Exception):
    """Failure to start a container; the message is Azure's."""


class Unavailable(StartFailed):
    """Missing image or secret, which a retry does not repair; the message is Azure's."""


class Program(Protocol):
    """Started container."""

    @property
    def id(self) -> str:
        """Return the value of Azure's containerId, such as `process://4711`."""

    async def wait(self) -> int:
        """Wait until the container ends. Return its exit code; 128 plus the signal number if a signal ended it."""

    async def stop(self, grace: float) -> None:
        """Stop the container: terminate it, and kill it after `grace` seconds."""


@dataclass
class Container:
    """Container of a replica, with its current program and its last result."""

    spec: Json
    log: Path
    program: Program | None = None
    started: bool = False
    ready: bool = False
    restarts: int = 0
    exit_code: int | None = None
    last_error: str = ""
    started_at: float | None = None

    @property
    def name(self) -> str:
        """Return the name in the template."""
        return str(self.spec["name"])

    def variables(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of the template, with references to secrets resolved."""
        return {
            item["name"]: secrets.get(item["secretRef"], "") if item.get("secretRef") else str(item.get("value") or "")
            for item in self.spec.get("env") or []
        }


@dataclass
class Replica:
    """Replica of a revision of an app or of an execution of a job; `group` is the key of the revision or the execution."""

    name: str
    owner: str
    group: str
    address: str
    folder: Path
    containers: list[Container]
    init_containers: list[Container]
    variables: dict[str, str]
    ingress: Ingress | None
    port: int | None
    grace: float
    created: float = field(default_factory=time.time)
    stopping: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        """Return whether every container is ready."""
        return not self.stopping and all(container.ready for container in self.containers)


class ContainerRuntime(Protocol):
    """Runtime of containers."""

    async def start(self, owner: Resource, replica: Replica, container: Container) -> Program:
        """Start a container of an app or a job. Raise StartFailed or OSError."""


def platform_variables(owner: Resource, identity_endpoint: str) -> dict[str, str]:
    """Return the variables that apps and jobs have in common: of the OpenTelemetry collector, and of the identity endpoint."""
    collector = "http://otel.service.k8se-apps:4317/"
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "CONTAINERAPP_OTEL_TRACING_GRPC_ENDPOINT": collector,
        "CONTAINERAPP_OTEL_LOGGING_GRPC_ENDPOINT": collector,
        "CONTAINERAPP_OTEL_METRIC_GRPC_ENDPOINT": collector,
    }
    if (owner.body.get("identity") or {}).get("type", "None") != "None":
        header = owner.private["identity_header"]
        variables |= {"IDENTITY_ENDPOINT": identity_endpoint, "IDENTITY_HEADER": header}
        variables |= {"MSI_ENDPOINT": identity_endpoint, "MSI_SECRET": header}
    return variables


def app_variables(app: Resource, revision: str, suffix: str, identity_endpoint: str) -> dict[str, str]:
    """Return the variables that Azure sets in every container of an app. `suffix`: domain of the environment.

    Sources: https://learn.microsoft.com/azure/container-apps/environment-variables and
    https://learn.microsoft.com/azure/container-apps/opentelemetry-agents
    """
    ingress = app.properties["configuration"].get("ingress") or {}
    return {
        "CONTAINER_APP_NAME": app.name,
        "CONTAINER_APP_REVISION": revision,
        "CONTAINER_APP_ENV_DNS_SUFFIX": suffix,
        "CONTAINER_APP_HOSTNAME": f"{revision}.{suffix if ingress.get('external') else 'internal.' + suffix}",
        "CONTAINER_APP_PORT": str(ingress.get("targetPort") or ""),
        **platform_variables(app, identity_endpoint),
    }


def write_log(path: Path, line: str) -> None:
    """Append a line of the sandbox to the console log of a container."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(f"[sandbox] {line}\n")


def last_line(path: Path) -> str:
    """Return the last line of a log, without the sandbox's line about the end of the container."""
    if not path.exists():
        return ""
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("[sandbox] The container ended")]
    return lines[-1][-500:] if lines else ""
