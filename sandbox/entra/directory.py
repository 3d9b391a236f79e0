# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entra ID: the token endpoints of login.microsoftonline.com, and tokens for managed identities.

Sources: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and
https://learn.microsoft.com/azure/container-apps/managed-identity (the identity endpoint inside an app).
"""

from __future__ import annotations

import hmac
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.host.home import write_private
from sandbox.messages import Request, Response, json_response
from sandbox.store import Principal, Store

HOST = "login.microsoftonline.com"
TOKEN_SECONDS = 86_399  # 24 hours less a second, as for managed identities in Azure
KEY_ID = "sandbox"
TOKENS_KEPT = 256


@dataclass(frozen=True)
class Caller:
    """The principal and the audience of an access token."""

    object_id: str
    client_id: str
    audience: str


class Directory:
    """The token service of one tenant. Its signing key is in a file beside the state."""

    def __init__(self, store: Store, key_path: Path) -> None:
        self._store = store
        self._key_path = key_path
        self._key: rsa.RSAPrivateKey | None = None
        self._verified: dict[str, tuple[Caller, float]] = {}  # clients send the same token with each request

    def load(self) -> None:
        """Read the signing key, or create it."""
        if self._key_path.exists():
            key = serialization.load_pem_private_key(self._key_path.read_bytes(), None)
            if not isinstance(key, rsa.RSAPrivateKey):
                raise ValueError(f"{self._key_path} contains no RSA key")
            self._key = key
            return
        self._key = rsa.generate_private_key(65537, 2048)
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(self._key_path, pem.decode())

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """The signing key."""
        if self._key is None:
            raise RuntimeError("the directory's key is not loaded")
        return self._key

    @property
    def tenant(self) -> str:
        """The tenant id."""
        return self._store.setting("tenant_id") or ""

    def token(self, principal: Principal, audience: str) -> str:
        """Return a signed access token. Storage, SQL and Azurite validate its issuer and audience."""
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self.tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + TOKEN_SECONDS,
            "appid": principal.client_id,
            "appidacr": "1",
            "idtyp": "app",
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": self.tenant,
            "uti": uuid.uuid4().hex,
            "ver": "1.0",
        }
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": KEY_ID})

    def read(self, authorization: str | None) -> Caller | None:
        """Return the caller of an Authorization header; None where it has no valid token of this directory."""
        scheme, _mark, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        caller, expires = self._verified.get(token, (None, 0))
        if caller is not None and time.time() < expires:
            return caller
        try:
            claims = jwt.decode(
                token.strip(), self.key.public_key(), algorithms=["RS256"], options={"verify_aud": False}
            )
        except jwt.InvalidTokenError:
            return None
        if "oid" not in claims:
            return None  # an access token of a registry, which has the same signing key
        caller = Caller(claims["oid"], claims["appid"], claims["aud"])
        if len(self._verified) >= TOKENS_KEPT:
            self._verified.clear()
        self._verified[token] = caller, claims["exp"]
        return caller

    def replicated(self, principal: Principal) -> bool:
        """Return whether a principal is replicated in the whole directory, which takes time after its creation."""
        delay = float(self._store.setting("directory_replication") or 0)
        return delay <= 0 or time.time() >= principal.created + delay

    def handle(self, request: Request) -> Response:
        """Return the response to a request to login.microsoftonline.com."""
        segments = [segment for segment in request.path.split("/") if segment]
        match request.method, [segment.lower() for segment in segments]:
            case _, ["common", "discovery", "instance"]:
                return json_response(200, _instance_discovery(self.tenant))
            case _, [_, *_, ".well-known", "openid-configuration"]:
                return json_response(200, _openid_configuration(self.tenant))
            case _, [_, *_, "discovery", "keys"] | [_, *_, "discovery", "v2.0", "keys"]:
                return json_response(200, {"keys": [self._public_key()]})
            case _, [_, *_, "userrealm"] | [_, "userrealm", *_]:
                return json_response(200, {"ver": "1.0", "account_type": "Managed", "cloud_instance_name": HOST})
            case "POST", [_, "oauth2", "token"] | [_, "oauth2", "v2.0", "token"]:
                return self._issue_token(segments[0], request.form())
        return json_response(
            404, {"error": "not_found", "error_description": f"The sandbox does not serve {request.path}."}
        )

    def _issue_token(self, tenant: str, form: dict[str, str]) -> Response:
        if tenant.lower() not in (self.tenant, "common", "organizations"):
            return _error_response(
                400,
                "invalid_request",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
            )
        if form.get("grant_type") != "client_credentials":
            return _error_response(
                400,
                "unsupported_grant_type",
                70003,
                f"The app requested an unsupported grant type '{form.get('grant_type')}'.",
            )
        client_id = form.get("client_id", "").lower()
        principal = self._store.principal(client_id)
        if principal is None or principal.client_id != client_id or principal.secret is None:
            return _error_response(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client_id}' was not found in the directory '{self.tenant}'.",
            )
        if not hmac.compare_digest(form.get("client_secret", "").encode(), principal.secret.encode()):
            return _error_response(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
                f"not the client secret ID, for a secret added to app '{client_id}'.",
            )
        scope = form.get("scope", "").split(" ")[0] or form.get("resource", "")
        audience = scope.removesuffix("/.default") or "https://management.azure.com"
        token: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "ext_expires_in": TOKEN_SECONDS,
            "access_token": self.token(principal, audience),
        }
        return json_response(200, token, {"Cache-Control": "no-store, no-cache"})

    def _public_key(self) -> dict[str, Any]:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**key, "kid": KEY_ID, "use": "sig", "issuer": f"https://{HOST}/{self.tenant}/v2.0"}


def _error_response(status: int, error: str, code: int, description: str) -> Response:
    trace = str(uuid.uuid4())
    stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    return json_response(
        status,
        {
            "error": error,
            "error_description": f"AADSTS{code}: {description} Trace ID: {trace} Correlation ID: {trace} Timestamp: {stamp}",
            "error_codes": [code],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": trace,
        },
    )


def _instance_discovery(tenant: str) -> dict[str, Any]:
    return {
        "tenant_discovery_endpoint": f"https://{HOST}/{tenant}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [
            {
                "preferred_network": HOST,
                "preferred_cache": "login.windows.net",
                "aliases": [HOST, "login.windows.net", "login.microsoft.com", "sts.windows.net"],
            }
        ],
    }


def _openid_configuration(tenant: str) -> dict[str, Any]:
    base = f"https://{HOST}/{tenant}"
    return {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
    }
