# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACR Tasks: contexts that are uploaded, quick runs that build them into images, and the runs' logs.

Sources: https://learn.microsoft.com/rest/api/containerregistry/registries/schedule-run and
https://learn.microsoft.com/azure/container-registry/container-registry-tasks-reference-yaml#run-variables.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from sandbox.arm.resource_type import Context, Json, utc_now
from sandbox.host.home import Home
from sandbox.messages import Request, Response
from sandbox.registry.content import REGISTRIES, RUNS, Images, is_reference
from sandbox.store import Resource

_SOURCE = re.compile(r"source/\d{14}/[0-9a-f]{32}\.tar\.gz")
_VARIABLE = re.compile(r"\{\{\s*\.?(Run\.\w+)\s*\}\}")
# Seconds, as Azure has them.
_TIMEOUT, _LEAST_TIMEOUT, _MOST_TIMEOUT = 3600, 300, 28_800
_GOING_ON = ("Queued", "Started", "Running")


class BuildFailed(Exception):
    """A build that cannot go on; its message is what the log ends with."""


class InvalidRun(ValueError):
    """A request of a run that Azure would not take. `code`: of the error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Build:
    """What a run is to build. `references`: `repository:tag` to push it under, none where it is not pushed; `platform`: os/architecture[/variant]."""

    run: str
    context: Path
    dockerfile: str
    arguments: dict[str, str]
    references: tuple[str, ...]
    platform: str
    timeout: int


class Builder(Protocol):
    """Builds a context, and puts the image into a registry under the build's references."""

    async def build(self, registry: Resource, build: Build, log: IO[bytes]) -> str:
        """Returns the manifest's digest. Raises BuildFailed, or OSError."""


class Builds:
    """The runs of all registries, and the storage account that has their contexts and logs."""

    def __init__(self, context: Context, images: Images, home: Home, builder: Builder) -> None:
        self._context = context
        self._images = images
        self._folder = home.root / "builds"
        self._builder = builder
        self._tasks: set[asyncio.Task[None]] = set()

    def forget(self, registry: Resource) -> None:
        """Removes what a registry held, when it is deleted."""
        self._images.forget(registry.name)

    def stored_bytes(self, registry: Resource) -> int:
        """How much a registry holds."""
        return self._images.stored_bytes(registry.name)

    # contexts and logs

    @property
    def host(self) -> str:
        """The storage account of ACR Tasks, to which contexts are uploaded and from which logs are read."""
        return f"acrtasks{(self._context.store.setting('subscription_id') or '')[:8]}.blob.core.windows.net"

    def upload_url(self) -> Json:
        name = f"source/{time.strftime('%Y%m%d%H%M%S', time.gmtime())}/{uuid.uuid4().hex}.tar.gz"
        return {
            "relativePath": name,
            "uploadUrl": f"https://{self.host}/{name}?sv=2025-01-05&sig={self._signature(name)}",
        }

    def log_url(self, run: Resource) -> str:
        name = f"logs/{run.id.split('/registries/')[1].split('/')[0].lower()}/{run.name}.log"
        return f"https://{self.host}/{name}?sv=2025-01-05&sig={self._signature(name)}"

    def _signature(self, name: str) -> str:
        return hashlib.sha256(f"{self._context.store.setting('upload_secret')}/{name}".encode()).hexdigest()

    def handle(self, request: Request) -> Response:
        """Answers requests to the storage account of ACR Tasks; the URL's signature is the permission."""
        name = request.path.strip("/")
        path = self._folder / name
        given = request.query.get("sig", "").encode()
        if not secrets.compare_digest(given, self._signature(name).encode()) or ".." in name:
            return Response(
                403,
                b"<?xml version='1.0'?><Error><Code>AuthenticationFailed</Code></Error>",
                {"Content-Type": "application/xml", "x-ms-error-code": "AuthenticationFailed"},
            )
        if request.method == "PUT" and name.startswith("source/"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(request.body)
            stamp = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
            return Response(
                201,
                b"",
                {
                    "ETag": f'"0x{secrets.token_hex(8).upper()}"',
                    "Last-Modified": stamp,
                    "x-ms-version": "2025-01-05",
                    "x-ms-request-server-encrypted": "true",
                },
            )
        if request.method in ("GET", "HEAD") and path.is_file():
            content = _log_content(path, request.headers.get("x-ms-range") or request.headers.get("range"))
            if ended := self._ended(path):
                content.headers["x-ms-meta-Complete"] = ended  # what readers of a log wait for
            return content
        return Response(404, b"", {"x-ms-error-code": "BlobNotFound"})

    def _ended(self, log: Path) -> str | None:
        """How the run ended that a log is of; None while it goes on."""
        registry = self._context.store.named(REGISTRIES, log.parent.name)
        run = self._context.store.get(f"{registry.id}/runs/{log.stem}") if registry is not None else None
        status = run.properties["status"] if run is not None else "Succeeded"
        return None if status in _GOING_ON else {"Succeeded": "successful"}.get(status, "failed")

    # runs

    def read(self, registry: Resource, request: Json, run: str) -> Build:
        """The build that a DockerBuildRequest asks for. Raises InvalidRun."""
        source = str(request.get("sourceLocation") or "")
        if not _SOURCE.fullmatch(source) or not (self._folder / source).is_file():
            raise InvalidRun(
                "InvalidSourceLocation",
                f"The source location '{source}' is no context that was uploaded to where listBuildSourceUploadUrl says. "
                "The sandbox builds no other.",
            )
        dockerfile = str(request.get("dockerFilePath") or "Dockerfile")
        if PurePosixPath(dockerfile).is_absolute() or ".." in PurePosixPath(dockerfile).parts:
            raise InvalidRun("InvalidRunRequest", f"The Dockerfile '{dockerfile}' is not in the context.")
        timeout = request.get("timeout") or _TIMEOUT
        if not isinstance(timeout, int) or not _LEAST_TIMEOUT <= timeout <= _MOST_TIMEOUT:
            raise InvalidRun(
                "InvalidRunRequest",
                f"The timeout {timeout} is not from {_LEAST_TIMEOUT} to {_MOST_TIMEOUT} seconds.",
            )
        names = [_filled(str(name), registry, run) for name in request.get("imageNames") or []]
        for name in names:
            if not is_reference(name):
                raise InvalidRun("InvalidRunRequest", f"The image name '{name}' is not repository:tag.")
        pushed = request.get("isPushEnabled", True) is not False
        asked = request.get("platform") or {}
        parts = (asked.get("os") or "linux", asked.get("architecture") or "amd64", asked.get("variant"))
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

    def begin(self, registry: Resource, run: Resource, build: Build) -> None:
        """Starts a run in the background."""
        task = asyncio.get_running_loop().create_task(self._run(registry, run, build))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends the runs that go on."""
        going_on = tuple(self._tasks)
        for task in going_on:
            task.cancel()
        await asyncio.gather(*going_on, return_exceptions=True)

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
        """Marks the runs that an end of the sandbox cut off."""
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)
        for run in self._context.store.of_type(RUNS):
            if run.properties["status"] in _GOING_ON:
                self._update(run, status="Error", finishTime=utc_now())


def _filled(name: str, registry: Resource, run: str) -> str:
    """An image's name with the variables of its run. Raises InvalidRun for one that there is not."""
    values = {
        "Run.ID": run,
        "Run.Registry": registry.properties["loginServer"],
        "Run.RegistryName": registry.name,
        "Run.Date": time.strftime("%Y%m%d-%H%M%Sz", time.gmtime()),
        "Run.OS": "linux",
        "Run.Architecture": "amd64",
    }

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise InvalidRun(
                "InvalidRunRequest", f"The image name '{name}' names {found[1]}, which the sandbox has not."
            )
        return str(values[found[1]])

    return _VARIABLE.sub(value, name)


def _log_content(path: Path, asked: str | None) -> Response:
    """A log blob, or the part of it that a Range header asks for."""
    content = path.read_bytes()
    headers = {"Content-Type": "text/plain; charset=utf-8", "x-ms-blob-type": "AppendBlob", "Accept-Ranges": "bytes"}
    headers["Last-Modified"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(path.stat().st_mtime))
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "")
    if found is None:
        return Response(200, content, headers)
    first, last = int(found[1]), min(int(found[2] or len(content) - 1), len(content) - 1)
    if first > last:
        return Response(
            416, b"", {**headers, "Content-Range": f"bytes */{len(content)}", "x-ms-error-code": "InvalidRange"}
        )
    return Response(
        206, content[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{len(content)}"}
    )
