# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens of the registries: logins, and scopes by role.

Source: https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md.
"""

from __future__ import annotations

import base64
import secrets
import time
import uuid
from typing import Any

import jwt

from sandbox.arm.resource_type import Context
from sandbox.entra.directory import Directory
from sandbox.entra.rbac import is_allowed
from sandbox.messages import Json, Request, Response, json_response
from sandbox.store import Resource

PULL = "Microsoft.ContainerRegistry/registries/pull/read"
PUSH = "Microsoft.ContainerRegistry/registries/push/write"
DELETE = "Microsoft.ContainerRegistry/registries/artifacts/delete"
# user name with which a client sends a refresh token as the password
TOKEN_USER = "00000000-0000-0000-0000-000000000000"
ADMIN = "admin"
TOKEN_SECONDS = 10_800
# the role action that each action of a token scope requires
_ROLE_ACTIONS = {"pull": PULL, "push": PUSH, "metadata_read": PULL, "metadata_write": PUSH, "delete": DELETE}


class RegistryTokens:
    """Issuer of the refresh and access tokens of all registries."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def _directory(self) -> Directory:
        return self._context.directory

    def login(self, registry: Resource, username: str, password: str) -> str | None:
        """Return the object id of a user name and password, or ADMIN for the admin user; None for wrong credentials."""
        if username == TOKEN_USER:
            claims = self._decode(registry, password, "refresh")
            return None if claims is None else str(claims["sub"])
        admin = registry.properties["adminUserEnabled"] and username.lower() == registry.name.lower()
        if admin and password in (registry.private["password"], registry.private["password2"]):
            return ADMIN
        principal = self._context.store.principal(username)
        if principal is None or not principal.secret:
            return None
        return principal.object_id if secrets.compare_digest(principal.secret.encode(), password.encode()) else None

    def is_allowed(self, registry: Resource, principal: str, action: str) -> bool:
        """Return whether a principal (an object id, or ADMIN) may perform an action of a scope, such as `pull`."""
        if principal == ADMIN:
            return True
        return is_allowed(self._context.store, principal, _ROLE_ACTIONS.get(action, PULL), registry.id)

    def exchange(self, registry: Resource, form: dict[str, str]) -> Response:
        """Respond to POST /oauth2/exchange: a refresh token for an Entra token."""
        caller = self._directory.read(f"Bearer {form.get('access_token', '')}")
        if caller is None:
            return unauthorized()
        return json_response(200, {"refresh_token": self._encode(registry, caller.object_id, "refresh", [])})

    def issue(self, registry: Resource, request: Request) -> Response:
        """Respond to /oauth2/token: an access token with the granted part of the requested scopes.

        The credentials are a refresh token, or a name and a password as Docker sends them.
        """
        form = request.form() if request.method == "POST" else {}
        match form.get("grant_type"):
            case "refresh_token":
                claims = self._decode(registry, form.get("refresh_token", ""), "refresh")
                principal = None if claims is None else str(claims["sub"])
            case "password":
                principal = self.login(registry, form.get("username", ""), form.get("password", ""))
            case _:
                principal = self.login(registry, *_basic_credentials(request.headers.get("authorization", "")))
        if principal is None:
            return unauthorized()
        scopes = form.get("scope", "").split() if form else request.queries("scope")
        access = [self._grant(registry, principal, scope) for scope in scopes]
        return json_response(200, {"access_token": self._encode(registry, principal, "access", access)})

    def _grant(self, registry: Resource, principal: str, scope: str) -> Json:
        """Return the access that a principal gets of a scope."""
        kind, name, actions = split_scope(scope)
        if "*" in actions and kind == "repository":
            actions = list(_ROLE_ACTIONS)
        allowed = [action for action in actions if self.is_allowed(registry, principal, action)]
        return {"type": kind, "name": name, "actions": allowed}

    def read(self, registry: Resource, request: Request) -> dict[str, Any] | None:
        """Return the claims of the access token of a request; None without a valid one."""
        scheme, _mark, token = request.headers.get("authorization", "").partition(" ")
        return self._decode(registry, token, "access") if scheme.lower() == "bearer" else None

    def challenge(self, registry: Resource, request: Request, scope: str) -> Response:
        """Return the 401 response that names the token service and the scope that a request requires."""
        server = registry.properties["loginServer"]
        parameters = f',scope="{scope}"' if scope else ""
        if "authorization" in request.headers and scope:
            parameters += ',error="insufficient_scope"'
        response = unauthorized(scope)
        response.headers["Www-Authenticate"] = (
            f'Bearer realm="https://{server}/oauth2/token",service="{server}"{parameters}'
        )
        return response

    def _encode(self, registry: Resource, principal: str, use: str, access: list[Json]) -> str:
        now = int(time.time())
        claims = {
            "iss": "Azure Container Registry",
            "aud": registry.properties["loginServer"],
            "sub": principal,
            "use": use,
            "access": access,
        }
        return jwt.encode(
            {**claims, "iat": now, "nbf": now, "exp": now + TOKEN_SECONDS, "jti": str(uuid.uuid4())},
            self._directory.key,
            "RS256",
        )

    def _decode(self, registry: Resource, token: str, use: str) -> dict[str, Any] | None:
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._directory.key.public_key(), ["RS256"], audience=registry.properties["loginServer"]
            )
        except jwt.InvalidTokenError:
            return None
        return claims if claims.get("use") == use else None


def grants(claims: dict[str, Any], scope: str) -> bool:
    """Return whether the claims of an access token include a scope. Every token includes the empty scope."""
    if not scope:
        return True
    kind, name, actions = split_scope(scope)
    granted = [item["actions"] for item in claims["access"] if (item["type"], item["name"]) == (kind, name)]
    return set(actions) <= {action for group in granted for action in group}


def split_scope(scope: str) -> tuple[str, str, list[str]]:
    """Return the type, the name and the actions of a scope `type:name:action,action`."""
    kind, _mark, rest = scope.partition(":")
    name, _mark, actions = rest.rpartition(":")
    return kind, name, actions.split(",")


def unauthorized(scope: str = "") -> Response:
    """Return a 401 response; its details list the actions of the scope that the request requires."""
    error: Json = {
        "code": "UNAUTHORIZED",
        "message": "authentication required, visit https://aka.ms/acr/authorization for more information.",
    }
    if scope:
        kind, name, actions = split_scope(scope)
        error["detail"] = [{"Type": kind, "Name": name, "Action": action} for action in actions]
    return json_response(401, {"errors": [error]})


def _basic_credentials(authorization: str) -> tuple[str, str]:
    """Return the name and the password of an Authorization header; empty without them."""
    scheme, _mark, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _mark, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return name, password
