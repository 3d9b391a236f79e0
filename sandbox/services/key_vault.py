# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key Vault's data plane for secrets, https://<vault>.vault.azure.net, and the references of container apps to them.

Sources: https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups, https://learn.microsoft.com/azure/key-vault/general/rbac-guide
and the recorded answers of Azure.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from sandbox.entra.directory import Caller, Directory
from sandbox.entra.rbac import is_allowed
from sandbox.messages import Request, Response, json_response
from sandbox.store import Principal, Resource, Store

Json = dict[str, Any]

VAULTS = "microsoft.keyvault/vaults"
SUFFIX = ".vault.azure.net"
AUDIENCE = "https://vault.azure.net"
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_CLIENT_ADDRESS = "127.0.0.1"
_LARGEST_VALUE = 25_600
_PAGE = 25
_LATEST_VERSION = "7.6"


class VaultError(Exception):
    """A refusal, in Key Vault's words."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"code": code, "message": message}}
        if inner is not None:
            self.body["error"]["innererror"] = {"code": inner}


class SecretUnavailable(Exception):
    """A secret that a container app refers to cannot be had; the message is Container Apps' own."""


@dataclass(frozen=True)
class _Operation:
    """What a request wants to do: the permission in a vault's access policies, and the data action of a role."""

    permission: str
    action: str


_OPERATIONS = {
    "set": _Operation("set", "setSecret/action"),
    "get": _Operation("get", "getSecret/action"),
    "list": _Operation("list", "readMetadata/action"),
    "update": _Operation("set", "update/action"),
    "delete": _Operation("delete", "delete"),
    "get deleted": _Operation("get", "readMetadata/action"),
    "recover": _Operation("recover", "recover/action"),
    "purge": _Operation("purge", "purge/action"),
}


class KeyVaults:
    """Answers for the vaults of the store."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    def vault(self, host: str) -> Resource | None:
        """The vault that a host name belongs to."""
        return self._store.named(VAULTS, host.removesuffix(SUFFIX)) if host.endswith(SUFFIX) else None

    def handle(self, vault: Resource, request: Request) -> Response:
        """Answers one request to a vault."""
        caller = self._directory.read(request.headers.get("authorization"))
        if caller is None or caller.audience.rstrip("/") != AUDIENCE:
            return self._challenge(request, caller)
        try:
            response = self._route(vault, request, caller)
        except VaultError as error:
            response = json_response(error.status, error.body)
        response.headers.setdefault("x-ms-request-id", str(uuid.uuid4()))
        return response

    def _challenge(self, request: Request, caller: Caller | None) -> Response:
        where = (
            f'Bearer authorization="https://login.microsoftonline.com/{self._directory.tenant}", resource="{AUDIENCE}"'
        )
        if "authorization" not in request.headers:
            message = "AKV10000: Request is missing a Bearer or PoP token."
        elif caller is None:
            message = "AKV10046: Unable to resolve the key used for signature validation."
        else:
            message = f"AKV10022: Invalid audience. Expected {AUDIENCE}, found: {caller.audience}."
            where += f', error="invalid_token", error_description="{message}"'
        return json_response(401, {"error": {"code": "Unauthorized", "message": message}}, {"WWW-Authenticate": where})

    def _route(self, vault: Resource, request: Request, caller: Caller) -> Response:
        version = request.query.get("api-version", "")
        if not re.fullmatch(r"7\.\d(-preview\.\d)?|20\d\d-\d\d-\d\d(-preview)?", version):
            raise VaultError(
                400,
                "BadParameter",
                f"The specified version ({version}) is not recognized. Consider using the latest supported version ({_LATEST_VERSION}).",
            )
        _check_network(vault, caller.client_id, caller.object_id, self._directory.tenant)
        segments = [segment for segment in request.path.split("/") if segment]
        match (request.method, *(segment.lower() for segment in segments)):
            case ("GET", "secrets"):
                self._permit(vault, caller, "list", "")
                return self._page(request, [_listed(vault, found) for found in _kept(vault)])
            case ("GET", "deletedsecrets"):
                self._permit(vault, caller, "list", "")
                return self._page(request, [_shown_deleted(vault, found, listed=True) for found in _deleted(vault)])
            case ("PUT", "secrets", _):
                self._permit(vault, caller, "set", segments[1])
                return self._set(vault, segments[1], _body(request))
            case ("GET", "secrets", _, "versions"):
                self._permit(vault, caller, "list", segments[1])
                secret = _find(vault, segments[1])
                ordered = sorted(secret["versions"])
                return self._page(request, [_shown(vault, secret, one, value=False) for one in ordered])
            case ("GET", "secrets", _) | ("GET", "secrets", _, _):
                self._permit(vault, caller, "get", segments[1])
                secret, chosen = _version(vault, segments[1], segments[2] if len(segments) > 2 else "")
                _check_enabled(secret["versions"][chosen])
                return json_response(200, _shown(vault, secret, chosen, value=True))
            case ("PATCH", "secrets", _) | ("PATCH", "secrets", _, _):
                self._permit(vault, caller, "update", segments[1])
                secret, chosen = _version(vault, segments[1], segments[2] if len(segments) > 2 else "")
                _change(secret["versions"][chosen], _body(request))
                self._store.put(vault)
                return json_response(200, _shown(vault, secret, chosen, value=False))
            case ("DELETE", "secrets", _):
                self._permit(vault, caller, "delete", segments[1])
                secret = _find(vault, segments[1])
                now = int(time.time())
                secret["deleted"] = {"deletedDate": now, "scheduledPurgeDate": now + _retention(vault) * 86_400}
                self._store.put(vault)
                return json_response(200, _shown_deleted(vault, secret))
            case ("GET", "deletedsecrets", _):
                self._permit(vault, caller, "get deleted", segments[1])
                return json_response(200, _shown_deleted(vault, _find_deleted(vault, segments[1])))
            case ("POST", "deletedsecrets", _, "recover"):
                self._permit(vault, caller, "recover", segments[1])
                secret = _find_deleted(vault, segments[1])
                del secret["deleted"]
                self._store.put(vault)
                return json_response(200, _shown(vault, secret, secret["current"], value=False))
            case ("DELETE", "deletedsecrets", _):
                self._permit(vault, caller, "purge", segments[1])
                self._purge(vault, segments[1])
                return Response(204)
        raise VaultError(404, "NotFound", f"The sandbox does not serve {request.method} {request.path} of Key Vault.")

    def _permit(self, vault: Resource, caller: Caller, operation: str, name: str) -> None:
        _check_permission(
            self._store, vault, caller.client_id, caller.object_id, self._directory.tenant, _OPERATIONS[operation], name
        )

    def _page(self, request: Request, found: list[Json]) -> Response:
        asked = request.query.get("maxresults", str(_PAGE))
        if not asked.isdigit() or not 1 <= int(asked) <= _PAGE:
            raise VaultError(400, "BadParameter", f"maxresults must be between 1 and {_PAGE}.")
        token = request.query.get("$skiptoken", "")
        first = int(base64.urlsafe_b64decode(token)) if token else 0
        after = first + int(asked)
        link = None
        if after < len(found):
            address = urlsplit(request.url)
            mark = quote(base64.urlsafe_b64encode(str(after).encode()).decode())
            version = request.query["api-version"]
            link = f"https://{address.hostname}:443{address.path}?api-version={version}&$skiptoken={mark}&maxresults={asked}"
        return json_response(200, {"value": found[first:after], "nextLink": link})

    def _set(self, vault: Resource, name: str, body: Json) -> Response:
        _check_name(name)
        if not isinstance(body.get("value"), str):
            raise VaultError(400, "BadParameter", "Property  is required: value")
        if len(body["value"].encode()) > _LARGEST_VALUE:
            raise VaultError(
                400, "BadParameter", f"The specified secret's value is larger than {_LARGEST_VALUE} bytes."
            )
        secrets = vault.private.setdefault("secrets", {})
        secret = secrets.setdefault(name.lower(), {"name": name, "current": "", "versions": {}})
        if "deleted" in secret:
            raise VaultError(
                409,
                "Conflict",
                f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, "
                "the secret can only be recovered or purged.",
                "ObjectIsDeletedButRecoverable",
            )
        version = uuid.uuid4().hex
        now = int(time.time())
        made: Json = {"value": body["value"], "attributes": {"enabled": True, "created": now, "updated": now}}
        secret["versions"][version] = made
        secret["current"] = version
        _change(made, body)
        self._store.put(vault)
        return json_response(200, _shown(vault, secret, version, value=True))

    def _purge(self, vault: Resource, name: str) -> None:
        secret = _find_deleted(vault, name)
        if vault.properties.get("enablePurgeProtection"):
            raise VaultError(
                403,
                "Forbidden",
                'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service will '
                f"automatically purge it after the retention period has passed.\r\nVault: {_described(vault)}",
                "ForbiddenByPolicy",
            )
        del vault.private["secrets"][secret["name"].lower()]
        self._store.put(vault)


# the references of container apps and jobs


def secret_values(store: Store, resource: Resource) -> dict[str, str]:
    """The values of a container app's or job's secrets, those of Key Vault read as its identity.

    Raises SecretUnavailable where the identity may not read one, or there is none.
    """
    references = resource.private.get("references", {})
    identity = resource.body.get("identity") or {}
    return {
        name: referenced_value(store, name, references[name], identity) if name in references else value
        for name, value in resource.private.get("secrets", {}).items()
    }


def referenced_value(store: Store, name: str, reference: Json, identity: Json) -> str:
    """The value that a secret's keyVaultUrl names, read as one of the resource's identities.

    `identity` is the resource's identity block, with the principal ids that Azure filled in. Raises SecretUnavailable.
    """
    wanted = str(reference["identity"])
    principal = _principal(store, wanted, identity)
    address = urlsplit(str(reference["keyVaultUrl"]))
    host = (address.hostname or "").lower()
    vault = store.named(VAULTS, host.removesuffix(SUFFIX)) if host.endswith(SUFFIX) else None
    segments = [segment for segment in address.path.split("/") if segment]
    value = ""
    if principal is not None and vault is not None and vault.state != "Deleting" and segments[:1] == ["secrets"]:
        tenant = store.setting("tenant_id") or ""
        try:
            _check_network(vault, principal.client_id, principal.object_id, tenant)
            secret, chosen = _version(vault, *(*segments[1:3], "")[:2])
            _check_permission(
                store, vault, principal.client_id, principal.object_id, tenant, _OPERATIONS["get"], secret["name"]
            )
            _check_enabled(secret["versions"][chosen])
        except VaultError:
            pass  # Container Apps tells no more than that it could not read it
        else:
            value = str(secret["versions"][chosen]["value"])
    if not value:
        raise SecretUnavailable(
            "The following field(s) are either invalid or missing. Field 'configuration.secrets' is invalid with details: "
            f'\'Invalid value: "{name}": Unable to get value using Managed identity {wanted} for secret {name}. '
            f"Error: unable to fetch secret '{name}' using Managed identity '{wanted}'';."
        )
    return value


def _principal(store: Store, wanted: str, identity: Json) -> Principal | None:
    if wanted.lower() == "system":
        return store.principal(str(identity.get("principalId") or ""))
    for identity_id, entry in (identity.get("userAssignedIdentities") or {}).items():
        if identity_id.lower() == wanted.lower():
            return store.principal(str(entry["principalId"]))
    return None


# who may do what


def _described(vault: Resource) -> str:
    return f"{vault.name};location={vault.body['location']}"


def _check_network(vault: Resource, client_id: str, object_id: str, tenant: str) -> None:
    properties = vault.properties
    caller = f"appid={client_id};oid={object_id};iss=https://sts.windows.net/{tenant}/"
    if str(properties.get("publicNetworkAccess", "Enabled")).lower() == "disabled":
        raise VaultError(
            403,
            "Forbidden",
            "Public network access is disabled and request is not from a trusted service nor via an approved private link.\r\n"
            f"Caller: {caller}\r\nVault: {_described(vault)}",
            "ForbiddenByConnection",
        )
    rules = properties.get("networkAcls") or {}
    allowed = [ipaddress.ip_network(rule["value"], strict=False) for rule in rules.get("ipRules") or []]
    address = ipaddress.ip_address(_CLIENT_ADDRESS)
    if str(rules.get("defaultAction", "Allow")).lower() == "deny" and not any(
        address in network for network in allowed
    ):
        raise VaultError(
            403,
            "Forbidden",
            f"Client address is not authorized and caller is not a trusted service.\r\nClient address: {_CLIENT_ADDRESS}\r\n"
            f"Caller: {caller}\r\nVault: {_described(vault)}",
            "ForbiddenByFirewall",
        )


def _check_permission(
    store: Store, vault: Resource, client_id: str, object_id: str, tenant: str, operation: _Operation, name: str
) -> None:
    """Refuses a caller that neither a role nor, where the vault does not go by roles, an access policy permits."""
    caller = f"appid={client_id};oid={object_id};iss=https://sts.windows.net/{tenant}/"
    if not vault.properties.get("enableRbacAuthorization"):
        for policy in vault.properties.get("accessPolicies") or []:
            granted = {str(one).lower() for one in (policy.get("permissions") or {}).get("secrets") or []}
            same = str(policy.get("objectId")).lower() == object_id.lower()
            if same and (operation.permission in granted or ("all" in granted and operation.permission != "purge")):
                return
        raise VaultError(
            403,
            "Forbidden",
            f"The user, group or application '{caller}' does not have secrets {operation.permission} permission on key vault "
            f"'{_described(vault)}'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287",
            "AccessDenied",
        )
    scope = f"{vault.id}/secrets/{name}".rstrip("/") if name else vault.id
    action = f"Microsoft.KeyVault/vaults/secrets/{operation.action}"
    if is_allowed(store, object_id, action, scope, data=True):
        return
    raise VaultError(
        403,
        "Forbidden",
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions "
        f"were changed recently, please observe propagation time.\r\nCaller: {caller}\r\nAction: '{action}'\r\n"
        f"Resource: '{scope.lower()}'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\n"
        f"Vault: {_described(vault)}\r\n",
        "ForbiddenByRbac",
    )


# secrets as a vault keeps them: vault.private["secrets"][name in lower case] = {name, current, versions, deleted?}


def _body(request: Request) -> Json:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError as error:
        raise VaultError(400, "BadParameter", "The request body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise VaultError(400, "BadParameter", "The request body must be a JSON object.")
    return body


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise VaultError(400, "BadParameter", f"The request URI contains an invalid name: {name}")


def _kept(vault: Resource) -> list[Json]:
    secrets = vault.private.get("secrets", {})
    return [secrets[name] for name in sorted(secrets) if "deleted" not in secrets[name]]


def _deleted(vault: Resource) -> list[Json]:
    secrets = vault.private.get("secrets", {})
    return [secrets[name] for name in sorted(secrets) if "deleted" in secrets[name]]


def _find(vault: Resource, name: str) -> Json:
    _check_name(name)
    secret: Json | None = vault.private.get("secrets", {}).get(name.lower())
    if secret is None or "deleted" in secret:
        raise _missing(name)
    return secret


def _find_deleted(vault: Resource, name: str) -> Json:
    _check_name(name)
    secret: Json | None = vault.private.get("secrets", {}).get(name.lower())
    if secret is None or "deleted" not in secret:
        raise VaultError(404, "SecretNotFound", f"Deleted Secret not found: {name}")
    return secret


def _version(vault: Resource, name: str, wanted: str) -> tuple[Json, str]:
    """(secret, version), the current version where none is asked for."""
    secret = _find(vault, name)
    chosen = wanted.lower() or secret["current"]
    if chosen not in secret["versions"]:
        raise _missing(f"{name}/{wanted}")
    return secret, chosen


def _missing(name: str) -> VaultError:
    return VaultError(
        404,
        "SecretNotFound",
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may be able to "
        "recover it using the correct recovery command. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125182",
    )


def _check_enabled(version: Json) -> None:
    if not version["attributes"]["enabled"]:
        raise VaultError(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")


def _change(version: Json, body: Json) -> None:
    """Applies what a PUT or PATCH says about a version, apart from its value."""
    for name in ("contentType", "tags"):
        if body.get(name) is not None:
            version[name] = body[name]
    asked = body.get("attributes") or {}
    for name in ("enabled", "nbf", "exp"):
        if asked.get(name) is not None:
            version["attributes"][name] = asked[name]
    version["attributes"]["updated"] = int(time.time())


def _retention(vault: Resource) -> int:
    return int(vault.properties.get("softDeleteRetentionInDays") or 90)


def _attributes(vault: Resource, version: Json) -> Json:
    days = _retention(vault)
    level = "Recoverable" if days == 90 else "CustomizedRecoverable"
    if not vault.properties.get("enablePurgeProtection"):
        level += "+Purgeable"
    return {**version["attributes"], "recoveryLevel": level, "recoverableDays": days}


def _address(vault: Resource, path: str) -> str:
    return f"https://{vault.name.lower()}{SUFFIX}/{path}"


def _shown(vault: Resource, secret: Json, version: str, *, value: bool) -> Json:
    kept = secret["versions"][version]
    return {
        **({"value": kept["value"]} if value else {}),
        **({"contentType": kept["contentType"]} if "contentType" in kept else {}),
        "id": _address(vault, f"secrets/{secret['name']}/{version}"),
        "attributes": _attributes(vault, kept),
        **({"tags": kept["tags"]} if "tags" in kept else {}),
    }


def _listed(vault: Resource, secret: Json) -> Json:
    return {
        **_shown(vault, secret, secret["current"], value=False),
        "id": _address(vault, f"secrets/{secret['name']}"),
    }


def _shown_deleted(vault: Resource, secret: Json, *, listed: bool = False) -> Json:
    described = _listed(vault, secret) if listed else _shown(vault, secret, secret["current"], value=False)
    return {"recoveryId": _address(vault, f"deletedsecrets/{secret['name']}"), **secret["deleted"], **described}
