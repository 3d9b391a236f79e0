# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log stream of Container Apps: https://<region>.azurecontainerapps.dev, from which `az containerapp logs show` reads.

What there is by now is answered; `follow=true` does not wait for more.
Source: https://learn.microsoft.com/azure/container-apps/log-streaming.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from pathlib import Path
from typing import Any

from sandbox.entra.directory import TOKEN_SECONDS, Caller, Directory
from sandbox.entra.rbac import is_allowed
from sandbox.messages import Request, Response, json_response
from sandbox.store import Operation, Resource, Store

SUFFIX = ".azurecontainerapps.dev"
AUDIENCE = "https://azurecontainerapps.dev"
MOST_LINES = 300
_APPS = "microsoft.app/containerapps"
_READ = "Microsoft.App/containerApps/getAuthToken/action"
_NAME = r"([^/]+)"
_PATH = re.compile(
    rf"(/subscriptions/{_NAME}/resourceGroups/{_NAME})/(containerApps|managedEnvironments)/{_NAME}"
    rf"(?:/eventstream|/revisions/{_NAME}/replicas/{_NAME}/containers/{_NAME}/logstream)",
    re.IGNORECASE,
)


def auth_token(directory: Directory, store: Store, resource: Resource, kind: str, caller: Caller) -> dict[str, Any]:
    """What POST …/getAuthToken of an app or an environment answers: a token of the caller's for the log stream."""
    principal = store.principal(caller.object_id)
    token = directory.token(principal, AUDIENCE) if principal is not None else ""
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + TOKEN_SECONDS))
    shown = {"id": resource.id, "name": resource.name, "type": kind, "location": resource.body["location"]}
    return {**shown, "properties": {"token": token, "expires": expires}}


class LogStream:
    """Answers for all regions."""

    def __init__(self, store: Store, directory: Directory, folder: Path) -> None:
        self._store = store
        self._directory = directory
        self._folder = folder

    def handle(self, request: Request) -> Response:
        """Answers one request. The token is that of getAuthToken."""
        caller = self._directory.read(request.headers.get("authorization"))
        if caller is None or caller.audience != AUDIENCE:
            return json_response(
                401, {"error": {"code": "Unauthorized", "message": "The token is missing or invalid."}}
            )
        found = _PATH.fullmatch(request.path)
        if found is None or request.method != "GET":
            return json_response(404, {"error": {"code": "NotFound", "message": "There is no such stream."}})
        kind, name, replica, container = found[4], found[5], found[7], found[8]
        subject = self._store.get(f"{found[1]}/providers/Microsoft.App/{kind}/{name}")
        if subject is None or not is_allowed(self._store, caller.object_id, _READ, subject.id):
            return json_response(404, {"error": {"code": "NotFound", "message": f"There is no {kind} '{name}'."}})
        asked = request.query.get("taillines", "20")
        count = min(int(asked), MOST_LINES) if asked.isdigit() else 20
        if container is None:
            lines = [json.dumps(_event(one)) for one in self._operations(subject)[-count:]]
        elif subject.type == _APPS:
            text = request.query.get("output") == "text"
            lines = self._console(self._folder / subject.name / replica / f"{container}.log", count, text=text)
        else:
            lines = []
        return Response(200, "".join(f"{line}\n" for line in lines).encode(), {"Content-Type": "text/plain"})

    def _console(self, path: Path, count: int, *, text: bool) -> list[str]:
        inside = path.resolve().is_relative_to(self._folder.resolve())
        if not inside or not path.is_file():
            return []
        with path.open(encoding="utf-8", errors="replace") as stream:
            last = deque((line.rstrip("\n") for line in stream), maxlen=count)
        stamp = _stamp(path.stat().st_mtime)
        if text:
            return [f"{stamp} {line}" for line in last]
        return [json.dumps({"TimeStamp": stamp, "Log": line}) for line in last]

    def _operations(self, subject: Resource) -> list[Operation]:
        known = self._store.latest_operations(1000)
        return sorted((one for one in known if one.resource == subject.key), key=lambda one: one.started)


def _stamp(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e5):05d}"


def _event(operation: Operation) -> dict[str, object]:
    said = f": {operation.error['message']}" if operation.error else ""
    return {
        "TimeStamp": time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(operation.ended or operation.started)),
        "Type": "Warning" if operation.error else "Normal",
        "ContainerAppName": operation.resource.rpartition("/")[2],
        "RevisionName": "",
        "ReplicaName": "",
        "Msg": f"{operation.verb.capitalize()}: {operation.status}{said}",
        "Reason": f"Operation{operation.status}",
        "EventSource": "ContainerAppController",
        "Count": 1,
    }
