# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azurites: an emulator of Blob Storage for each storage account, and the containers that Resource Manager creates in it."""

from __future__ import annotations

import asyncio
import datetime
import http.client
import logging
import shutil
import signal
import ssl
import time
import uuid
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox.arm.errors import ArmError
from sandbox.arm.resource_type import Context
from sandbox.host.background import BackgroundTasks
from sandbox.host.home import Home, write_private
from sandbox.host.launch import launch
from sandbox.host.ports import free_port, wait_until_listening
from sandbox.host.processes import Processes, signal_group
from sandbox.store import Operation, Principal, Resource

LOG = logging.getLogger(__name__)
ACCOUNTS = "microsoft.storage/storageaccounts"
CONTAINERS = "microsoft.storage/storageaccounts/blobservices/containers"
SUFFIX = ".blob.core.windows.net"
API_VERSION = "2025-01-05"
START_SECONDS = 60
RESTART_SECONDS = (0.2, 30.0)  # back-off of the restart of an Azurite: first and longest
_SERVICE = Principal(str(uuid.UUID(int=0)), str(uuid.UUID(int=0)), "sandbox", "ServicePrincipal")


class Azurites:
    """Azurites of all storage accounts."""

    def __init__(
        self, context: Context, home: Home, processes: Processes, azurite: Path, environment: dict[str, str]
    ) -> None:
        self._context = context
        self._folder = home.root / "storage"
        self._certificate = home.certificates / "azurite.pem"
        self._key = home.certificates / "azurite.key"
        self._processes = processes
        self._azurite = azurite
        self._environment = environment
        self._ports: dict[str, int] = {}
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._tasks = BackgroundTasks(LOG, "work of a storage account failed")
        self._locks: dict[str, asyncio.Lock] = {}
        self._restarts: dict[str, int] = {}
        self._changes: dict[str, set[asyncio.Task[None]]] = {}
        self._closed = False

    # accounts

    def start_account(self, account: Resource, operation: Operation) -> None:
        """Start the Azurite of a new account, in the background."""
        self._tasks.start(self._start(account.key, operation.id))

    def stop_account(self, account: Resource) -> None:
        """Stop the Azurite of a deleted account and remove its data, in the background."""
        self._tasks.start(self._stop(account.name, remove=True))

    def recover(self) -> None:
        """Start the Azurites of the accounts in the store."""
        operations = {operation.resource: operation.id for operation in self._context.store.running_operations()}
        for account in self._context.store.of_type(ACCOUNTS):
            if account.state != "Deleting":
                self._tasks.start(self._start(account.key, operations.get(account.key, "")))

    async def close(self) -> None:
        """Stop all Azurites."""
        self._closed = True
        await asyncio.gather(*(self._stop(name, remove=False) for name in list(self._running)))

    def port(self, account: Resource) -> int | None:
        """Return the port of the Azurite of an account; None while it does not listen."""
        return self._ports.get(account.name)

    def authorization(self) -> str:
        """Return the Authorization header of a request that the sandbox has authorized itself."""
        return f"Bearer {self._context.directory.token(_SERVICE, 'https://storage.azure.com')}"

    async def _start(self, key: str, operation: str) -> None:
        """Start an Azurite, after the data of an earlier account of the same name is removed."""
        async with self._locks.setdefault(key.rpartition("/")[2], asyncio.Lock()):
            await self._start_locked(key, operation)

    async def _start_locked(self, key: str, operation: str) -> None:
        account = self._context.store.get(key)
        if account is None or self._closed:
            return
        if account.name in self._running:
            self._context.work_done(operation)
            return
        self._make_certificate()
        port = free_port()
        folder = self._folder / account.name
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            "node",
            str(self._azurite),
            "--silent",
            "--skipApiVersionCheck",
            "--oauth",
            "basic",
            "--cert",
            str(self._certificate),
            "--key",
            str(self._key),
            "--location",
            str(folder),
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            str(port),
            "--disableTelemetry",
        ]
        keys = f"{account.name}:{account.private['key1']}:{account.private['key2']}"
        with (self._folder / f"{account.name}.log").open("ab") as log:
            environment = {**self._environment, "AZURITE_ACCOUNTS": keys}
            process = await launch(self._processes, f"azurite {account.name}", command, environment, folder, log)
        self._running[account.name] = process
        if not await self._wait_until_listening(process, port):
            signal_group(process.pid, signal.SIGKILL)
            if not operation:
                self._tasks.start(self._watch(key, process))
                return
            await process.wait()
            del self._running[account.name]
            self._processes.forget(process.pid)
            self._context.work_done(
                operation,
                {
                    "code": "InternalServerError",
                    "message": f"Azurite did not start; see storage/{account.name}.log in the sandbox's folder.",
                },
            )
            return
        for container in self._context.store.below(account.id, CONTAINERS):
            # the sandbox may have ended before Azurite had created it
            await self._change(account, port, "PUT", container.name)
        self._ports[account.name] = port
        self._context.work_done(operation)
        self._tasks.start(self._watch(key, process))

    async def _watch(self, key: str, process: asyncio.subprocess.Process) -> None:
        """Restart an Azurite that ends by itself. Until it listens, requests get 503."""
        started = time.monotonic()
        await process.wait()
        account = self._context.store.get(key)
        if account is None or self._running.get(account.name) is not process:
            return
        self._ports.pop(account.name, None)
        del self._running[account.name]
        self._processes.forget(process.pid)
        first, longest = RESTART_SECONDS
        restarts = 0 if time.monotonic() - started > longest else self._restarts.get(account.name, 0)
        self._restarts[account.name] = restarts + 1
        pause = min(longest, first * 2**restarts)
        LOG.warning("the Azurite of %s ended with %s; restart in %.1f s", account.name, process.returncode, pause)
        await asyncio.sleep(pause)
        await self._start(key, "")

    async def _wait_until_listening(self, process: asyncio.subprocess.Process, port: int) -> bool:
        deadline = time.monotonic() + START_SECONDS
        return await wait_until_listening(port, lambda: time.monotonic() < deadline and process.returncode is None)

    async def _stop(self, name: str, *, remove: bool) -> None:
        async with self._locks.setdefault(name.lower(), asyncio.Lock()):
            await self._stop_locked(name, remove=remove)

    async def _stop_locked(self, name: str, *, remove: bool) -> None:
        self._ports.pop(name, None)
        process = self._running.pop(name, None)
        if process is not None:
            signal_group(process.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                signal_group(process.pid, signal.SIGKILL)
                await process.wait()
            self._processes.forget(process.pid)
        if remove:
            await asyncio.to_thread(shutil.rmtree, self._folder / name, True)

    def _make_certificate(self) -> None:
        """Create the certificate of the Azurites, unless it exists. They accept tokens over HTTPS only; only the sandbox connects to them."""
        if self._certificate.exists() and self._key.exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=3650))
            .sign(key, hashes.SHA256())
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(self._key, pem.decode())
        write_private(self._certificate, certificate.public_bytes(serialization.Encoding.PEM).decode())

    # containers that Resource Manager creates and deletes

    def create_container(self, account: Resource, name: str) -> None:
        """Create a container in the background. Requests to the account wait for it."""
        self._start_change(account, "PUT", name)

    def delete_container(self, account: Resource, name: str) -> None:
        """Delete a container in the background. Requests to the account wait for it."""
        if self.port(account) is not None:
            self._start_change(account, "DELETE", name)

    async def wait_until_settled(self, account: Resource) -> None:
        """Wait until the containers that Resource Manager has created or deleted exist or are removed in Azurite."""
        if changes := self._changes.get(account.name):
            await asyncio.wait(changes)

    def _start_change(self, account: Resource, method: str, name: str) -> None:
        port = self.port(account)
        if port is None:
            raise ArmError(503, "ServiceUnavailable", f"The Azurite of {account.name} is starting.", cause="")
        changes = self._changes.setdefault(account.name, set())
        task = self._tasks.start(self._change_after(set(changes), account, port, method, name))
        changes.add(task)
        task.add_done_callback(changes.discard)

    async def _change_after(
        self, earlier: set[asyncio.Task[None]], account: Resource, port: int, method: str, name: str
    ) -> None:
        if earlier:
            await asyncio.wait(earlier)
        await self._change(account, port, method, name)

    async def _change(self, account: Resource, port: int, method: str, name: str) -> None:
        try:
            token = self._context.directory.token(_SERVICE, "https://storage.azure.com")
            status = await asyncio.to_thread(_send, account.name, port, token, method, f"/{name}?restype=container")
        except (OSError, http.client.HTTPException) as error:
            LOG.warning(
                "the Azurite of %s did not respond to %s of container %s: %s", account.name, method, name, error
            )
            return
        if status not in (201, 202, 404, 409):
            LOG.error("the Azurite of %s responded with %s to %s of container %s", account.name, status, method, name)


def _send(account: str, port: int, token: str, method: str, path: str) -> int:
    """Send a request of the sandbox to an Azurite. Return the status of the response."""
    trust_loopback = ssl.create_default_context()
    trust_loopback.check_hostname = False
    trust_loopback.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=trust_loopback)
    headers = {
        "Host": f"{account}{SUFFIX}",
        "Authorization": f"Bearer {token}",
        "x-ms-version": API_VERSION,
        "Content-Length": "0",
    }
    headers["x-ms-date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    connection.request(method, path, headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status
