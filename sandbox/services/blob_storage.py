# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blob Storage: an Azurite behind each storage account, and who may do what with its blobs.

Azurite checks a token's issuer, audience and expiry, or a shared key's signature; permissions are checked here, on the
headers alone, so that bodies stream through.
Sources: https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory and
https://learn.microsoft.com/azure/role-based-access-control/permissions/storage (data actions).
"""

from __future__ import annotations

import asyncio
import datetime
import http.client
import logging
import shutil
import signal
import socket
import ssl
import time
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox.arm.errors import ArmError
from sandbox.arm.resource_type import Context
from sandbox.entra.rbac import is_allowed
from sandbox.host.home import Home, write_private
from sandbox.host.launch import launch
from sandbox.host.processes import Processes, signal_group
from sandbox.messages import Request, Response
from sandbox.store import Operation, Principal, Resource

LOG = logging.getLogger(__name__)
ACCOUNTS = "microsoft.storage/storageaccounts"
SUFFIX = ".blob.core.windows.net"
API_VERSION = "2025-01-05"
START_SECONDS = 60
AGAIN_SECONDS = (0.2, 30.0)  # how long after its end an Azurite is started again: at first, and at most
CONTAINERS = "microsoft.storage/storageaccounts/blobservices/containers"
_SERVICE = Principal(str(uuid.UUID(int=0)), str(uuid.UUID(int=0)), "sandbox", "ServicePrincipal")
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers"


def needed_action(request: Request) -> tuple[str, bool]:
    """(what a request to a blob endpoint must be allowed to do, whether it is a data action)."""
    segments = [segment for segment in request.path.split("/") if segment]
    query = request.query
    # `restype` and `comp` say what a request means only where the path names no blob
    container_level = not segments or (len(segments) == 1 and query.get("restype") == "container")
    if query.get("comp") == "batch":
        return f"{_BLOBS}/blobs/delete", True
    if query.get("comp") == "userdelegationkey" and not segments:
        return "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action", False
    # with one of these headers Azurite writes the blob, whatever `comp` says
    writes = {"x-ms-blob-type", "x-ms-copy-source"} & request.headers.keys()
    if not container_level and query.get("comp") == "tags" and request.method in ("GET", "PUT") and not writes:
        return f"{_BLOBS}/blobs/tags/{'read' if request.method == 'GET' else 'write'}", True
    if container_level and query.get("comp") == "blobs" and request.method == "GET":
        return f"{_BLOBS}/blobs/filter/action", True
    if container_level and not (query.get("comp") == "list" and segments):
        verb = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(request.method, "write")
        return f"{_BLOBS}/{verb}", False
    verb = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(request.method, "write")
    return f"{_BLOBS}/blobs/{verb}", True


class Blobs:
    """The Azurites, one per storage account, and the permission checks in front of them."""

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
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: dict[str, asyncio.Lock] = {}
        self._ends: dict[str, int] = {}
        self._changes: dict[str, set[asyncio.Task[None]]] = {}
        self._closed = False

    # accounts

    def start_account(self, account: Resource, operation: Operation) -> None:
        """Starts the Azurite of a new account, in the background."""
        self._spawn(self._start(account.key, operation.id))

    def stop_account(self, account: Resource) -> None:
        self._spawn(self._stop(account.name, remove=True))

    def recover(self) -> None:
        """Starts the Azurites of the accounts that were there when the sandbox ended."""
        operations = {operation.resource: operation.id for operation in self._context.store.running_operations()}
        for account in self._context.store.of_type(ACCOUNTS):
            if account.state != "Deleting":
                self._spawn(self._start(account.key, operations.get(account.key, "")))

    async def close(self) -> None:
        self._closed = True
        await asyncio.gather(*(self._stop(name, remove=False) for name in list(self._running)))

    def port(self, account: Resource) -> int | None:
        """Where the account's Azurite listens; None while it does not."""
        return self._ports.get(account.name)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            LOG.error("work behind a storage account failed", exc_info=error)

    async def _start(self, key: str, operation: str) -> None:
        """Once an earlier account of the name is gone with all its data."""
        async with self._turns.setdefault(key.rpartition("/")[2], asyncio.Lock()):
            await self._start_now(key, operation)

    async def _start_now(self, key: str, operation: str) -> None:
        account = self._context.store.get(key)
        if account is None or self._closed:
            return
        if account.name in self._running:
            self._context.work_done(operation)
            return
        self._make_certificate()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
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
        if not await self._listening(process, port):
            signal_group(process.pid, signal.SIGKILL)
            if not operation:
                self._spawn(self._watch(key, process))
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
            await self._change(
                account, port, "PUT", container.name
            )  # unless it is there: an end may have come in between
        self._ports[account.name] = port
        self._context.work_done(operation)
        self._spawn(self._watch(key, process))

    async def _watch(self, key: str, process: asyncio.subprocess.Process) -> None:
        """Starts an Azurite again that ends by itself; until it listens, clients are told to come back."""
        begun = time.monotonic()
        await process.wait()
        account = self._context.store.get(key)
        if account is None or self._running.get(account.name) is not process:
            return
        self._ports.pop(account.name, None)
        del self._running[account.name]
        self._processes.forget(process.pid)
        first, most = AGAIN_SECONDS
        ends = 0 if time.monotonic() - begun > most else self._ends.get(account.name, 0)
        self._ends[account.name] = ends + 1
        pause = min(most, first * 2**ends)
        LOG.warning(
            "the Azurite of %s ended with %s; it is started again in %.1f s", account.name, process.returncode, pause
        )
        await asyncio.sleep(pause)
        await self._start(key, "")

    async def _listening(self, process: asyncio.subprocess.Process, port: int) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.returncode is None:
            try:
                _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return True
        return False

    async def _stop(self, name: str, *, remove: bool) -> None:
        async with self._turns.setdefault(name.lower(), asyncio.Lock()):
            await self._stop_now(name, remove=remove)

    async def _stop_now(self, name: str, *, remove: bool) -> None:
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
        """Azurite takes tokens over HTTPS only; nobody but the sandbox sees this certificate."""
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

    # containers, as Resource Manager makes and removes them

    def create_container(self, account: Resource, name: str) -> None:
        """In the background; requests to the account wait until it is there."""
        self._begin_change(account, "PUT", name)

    def delete_container(self, account: Resource, name: str) -> None:
        if self.port(account) is not None:
            self._begin_change(account, "DELETE", name)

    async def settled(self, account: Resource) -> None:
        """Returns once the containers that Resource Manager answered for are made or gone."""
        if changes := self._changes.get(account.name):
            await asyncio.wait(changes)

    def _begin_change(self, account: Resource, method: str, name: str) -> None:
        port = self.port(account)
        if port is None:
            raise ArmError(503, "ServiceUnavailable", f"The Azurite of {account.name} is starting.", cause="")
        changes = self._changes.setdefault(account.name, set())
        task = self._spawn(self._change_after(set(changes), account, port, method, name))
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
            LOG.warning("the Azurite of %s did not answer to %s of container %s: %s", account.name, method, name, error)
            return
        if status not in (201, 202, 404, 409):
            LOG.error("the Azurite of %s answered %s to %s of container %s", account.name, status, method, name)

    # permission

    def refuse(self, account: Resource, request: Request) -> Response | None:
        """Azure's refusal of a request, judged by its headers; None where it may pass."""
        scheme = request.headers.get("authorization", "").partition(" ")[0]
        shared_key_off = account.properties.get("allowSharedKeyAccess") is False
        if scheme.lower() == "bearer":
            caller = self._context.directory.read(request.headers["authorization"])
            if caller is None or not caller.audience.startswith(
                ("https://storage.azure.com", f"https://{account.name}{SUFFIX}")
            ):
                return _error(
                    401,
                    "InvalidAuthenticationInfo",
                    "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
                )
            wanted = [(*needed_action(request), request.path), *self._copied(account, request)]
            if not all(self._may(caller.object_id, account, *one) for one in wanted):
                return _error(
                    403,
                    "AuthorizationPermissionMismatch",
                    "This request is not authorized to perform this operation using this permission.",
                )
            return None
        signed = "sig" in request.query
        if (
            scheme.lower() in ("sharedkey", "sharedkeylite") or (signed and "skoid" not in request.query)
        ) and shared_key_off:
            return _error(
                403,
                "KeyBasedAuthenticationNotPermitted",
                "Key based authentication is not permitted on this storage account.",
            )
        if not scheme and not signed and not account.properties["allowBlobPublicAccess"]:
            return _error(409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")
        return None

    def _may(self, principal: str, account: Resource, action: str, data: bool, path: str) -> bool:
        segments = [segment for segment in path.split("/") if segment]
        scope = f"{account.id}/blobServices/default/containers/{segments[0]}" if segments else account.id
        return is_allowed(self._context.store, principal, action, scope, data=data)

    def _copied(self, account: Resource, request: Request) -> list[tuple[str, bool, str]]:
        """What a copy inside the account needs besides: to read the source, unless its URL is signed."""
        source = urlsplit(request.headers.get("x-ms-copy-source", ""))
        if source.hostname != f"{account.name}{SUFFIX}".lower() or "sig" in parse_qs(source.query):
            return []
        return [(f"{_BLOBS}/blobs/read", True, unquote(source.path))]


def _send(account: str, port: int, token: str, method: str, path: str) -> int:
    """The status with which an Azurite answers a request of the sandbox's own."""
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


def _error(status: int, code: str, message: str) -> Response:
    request_id = str(uuid.uuid4())
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z", time.gmtime())
    text = f"{escape(message)}\nRequestId:{request_id}\nTime:{stamp}"
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{text}</Message></Error>'
    headers = {
        "Content-Type": "application/xml",
        "x-ms-error-code": code,
        "x-ms-request-id": request_id,
        "x-ms-version": API_VERSION,
    }
    if status == 401:
        headers["WWW-Authenticate"] = (
            "Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize resource_id=https://storage.azure.com"
        )
    return Response(status, body.encode(), headers)
