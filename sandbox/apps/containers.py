# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers and replicas, as data, and what can run a container: the seam between apps and jobs on one side, and processes on the other."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sandbox.apps.ingress import Ingress
from sandbox.arm.resource_type import Json
from sandbox.store import Resource


class StartRefused(Exception):
    """A container cannot be started now; the message is Azure's."""


class Unavailable(StartRefused):
    """An image or a secret cannot be had, which does not mend itself; the message is Azure's."""


class Program(Protocol):
    """A container that was started."""

    @property
    def id(self) -> str:
        """What Azure shows as containerId, such as `process://4711`."""

    async def wait(self) -> int:
        """Waits until it ends. Returns its exit code; 128 and the signal's number where a signal ended it."""

    async def stop(self, grace: float) -> None:
        """Asks it to end, and ends it for good after `grace` seconds."""


@dataclass
class Container:
    """One container of a replica: what stands for it now, and what became of it."""

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
        return str(self.spec["name"])


@dataclass
class Replica:
    """One replica: of a revision of an app, or of an execution of a job (`group` is the key of either)."""

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
        return not self.stopping and all(container.ready for container in self.containers)


class ContainerRuntime(Protocol):
    """Runs containers: as processes of this machine, or in whatever else."""

    async def start(self, owner: Resource, replica: Replica, container: Container) -> Program:
        """Starts a container of an app or a job. Raises StartRefused, or OSError."""


def platform_variables(owner: Resource, identity_endpoint: str) -> dict[str, str]:
    """The variables that apps and jobs have in common: the collector's, and the identity endpoint's where there is an identity."""
    collector = "http://otel.service.k8se-apps:4317/"
    found = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "CONTAINERAPP_OTEL_TRACING_GRPC_ENDPOINT": collector,
        "CONTAINERAPP_OTEL_LOGGING_GRPC_ENDPOINT": collector,
        "CONTAINERAPP_OTEL_METRIC_GRPC_ENDPOINT": collector,
    }
    if (owner.body.get("identity") or {}).get("type", "None") != "None":
        header = owner.private["identity_header"]
        found |= {"IDENTITY_ENDPOINT": identity_endpoint, "IDENTITY_HEADER": header}
        found |= {"MSI_ENDPOINT": identity_endpoint, "MSI_SECRET": header}
    return found


def app_variables(app: Resource, revision: str, suffix: str, identity_endpoint: str) -> dict[str, str]:
    """What Azure puts into every container of an app. `suffix`: the environment's domain.

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
    """Adds a line of the sandbox's own to a container's console log."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(f"[sandbox] {line}\n")


def last_line(path: Path) -> str:
    """The last line of a log that the container wrote itself, or that says why it could not start."""
    if not path.exists():
        return ""
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith("[sandbox] The container ended")]
    return told[-1][-500:] if told else ""
