# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The managed identities of apps and jobs, and the endpoint inside them that gives out their tokens.

Source: https://learn.microsoft.com/azure/container-apps/managed-identity
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass

from sandbox.entra.directory import TOKEN_SECONDS, Directory
from sandbox.messages import Request, Response, json_response
from sandbox.store import Resource, Store

SYSTEM = "system"
_OWNERS = ("microsoft.app/containerapps", "microsoft.app/jobs")
_CLIENT = ("client_id", "clientid")
_OBJECT = ("object_id", "principal_id")
_RESOURCE = ("mi_res_id", "msi_res_id")


@dataclass(frozen=True)
class Identity:
    """An identity that an app or a job has. `id`: its resource id; `system` for its own."""

    id: str
    object_id: str
    client_id: str

    def answers_to(self, query: dict[str, str]) -> bool:
        """Whether all that a request for a token says of the identity is true of it."""
        told = ((_CLIENT, self.client_id), (_OBJECT, self.object_id), (_RESOURCE, self.id))
        return all(query[name].lower() == own.lower() for names, own in told for name in names if name in query)


def identities(store: Store, owner: Resource) -> list[Identity]:
    """The identities of an app or a job, its own first."""
    block = owner.body.get("identity") or {}
    found = []
    own = store.principal(str(block.get("principalId") or ""))
    if own is not None:
        found.append(Identity(SYSTEM, own.object_id, own.client_id))
    for identity_id, entry in (block.get("userAssignedIdentities") or {}).items():
        found.append(Identity(identity_id, entry["principalId"], entry["clientId"]))
    return found


class IdentityEndpoint:
    """Answers GET /msi/token, at IDENTITY_ENDPOINT of an app or a job, to who knows its IDENTITY_HEADER."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    def handle(self, request: Request) -> Response:
        """Answers one request. One that names no identity means the app's own."""
        owner = self._owner(request.headers.get("x-identity-header", request.headers.get("secret", "")))
        if owner is None:
            return json_response(401, {"statusCode": 401, "message": "The X-IDENTITY-HEADER does not match."})
        query, audience = request.query, request.query.get("resource", "").rstrip("/")
        named = any(name in query for name in (*_CLIENT, *_OBJECT, *_RESOURCE))
        chosen = [
            identity
            for identity in identities(self._store, owner)
            if (named or identity.id == SYSTEM) and identity.answers_to(query)
        ]
        if not audience or not chosen:
            message = (
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
            )
            return json_response(400, {"statusCode": 400, "message": message})
        principal = self._store.principal(chosen[0].object_id)
        if principal is None:
            return json_response(400, {"statusCode": 400, "message": "The managed identity no longer exists."})
        answer = {
            "access_token": self._directory.token(principal, audience),
            "expires_on": str(int(time.time()) + TOKEN_SECONDS),
            "resource": query["resource"],
            "token_type": "Bearer",
            "client_id": principal.client_id,
        }
        return json_response(200, answer)

    def _owner(self, header: str) -> Resource | None:
        """The app or job that an identity header was given to."""
        for kind in _OWNERS:
            for owner in self._store.of_type(kind):
                if header and hmac.compare_digest(owner.private.get("identity_header", "").encode(), header.encode()):
                    return owner
        return None
