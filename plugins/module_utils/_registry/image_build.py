# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build and push an image, with ACR Tasks or with a Docker engine."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from .._core.arm import Arm, Json, Operations
from .._core.deadline import Deadline, DeadlineExceeded
from .._core.errors import ArmError, Failure
from .._core.retry import READ_TIMEOUT
from .._core.sdk import require
from .build_context import Context, archive
from .image_registry import TOKEN_USER, ImageRegistry

_TASKS_CLIENT = "azure.mgmt.containerregistrytasks:ContainerRegistryTasksMgmtClient"
_TASKS_VERSION = "Microsoft.ContainerRegistry/registries/runs"
_SCHEDULE = Operations(_TASKS_CLIENT, "registries", _TASKS_VERSION)
_RUNS = Operations(_TASKS_CLIENT, "runs", _TASKS_VERSION)
_RUNNING = frozenset(("queued", "started", "running"))
# Lines of a failed build's log in the error.
_LOG_LINES = 40
# A push reports these repeatedly for each layer.
_LAYER_PROGRESS = frozenset(("Preparing", "Waiting", "Pushing"))
# Progress of a build: its steps at INFO, all its output at DEBUG. Action plugin container_image displays them.
PROGRESS = logging.getLogger("ansible_collections.mlops.mlflow_azure.container_image")


class Build(NamedTuple):
    """The input of a build. platform: os/architecture, or os/architecture/variant."""

    resource_group: str
    registry: str
    repository: str
    tag: str
    context: Context
    build_args: Mapping[str, str]
    platform: str


def build_with_acr(arm: Arm, build: Build, images: ImageRegistry, wait: bool) -> None:
    """Upload the context and run a build in the registry. Raise Failure with the end of the log."""
    require(
        {
            "azure.mgmt.containerregistrytasks": "azure-mgmt-containerregistrytasks",
            "azure.storage.blob": "azure-storage-blob",
        }
    )
    registry = (build.resource_group, build.registry)
    source = arm.call(_SCHEDULE, "get_build_source_upload_url", *registry)
    _upload(arm, source["uploadUrl"], archive(build.context))
    request = _docker_build_request(build, source["relativePath"], int(arm.deadline.remaining()))
    run = arm.submit(_SCHEDULE, "schedule_run", *registry, body=request).answer
    if wait:
        _wait_for_run(arm, registry, run, f"build of {images.login_server}/{build.repository}:{build.tag}")


def _docker_build_request(build: Build, source: str, seconds: int) -> Json:
    parts = dict(zip(("os", "architecture", "variant"), build.platform.split("/"), strict=False))
    return {
        "type": "DockerBuildRequest",
        "imageNames": [f"{build.repository}:{build.tag}"],
        "isPushEnabled": True,
        "sourceLocation": source,
        "dockerFilePath": build.context.dockerfile,
        "platform": parts,
        "arguments": [{"name": name, "value": value, "isSecret": False} for name, value in build.build_args.items()],
        # ACR Tasks takes 300 to 28800 seconds.
        "timeout": min(max(seconds, 300), 28800),
    }


def _upload(arm: Arm, url: str, content: bytes) -> None:
    from azure.core.exceptions import AzureError
    from azure.storage.blob import BlobClient

    options = {} if arm.transport is None else {"transport": arm.transport}
    try:
        BlobClient.from_blob_url(url, **options).upload_blob(content, overwrite=True)
    except AzureError as error:
        # The URL is signed, so it stays out of the message.
        raise Failure(f"The build context could not be uploaded: {type(error).__name__} ({_status(error)}).") from error


def _status(error: Any) -> str:
    status = getattr(error, "status_code", None)
    return f"HTTP {status}" if status else "no answer"


def _wait_for_run(arm: Arm, registry: tuple[str, str], run: Json, label: str) -> None:
    run_id = (run.get("properties") or {}).get("runId") or run["name"]
    backoff, before = arm.deadline.backoff(0.5, 3.0), ""
    while True:
        run = arm.call(_RUNS, "get", *registry, run_id)
        properties = run.get("properties") or {}
        status = str(properties.get("status") or "Queued")
        if status != before:
            PROGRESS.info("%s: %s (run %s)", label, status, run_id)
            before = status
        if status.lower() == "succeeded":
            return
        if status.lower() not in _RUNNING:
            reason = properties.get("runErrorMessage") or ""
            raise Failure(
                f"The {label} ended as {status} (run {run_id}). {reason}".strip(),
                run_id=run_id,
                log=_end_of_log(arm, registry, run_id),
            )
        try:
            backoff.pause()
        except DeadlineExceeded as error:
            raise arm.timeout_failure(f"The {label} (run {run_id})", None) from error


def _end_of_log(arm: Arm, registry: tuple[str, str], run_id: str) -> list[str]:
    """Return the last lines of the build's log; none when the log cannot be read, since the build's error matters more."""
    from azure.core import PipelineClient
    from azure.core.exceptions import AzureError
    from azure.core.rest import HttpRequest

    options = {} if arm.transport is None else {"transport": arm.transport}
    try:
        link = arm.call(_RUNS, "get_log_sas_url", *registry, run_id).get("logLink")
        with PipelineClient(link or "", retry_total=3, read_timeout=READ_TIMEOUT, **options) as client:
            response = client.send_request(HttpRequest("GET", link))
    except (AzureError, ArmError, Failure):
        return []
    return list(response.text().splitlines()[-_LOG_LINES:]) if response.status_code == 200 else []


def build_with_docker(build: Build, images: ImageRegistry, deadline: Deadline) -> None:
    """Build with the Docker engine that DOCKER_HOST names, and push. Raise Failure, also at the deadline."""
    require({"docker": "docker"})
    docker: Any = import_module("docker")
    request_error: Any = import_module("requests.exceptions").RequestException
    name = f"{images.login_server}/{build.repository}"
    # The timeout of one read: a long step sends nothing meanwhile.
    seconds = max(1, int(deadline.remaining()))
    try:
        engine = docker.from_env(timeout=seconds).api
        # With FROM scratch the engine may take an image of another platform from its cache.
        for nocache in (False, True):
            stream = engine.build(
                fileobj=io.BytesIO(archive(build.context)),
                custom_context=True,
                encoding="gzip",
                dockerfile=build.context.dockerfile,
                tag=f"{name}:{build.tag}",
                buildargs=dict(build.build_args),
                platform=build.platform,
                nocache=nocache,
                rm=True,
                forcerm=True,
                decode=True,
                timeout=seconds,
            )
            _follow(stream, f"build of {name}:{build.tag}", deadline)
            built = _platform(engine.inspect_image(f"{name}:{build.tag}"))
            if built == build.platform.split("/")[:2]:
                break
        else:
            raise Failure(
                f"platform: the Docker engine built {name}:{build.tag} for {'/'.join(built)}, not for {build.platform}: "
                "use a base image that has this platform.",
                option="platform",
            )
        login = {"username": TOKEN_USER, "password": images.refresh_token()}
        stream = engine.push(name, tag=build.tag, auth_config=login, stream=True, decode=True)
        _follow(stream, f"push of {name}:{build.tag}", deadline)
    except (docker.errors.DockerException, request_error) as error:
        raise Failure(
            f"The Docker engine failed: {error}. Start Docker (or set DOCKER_HOST), or build with builder: acr."
        ) from error


def _platform(image: Mapping[str, Any]) -> list[str]:
    """Return the operating system and architecture of an image."""
    return [str(image["Os"]), str(image["Architecture"])]


def _follow(stream: Iterable[Mapping[str, Any]], label: str, deadline: Deadline) -> None:
    """Read the engine's messages to the end. Raise Failure for an error, which is a message and not an HTTP status."""
    lines: list[str] = []
    for message in stream:
        if "error" in message or "errorDetail" in message:
            reason = (message.get("errorDetail") or {}).get("message") or message.get("error")
            raise Failure(f"The {label} failed: {reason}", log=lines[-_LOG_LINES:])
        output = str(message.get("stream") or "").splitlines()
        if message.get("status") and message["status"] not in _LAYER_PROGRESS:
            output.append(": ".join(part for part in (message.get("id"), message["status"]) if part))
        for line in output:
            PROGRESS.log(
                logging.INFO if line.startswith("Step ") or "id" in message else logging.DEBUG, "%s: %s", label, line
            )
        lines += output
        if deadline.remaining() <= 0:
            raise Failure(
                f"The {label} has not finished within wait_timeout ({deadline.seconds:g} s). Run the task again "
                "(Docker keeps the layers that it has built), or raise wait_timeout.",
                log=lines[-_LOG_LINES:],
            )
