# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entrance of the container apps: requests to their host names, and to their local ports."""

from __future__ import annotations

import ipaddress

from sandbox.apps.ingress import NOT_READY
from sandbox.apps.runtime import APPS, NoReplica, Runtime
from sandbox.apps.traffic import Destination
from sandbox.messages import Connection, Request, Response, Upstream
from sandbox.store import Resource, Store

ENVIRONMENTS = "microsoft.app/managedenvironments"
_SUFFIX = ".azurecontainerapps.io"
NO_APP = b"<html><head><title>Error 404</title></head><body>Error 404 - This Container App is stopped or does not exist.</body></html>"
_DENIED = b"RBAC: access denied"


class AppGateway:
    """Entrance of all container apps."""

    def __init__(self, store: Store, runtime: Runtime) -> None:
        self._store = store
        self._runtime = runtime

    def matches(self, host: str) -> bool:
        """Return whether a host name belongs to an environment of the sandbox, even if it has no such app."""
        if not host.endswith(_SUFFIX):
            return False
        environments = self._store.of_type(ENVIRONMENTS)
        return any(host.endswith("." + environment.properties["defaultDomain"]) for environment in environments)

    async def forward(self, request: Request, connection: Connection) -> Upstream | Response:
        """Admit a request to a host name of an app, a label or a revision."""
        destination = self._runtime.resolve(request.host)
        if destination is None:
            return not_found()
        return await self._admit(destination, connection, {})

    def app_at(self, port: int) -> Resource | None:
        """Return the app of a local port; None if no app uses it."""
        return next((app for app in self._store.of_type(APPS) if app.private.get("front_port") == port), None)

    async def forward_local(
        self, app: Resource, port: int, request: Request, connection: Connection
    ) -> Upstream | Response:
        """Admit a request to the local port of an app. Host, Origin and Referer become those of the app, so that it validates them strictly.

        Reject a host name that is not local: another site may let its own name resolve to this machine (DNS rebinding), and its page must
        not become a page of the app.
        """
        ingress = app.properties["configuration"].get("ingress")
        host = request.headers.get("host", "").lower()
        if not ingress:
            return not_found()
        if host not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            return Response(421, NO_APP, {"Content-Type": "text/html"})
        headers = {"Host": ingress["fqdn"]}
        local = f"http://{host}"
        for name in ("Origin", "Referer"):
            value = request.headers.get(name.lower())
            if value is not None and (value == local or value.startswith(local + "/")):
                headers[name] = f"https://{ingress['fqdn']}" + value[len(local) :]
        return await self._admit(Destination(app), connection, headers)

    async def _admit(
        self, destination: Destination, connection: Connection, headers: dict[str, str]
    ) -> Upstream | Response:
        ingress = destination.app.properties["configuration"].get("ingress")
        if not ingress or destination.app.state == "Deleting":
            return not_found()
        if not is_permitted(ingress.get("ipSecurityRestrictions") or [], connection.peer):
            return Response(403, _DENIED, {"Content-Type": "text/plain"})
        try:
            revision, replica = await self._runtime.admit(destination, connection.id)
        except NoReplica as reason:
            return not_found() if reason.stopped else Response(503, NOT_READY, {"Content-Type": "text/plain"})
        return Upstream(
            "http",
            replica.address,
            replica.port,
            {**headers, "X-Forwarded-For": connection.peer, "X-Forwarded-Proto": "https"},
            expire=replica.expire,
            on_end=lambda: self._runtime.release(revision, connection.id),
        )


def is_permitted(restrictions: list[dict[str, str]], peer: str) -> bool:
    """Return whether the IP restrictions of an ingress permit a client. All restrictions of an ingress have the same action."""
    if not restrictions:
        return True
    address = ipaddress.ip_address(peer)
    inside = any(address in ipaddress.ip_network(rule["ipAddressRange"], strict=False) for rule in restrictions)
    return inside == (restrictions[0]["action"].lower() == "allow")


def not_found() -> Response:
    """Return Azure's response for a host name without a running app."""
    return Response(404, NO_APP, {"Content-Type": "text/html"})
