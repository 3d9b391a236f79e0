# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Life of the server: opens the state, runs the proxy, and stops everything at the end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shlex
import signal
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import replace

from mitmproxy.options import Options
from mitmproxy.tools.dump import DumpMaster

from sandbox.apps.runtime import APPS
from sandbox.arm.resource_type import Context
from sandbox.entra.directory import Directory
from sandbox.host.docker_engine import EngineError, api_socket, select_engine
from sandbox.host.home import Home, write_private
from sandbox.host.ports import PortTaken, free_port, is_free, wait_until_listening
from sandbox.host.processes import Processes
from sandbox.host.relay import Relay
from sandbox.providers.authorization import owner_assignment
from sandbox.proxy import Gateway
from sandbox.quickack import QuickAck
from sandbox.runners.azure_sql import SqlServer
from sandbox.server.endpoints import DockerHost, Endpoints, Foundation, Ports, build_endpoints, sites
from sandbox.server.environment import client_environment, plain_environment, write_certificates
from sandbox.server.options import ServerOptions
from sandbox.store import Principal, Store

LOG = logging.getLogger("sandbox")
TICK_SECONDS = 0.2


class EngineUnusable(Exception):
    """Missing or unsuitable Docker engine; the message has the remedy."""


class Sandbox:
    """Server of a sandbox."""

    def __init__(self, home: Home, options: ServerOptions, environ: Mapping[str, str]) -> None:
        self.home = home
        self.options = options
        self.environ = environ
        self.store = Store(home.database)
        self.directory = Directory(self.store, home.certificates / "directory.key")
        self.processes = Processes(home.root / "processes")
        self.context = Context(self.store, self.directory, options.latency, options.seed, options.strict)
        self._local_ports: set[int] = set()
        self._relay: Relay | None = None

    def open(self) -> None:
        """Open the state, initialize that of a new sandbox, and end the processes of an earlier run."""
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
        for label in self.processes.end_all(2.0):
            LOG.info("ended %s of an earlier run", label)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raise PortTaken or EngineUnusable."""
        ports = Ports(
            proxy=self._port("proxy", self.options.port), identity=free_port(None), portal=self._port("portal")
        )
        write_certificates(self.home, self.environ)
        client = client_environment(
            self.home, self.store, self.directory.tenant, ports.proxy, docker=self.options.runtime == "docker"
        )
        plain = plain_environment(self.home, self.environ)
        docker = await self._docker_host()
        endpoints = build_endpoints(
            Foundation(
                context=self.context,
                home=self.home,
                processes=self.processes,
                ports=ports,
                plain=plain,
                client=client,
                sql_server=await self._sql_server(docker),
                docker=docker,
            )
        )
        modes = _proxy_modes(ports, plain.get("HTTPS_PROXY") or plain.get("https_proxy"), docker)
        master = self._proxy(endpoints, ports, modes)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)

        def open_local_ports() -> None:
            self._open_local_ports(master, modes)

        endpoints.runtime.apps_changed = open_local_ports
        await endpoints.registry_blobs.open()
        if endpoints.docker_api is not None:
            await endpoints.docker_api.open(api_socket(self.home))
        for service in (endpoints.builds, endpoints.azurites, endpoints.sql, endpoints.runtime, endpoints.jobs):
            service.recover()
        proxy = asyncio.create_task(master.run())
        open_local_ports()
        await self._announce(client, ports, proxy)
        await self._finish_operations(endpoints, stop, proxy)
        self.home.ready_file.unlink(missing_ok=True)
        await self._close(endpoints)
        master.shutdown()
        await proxy
        endpoints.registry_blobs.close()
        self.store.close()

    def _port(self, name: str, preferred: int | None = None) -> int:
        """Return a port that stays the same over restarts."""
        port = free_port(preferred or int(self.store.setting(f"port_{name}") or 0) or None)
        self.store.set_setting(f"port_{name}", str(port))
        return port

    async def _docker_host(self) -> DockerHost | None:
        """Return the Docker engine that runs the containers; None with `--runtime process`. Raise EngineUnusable."""
        if self.options.runtime != "docker":
            return None
        try:
            owned = select_engine(self.home, self.environ.get("DOCKER_HOST"))
            await owned.engine.check()
            for name in await owned.end_all():
                LOG.info("ended the container %s of an earlier run", name)
            return DockerHost(owned, await owned.create_network())
        except (EngineError, ValueError) as error:
            raise EngineUnusable(str(error)) from error

    async def _sql_server(self, docker: DockerHost | None) -> SqlServer | None:
        """Return the SQL Server of `--sql-server`, at an address that apps reach: containers reach a local one through a relay."""
        if self.options.sql_server is None:
            return None
        host, _mark, port = self.options.sql_server.rpartition(":")
        server = SqlServer(host, int(port), self.environ["SANDBOX_SQL_USER"], self.environ["SANDBOX_SQL_PASSWORD"])
        if docker is None or host not in ("127.0.0.1", "localhost"):
            return server
        self._relay = Relay(docker.address, server.port)
        await self._relay.open()
        return replace(server, host=docker.address, port=self._relay.port)

    def _proxy(self, endpoints: Endpoints, ports: Ports, modes: list[str]) -> DumpMaster:
        listeners = {ports.identity: endpoints.identity.handle, ports.portal: endpoints.portal.handle}
        gateway = Gateway(sites(endpoints), listeners, endpoints.apps, self.store.faults)
        options = Options(confdir=str(self.home.certificates), mode=modes)
        master = DumpMaster(options, with_termlog=False, with_dumper=False)
        master.options.update(
            connection_strategy="lazy", ssl_insecure=True, keep_host_header=True, validate_inbound_headers=False
        )
        master.addons.add(gateway, QuickAck(master.addons.get("proxyserver")))
        return master

    def _open_local_ports(self, master: DumpMaster, modes: list[str]) -> None:
        """Open a local port for each app with an ingress, for browsers that do not use the proxy."""
        local_modes = []
        for app in self.store.of_type(APPS):
            if not app.properties["configuration"].get("ingress") or app.state == "Deleting":
                continue
            port = app.private.get("front_port")
            if port is None or (port not in self._local_ports and not is_free(port)):
                app.private["front_port"] = free_port(None)
                self.store.put(app)
            self._local_ports.add(app.private["front_port"])
            local_modes.append(_reverse_mode("127.0.0.1", app.private["front_port"]))
        if sorted(master.options.mode) != sorted(modes + local_modes):
            master.options.update(mode=modes + local_modes)

    async def _announce(self, client: Mapping[str, str], ports: Ports, proxy: asyncio.Task[None]) -> None:
        """Wait until the proxy listens, then write the `env` file and the file that marks the server as ready. Raise PortTaken."""
        await wait_until_listening(ports.proxy, lambda: not proxy.done())
        if proxy.done():
            proxy.result()
            raise PortTaken(f"the proxy could not listen on 127.0.0.1:{ports.proxy}")
        lines = [f"export {name}={shlex.quote(value)}" for name, value in client.items()]
        write_private(self.home.env_file, "\n".join(lines) + "\n")
        ready = {"pid": os.getpid(), "port": ports.proxy, "portal": ports.portal}
        write_private(self.home.ready_file, json.dumps(ready))
        LOG.info("ready on 127.0.0.1:%s", ports.proxy)

    async def _finish_operations(self, endpoints: Endpoints, stop: asyncio.Event, proxy: asyncio.Task[None]) -> None:
        """Finish operations when they are due, until the server stops."""
        while not stop.is_set() and not proxy.done():
            try:
                endpoints.manager.finish_due()
            except (sqlite3.Error, OSError):
                LOG.exception("due operations could not be finished; the next tick retries")
            try:
                await asyncio.wait_for(stop.wait(), TICK_SECONDS)
            except TimeoutError:
                continue

    async def _close(self, endpoints: Endpoints) -> None:
        """Stop the services."""
        await endpoints.jobs.close()
        await asyncio.gather(
            endpoints.runtime.close(), endpoints.azurites.close(), endpoints.builds.close(), endpoints.sql.close()
        )
        if endpoints.docker_api is not None:
            endpoints.docker_api.close()
        if self._relay is not None:
            self._relay.close()


def _proxy_modes(ports: Ports, parent: str | None, docker: DockerHost | None) -> list[str]:
    """Return the modes of mitmproxy: the proxy itself, and the listeners of identity endpoint and portal. `parent`: parent proxy."""
    mode = f"upstream:{parent}" if parent else "regular"
    modes = [
        f"{mode}@127.0.0.1:{ports.proxy}",
        _reverse_mode("127.0.0.1", ports.identity),
        _reverse_mode("127.0.0.1", ports.portal),
    ]
    if docker is not None:
        modes += [f"{mode}@{docker.address}:{ports.proxy}", _reverse_mode(docker.address, ports.identity)]
    return modes


def _reverse_mode(address: str, port: int) -> str:
    """Return the mode of a listener. Its target is never reached: the addon responds or forwards."""
    return f"reverse:http://127.0.0.1:9@{address}:{port}"
