# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blob Storage: the authorization of requests, and their forwarding to the Azurite of the storage account.

Azurite validates the issuer, audience and expiry of a token, or the signature of a shared key. Permissions are checked here, by the headers
alone, so that bodies are streamed. User delegation keys and their signatures are issued and validated here too.
Sources: https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory and
https://learn.microsoft.com/azure/role-based-access-control/permissions/storage (data actions).
"""

from __future__ import annotations

import datetime
import time
import uuid
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from sandbox.arm.resource_type import Context
from sandbox.entra.directory import Caller
from sandbox.entra.rbac import is_allowed
from sandbox.messages import Connection, Request, Response, Upstream
from sandbox.services import user_delegation
from sandbox.services.azurite import ACCOUNTS, API_VERSION, SUFFIX, Azurites
from sandbox.store import Resource

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers"


def required_action(request: Request) -> tuple[str, bool]:
    """Return the role action that a request to a blob endpoint requires, and whether it is a data action."""
    query = request.query
    comp = query.get("comp")
    segments = [segment for segment in request.path.split("/") if segment]
    # `restype` and `comp` select an operation only if the path names no blob
    level = "account" if not segments else "blob"
    if len(segments) == 1 and query.get("restype") == "container":
        level = "container"
    # with one of these headers Azurite writes the blob, whatever `comp` is
    writes_blob = bool({"x-ms-blob-type", "x-ms-copy-source"} & request.headers.keys())
    verb = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(request.method, "write")
    match (level, comp, request.method):
        case (_, "batch", _):
            return f"{_BLOBS}/blobs/delete", True
        case ("account", "userdelegationkey", _):
            return "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action", False
        case ("blob", "tags", "GET" | "PUT") if not writes_blob:
            return f"{_BLOBS}/blobs/tags/{verb}", True
        case ("account" | "container", "blobs", "GET"):
            return f"{_BLOBS}/blobs/filter/action", True
        case ("container", "list", _) | ("blob", _, _):
            return f"{_BLOBS}/blobs/{verb}", True
    return f"{_BLOBS}/{verb}", False


class BlobStorage:
    """Blob endpoints of all storage accounts."""

    def __init__(self, context: Context, azurites: Azurites) -> None:
        self._context = context
        self._azurites = azurites

    def find(self, host: str) -> Resource | None:
        """Return the storage account of a host name."""
        return self._context.store.named(ACCOUNTS, host.removesuffix(SUFFIX)) if host.endswith(SUFFIX) else None

    def matches(self, host: str) -> bool:
        """Return whether a host name is the blob endpoint of a storage account."""
        return self.find(host) is not None

    def streams(self, request: Request) -> bool:
        """Return whether Azurite answers a request."""
        return request.query.get("comp") != "userdelegationkey"

    def handle(self, request: Request) -> Response:
        """Return the response to Get User Delegation Key."""
        account = self.find(request.host)
        if account is None:
            return Response(404)
        denied = self.authorize(account, request)
        if denied is not None:
            return denied
        caller = self._caller(account, request)
        if (
            caller is None
            or request.method != "POST"
            or request.path != "/"
            or request.query.get("restype") != "service"
        ):
            return _error(400, "InvalidQueryParameterValue", "Value for one of the query parameters is not valid.")
        version = request.headers.get("x-ms-version", API_VERSION)
        try:
            key = user_delegation.new_key(
                request.body, caller.object_id, self._context.directory.tenant, version, _now()
            )
        except user_delegation.SasError as error:
            return _error(400, error.code, error.message, error.detail)
        return Response(
            200, key.xml(_delegation_secret(account)), {"Content-Type": "application/xml", "x-ms-version": version}
        )

    async def forward(self, request: Request, connection: Connection) -> Upstream | Response:
        """Authorize a request by its headers. Return the Azurite of the account, or the error response."""
        account = self.find(request.host)
        if account is None:
            return Response(404)
        await self._azurites.wait_until_settled(account)
        is_delegated = "authorization" not in request.headers and user_delegation.is_user_delegation(request)
        denied = (
            self._authorize_delegated(account, request, connection.peer)
            if is_delegated
            else self.authorize(account, request)
        )
        if denied is not None:
            return denied
        port = self._azurites.port(account)
        if port is None:
            return Response(503, b"", {"x-ms-error-code": "ServerBusy"})
        if not is_delegated:
            return Upstream("https", "127.0.0.1", port)
        headers = {
            "Authorization": self._azurites.authorization(),
            "x-ms-version": request.headers.get("x-ms-version", API_VERSION),
        }
        return Upstream("https", "127.0.0.1", port, headers, user_delegation.without_sas(request.url))

    def _caller(self, account: Resource, request: Request) -> Caller | None:
        """Return the caller of a token for this account; None where there is no such token."""
        caller = self._context.directory.read(request.headers.get("authorization"))
        audiences = ("https://storage.azure.com", f"https://{account.name}{SUFFIX}")
        return caller if caller is not None and caller.audience.startswith(audiences) else None

    def _authorize_delegated(self, account: Resource, request: Request, peer: str) -> Response | None:
        """Return the error response to a request whose SAS, or whose principal, does not permit it; None for an authorized one."""
        secret, tenant = _delegation_secret(account), self._context.directory.tenant
        try:
            principal = user_delegation.validate(request, account.name, secret, tenant, peer, _now())
            required = [(*required_action(request), request.path), *self._copy_actions(account, request)]
            if not all(self._is_allowed(principal, account, *action) for action in required):
                raise user_delegation.permission_mismatch()
        except user_delegation.SasError as error:
            return _error(403, error.code, error.message, error.detail)
        return None

    def authorize(self, account: Resource, request: Request) -> Response | None:
        """Return Azure's error response to an unauthorized request; None for an authorized one."""
        scheme = request.headers.get("authorization", "").partition(" ")[0]
        shared_key_off = account.properties.get("allowSharedKeyAccess") is False
        if scheme.lower() == "bearer":
            caller = self._caller(account, request)
            if caller is None:
                return _error(
                    401,
                    "InvalidAuthenticationInfo",
                    "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
                )
            required = [(*required_action(request), request.path), *self._copy_actions(account, request)]
            if not all(self._is_allowed(caller.object_id, account, *action) for action in required):
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

    def _is_allowed(self, principal: str, account: Resource, action: str, data: bool, path: str) -> bool:
        segments = [segment for segment in path.split("/") if segment]
        scope = f"{account.id}/blobServices/default/containers/{segments[0]}" if segments else account.id
        return is_allowed(self._context.store, principal, action, scope, data=data)

    def _copy_actions(self, account: Resource, request: Request) -> list[tuple[str, bool, str]]:
        """Return the additional actions of a copy inside the account: read of the source, unless its URL is signed."""
        source = urlsplit(request.headers.get("x-ms-copy-source", ""))
        if source.hostname != f"{account.name}{SUFFIX}".lower() or "sig" in parse_qs(source.query):
            return []
        return [(f"{_BLOBS}/blobs/read", True, unquote(source.path))]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _delegation_secret(account: Resource) -> str:
    """Return the secret of the account's user delegation keys, which a revocation replaces."""
    return str(account.private.get("delegation") or account.private["key1"])


def _error(status: int, code: str, message: str, detail: str = "") -> Response:
    request_id = str(uuid.uuid4())
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z", time.gmtime())
    text = f"{escape(message)}\nRequestId:{request_id}\nTime:{stamp}"
    details = f"<AuthenticationErrorDetail>{escape(detail)}</AuthenticationErrorDetail>" if detail else ""
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{text}</Message>{details}</Error>'
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
