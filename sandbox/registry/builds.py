# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACR Tasks: uploads of build contexts, quick runs that build them, and the logs of the runs.

Sources: https://learn.microsoft.com/rest/api/containerregistry/registries/schedule-run and
https://learn.microsoft.com/azure/container-registry/container-registry-tasks-reference-yaml#run-variables.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from sandbox.arm.resource_type import Context, utc_now
from sandbox.host.background import BackgroundTasks
from sandbox.host.home import Home
from sandbox.messages import Json, Request, Response
from sandbox.registry.content import REGISTRIES, RUNS, Images
from sandbox.registry.paths import is_image_name
from sandbox.store import Resource

LOG = logging.getLogger(__name__)
_SOURCE = re.compile(r"source/\d{14}/[0-9a-f]{32}\.tar\.gz")
_VARIABLE = re.compile(r"\{\{\s*\.?(Run\.\w+)\s*\}\}")
# seconds: default, minimum and maximum of Azure
_TIMEOUT, _MIN_TIMEOUT, _MAX_TIMEOUT = 3600, 300, 28_800
_ACTIVE = ("Queued", "Started", "Running")


class BuildFailed(Exception):
    """Failure of a build; its message is the last line of the log."""


class InvalidRun(ValueError):
    """Run request that Azure rejects. `code` is that of the error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Build:
    """Build of a run. `references`: `repository:tag` of the push, none without a push; `platform`: os/architecture[/variant]."""

    run: str
    context: Path
    dockerfile: str
    arguments: dict[str, str]
    references: tuple[str, ...]
    platform: str
    timeout: int


class Builder(Protocol):
    """Engine that builds a context and stores the image in a registry under the references of the build."""

    async def build(self, registry: Resource, build: Build, log: IO[bytes]) -> str:
        """Build a context and store the image. Return the digest of the manifest. Raise BuildFailed or OSError."""


class Builds:
    """Runs of all registries, and the storage account of their contexts and logs."""

    def __init__(self, context: Context, images: Images, home: Home, builder: Builder) -> None:
        self._context = context
        self._images = images
        self._folder = home.root / "builds"
        self._builder = builder
        self._tasks = BackgroundTasks(LOG, "a run failed")

    def forget(self, registry: Resource) -> None:
        """Remove the images of a deleted registry."""
        self._images.remove_registry(registry.name)

    def stored_bytes(self, registry: Resource) -> int:
        """Return the size of a registry."""
        return self._images.stored_bytes(registry.name)

    # contexts and logs

    @property
    def host(self) -> str:
        """Return the host name of the storage account of ACR Tasks: of uploaded contexts and of logs."""
        return f"acrtasks{(self._context.store.setting('subscription_id') or '')[:8]}.blob.core.windows.net"

    def matches(self, host: str) -> bool:
        """Return whether a host name is that of the storage account of ACR Tasks."""
        return host == self.host

    def upload_url(self) -> Json:
        """Return a signed URL for the upload of a context, and the context's name."""
        name = f"source/{time.strftime('%Y%m%d%H%M%S', time.gmtime())}/{uuid.uuid4().hex}.tar.gz"
        return {
            "relativePath": name,
            "uploadUrl": f"https://{self.host}/{name}?sv=2025-01-05&sig={self._signature(name)}",
        }

    def log_url(self, run: Resource) -> str:
        """Return a signed URL of the log of a run."""
        name = f"logs/{run.id.split('/registries/')[1].split('/')[0].lower()}/{run.name}.log"
        return f"https://{self.host}/{name}?sv=2025-01-05&sig={self._signature(name)}"

    def _signature(self, name: str) -> str:
        return hashlib.sha256(f"{self._context.store.setting('upload_secret')}/{name}".encode()).hexdigest()

    def handle(self, request: Request) -> Response:
        """Respond to a request to the storage account of ACR Tasks. The signature of the URL authorizes it."""
        name = request.path.strip("/")
        path = self._folder / name
        signature = request.query.get("sig", "").encode()
        if not secrets.compare_digest(signature, self._signature(name).encode()) or ".." in name:
            return Response(
                403,
                b"<?xml version='1.0'?><Error><Code>AuthenticationFailed</Code></Error>",
                {"Content-Type": "application/xml", "x-ms-error-code": "AuthenticationFailed"},
            )
        match request.method:
            case "PUT" if name.startswith("source/"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(request.body)
                headers = {
                    "ETag": f'"0x{secrets.token_hex(8).upper()}"',
                    "Last-Modified": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
                    "x-ms-version": "2025-01-05",
                    "x-ms-request-server-encrypted": "true",
                }
                return Response(201, b"", headers)
            case "GET" | "HEAD" if path.is_file():
                response = _log_content(path, request.headers.get("x-ms-range") or request.headers.get("range"))
                if outcome := self._outcome(path):
                    response.headers["x-ms-meta-Complete"] = outcome  # readers of a log wait for this header
                return response
        return Response(404, b"", {"x-ms-error-code": "BlobNotFound"})

    def _outcome(self, log: Path) -> str | None:
        """Return the outcome of the run of a log; None for an active run."""
        registry = self._context.store.named(REGISTRIES, log.parent.name)
        run = self._context.store.get(f"{registry.id}/runs/{log.stem}") if registry is not None else None
        status = run.properties["status"] if run is not None else "Succeeded"
        return None if status in _ACTIVE else {"Succeeded": "successful"}.get(status, "failed")

    # runs

    def read(self, registry: Resource, request: Json, run: str) -> Build:
        """Return the build of a DockerBuildRequest. Raise InvalidRun."""
        source = str(request.get("sourceLocation") or "")
        if not _SOURCE.fullmatch(source) or not (self._folder / source).is_file():
            raise InvalidRun(
                "InvalidSourceLocation",
                f"The source location '{source}' is not a context uploaded to the URL of listBuildSourceUploadUrl. "
                "The sandbox builds no other source.",
            )
        dockerfile = str(request.get("dockerFilePath") or "Dockerfile")
        if PurePosixPath(dockerfile).is_absolute() or ".." in PurePosixPath(dockerfile).parts:
            raise InvalidRun("InvalidRunRequest", f"The Dockerfile '{dockerfile}' is not in the context.")
        timeout = request.get("timeout") or _TIMEOUT
        if not isinstance(timeout, int) or not _MIN_TIMEOUT <= timeout <= _MAX_TIMEOUT:
            raise InvalidRun(
                "InvalidRunRequest",
                f"The timeout {timeout} is not from {_MIN_TIMEOUT} to {_MAX_TIMEOUT} seconds.",
            )
        names = [_expand(str(name), registry, run) for name in request.get("imageNames") or []]
        for name in names:
            if not is_image_name(name):
                raise InvalidRun("InvalidRunRequest", f"The image name '{name}' is not repository:tag.")
        pushed = request.get("isPushEnabled", True) is not False
        platform = request.get("platform") or {}
        parts = (platform.get("os") or "linux", platform.get("architecture") or "amd64", platform.get("variant"))
        return Build(
            run,
            self._folder / source,
            str(PurePosixPath(dockerfile)),
            # az and the SDK write build arguments as {name, value, isSecret}
            {str(item["name"]): str(item.get("value") or "") for item in request.get("arguments") or []},
            tuple(names) if pushed else (),
            "/".join(str(part).lower() for part in parts if part),
            timeout,
        )

    def start_run(self, registry: Resource, run: Resource, build: Build) -> None:
        """Start a run in the background."""
        self._tasks.start(self._run(registry, run, build))

    async def close(self) -> None:
        """Cancel the active runs."""
        await self._tasks.cancel()

    async def _run(self, registry: Resource, run: Resource, build: Build) -> None:
        path = self._folder / "logs" / registry.name.lower() / f"{run.name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._update(run, status="Running", startTime=utc_now())
        with path.open("ab", buffering=0) as log:
            try:
                async with asyncio.timeout(build.timeout):
                    digest = await self._builder.build(registry, build, log)
            except TimeoutError:
                log.write(f"error: the run did not end within its timeout of {build.timeout} s\n".encode())
                self._update(run, status="Timeout", finishTime=utc_now())
                return
            except (BuildFailed, OSError) as error:
                log.write(f"error: {error}\n".encode())
                self._update(run, status="Failed", finishTime=utc_now())
                return
            server, outputs = registry.properties["loginServer"], []
            for repository, _mark, tag in (name.partition(":") for name in build.references):
                log.write(f"The push refers to repository [{server}/{repository}]\n".encode())
                log.write(f"{repository}:{tag or 'latest'}: digest: {digest}\n".encode())
                outputs.append({"registry": server, "repository": repository, "tag": tag or "latest", "digest": digest})
        self._update(run, status="Succeeded", finishTime=utc_now(), outputImages=outputs)

    def _update(self, run: Resource, **properties: Any) -> None:
        current = self._context.store.get(run.id)
        if current is not None:
            current.properties.update(properties, lastUpdatedTime=utc_now())
            self._context.store.put(current)

    def recover(self) -> None:
        """Mark the runs that were interrupted by the end of the sandbox."""
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)
        for run in self._context.store.of_type(RUNS):
            if run.properties["status"] in _ACTIVE:
                self._update(run, status="Error", finishTime=utc_now())


def _expand(name: str, registry: Resource, run: str) -> str:
    """Return an image name with the variables of its run replaced. Raise InvalidRun for an unknown variable."""
    values = {
        "Run.ID": run,
        "Run.Registry": registry.properties["loginServer"],
        "Run.RegistryName": registry.name,
        "Run.Date": time.strftime("%Y%m%d-%H%M%Sz", time.gmtime()),
        "Run.OS": "linux",
        "Run.Architecture": "amd64",
    }

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise InvalidRun(
                "InvalidRunRequest", f"The image name '{name}' uses {match[1]}, which the sandbox does not support."
            )
        return str(values[match[1]])

    return _VARIABLE.sub(value, name)


def _log_content(path: Path, byte_range: str | None) -> Response:
    """Return a log blob, or the part of it in a Range header."""
    content = path.read_bytes()
    headers = {"Content-Type": "text/plain; charset=utf-8", "x-ms-blob-type": "AppendBlob", "Accept-Ranges": "bytes"}
    headers["Last-Modified"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(path.stat().st_mtime))
    limits = re.fullmatch(r"bytes=(\d+)-(\d*)", byte_range or "")
    if limits is None:
        return Response(200, content, headers)
    first, last = int(limits[1]), min(int(limits[2] or len(content) - 1), len(content) - 1)
    if first > last:
        return Response(
            416, b"", {**headers, "Content-Range": f"bytes */{len(content)}", "x-ms-error-code": "InvalidRange"}
        )
    return Response(
        206, content[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{len(content)}"}
    )
