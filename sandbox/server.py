# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's server: the proxy and all that it hands requests to, in one process. Started by `python -m sandbox up`."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import secrets
import shlex
import signal
import socket
import sqlite3
import ssl
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import certifi
from mitmproxy.certs import CertStore
from mitmproxy.options import Options
from mitmproxy.tools.dump import DumpMaster

from sandbox.apps.containers import ContainerRuntime
from sandbox.apps.replicas import Replicas
from sandbox.apps.runtime import APPS, Runtime
from sandbox.arm.manager import ResourceManager
from sandbox.arm.resource_type import Context
from sandbox.entra.directory import Directory
from sandbox.entra.graph import Graph
from sandbox.entra.identity_endpoint import IdentityEndpoint
from sandbox.host.docker_engine import EngineError, KeptImages, Owned, api_socket, choose
from sandbox.host.home import Home, locate, read_json, write_private
from sandbox.host.processes import Processes
from sandbox.host.relay import Relay
from sandbox.portal.site import Portal
from sandbox.portal.view import View
from sandbox.providers.authorization import owner_assignment
from sandbox.providers.catalogue import Backends, resource_types
from sandbox.proxy import Endpoints, Gateway
from sandbox.quickack import Acknowledgement
from sandbox.registry.blobs import Layers
from sandbox.registry.builds import Builder, Builds
from sandbox.registry.content import Images, RegistryEndpoint
from sandbox.runners.azure_sql import AzureSql, SqlServer
from sandbox.runners.docker.api import DockerApi
from sandbox.runners.docker.builds import DockerBuilds
from sandbox.runners.docker.containers import CERTIFICATES, DockerContainers
from sandbox.runners.docker.images import DockerImages
from sandbox.runners.jobs import Jobs
from sandbox.runners.process.builds import ProcessBuilds
from sandbox.runners.process.containers import ProcessContainers
from sandbox.services.blob_storage import Blobs
from sandbox.services.key_vault import KeyVaults
from sandbox.services.log_stream import LogStream
from sandbox.store import Principal, Store

LOG = logging.getLogger("sandbox")
TICK_SECONDS = 0.2
# what the sandbox's own surroundings must not hand on to the programs that it starts
_OURS = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class Wanted:
    """What `up` was asked for."""

    latency: float
    seed: int
    role_propagation: float
    entra_replication: float
    port: int | None
    sql_server: str | None
    strict: bool
    runtime: str


def read_options(home: Home) -> Wanted:
    found = read_json(home.options_file) or {}
    return Wanted(
        float(found.get("latency", 0)),
        int(found.get("seed", 0)),
        float(found.get("role_propagation", 0)),
        float(found.get("entra_replication", 0)),
        found.get("port"),
        found.get("sql_server"),
        bool(found.get("strict", False)),
        str(found.get("runtime", "process")),
    )


class PortTaken(Exception):
    """A port that clients have been told of is in use by another program."""


class EngineUnusable(Exception):
    """There is no Docker engine that could run containers."""


def _bound(port: int) -> int | None:
    """The port of the loopback address that a bind to `port` (0: any) gets; None where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether nobody listens at a port of the loopback address."""
    return _bound(port) is not None


def free_port(wanted: int | None) -> int:
    """A free port of the loopback address: the wanted one, or any."""
    found = _bound(wanted or 0)
    if found is None:
        raise PortTaken(
            f"port {wanted} of 127.0.0.1, which this sandbox used before or was asked to use, is taken by another program: "
            "stop that program, or start the sandbox with `--port` and another number"
        )
    return found


def inside_containers(environment: Mapping[str, str], host: str, port: int) -> dict[str, str]:
    """The environment that points a container at the sandbox. `host`: this machine's address in the containers' network."""
    found = dict(environment)
    for name in ("HTTPS_PROXY", "https_proxy"):
        found[name] = f"http://{host}:{port}"
    for name in ("NO_PROXY", "no_proxy"):
        found[name] = f"127.0.0.1,localhost,{host}"
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        found[name] = CERTIFICATES
    return found


class Sandbox:
    """The parts, put together."""

    def __init__(self, home: Home, options: Wanted, surroundings: Mapping[str, str]) -> None:
        self.home = home
        self.options = options
        self.surroundings = surroundings
        self.store = Store(home.database)
        self.directory = Directory(self.store, home.certificates / "directory.key")
        self.processes = Processes(home.root / "processes")
        self.context = Context(self.store, self.directory, options.latency, options.seed, options.strict)
        self._fronts: set[int] = set()
        self._relay: Relay | None = None

    def _plain_environment(self) -> dict[str, str]:
        """The environment that the sandbox was started in, less what points at a sandbox and less credentials."""
        bundles = {
            self.surroundings.get(name, "") for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
        }
        sourced = str(self.home.ca_bundle) in bundles  # started from a shell that had sourced our own file
        kept = {}
        for name, value in self.surroundings.items():
            ours = name.upper() in _OURS and sourced
            if not ours and not name.startswith(("AZURE_", "SANDBOX_", "MLFLOW_", "ANSIBLE_")):
                kept[name] = value
        return kept

    def open(self) -> None:
        """Opens the state, and fills in what a new sandbox needs."""
        self.store.open()
        for name, value in (
            ("tenant_id", str(uuid.uuid4())),
            ("subscription_id", str(uuid.uuid4())),
            ("upload_secret", secrets.token_hex(32)),
            ("address_block", str(64 + secrets.randbelow(180))),
        ):
            if self.store.setting(name) is None:
                self.store.set_setting(name, value)
        self.store.set_setting("role_propagation", str(self.options.role_propagation))
        self.store.set_setting("directory_replication", str(self.options.entra_replication))
        self.directory.load()
        if self.store.setting("client_id") is None:
            caller = Principal(
                str(uuid.uuid4()), str(uuid.uuid4()), "sandbox", "ServicePrincipal", None, secrets.token_urlsafe(30)
            )
            with self.store.transaction():
                self.store.put_principal(caller)
                self.store.put(owner_assignment(self.store.setting("subscription_id") or "", caller.object_id))
                self.store.set_setting("client_id", caller.client_id)
        for leftover in self.processes.end_all(2.0):
            LOG.info("ended %s, left by an earlier run", leftover)

    def port(self, name: str, wanted: int | None = None) -> int:
        """A port that stays the same over restarts."""
        known = wanted or int(self.store.setting(f"port_{name}") or 0) or None
        chosen = free_port(known)
        self.store.set_setting(f"port_{name}", str(chosen))
        return chosen

    def sql_server(self) -> SqlServer | None:
        if self.options.sql_server is None:
            return None
        host, _mark, port = self.options.sql_server.rpartition(":")
        return SqlServer(
            host, int(port), self.surroundings["SANDBOX_SQL_USER"], self.surroundings["SANDBOX_SQL_PASSWORD"]
        )

    async def sql_server_for_containers(self, inside: str) -> SqlServer | None:
        """The SQL Server as containers reach it: one that listens on this machine's loopback address, by a way to it from their network."""
        real = self.sql_server()
        if real is None or real.host not in ("127.0.0.1", "localhost"):
            return real
        relay = Relay(inside, real.port)
        await relay.open()
        self._relay = relay
        return replace(real, host=inside, port=relay.port)

    def write_trust(self) -> None:
        """The CA that the proxy signs with, and the bundle that clients are to trust: the system's roots and this one."""
        CertStore.from_store(self.home.certificates, "mitmproxy", 2048)
        own = (self.home.certificates / "mitmproxy-ca-cert.pem").read_text(encoding="utf-8")
        roots = self.surroundings.get("REQUESTS_CA_BUNDLE") or self.surroundings.get("SSL_CERT_FILE") or ""
        system = ssl.get_default_verify_paths().cafile or certifi.where()
        chosen = Path(roots if roots and Path(roots).exists() and Path(roots) != self.home.ca_bundle else system)
        write_private(self.home.ca_bundle, chosen.read_text(encoding="utf-8") + "\n" + own)
        for key in self.home.certificates.iterdir():
            key.chmod(0o600)

    async def engine(self) -> tuple[Owned, str] | None:
        """The Docker engine that runs the containers, and this machine's address in their network; None without one. Raises EngineUnusable."""
        if self.options.runtime != "docker":
            return None
        try:
            owned = choose(self.home, self.surroundings.get("DOCKER_HOST"))
            await owned.engine.check()
            for leftover in await owned.end_all():
                LOG.info("ended the container %s, left by an earlier run", leftover)
            return owned, await owned.make_network()
        except (EngineError, ValueError) as error:
            raise EngineUnusable(str(error)) from error

    def client_environment(self, port: int) -> dict[str, str]:
        """What points a client at the sandbox."""
        bundle = str(self.home.ca_bundle)
        proxy = f"http://127.0.0.1:{port}"
        docker = {"DOCKER_HOST": f"unix://{api_socket(self.home)}"} if self.options.runtime == "docker" else {}
        client_id = self.store.setting("client_id") or ""
        caller = self.store.principal(client_id)
        secret = (caller.secret if caller else "") or ""
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "CURL_CA_BUNDLE": bundle,
            "AZURE_TENANT_ID": self.directory.tenant,
            "AZURE_CLIENT_ID": client_id,
            "AZURE_CLIENT_SECRET": secret,
            "AZURE_SUBSCRIPTION_ID": self.store.setting("subscription_id") or "",
            # as the collection azure.azcollection calls them
            "AZURE_TENANT": self.directory.tenant,
            "AZURE_SECRET": secret,
            **docker,
        }

    async def run(self) -> None:
        """Serves until told to end."""
        proxy_port, identity_port = self.port("proxy", self.options.port), free_port(None)
        portal_port = self.port("portal")
        self.write_trust()
        environment = self.client_environment(proxy_port)
        for_apps = {name: value for name, value in environment.items() if not name.startswith(("AZURE_", "DOCKER_"))}
        engine = await self.engine()
        inside = "127.0.0.1" if engine is None else engine[1]
        plain = self._plain_environment()
        images = Images(self.home.root / "registry")
        azurite = self.home.tools / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
        blobs = Blobs(self.context, self.home, self.processes, azurite, plain)
        registry = RegistryEndpoint(self.context, images)
        docker_api: DockerApi | None = None
        containers: ContainerRuntime
        builder: Builder
        if engine is None:
            sql = AzureSql(self.store, self.home.root / "sql", self.sql_server())
            builder = ProcessBuilds(images, self.home, self.processes, plain)
            containers = ProcessContainers(self.store, images, sql, self.home, self.processes, for_apps)
        else:
            sql = AzureSql(self.store, self.home.root / "sql", await self.sql_server_for_containers(inside))
            moved = DockerImages(engine[0].engine, images, KeptImages(self.home.engine_images_file))
            builder = DockerBuilds(self.store, engine[0], images, moved)
            seen = inside_containers(for_apps, inside, proxy_port)
            containers = DockerContainers(self.store, images, moved, sql, engine[0], seen, self.home.ca_bundle)
            docker_api = DockerApi(self.store, engine[0].engine, images, moved, registry)
        builds = Builds(self.context, images, self.home, builder)
        replicas = Replicas(self.context, containers, self.home.root / "apps")
        runtime, jobs = Runtime(self.context, replicas), Jobs(self.context, replicas)
        runtime.identity_endpoint = jobs.identity_endpoint = f"http://{inside}:{identity_port}/msi/token"
        backends = Backends(builds, runtime, jobs, sql, blobs)
        manager = ResourceManager(self.context, resource_types(self.context, backends))
        portal = Portal(View(manager, replicas, self.home.root / "apps"), portal_port)
        layers = Layers(images)
        layer_server = await layers.open()
        graph = Graph(self.store, self.directory)
        streams = LogStream(self.store, self.directory, self.home.root / "apps")
        vaults, identity = KeyVaults(self.store, self.directory), IdentityEndpoint(self.store, self.directory)
        gateway = Gateway(
            Endpoints(
                self.store,
                self.directory,
                manager,
                registry,
                builds,
                blobs,
                runtime,
                vaults,
                portal,
                identity,
                graph,
                streams,
                layers,
            ),
            identity_port,
            portal_port,
        )
        upstream = plain.get("HTTPS_PROXY") or plain.get("https_proxy")
        modes = [f"upstream:{upstream}@127.0.0.1:{proxy_port}" if upstream else f"regular@127.0.0.1:{proxy_port}"]
        modes += [f"reverse:http://127.0.0.1:9@127.0.0.1:{port}" for port in (identity_port, portal_port)]
        if engine is not None:
            way = f"upstream:{upstream}" if upstream else "regular"
            modes += [f"{way}@{inside}:{proxy_port}", f"reverse:http://127.0.0.1:9@{inside}:{identity_port}"]
        options = Options(confdir=str(self.home.certificates), mode=modes)
        master = DumpMaster(options, with_termlog=False, with_dumper=False)
        master.options.update(
            connection_strategy="lazy", ssl_insecure=True, keep_host_header=True, validate_inbound_headers=False
        )
        master.addons.add(gateway, Acknowledgement(master.addons.get("proxyserver")))
        stopping = asyncio.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, stopping.set)

        def open_fronts() -> None:
            self._open_fronts(master, modes)

        runtime.apps_changed = open_fronts
        if docker_api is not None:
            await docker_api.open(api_socket(self.home))
        builds.recover()
        blobs.recover()
        runtime.recover()
        jobs.recover()
        serving = asyncio.create_task(master.run())
        open_fronts()
        await self._announce(environment, proxy_port, portal_port, serving)
        while not stopping.is_set() and not serving.done():
            try:
                manager.finish_due()
            except (sqlite3.Error, OSError):
                LOG.exception("operations could not be ended; it is tried again")
            try:
                await asyncio.wait_for(stopping.wait(), TICK_SECONDS)
            except TimeoutError:
                continue
        self.home.ready_file.unlink(missing_ok=True)
        await jobs.close()
        await asyncio.gather(runtime.close(), blobs.close(), builds.close())
        if docker_api is not None:
            docker_api.close()
        if self._relay is not None:
            self._relay.close()
        master.shutdown()
        await serving
        layer_server.close()
        self.store.close()

    def _open_fronts(self, master: DumpMaster, modes: list[str]) -> None:
        """A plain local port for each app with an ingress, for browsers that do not use the proxy."""
        fronts = []
        for app in self.store.of_type(APPS):
            if not app.properties["configuration"].get("ingress") or app.state == "Deleting":
                continue
            port = app.private.get("front_port")
            if port is None or (port not in self._fronts and not is_free(port)):
                app.private["front_port"] = free_port(None)
                self.store.put(app)
            self._fronts.add(app.private["front_port"])
            fronts.append(f"reverse:http://127.0.0.1:9@127.0.0.1:{app.private['front_port']}")
        if sorted(master.options.mode) != sorted(modes + fronts):
            master.options.update(mode=modes + fronts)

    async def _announce(
        self, environment: dict[str, str], port: int, portal_port: int, serving: asyncio.Task[None]
    ) -> None:
        """Waits until the proxy listens, then writes the file to source and the one that says we are ready."""
        while not serving.done():
            try:
                _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            break
        if serving.done():
            serving.result()
            raise PortTaken(f"the proxy could not listen on 127.0.0.1:{port}")
        lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
        write_private(self.home.env_file, "\n".join(lines) + "\n")
        write_private(self.home.ready_file, json.dumps({"pid": os.getpid(), "port": port, "portal": portal_port}))
        LOG.info("ready on 127.0.0.1:%s", port)


def main() -> int:
    parser = argparse.ArgumentParser(prog="sandbox.server")
    parser.add_argument("--home", required=True)
    home = locate(parser.parse_args().home)
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("mitmproxy").setLevel(logging.WARNING)
    # by itself, and first: whoever started this may have been killed meanwhile
    Processes(home.root / "server").add(os.getpid(), "server")
    sandbox = Sandbox(home, read_options(home), os.environ)
    try:
        sandbox.open()
        asyncio.run(sandbox.run())
    except (PortTaken, EngineUnusable) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
