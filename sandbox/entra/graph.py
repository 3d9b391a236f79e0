# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Graph: the service principals of the directory, read-only. The directory has no users and no groups.

Source: https://learn.microsoft.com/graph/api/resources/serviceprincipal.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

from sandbox.entra.directory import Directory
from sandbox.messages import Json, Request, Response, json_response
from sandbox.store import Principal, Store

HOST = "graph.microsoft.com"
_AUDIENCES = ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000")
_EMPTY = ("users", "groups", "oauth2permissiongrants")
_EQUAL = re.compile(r"(\w+)\s+eq\s+'([^']*)'", re.IGNORECASE)
_ANY = re.compile(r"servicePrincipalNames/any\((\w+):\s*\1\s+eq\s+'([^']*)'\)", re.IGNORECASE)
_STARTS = re.compile(r"startswith\((\w+),\s*'([^']*)'\)", re.IGNORECASE)
_KEYED = re.compile(r"serviceprincipals\(appid='([^']*)'\)", re.IGNORECASE)


class GraphError(Exception):
    """An error response of Microsoft Graph."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def response(self) -> Response:
        """Return the HTTP response that carries the error."""
        identifier = str(uuid.uuid4())
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        inner = {"date": now, "request-id": identifier, "client-request-id": identifier}
        return json_response(self.status, {"error": {"code": self.code, "message": self.message, "innerError": inner}})


class Graph:
    """The service at https://graph.microsoft.com/v1.0."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    def handle(self, request: Request) -> Response:
        """Return the response to a request."""
        try:
            return self._route(request)
        except GraphError as error:
            return error.response()

    def _route(self, request: Request) -> Response:
        caller = self._directory.read(request.headers.get("authorization"))
        if caller is None or not caller.audience.rstrip("/").startswith(_AUDIENCES):
            raise GraphError(
                401, "InvalidAuthenticationToken", "Access token is empty, invalid, or for another audience."
            )
        versioned = re.fullmatch(r"/(?:v1\.0|beta)/(.+?)/?", request.path)
        segments = versioned[1].split("/") if versioned else [""]
        match request.method, [segment.lower() for segment in segments]:
            case "POST", ["directoryobjects", "getbyids"]:
                ids = {str(identifier).lower() for identifier in request.json().get("ids") or []}
                return self._list("directoryObjects", lambda principal: principal.object_id in ids)
            case method, _ if method != "GET":
                raise GraphError(
                    403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
                )
            case _, ["me", *_]:
                raise GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
            case _, ["organization", *_]:
                tenant = {"id": self._directory.tenant, "displayName": "Sandbox", "verifiedDomains": []}
                return json_response(200, {"value": [tenant]})
            case _, [kind] if kind in _EMPTY:
                return self._list(kind, lambda principal: False)
            case _, ["serviceprincipals" | "applications" as kind]:
                return self._list(segments[0], _filter(request.query.get("$filter", ""), kind))
            case _, [_, *_] if (keyed := _KEYED.fullmatch(segments[0])) is not None:
                return self._principal(keyed[1], lambda principal: principal.client_id)
            case _, ["serviceprincipals" | "directoryobjects", _]:
                return self._principal(segments[1], lambda principal: principal.object_id)
            case _, [kind, _] if kind in (*_EMPTY, "applications"):
                raise _not_found(segments[1])
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{segments[0]}'.")

    def _principal(self, identifier: str, key: Callable[[Principal], str]) -> Response:
        """Return the response to a read of the principal whose `key` is the identifier."""
        principal = self._store.principal(identifier)
        if principal is None or key(principal) != identifier.lower() or not self._directory.replicated(principal):
            raise _not_found(identifier)
        return json_response(200, {**_context("servicePrincipals/$entity"), **_entity(principal)})

    def _list(self, name: str, matches: Callable[[Principal], bool]) -> Response:
        principals = [
            principal
            for principal in self._store.principals()
            if self._directory.replicated(principal) and matches(principal)
        ]
        return json_response(200, {**_context(name), "value": [_entity(principal) for principal in principals]})


def _not_found(identifier: str) -> GraphError:
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{identifier}' does not exist or one of its queried reference-property objects are not present.",
    )


def _context(name: str) -> Json:
    return {"@odata.context": f"https://{HOST}/v1.0/$metadata#{name}"}


def _filter(expression: str, kind: str) -> Callable[[Principal], bool]:
    """Compile a `$filter`. A managed identity has a service principal and no application.

    Raise GraphError for an unsupported filter: to ignore it would return too much.
    """
    tests: list[tuple[str, str, bool]] = []
    for term in re.split(r"\s+and\s+", expression.strip(), flags=re.IGNORECASE) if expression.strip() else []:
        if (match := _ANY.fullmatch(term)) is not None:
            tests.append(("serviceprincipalnames", match[2].lower(), False))
        elif (match := _STARTS.fullmatch(term)) is not None:
            tests.append((match[1].lower(), match[2].lower(), True))
        elif (match := _EQUAL.fullmatch(term)) is not None:
            tests.append((match[1].lower(), match[2].lower(), False))
        else:
            raise GraphError(400, "Request_UnsupportedQuery", f"Unsupported or invalid query filter clause '{term}'.")

    def matches(principal: Principal) -> bool:
        if kind == "applications" and principal.kind != "ServicePrincipal":
            return False
        fields = {
            "displayname": principal.name,
            "appid": principal.client_id,
            "id": principal.object_id,
            "serviceprincipaltype": "Application" if principal.kind == "ServicePrincipal" else principal.kind,
            "serviceprincipalnames": principal.client_id,
        }
        for name, value, prefix in tests:
            field = fields.get(name, "").lower()
            if name not in fields or not (field.startswith(value) if prefix else field == value):
                return False
        return True

    return matches


def _entity(principal: Principal) -> Json:
    managed = principal.kind == "ManagedIdentity"
    return {
        "@odata.type": "#microsoft.graph.servicePrincipal",
        "id": principal.object_id,
        "deletedDateTime": None,
        "accountEnabled": True,
        "alternativeNames": ["isExplicit=True", principal.resource] if managed and principal.resource else [],
        "appDisplayName": None if managed else principal.name,
        "appId": principal.client_id,
        "displayName": principal.name,
        "servicePrincipalNames": [principal.client_id],
        "servicePrincipalType": "ManagedIdentity" if managed else "Application",
        "appRoles": [],
        "keyCredentials": [],
        "oauth2PermissionScopes": [],
        "passwordCredentials": [],
        "replyUrls": [],
        "tags": [],
    }
