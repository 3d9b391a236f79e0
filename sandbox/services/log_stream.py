# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log stream of Container Apps, https://<region>.azurecontainerapps.dev, which `az containerapp logs show` reads.

A response contains the lines that exist at that time; `follow=true` does not wait for more.
Source: https://learn.microsoft.com/azure/container-apps/log-streaming.
"""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.entra.directory import TOKEN_SECONDS, Caller, Directory
from sandbox.entra.rbac import is_allowed
from sandbox.messages import Request, Response, json_response
from sandbox.store import Operation, Resource, Store

SUFFIX = ".azurecontainerapps.dev"
AUDIENCE = "https://azurecontainerapps.dev"
MAX_LINES = 300
_APPS = "microsoft.app/containerapps"
_READ = "Microsoft.App/containerApps/getAuthToken/action"


def auth_token(directory: Directory, store: Store, resource: Resource, kind: str, caller: Caller) -> dict[str, Any]:
    """Return the response of POST …/getAuthToken of an app or an environment: a token of the caller for the log stream."""
    principal = store.principal(caller.object_id)
    token = directory.token(principal, AUDIENCE) if principal is not None else ""
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + TOKEN_SECONDS))
    summary = {"id": resource.id, "name": resource.name, "type": kind, "location": resource.body["location"]}
    return {**summary, "properties": {"token": token, "expires": expires}}


@dataclass(frozen=True)
class _Stream:
    """Log stream of a path: the id of the resource, and the file of a container's log below its folder; None for its events."""

    resource: str
    log: Path | None


def _parse_path(path: str) -> _Stream | None:
    """Return the log stream of a path; None for another path."""
    segments = path.split("/")[1:]
    match [segment.lower() for segment in segments]:
        case ["subscriptions", _, "resourcegroups", _, "containerapps" | "managedenvironments", _, *rest]:
            resource = f"/{'/'.join(segments[:4])}/providers/Microsoft.App/{segments[4]}/{segments[5]}"
        case _:
            return None
    match rest:
        case ["eventstream"]:
            return _Stream(resource, None)
        case ["revisions", _, "replicas", _, "containers", _, "logstream"]:
            return _Stream(resource, Path(segments[9]) / f"{segments[11]}.log")
    return None


class LogStream:
    """Log stream of all regions."""

    def __init__(self, store: Store, directory: Directory, folder: Path) -> None:
        self._store = store
        self._directory = directory
        self._folder = folder

    def matches(self, host: str) -> bool:
        """Return whether a host name is that of a log stream."""
        return host.endswith(SUFFIX)

    def handle(self, request: Request) -> Response:
        """Respond to a request, which carries the token of getAuthToken."""
        caller = self._directory.read(request.headers.get("authorization"))
        if caller is None or caller.audience != AUDIENCE:
            return json_response(
                401, {"error": {"code": "Unauthorized", "message": "The token is missing or invalid."}}
            )
        stream = _parse_path(request.path) if request.method == "GET" else None
        if stream is None:
            return json_response(404, {"error": {"code": "NotFound", "message": "The log stream does not exist."}})
        subject = self._store.get(stream.resource)
        if subject is None or not is_allowed(self._store, caller.object_id, _READ, subject.id):
            message = f"The resource '{stream.resource}' does not exist."
            return json_response(404, {"error": {"code": "NotFound", "message": message}})
        tail = request.query.get("taillines", "20")
        count = min(int(tail), MAX_LINES) if tail.isdigit() else 20
        if stream.log is None:
            lines = [json.dumps(_event(operation)) for operation in self._operations(subject)[-count:]]
        elif subject.type == _APPS:
            text = request.query.get("output") == "text"
            lines = self._console(self._folder / subject.name / stream.log, count, text=text)
        else:
            lines = []
        return Response(200, "".join(f"{line}\n" for line in lines).encode(), {"Content-Type": "text/plain"})

    def _console(self, path: Path, count: int, *, text: bool) -> list[str]:
        inside = path.resolve().is_relative_to(self._folder.resolve())
        if not inside or not path.is_file():
            return []
        with path.open(encoding="utf-8", errors="replace") as stream:
            tail = deque((line.rstrip("\n") for line in stream), maxlen=count)
        stamp = _stamp(path.stat().st_mtime)
        if text:
            return [f"{stamp} {line}" for line in tail]
        return [json.dumps({"TimeStamp": stamp, "Log": line}) for line in tail]

    def _operations(self, subject: Resource) -> list[Operation]:
        operations = self._store.latest_operations(1000)
        return sorted(
            (operation for operation in operations if operation.resource == subject.key),
            key=lambda operation: operation.started,
        )


def _stamp(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e5):05d}"


def _event(operation: Operation) -> dict[str, object]:
    suffix = f": {operation.error['message']}" if operation.error else ""
    return {
        "TimeStamp": time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(operation.ended or operation.started)),
        "Type": "Warning" if operation.error else "Normal",
        "ContainerAppName": operation.resource.rpartition("/")[2],
        "RevisionName": "",
        "ReplicaName": "",
        "Msg": f"{operation.verb.capitalize()}: {operation.status}{suffix}",
        "Reason": f"Operation{operation.status}",
        "EventSource": "ContainerAppController",
        "Count": 1,
    }
