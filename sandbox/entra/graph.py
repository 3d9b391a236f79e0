# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Graph: the service principals of the directory, read-only. There are no users and no groups here.

Source: https://learn.microsoft.com/graph/api/resources/serviceprincipal.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from sandbox.entra.directory import Directory
from sandbox.messages import Request, Response, json_response
from sandbox.store import Principal, Store

HOST = "graph.microsoft.com"
_AUDIENCES = ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000")
_EMPTY = ("users", "groups", "oauth2permissiongrants")
_EQUAL = re.compile(r"(\w+)\s+eq\s+'([^']*)'", re.IGNORECASE)
_ANY = re.compile(r"servicePrincipalNames/any\((\w+):\s*\1\s+eq\s+'([^']*)'\)", re.IGNORECASE)
_STARTS = re.compile(r"startswith\((\w+),\s*'([^']*)'\)", re.IGNORECASE)
_KEYED = re.compile(r"serviceprincipals\(appid='([^']*)'\)", re.IGNORECASE)

Json = dict[str, Any]


class GraphError(Exception):
    """A refusal, in Graph's words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def response(self) -> Response:
        identifier = str(uuid.uuid4())
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        inner = {"date": now, "request-id": identifier, "client-request-id": identifier}
        return json_response(self.status, {"error": {"code": self.code, "message": self.message, "innerError": inner}})


class Graph:
    """https://graph.microsoft.com/v1.0."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    def handle(self, request: Request) -> Response:
        """Answers one request."""
        try:
            return self._answer(request)
        except GraphError as error:
            return error.response()

    def _answer(self, request: Request) -> Response:
        caller = self._directory.read(request.headers.get("authorization"))
        if caller is None or not caller.audience.rstrip("/").startswith(_AUDIENCES):
            raise GraphError(
                401, "InvalidAuthenticationToken", "Access token is empty, invalid, or for another audience."
            )
        found = re.fullmatch(r"/(?:v1\.0|beta)/(.+?)/?", request.path)
        words = found[1].split("/") if found else []
        kind = words[0].lower() if words else ""
        if request.method == "POST" and found and found[1].lower() == "directoryobjects/getbyids":
            wanted = {str(identifier).lower() for identifier in request.json().get("ids") or []}
            return self._listed("directoryObjects", lambda one: one.object_id in wanted)
        if request.method != "GET":
            raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        if kind == "me":
            raise GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
        if kind == "organization":
            tenant = {"id": self._directory.tenant, "displayName": "Sandbox", "verifiedDomains": []}
            return json_response(200, {"value": [tenant]})
        if kind in _EMPTY and len(words) == 1:
            return self._listed(kind, lambda one: False)
        if kind in ("serviceprincipals", "applications") and len(words) == 1:
            return self._listed(words[0], _filter(request.query.get("$filter", ""), kind))
        keyed = _KEYED.fullmatch(words[0]) if words else None
        if (kind in ("serviceprincipals", "directoryobjects") and len(words) == 2) or keyed:
            identifier = keyed[1] if keyed else words[1]
            principal = self._store.principal(identifier)
            known = principal.client_id if keyed and principal else principal.object_id if principal else None
            if principal is not None and known == identifier.lower() and self._directory.replicated(principal):
                return json_response(200, {**_context("servicePrincipals/$entity"), **_shown(principal)})
            raise GraphError(
                404,
                "Request_ResourceNotFound",
                f"Resource '{identifier}' does not exist or one of its queried reference-property objects are not present.",
            )
        if kind in (*_EMPTY, "applications") and len(words) == 2:
            raise GraphError(
                404,
                "Request_ResourceNotFound",
                f"Resource '{words[1]}' does not exist or one of its queried reference-property objects are not present.",
            )
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{words[0] if words else ''}'.")

    def _listed(self, what: str, wanted: Callable[[Principal], bool]) -> Response:
        shown = [_shown(one) for one in self._store.principals() if self._directory.replicated(one) and wanted(one)]
        return json_response(200, {**_context(what), "value": shown})


def _context(what: str) -> Json:
    return {"@odata.context": f"https://{HOST}/v1.0/$metadata#{what}"}


def _filter(wanted: str, kind: str) -> Callable[[Principal], bool]:
    """What a `$filter` asks for. A managed identity has a service principal and no application.

    Raises GraphError for a filter that is not understood: to leave it out would show too much.
    """
    tests: list[tuple[str, str, bool]] = []
    for term in re.split(r"\s+and\s+", wanted.strip(), flags=re.IGNORECASE) if wanted.strip() else []:
        if (found := _ANY.fullmatch(term)) is not None:
            tests.append(("serviceprincipalnames", found[2].lower(), False))
        elif (found := _STARTS.fullmatch(term)) is not None:
            tests.append((found[1].lower(), found[2].lower(), True))
        elif (found := _EQUAL.fullmatch(term)) is not None:
            tests.append((found[1].lower(), found[2].lower(), False))
        else:
            raise GraphError(400, "Request_UnsupportedQuery", f"Unsupported or invalid query filter clause '{term}'.")

    def passes(principal: Principal) -> bool:
        if kind == "applications" and principal.kind != "ServicePrincipal":
            return False
        for name, value, starts in tests:
            held = {
                "displayname": [principal.name],
                "appid": [principal.client_id],
                "id": [principal.object_id],
                "serviceprincipaltype": ["Application" if principal.kind == "ServicePrincipal" else principal.kind],
                "serviceprincipalnames": [principal.client_id],
            }.get(name, [])
            if not any(one.lower().startswith(value) if starts else one.lower() == value for one in held):
                return False
        return True

    return passes


def _shown(principal: Principal) -> Json:
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
