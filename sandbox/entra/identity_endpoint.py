# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The managed identities of apps and jobs, and the identity endpoint that issues their tokens.

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
    """A managed identity of an app or a job. `id` is its resource id, or `system` for the system-assigned identity."""

    id: str
    object_id: str
    client_id: str

    def matches(self, query: dict[str, str]) -> bool:
        """Return whether the identity has all ids in the query of a token request."""
        ids = ((_CLIENT, self.client_id), (_OBJECT, self.object_id), (_RESOURCE, self.id))
        return all(query[name].lower() == value.lower() for names, value in ids for name in names if name in query)


def identities(store: Store, owner: Resource) -> list[Identity]:
    """Return the identities of an app or a job, the system-assigned one first."""
    block = owner.body.get("identity") or {}
    assigned = []
    principal = store.principal(str(block.get("principalId") or ""))
    if principal is not None:
        assigned.append(Identity(SYSTEM, principal.object_id, principal.client_id))
    for identity_id, entry in (block.get("userAssignedIdentities") or {}).items():
        assigned.append(Identity(identity_id, entry["principalId"], entry["clientId"]))
    return assigned


class IdentityEndpoint:
    """The service at IDENTITY_ENDPOINT of an app or a job: GET /msi/token, authenticated by its IDENTITY_HEADER."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    def handle(self, request: Request) -> Response:
        """Return the response to a request. Without the id of an identity it is for the system-assigned one."""
        owner = self._owner(request.headers.get("x-identity-header", request.headers.get("secret", "")))
        if owner is None:
            return json_response(401, {"statusCode": 401, "message": "The X-IDENTITY-HEADER does not match."})
        query, audience = request.query, request.query.get("resource", "").rstrip("/")
        has_id = any(name in query for name in (*_CLIENT, *_OBJECT, *_RESOURCE))
        matching = [
            identity
            for identity in identities(self._store, owner)
            if (has_id or identity.id == SYSTEM) and identity.matches(query)
        ]
        if not audience or not matching:
            message = (
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
            )
            return json_response(400, {"statusCode": 400, "message": message})
        principal = self._store.principal(matching[0].object_id)
        if principal is None:
            return json_response(400, {"statusCode": 400, "message": "The managed identity no longer exists."})
        token = {
            "access_token": self._directory.token(principal, audience),
            "expires_on": str(int(time.time()) + TOKEN_SECONDS),
            "resource": query["resource"],
            "token_type": "Bearer",
            "client_id": principal.client_id,
        }
        return json_response(200, token)

    def _owner(self, header: str) -> Resource | None:
        """Return the app or job with an identity header."""
        for kind in _OWNERS:
            for owner in self._store.of_type(kind):
                if header and hmac.compare_digest(owner.private.get("identity_header", "").encode(), header.encode()):
                    return owner
        return None
