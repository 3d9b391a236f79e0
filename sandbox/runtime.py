# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container Apps on this machine: each replica of a revision runs as processes from the environment that its image was built into.

Every replica has a loopback address of its own, so that all of them can listen on the same port; where an app says that
it listens on all addresses (0.0.0.0), it is given this one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11

from sandbox.access import is_allowed
from sandbox.azure_sql import AzureSql, LoginRefused, azure_sql_uris, set_up
from sandbox.home import Home
from sandbox.processes import Processes, signal_group
from sandbox.registry import PULL, REGISTRIES, Images
from sandbox.resource_types import Context, Json
from sandbox.store import Operation, Resource

LOG = logging.getLogger("sandbox.runtime")
APPS = "microsoft.app/containerapps"
REVISIONS = "microsoft.app/containerapps/revisions"
PROVISION_SECONDS = 900
CRASHES_TO_FAIL = 3
GRACE_SECONDS = 30
ADDRESSES = 200
_ANY_ADDRESS = re.compile(r"(?<![\d.])0\.0\.0\.0(?![\d.])")


class PullFailed(Exception):
    """An image cannot be had; the message is Azure's."""


@dataclass
class Container:
    """One container of a replica: the process that stands for it now, and what became of it."""

    spec: Json
    log: Path
    process: asyncio.subprocess.Process | None = None
    started: bool = False
    ready: bool = False
    restarts: int = 0
    exit_code: int | None = None
    last_error: str = ""


@dataclass
class Replica:
    """One replica of a revision."""

    name: str
    app: str
    revision: str
    address: str
    folder: Path
    containers: list[Container]
    created: float = field(default_factory=time.time)
    stopping: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        return not self.stopping and all(container.ready for container in self.containers)


class Runtime:
    """Runs the apps of the store, and keeps their resources in step with what really runs."""

    def __init__(
        self,
        context: Context,
        images: Images,
        sql: AzureSql,
        home: Home,
        processes: Processes,
        base_environment: dict[str, str],
    ) -> None:
        self._context = context
        self._images = images
        self._sql = sql
        self._folder = home.root / "apps"
        self._layers = home.tools / "layers"
        self._processes = processes
        self._base = base_environment
        self._replicas: dict[str, list[Replica]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_address = 0
        self.identity_endpoint = ""
        self.apps_changed: Callable[[], None] = lambda: None

    # what Resource Manager asks for

    def provision(self, app: Resource, operation: Operation) -> None:
        """Brings a written app to what its template says, in the background."""
        self._spawn(self._provision(app.id, operation.id))

    def remove(self, app: Resource) -> None:
        """Stops everything of an app that is being deleted."""
        for revision in list(self._context.store.below(app.id, REVISIONS)):
            self._spawn(self._stop_revision(revision.key))

    def restart(self, revision: Resource) -> None:
        """Replaces the replicas of a revision."""
        self._spawn(self._restart(revision.key))

    def set_active(self, revision: Resource, active: bool) -> None:
        """Starts or stops a revision."""
        revision.properties["active"] = active
        self._context.store.put(revision)
        self._spawn(self._start_revision(revision.key) if active else self._stop_revision(revision.key))

    def replicas(self, revision: Resource) -> list[Replica]:
        return self._replicas.get(revision.key, [])

    def ready_addresses(self, app: Resource) -> list[tuple[str, str]]:
        """(revision, loopback address) of the replicas that may take requests, those of the latest ready revision first."""
        found = []
        for revision in self._context.store.below(app.id, REVISIONS):
            if revision.properties["active"]:
                found += [(revision.name, replica.address) for replica in self.replicas(revision) if replica.ready]
        latest = app.properties.get("latestReadyRevisionName")
        return sorted(found, key=lambda item: item[0] != latest)

    def app_of_identity_header(self, header: str) -> Resource | None:
        """The app that an identity header was given to."""
        for app in self._context.store.of_type(APPS):
            if header and secrets.compare_digest(app.private.get("identity_header", ""), header):
                return app
        return None

    # life of the sandbox

    def recover(self) -> None:
        """Starts again what ran when the sandbox ended."""
        for operation in self._context.store.running_operations():
            if operation.type == APPS and operation.work:
                self._spawn(self._provision(operation.resource, operation.id))
        busy = {operation.resource for operation in self._context.store.running_operations()}
        for revision in self._context.store.of_type(REVISIONS):
            if revision.properties["active"] and revision.key.partition("/revisions/")[0] not in busy:
                self.mark_restarting(revision)
                self._spawn(self._restart(revision.key))

    async def close(self) -> None:
        """Stops all replicas."""
        await asyncio.gather(*(self._stop_replica(replica) for group in self._replicas.values() for replica in group))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            LOG.error("a task of the runtime failed", exc_info=error)

    # provisioning

    async def _provision(self, app_id: str, operation_id: str) -> None:
        app = self._context.store.get(app_id)
        if app is None:
            return
        revision = self._revision_for(app)
        # what has crashed before this write is no verdict on it
        crashed = [
            r for r in self.replicas(revision) if any(container.restarts for container in r.containers) and not r.ready
        ]
        await asyncio.gather(*(self._stop_replica(replica) for replica in crashed))
        await self._start_revision(revision.key)
        problem = await self._until_ready(revision.key)
        app = self._context.store.get(app_id)
        revision_now = self._context.store.get(revision.id)
        if app is None or revision_now is None:
            return
        if problem is not None:
            self._mark(revision_now, "Failed", "Unhealthy", "Failed", problem["message"])
            app.body["properties"]["deploymentErrors"] = problem["message"]
            self._context.store.put(app)
            await self._stop_revision(revision.key)
            self._context.work_done(operation_id, problem)
            return
        self._mark(revision_now, "Provisioned", "Healthy", "Running", "")
        app.properties["latestReadyRevisionName"] = revision.name
        app.properties.pop("deploymentErrors", None)
        self._context.store.put(app)
        if app.properties["configuration"]["activeRevisionsMode"] == "Single":
            await self._retire_others(app, revision.name)
        self._context.work_done(operation_id)
        self.apps_changed()

    async def _retire_others(self, app: Resource, kept: str) -> None:
        for other in list(self._context.store.below(app.id, REVISIONS)):
            if other.name != kept and other.properties["active"]:
                other.properties.update(active=False, replicas=0, trafficWeight=0, runningState="Stopped")
                self._context.store.put(other)
                await self._stop_revision(other.key)

    def _revision_for(self, app: Resource) -> Resource:
        """The revision of the app's template, made where it is new; told apart by the template alone, as on Azure."""
        name = app.properties["latestRevisionName"]
        revision_id = f"{app.id.replace('/containerapps/', '/containerApps/')}/revisions/{name}"
        existing = self._context.store.get(revision_id)
        if existing is not None:
            existing.properties.update(active=True)
            self._context.store.put(existing)
            return existing
        revision = Resource(
            revision_id,
            REVISIONS,
            name,
            {
                "properties": {
                    "createdTime": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
                    "fqdn": app.properties.get("latestRevisionFqdn") or "",
                    "template": app.properties["template"],
                    "active": True,
                    "replicas": 0,
                    "trafficWeight": 100,
                    "healthState": "None",
                    "provisioningState": "Provisioning",
                    "runningState": "Activating",
                }
            },
        )
        self._context.store.put(revision)
        return revision

    def _mark(self, revision: Resource, provisioning: str, health: str, running: str, details: str) -> None:
        replicas = sum(1 for replica in self.replicas(revision) if not replica.stopping)
        revision.properties.update(
            provisioningState=provisioning,
            healthState=health,
            runningState=running,
            runningStateDetails=details,
            replicas=replicas,
        )
        if provisioning == "Failed":
            revision.properties["provisioningError"] = details
        self._context.store.put(revision)

    async def _until_ready(self, revision_key: str) -> dict[str, str] | None:
        """Waits for a ready replica. Returns Azure's error where there will be none."""
        deadline = time.monotonic() + PROVISION_SECONDS
        app_name = revision_key.split("/containerapps/")[1].split("/")[0]
        while time.monotonic() < deadline:
            replicas = self._replicas.get(revision_key, [])
            if any(replica.ready for replica in replicas):
                return None
            for container in (container for replica in replicas for container in replica.containers):
                if container.last_error:
                    return _error(
                        f"Failed to provision revision for container app '{app_name}'. Error details: {container.last_error}"
                    )
                if container.restarts >= CRASHES_TO_FAIL:
                    return _error(
                        f"Failed to provision revision for container app '{app_name}'. Error details: Deployment Progress Deadline Exceeded. "
                        f"0/1 replicas ready. The container '{container.spec['name']}' was terminated with exit code "
                        f"'{container.exit_code}' and reason 'ProcessExited'. Its last line was: {_last_line(container.log)}"
                    )
            await asyncio.sleep(0.05)
        return _error(f"Failed to provision revision for container app '{app_name}'. Error details: Operation expired.")

    # revisions and replicas

    async def _start_revision(self, revision_key: str) -> None:
        revision = self._context.store.get(revision_key)
        app = self._context.store.get(revision_key.partition("/revisions/")[0])
        if revision is None or app is None:
            return
        running = [replica for replica in self.replicas(revision) if not replica.stopping]
        scale = revision.properties["template"].get("scale") or {}
        for _time in range(max(1, int(scale.get("minReplicas") or 0)) - len(running)):
            self._start_replica(app, revision)

    async def _restart(self, revision_key: str) -> None:
        before = list(self._replicas.get(revision_key, []))
        await asyncio.gather(*(self._stop_replica(replica) for replica in before))
        await self._start_revision(revision_key)
        problem = await self._until_ready(revision_key)
        revision = self._context.store.get(revision_key)
        if revision is not None:
            if problem is None:
                self._mark(revision, "Provisioned", "Healthy", "Running", "")
            else:
                self._mark(revision, "Provisioned", "Unhealthy", "Failed", problem["message"])

    def mark_restarting(self, revision: Resource) -> None:
        """A revision is not running from the moment its restart is asked for."""
        for replica in self.replicas(revision):
            replica.stopping = True
        self._mark(revision, "Provisioned", "None", "Processing", "")

    async def _stop_revision(self, revision_key: str) -> None:
        await asyncio.gather(*(self._stop_replica(replica) for replica in list(self._replicas.get(revision_key, []))))

    def _address(self, port: int | None) -> str:
        """A loopback address on which nothing listens at the port."""
        base = int(self._context.store.setting("address_block") or 64)
        for _attempt in range(ADDRESSES):
            self._next_address += 1
            address = f"127.{base}.{self._next_address // 250 % 250}.{self._next_address % 250 + 1}"
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port or 0))
                except OSError:
                    continue
            return address
        raise OSError(
            f"none of {ADDRESSES} addresses in 127.{base}.0.0/16 is free at port {port}; the sandbox needs Linux"
        )

    def _start_replica(self, app: Resource, revision: Resource) -> None:
        ingress = app.properties["configuration"].get("ingress") or {}
        name = f"{revision.name}-{secrets.token_hex(5)}-{secrets.token_hex(3)[:5]}"
        folder = self._folder / app.name / name
        folder.mkdir(parents=True)
        folder.chmod(0o700)
        specs = revision.properties["template"].get("containers") or []
        containers = [Container(spec, folder / f"{spec['name']}.log") for spec in specs]
        replica = Replica(name, app.key, revision.key, self._address(ingress.get("targetPort")), folder, containers)
        self._replicas.setdefault(revision.key, []).append(replica)
        for index, container in enumerate(containers):
            replica.tasks.append(
                asyncio.get_running_loop().create_task(self._supervise(replica, container, index == 0))
            )

    async def _stop_replica(self, replica: Replica) -> None:
        replica.stopping = True
        for task in replica.tasks:
            task.cancel()
        await asyncio.gather(*replica.tasks, return_exceptions=True)
        revision = self._context.store.get(replica.revision)
        template = revision.properties["template"] if revision else {}
        grace = template.get("terminationGracePeriodSeconds")
        await asyncio.gather(
            *(
                self._stop_process(container, GRACE_SECONDS if grace is None else grace)
                for container in replica.containers
            )
        )
        group = self._replicas.get(replica.revision, [])
        if replica in group:
            group.remove(replica)
        shutil.rmtree(replica.folder / "tmp", ignore_errors=True)

    async def _stop_process(self, container: Container, grace: float) -> None:
        process = container.process
        container.process = None
        container.ready = False
        if process is None:
            return
        for sign, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5)):
            signal_group(process.pid, sign)
            try:
                await asyncio.wait_for(process.wait(), patience)
            except TimeoutError:
                continue
            break
        signal_group(process.pid, signal.SIGKILL)  # what it had started and left behind
        self._processes.forget(process.pid)

    async def _supervise(self, replica: Replica, container: Container, first: bool) -> None:
        """Keeps a container running: starts it, probes it, starts it again when it ends, more slowly each time."""
        while not replica.stopping:
            app = self._context.store.get(replica.app)
            if app is None:
                return
            container.started = container.ready = False
            try:
                process = await self._launch(app, replica, container)
            except (PullFailed, LoginRefused, OSError) as refused:
                _write_log(container.log, str(refused))
                container.exit_code = 127 if isinstance(refused, OSError) else 1
                if isinstance(refused, PullFailed):
                    container.last_error = str(refused)
                process = None
            if process is not None:
                container.process = process
                probing = asyncio.get_running_loop().create_task(self._probe(app, replica, container, first))
                try:
                    container.exit_code = await process.wait()
                finally:
                    probing.cancel()
                signal_group(process.pid, signal.SIGKILL)
                self._processes.forget(process.pid)
                container.process = None
                _write_log(container.log, f"The container ended with exit code {container.exit_code}.")
            container.ready = False
            container.restarts += 1
            await asyncio.sleep(min(60.0, 0.1 * 2 ** min(container.restarts, 10)))

    async def _launch(self, app: Resource, replica: Replica, container: Container) -> asyncio.subprocess.Process:
        config = self._pull(app, str(container.spec["image"]))
        layer = self._layers / config["sandbox"]["layer"]
        if not (layer / "complete").exists():
            raise PullFailed(_image_error(app, str(container.spec["image"]), f"{layer} is gone: build the image again"))
        image = config["config"]
        environment = await self._environment(app, replica, container, image, layer)
        words = self._command(container.spec, image, layer, replica.address, environment["PATH"])
        command = [await self._with_substitute(word, "argument", app, container, layer) for word in words]
        workdir = _local_path(image.get("WorkingDir") or "/", layer / "rootfs")
        cwd = workdir if workdir and Path(workdir).is_dir() else str(replica.folder)
        with container.log.open("ab") as stream:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=cwd,
                start_new_session=True,
            )
        self._processes.add(process.pid, f"app {app.name} {replica.name} {container.spec['name']}")
        return process

    def _command(self, spec: Json, image: Json, layer: Path, address: str, path: str) -> list[str]:
        entry = spec.get("command") or image.get("Entrypoint") or []
        arguments = spec.get("args") or ([] if spec.get("command") else image.get("Cmd") or [])
        words = [_ANY_ADDRESS.sub(address, str(word)) for word in (*entry, *arguments)]
        if not words:
            raise PullFailed(
                f"Container '{spec['name']}' has no command, and its image has neither ENTRYPOINT nor CMD."
            )
        words = [_local_path(word, layer / "rootfs") or word for word in words]
        words[0] = shutil.which(words[0], path=path) or words[0]
        return words

    async def _environment(
        self, app: Resource, replica: Replica, container: Container, image: Json, layer: Path
    ) -> dict[str, str]:
        """The process's environment: the image's, Azure's own variables, the app's, and the way to the sandbox."""
        temporary = replica.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        from_image = dict(entry.partition("=")[::2] for entry in image.get("Env") or [])
        path = os.pathsep.join([str(layer / "venv" / "bin"), from_image.get("PATH", ""), os.defpath, "/usr/local/bin"])
        secret_values = app.private.get("secrets", {})
        own = {}
        for item in container.spec.get("env") or []:
            own[item["name"]] = (
                secret_values.get(item["secretRef"], "") if item.get("secretRef") else str(item.get("value") or "")
            )
        environment = {**from_image, **self._injected(app, replica), **own}
        environment = {name: _ANY_ADDRESS.sub(replica.address, value) for name, value in environment.items()}
        for name, value in environment.items():
            environment[name] = await self._with_substitute(value, name, app, container, layer)
        fixed = {
            "PATH": path,
            "HOME": str(replica.folder),
            "TMPDIR": str(temporary),
            "VIRTUAL_ENV": str(layer / "venv"),
        }
        return {"LANG": "C.UTF-8", **environment, **fixed, **self._base}

    async def _with_substitute(self, value: str, name: str, app: Resource, container: Container, layer: Path) -> str:
        """A setting or an argument, with what stands here for the Azure SQL databases that it names."""
        for uri in azure_sql_uris(value):
            substitute = self._sql.substitute(uri, _identities(app))
            if substitute.job is not None:
                await asyncio.to_thread(set_up, substitute.job, layer / "venv" / "bin" / "python")
            value = value.replace(uri, substitute.uri)
            _write_log(container.log, f"{name}: {substitute.said}")
        return value

    def _injected(self, app: Resource, replica: Replica) -> dict[str, str]:
        """What Azure puts into every container. Sources: https://learn.microsoft.com/azure/container-apps/environment-variables and
        https://learn.microsoft.com/azure/container-apps/opentelemetry-agents"""
        ingress = app.properties["configuration"].get("ingress") or {}
        environment = self._context.store.get(app.properties["environmentId"])
        suffix = environment.properties["defaultDomain"] if environment else ""
        revision = replica.revision.rpartition("/")[2]
        collector = "http://otel.service.k8se-apps:4317/"
        injected = {
            "CONTAINER_APP_NAME": app.name,
            "CONTAINER_APP_REVISION": revision,
            "CONTAINER_APP_REPLICA_NAME": replica.name,
            "CONTAINER_APP_ENV_DNS_SUFFIX": suffix,
            "CONTAINER_APP_HOSTNAME": f"{revision}.{suffix if ingress.get('external') else 'internal.' + suffix}",
            "CONTAINER_APP_PORT": str(ingress.get("targetPort") or ""),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "CONTAINERAPP_OTEL_TRACING_GRPC_ENDPOINT": collector,
            "CONTAINERAPP_OTEL_LOGGING_GRPC_ENDPOINT": collector,
            "CONTAINERAPP_OTEL_METRIC_GRPC_ENDPOINT": collector,
        }
        if _identities(app):
            injected |= {"IDENTITY_ENDPOINT": self.identity_endpoint, "IDENTITY_HEADER": app.private["identity_header"]}
            injected |= {"MSI_ENDPOINT": self.identity_endpoint, "MSI_SECRET": app.private["identity_header"]}
        return injected

    # images

    def _pull(self, app: Resource, image: str) -> Json:
        """The configuration of an image, where the app may pull it."""
        server, _mark, rest = image.partition("/")
        repository, at, digest = rest.partition("@")
        if not at:
            repository, _mark, digest = rest.partition(":")
        registry = self._context.store.named(REGISTRIES, server.removesuffix(".azurecr.io"))
        if not server.endswith(".azurecr.io") or registry is None:
            raise PullFailed(
                _image_error(app, image, f"GET https://{server}/v2/: dial tcp: lookup {server}: no such host")
            )
        self._check_pull(app, registry, image, repository)
        config = self._images.config(registry.name, repository, digest or "latest")
        if config is None:
            raise PullFailed(
                _image_error(
                    app, image, f'GET https:: MANIFEST_UNKNOWN: manifest tagged by "{digest or "latest"}" is not found'
                )
            )
        return config

    def _check_pull(self, app: Resource, registry: Resource, image: str, repository: str) -> None:
        server = registry.properties["loginServer"]
        for entry in app.properties["configuration"].get("registries") or []:
            if entry["server"].lower() != server:
                continue
            if entry.get("identity"):
                principal = _principal(app, entry["identity"])
                if principal and is_allowed(self._context.store, principal, PULL, registry.id):
                    return
            password = app.private.get("secrets", {}).get(entry.get("passwordSecretRef") or "")
            admin = registry.properties["adminUserEnabled"] and entry.get("username") == registry.name
            if password and admin and password in (registry.private["password"], registry.private["password2"]):
                return
        scope = f"repository%3A{repository.replace('/', '%2F')}%3Apull"
        raise PullFailed(
            _image_error(
                app, image,
                f"GET https:?scope={scope}&service={server}: UNAUTHORIZED: authentication required, "
                "visit https://aka.ms/acr/authorization for more information.",
            )
        )  # fmt: skip

    # probes

    async def _probe(self, app: Resource, replica: Replica, container: Container, first: bool) -> None:
        """Runs a container's probes: startup until it succeeds, then readiness and liveness side by side."""
        port = (app.properties["configuration"].get("ingress") or {}).get("targetPort")
        probes = {str(probe["type"]).lower(): probe for probe in container.spec.get("probes") or []}
        default = {"tcpSocket": {"port": port}, "periodSeconds": 1, "timeoutSeconds": 3} if first and port else None
        startup = probes.get("startup") or ({**default, "failureThreshold": 240} if default else None)
        if startup is not None and not await self._await_startup(replica, container, startup):
            return
        container.started = True
        readiness = probes.get("readiness") or (
            {**default, "periodSeconds": 5, "failureThreshold": 48} if default else None
        )
        checks = [self._watch(replica, container, readiness, self._set_ready)] if readiness else []
        if readiness is None:
            container.ready = True
        if "liveness" in probes:
            checks.append(self._watch(replica, container, probes["liveness"], self._kill_dead))
        await asyncio.gather(*checks)

    async def _await_startup(self, replica: Replica, container: Container, probe: Json) -> bool:
        await asyncio.sleep(float(probe.get("initialDelaySeconds") or 0))
        for _time in range(int(probe.get("failureThreshold") or 3)):
            if await _succeeds(probe, replica.address):
                return True
            await asyncio.sleep(float(probe.get("periodSeconds") or 10))
        self._end_process(container, "its startup probe failed")
        return False

    async def _watch(
        self, replica: Replica, container: Container, probe: Json, tell: Callable[[Container, bool], None]
    ) -> None:
        failures = 0
        await asyncio.sleep(float(probe.get("initialDelaySeconds") or 0))
        while not replica.stopping:
            succeeded = await _succeeds(probe, replica.address)
            failures = 0 if succeeded else failures + 1
            if succeeded or failures >= int(probe.get("failureThreshold") or 3):
                tell(container, succeeded)
            # a probe is asked often until the container is ready, so that nobody waits for a long period to pass
            await asyncio.sleep(float(probe.get("periodSeconds") or 10) if container.ready else 0.2)

    def _set_ready(self, container: Container, succeeded: bool) -> None:
        container.ready = succeeded

    def _kill_dead(self, container: Container, succeeded: bool) -> None:
        if not succeeded:
            self._end_process(container, "its liveness probe failed")

    def _end_process(self, container: Container, reason: str) -> None:
        if container.process is not None:
            _write_log(container.log, f"The container is ended: {reason}.")
            signal_group(container.process.pid, signal.SIGTERM)


async def _succeeds(probe: Json, address: str) -> bool:
    """Whether a TCP or HTTP probe succeeds within its timeout."""
    timeout = float(probe.get("timeoutSeconds") or 1)
    http = probe.get("httpGet")
    port = int((http or probe.get("tcpSocket") or {}).get("port") or 0)
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(address, port)
            try:
                if http is None:
                    return True
                status = await _http_status(reader, writer, address, port, http)
                return 200 <= status < 400
            finally:
                writer.close()
    except (OSError, TimeoutError, h11.RemoteProtocolError):
        return False


async def _http_status(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str, port: int, probe: Json
) -> int:
    connection = h11.Connection(h11.CLIENT)
    headers = [("Host", f"{address}:{port}"), ("User-Agent", "kube-probe/1.30"), ("Connection", "close")]
    headers += [
        (item["name"], item["value"]) for item in probe.get("httpHeaders") or [] if item["name"].lower() != "host"
    ]
    request = h11.Request(method="GET", target=probe.get("path") or "/", headers=headers)
    writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
    await writer.drain()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Response):
            return event.status_code
        elif not isinstance(event, h11.InformationalResponse):
            return 0


def _identities(app: Resource) -> dict[str, str]:
    """The app's user-assigned identities: client id to object id."""
    found = (app.body.get("identity") or {}).get("userAssignedIdentities") or {}
    return {entry["clientId"].lower(): entry["principalId"] for entry in found.values()}


def _principal(app: Resource, identity: str) -> str | None:
    """The object id of one of the app's identities, by its resource id."""
    for identity_id, entry in ((app.body.get("identity") or {}).get("userAssignedIdentities") or {}).items():
        if identity_id.lower() == identity.lower():
            return str(entry["principalId"])
    return None


def _local_path(word: str, rootfs: Path) -> str | None:
    """Where a path of the image is on this machine; None where the image has no such file."""
    if not word.startswith("/") or word == "/":
        return None
    local = rootfs / word.lstrip("/")
    return str(local) if local.exists() else None


def _image_error(app: Resource, image: str, details: str) -> str:
    names = [spec["name"] for spec in app.properties["template"].get("containers") or [] if spec.get("image") == image]
    field_name = f"template.containers.{names[0] if names else ''}.image"
    return f"The following field(s) are either invalid or missing. Field '{field_name}' is invalid with details: 'Invalid value: \"{image}\": {details}';."


def _error(message: str) -> dict[str, str]:
    return {"code": "ContainerAppOperationError", "message": message}


def _write_log(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(f"[sandbox] {line}\n")


def _last_line(path: Path) -> str:
    """The last line of a log that the container wrote itself, or that says why it could not start."""
    if not path.exists():
        return ""
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith("[sandbox] The container ended")]
    return told[-1][-500:] if told else ""
