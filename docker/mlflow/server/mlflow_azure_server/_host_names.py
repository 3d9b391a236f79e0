# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The canonical form of host names in requests. MLflow compares the Host and Origin headers case-sensitively with its lists.

Host names have no case (RFC 9110, section 4.2.3), and a dot at their end only marks them as complete (RFC 1034, section 3.1).
"""

from __future__ import annotations

import re

from mlflow_azure_server._asgi import App, Receive, Scope, Send

_HEADERS = {b"host", b"origin"}
_TRAILING_DOT = re.compile(r"(?<=[a-z0-9-])\.(?=(?::[0-9]*)?\Z)")


def canonical(value: str) -> str:
    """Return a Host or Origin header in lower case, without a dot after the host name."""
    return _TRAILING_DOT.sub("", value.lower())


class CanonicalHosts:
    """ASGI middleware that changes the Host and Origin headers of a request to their canonical form."""

    def __init__(self, app: App) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with canonical headers."""
        if "headers" in scope:
            scope = {
                **scope,
                "headers": [
                    (name, canonical(value.decode("latin-1")).encode("latin-1") if name in _HEADERS else value)
                    for name, value in scope["headers"]
                ],
            }
        await self._app(scope, receive, send)
