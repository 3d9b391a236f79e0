# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers the portal's requests. It is for a browser on this machine: GET only, and only under a name of this machine, so that
a page of another site cannot reach it through a name that it makes point here (DNS rebinding)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.messages import Request, Response, json_response
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
    """The portal at a port of the loopback address."""

    def __init__(self, view: View, port: int) -> None:
        self._view = view
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    def handle(self, request: Request) -> Response:
        """Answers one request."""
        response = self._answer(request)
        response.headers.update(_HEADERS)
        return response

    def _answer(self, request: Request) -> Response:
        if request.headers.get("host", "").lower() not in self._hosts:
            return json_response(421, {"error": f"The portal answers at http://{self._hosts[0]} only."})
        if request.method != "GET":
            return json_response(405, {"error": "The portal shows; it changes nothing."}, {"Allow": "GET"})
        if request.path in _FILES:
            name, kind = _FILES[request.path]
            return Response(200, (_STATIC / name).read_bytes(), {"Content-Type": kind})
        wanted = request.query.get("id", "")
        questions: dict[str, Callable[[], Any]] = {
            "/api/overview": self._view.overview,
            "/api/resource": lambda: self._view.resource(wanted),
            "/api/logs": lambda: self._view.logs(wanted),
        }
        question = questions.get(request.path)
        found = question() if question is not None else None
        if found is None:
            return json_response(404, {"error": "There is no such thing here."})
        return json_response(200, found)
