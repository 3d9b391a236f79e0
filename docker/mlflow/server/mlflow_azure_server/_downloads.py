# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Downloads of artifacts from Blob Storage: streamed, with a length, and with ranges, so that a client can resume them.

MLflow's own endpoint first stores the whole file in TMPDIR, and ignores the Range header. The ingress of Container Apps ends a
request after 240 seconds. For other artifact stores MLflow's endpoint answers.

The private names of mlflow.server.artifact_router are used in this file only.
"""

from __future__ import annotations

import importlib
import posixpath
import re
from typing import TYPE_CHECKING, Any

import anyio.to_thread

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

_PATHS = tuple(f"/{api}/2.0/mlflow-artifacts/artifacts/{{artifact_path:path}}" for api in ("api", "ajax-api"))
_RANGE = re.compile(r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})", re.IGNORECASE)


class UnsatisfiableRangeError(ValueError):
    """A range that begins after the end of the file."""


def requested_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the start and the exclusive end of the requested part of a file; None for the whole file.

    Several ranges, other units and invalid headers mean the whole file (RFC 9110, section 14.2).
    Raise UnsatisfiableRangeError if there is no such part.
    """
    match = _RANGE.fullmatch((header or "").replace(" ", ""))
    if not match or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        start, end = max(0, size - int(match["last"])), size
    else:
        start = int(match["first"])
        if match["last"] and int(match["last"]) < start:
            return None
        end = min(size, int(match["last"]) + 1) if match["last"] else size
    if start >= end:
        raise UnsatisfiableRangeError
    return start, end


def routes() -> list[BaseRoute]:
    """Return the routes that must precede those of MLflow."""
    from starlette.routing import Route

    return [Route(path, download, methods=["GET"]) for path in _PATHS]


async def download(request: Request) -> Response:
    """Return an artifact or the requested part of it."""
    from mlflow.exceptions import MlflowException
    from mlflow.server.mlflow_response import mlflow_exception_response
    from starlette.responses import Response, StreamingResponse

    from mlflow_azure_server._blob_artifacts import BlobArtifacts

    # Its functions have no types.
    artifact_router: Any = importlib.import_module("mlflow.server.artifact_router")
    path = request.path_params["artifact_path"]
    repository = artifact_router._get_artifact_repo() if artifact_router._is_serving_proxied_artifacts() else None
    if not isinstance(repository, BlobArtifacts):
        answer: Response = await artifact_router.download_artifact(path)
        return answer
    try:
        path = artifact_router._get_workspace_scoped_path(artifact_router.validate_path_is_safe(path))
        blob = await anyio.to_thread.run_sync(repository.open_blob, path)
    except MlflowException as error:
        refusal: Response = mlflow_exception_response(error, handler_name="download_artifact")
        return refusal

    headers = {"Accept-Ranges": "bytes", "ETag": blob.etag, "X-Content-Type-Options": "nosniff"}
    is_same = request.headers.get("if-range", blob.etag) == blob.etag
    try:
        part = requested_range(request.headers.get("range"), blob.size) if is_same else None
    except UnsatisfiableRangeError:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{blob.size}"})
    start, end = part or (0, blob.size)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{blob.size}"
    headers["Content-Length"] = str(end - start)
    headers["Content-Type"] = artifact_router._guess_mime_type(path)
    headers["Content-Disposition"] = artifact_router._content_disposition(posixpath.basename(path))
    status = 206 if part else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(blob.read(start, end), status, headers)
