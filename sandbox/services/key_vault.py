# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data plane of Key Vault for secrets, https://<vault>.vault.azure.net.

Source: https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups and recorded responses of Azure.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from typing import Any
from urllib.parse import quote, urlsplit

from sandbox.entra.directory import Caller, Directory
from sandbox.messages import Request, Response, json_response
from sandbox.services import vault_access, vault_secrets
from sandbox.services.vault_access import VaultCaller
from sandbox.services.vault_secrets import SUFFIX, VAULTS, VaultError
from sandbox.store import Resource, Store

Json = dict[str, Any]

AUDIENCE = "https://vault.azure.net"
_PAGE = 25
_LATEST_VERSION = "7.6"


class KeyVaults:
    """Data plane of all vaults."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    def find(self, host: str) -> Resource | None:
        """Return the vault of a host name."""
        return self._store.named(VAULTS, host.removesuffix(SUFFIX)) if host.endswith(SUFFIX) else None

    def matches(self, host: str) -> bool:
        """Return whether a host name is that of a vault."""
        return self.find(host) is not None

    def handle(self, request: Request) -> Response:
        """Respond to a request."""
        vault = self.find(request.host)
        if vault is None:
            return Response(404)
        caller = self._directory.read(request.headers.get("authorization"))
        if caller is None or caller.audience.rstrip("/") != AUDIENCE:
            return self._challenge(request, caller)
        try:
            response = self._route(
                vault, request, VaultCaller(caller.client_id, caller.object_id, self._directory.tenant)
            )
        except VaultError as error:
            response = json_response(error.status, error.body)
        response.headers.setdefault("x-ms-request-id", str(uuid.uuid4()))
        return response

    def _challenge(self, request: Request, caller: Caller | None) -> Response:
        challenge = (
            f'Bearer authorization="https://login.microsoftonline.com/{self._directory.tenant}", resource="{AUDIENCE}"'
        )
        if "authorization" not in request.headers:
            message = "AKV10000: Request is missing a Bearer or PoP token."
        elif caller is None:
            message = "AKV10046: Unable to resolve the key used for signature validation."
        else:
            message = f"AKV10022: Invalid audience. Expected {AUDIENCE}, found: {caller.audience}."
            challenge += f', error="invalid_token", error_description="{message}"'
        error = {"code": "Unauthorized", "message": message}
        return json_response(401, {"error": error}, {"WWW-Authenticate": challenge})

    def _route(self, vault: Resource, request: Request, caller: VaultCaller) -> Response:
        _check_version(request.query.get("api-version", ""))
        vault_access.check_network(vault, caller)
        segments = [segment for segment in request.path.split("/") if segment]
        name, version = (*segments[1:3], "", "")[:2]

        def authorize(operation: vault_access.Operation) -> None:
            vault_access.check_permission(self._store, vault, caller, operation, name)

        match (request.method, *(segment.lower() for segment in segments)):
            case ("GET", "secrets"):
                authorize(vault_access.LIST)
                secrets = vault_secrets.active_secrets(vault)
                return _page(request, [vault_secrets.secret_item(vault, secret) for secret in secrets])
            case ("GET", "deletedsecrets"):
                authorize(vault_access.LIST)
                secrets = vault_secrets.deleted_secrets(vault)
                return _page(request, [vault_secrets.deleted_item(vault, secret) for secret in secrets])
            case ("PUT", "secrets", _):
                authorize(vault_access.SET)
                secret, version_id = vault_secrets.add_version(vault, name, _body(request))
                self._store.put(vault)
                return json_response(200, vault_secrets.secret_bundle(vault, secret, version_id))
            case ("GET", "secrets", _, "versions"):
                authorize(vault_access.LIST)
                secret = vault_secrets.find(vault, name)
                ids = sorted(secret["versions"])
                return _page(request, [vault_secrets.version_item(vault, secret, version_id) for version_id in ids])
            case ("GET", "secrets", _) | ("GET", "secrets", _, _):
                authorize(vault_access.GET)
                secret, version_id = vault_secrets.find_version(vault, name, version)
                vault_secrets.check_enabled(secret["versions"][version_id])
                return json_response(200, vault_secrets.secret_bundle(vault, secret, version_id))
            case ("PATCH", "secrets", _) | ("PATCH", "secrets", _, _):
                authorize(vault_access.UPDATE)
                secret, version_id = vault_secrets.find_version(vault, name, version)
                vault_secrets.update_version(secret["versions"][version_id], _body(request))
                self._store.put(vault)
                return json_response(200, vault_secrets.version_item(vault, secret, version_id))
            case ("DELETE", "secrets", _):
                authorize(vault_access.DELETE)
                secret = vault_secrets.delete(vault, name)
                self._store.put(vault)
                return json_response(200, vault_secrets.deleted_bundle(vault, secret))
            case ("GET", "deletedsecrets", _):
                authorize(vault_access.GET_DELETED)
                secret = vault_secrets.find_deleted(vault, name)
                return json_response(200, vault_secrets.deleted_bundle(vault, secret))
            case ("POST", "deletedsecrets", _, "recover"):
                authorize(vault_access.RECOVER)
                secret = vault_secrets.recover(vault, name)
                self._store.put(vault)
                return json_response(200, vault_secrets.version_item(vault, secret, secret["current"]))
            case ("DELETE", "deletedsecrets", _):
                authorize(vault_access.PURGE)
                vault_secrets.purge(vault, name)
                self._store.put(vault)
                return Response(204)
        raise VaultError(404, "NotFound", f"The sandbox does not serve {request.method} {request.path} of Key Vault.")


def _check_version(version: str) -> None:
    if not re.fullmatch(r"7\.\d(-preview\.\d)?|20\d\d-\d\d-\d\d(-preview)?", version):
        raise VaultError(
            400,
            "BadParameter",
            f"The specified version ({version}) is not recognized. Consider using the latest supported version ({_LATEST_VERSION}).",
        )


def _body(request: Request) -> Json:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError as error:
        raise VaultError(400, "BadParameter", "The request body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise VaultError(400, "BadParameter", "The request body must be a JSON object.")
    return body


def _page(request: Request, items: list[Json]) -> Response:
    """Return the page of a list that `maxresults` and `$skiptoken` select."""
    size = request.query.get("maxresults", str(_PAGE))
    if not size.isdigit() or not 1 <= int(size) <= _PAGE:
        raise VaultError(400, "BadParameter", f"maxresults must be between 1 and {_PAGE}.")
    token = request.query.get("$skiptoken", "")
    first = int(base64.urlsafe_b64decode(token)) if token else 0
    after = first + int(size)
    link = None
    if after < len(items):
        url = urlsplit(request.url)
        next_token = quote(base64.urlsafe_b64encode(str(after).encode()).decode())
        version = request.query["api-version"]
        link = f"https://{url.hostname}:443{url.path}?api-version={version}&$skiptoken={next_token}&maxresults={size}"
    return json_response(200, {"value": items[first:after], "nextLink": link})
