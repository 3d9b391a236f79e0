# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP requests to the portal, from a browser on this machine.

Only GET and only local host names are allowed, so that the page of another site, whose name may resolve to this machine (DNS rebinding),
cannot read it.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.messages import Json, Request, Response, json_response
from sandbox.portal.view import View

_STATIC = Path(__file__).parent / "static"
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/portal.css": ("portal.css", "text/css; charset=utf-8"),
    "/portal.js": ("portal.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Portal:
    """Portal at a port of the loopback address."""

    def __init__(self, view: View, port: int) -> None:
        self._view = view
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    def handle(self, request: Request) -> Response:
        """Respond to a request."""
        response = self._route(request)
        response.headers.update(_HEADERS)
        return response

    def _route(self, request: Request) -> Response:
        if request.headers.get("host", "").lower() not in self._hosts:
            return json_response(421, {"error": f"The portal is available at http://{self._hosts[0]} only."})
        if request.method != "GET":
            return json_response(405, {"error": "The portal is read-only."}, {"Allow": "GET"})
        if request.path in _FILES:
            name, media_type = _FILES[request.path]
            return Response(200, (_STATIC / name).read_bytes(), {"Content-Type": media_type})
        content = self._content(request.path, request.query.get("id", ""))
        if content is None:
            return json_response(404, {"error": "The path or the resource does not exist."})
        return json_response(200, content)

    def _content(self, path: str, resource_id: str) -> Json | None:
        """Return the JSON of an API path; None for another path or a missing resource."""
        match path:
            case "/api/overview":
                return self._view.overview()
            case "/api/resource":
                return self._view.resource(resource_id)
            case "/api/logs":
                return self._view.logs(resource_id)
        return None
