# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Composition of the services, and the table of sites: one row for each Azure service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.apps.containers import ContainerRuntime
from sandbox.apps.gateway import AppGateway
from sandbox.apps.replicas import Replicas
from sandbox.apps.runtime import Runtime
from sandbox.arm import manager as arm
from sandbox.arm.manager import ResourceManager
from sandbox.arm.resource_type import Context
from sandbox.entra import directory, graph
from sandbox.entra.graph import Graph
from sandbox.entra.identity_endpoint import IdentityEndpoint
from sandbox.host.docker_engine import ImageRecords, Owned
from sandbox.host.home import Home
from sandbox.host.processes import Processes
from sandbox.portal.site import Portal
from sandbox.portal.view import View
from sandbox.providers.catalogue import Backends, resource_types
from sandbox.proxy import Site
from sandbox.registry.blobs import RegistryBlobs
from sandbox.registry.builds import Builder, Builds
from sandbox.registry.content import Images
from sandbox.registry.endpoint import RegistryEndpoint
from sandbox.registry.tokens import RegistryTokens
from sandbox.runners.azure_sql import AzureSql, SqlServer
from sandbox.runners.docker.api import DockerApi
from sandbox.runners.docker.builds import DockerBuilds
from sandbox.runners.docker.containers import DockerContainers
from sandbox.runners.docker.images import DockerImages
from sandbox.runners.jobs import Jobs
from sandbox.runners.process.builds import ProcessBuilds
from sandbox.runners.process.containers import ProcessContainers
from sandbox.server.environment import app_environment, container_environment
from sandbox.services.azurite import Azurites
from sandbox.services.blob_storage import BlobStorage
from sandbox.services.key_vault import KeyVaults
from sandbox.services.log_stream import LogStream


@dataclass(frozen=True)
class Ports:
    """Ports of the server."""

    proxy: int
    identity: int
    portal: int


@dataclass(frozen=True)
class DockerHost:
    """Docker engine that runs the containers, and the address of this machine in their network."""

    owned: Owned
    address: str


@dataclass(frozen=True)
class Foundation:
    """Parts that the services are built on.

    `plain`: environment of the programs that the sandbox starts. `client`: variables that point a client to the sandbox.
    `docker`: None if containers run as processes.
    """

    context: Context
    home: Home
    processes: Processes
    ports: Ports
    plain: dict[str, str]
    client: Mapping[str, str]
    sql_server: SqlServer | None
    docker: DockerHost | None


@dataclass(frozen=True)
class Endpoints:
    """Services of the sandbox."""

    manager: ResourceManager
    graph: Graph
    log_stream: LogStream
    azurites: Azurites
    blob_storage: BlobStorage
    builds: Builds
    registry: RegistryEndpoint
    registry_blobs: RegistryBlobs
    vaults: KeyVaults
    identity: IdentityEndpoint
    portal: Portal
    runtime: Runtime
    jobs: Jobs
    sql: AzureSql
    apps: AppGateway
    docker_api: DockerApi | None


def sites(endpoints: Endpoints) -> list[Site]:
    """Return the table of sites. The first site that matches a host serves it."""
    manager, registry_blobs = endpoints.manager, endpoints.registry_blobs
    return [
        Site(_is(arm.HOST), handle=manager.handle, subject=manager.subject),
        Site(_is(directory.HOST), handle=manager.context.directory.handle),
        Site(_is(graph.HOST), handle=endpoints.graph.handle),
        Site(endpoints.log_stream.matches, handle=endpoints.log_stream.handle),
        Site(
            endpoints.blob_storage.matches,
            handle=endpoints.blob_storage.handle,
            forward=endpoints.blob_storage.forward,
            streams=endpoints.blob_storage.streams,
        ),
        Site(endpoints.builds.matches, handle=endpoints.builds.handle),
        Site(
            endpoints.registry.matches,
            handle=endpoints.registry.handle,
            forward=registry_blobs.forward,
            streams=registry_blobs.streams,
        ),
        Site(endpoints.vaults.matches, handle=endpoints.vaults.handle),
        Site(endpoints.apps.matches, forward=endpoints.apps.forward, faults=False),
    ]


def _is(name: str) -> Callable[[str], bool]:
    return lambda host: host == name


def build_endpoints(foundation: Foundation) -> Endpoints:
    """Build all services."""
    context, home, ports = foundation.context, foundation.home, foundation.ports
    images = Images(home.root / "registry")
    tokens = RegistryTokens(context)
    registry = RegistryEndpoint(context.store, images, tokens)
    workloads = _build_workloads(foundation, images, tokens)
    replicas = Replicas(context, workloads.containers, home.root / "apps")
    address = "127.0.0.1" if foundation.docker is None else foundation.docker.address
    identity_url = f"http://{address}:{ports.identity}/msi/token"
    runtime = Runtime(context, replicas, identity_url)
    jobs = Jobs(context, replicas, identity_url)
    builds = Builds(context, images, home, workloads.builder)
    azurite = home.tools / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    azurites = Azurites(context, home, foundation.processes, azurite, foundation.plain)
    backends = Backends(builds, runtime, jobs, workloads.sql, azurites)
    manager = ResourceManager(context, resource_types(context, backends))
    return Endpoints(
        manager=manager,
        graph=Graph(context.store, context.directory),
        log_stream=LogStream(context.store, context.directory, home.root / "apps"),
        azurites=azurites,
        blob_storage=BlobStorage(context, azurites),
        builds=builds,
        registry=registry,
        registry_blobs=RegistryBlobs(images, registry),
        vaults=KeyVaults(context.store, context.directory),
        identity=IdentityEndpoint(context.store, context.directory),
        portal=Portal(View(manager, replicas, home.root / "apps"), ports.portal),
        runtime=runtime,
        jobs=jobs,
        sql=workloads.sql,
        apps=AppGateway(context.store, runtime),
        docker_api=workloads.docker_api,
    )


@dataclass(frozen=True)
class _Workloads:
    """Services that differ by runtime: processes or a Docker engine."""

    sql: AzureSql
    builder: Builder
    containers: ContainerRuntime
    docker_api: DockerApi | None


def _build_workloads(foundation: Foundation, images: Images, tokens: RegistryTokens) -> _Workloads:
    store, home, processes = foundation.context.store, foundation.home, foundation.processes
    variables = app_environment(foundation.client)
    sql = AzureSql(store, home.root / "sql", foundation.sql_server)
    if foundation.docker is None:
        return _Workloads(
            sql=sql,
            builder=ProcessBuilds(images, home, processes, foundation.plain),
            containers=ProcessContainers(store, images, sql, home, processes, variables),
            docker_api=None,
        )
    owned = foundation.docker.owned
    variables = container_environment(variables, foundation.docker.address, foundation.ports.proxy)
    docker_images = DockerImages(owned.engine, images, ImageRecords(home.engine_images_file))
    return _Workloads(
        sql=sql,
        builder=DockerBuilds(store, owned, images, docker_images),
        containers=DockerContainers(store, images, docker_images, sql, owned, variables, home.ca_bundle),
        docker_api=DockerApi(store, owned.engine, images, docker_images, tokens),
    )
