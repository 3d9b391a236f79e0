# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP requests and responses, independent of the proxy that transports them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """An HTTP request. The names of `headers` are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def host(self) -> str:
        """The host of the URL, in lower case."""
        return (urlsplit(self.url).hostname or "").lower()

    @property
    def path(self) -> str:
        """The path of the URL, decoded."""
        return unquote(urlsplit(self.url).path)

    @property
    def query(self) -> dict[str, str]:
        """The query parameters: names in lower case, the first value of each."""
        parameters = parse_qs(urlsplit(self.url).query, keep_blank_values=True)
        return {name.lower(): values[0] for name, values in parameters.items()}

    def queries(self, name: str) -> list[str]:
        """Return all values of a query parameter, split at white space."""
        return " ".join(parse_qs(urlsplit(self.url).query).get(name, [])).split()

    def json(self) -> Json:
        """Return the object of a JSON body; an empty one where the body is no JSON object."""
        try:
            content = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    def form(self) -> dict[str, str]:
        """Return the parameters of a form body."""
        return {name: values[0] for name, values in parse_qs(self.body.decode("utf-8", "replace")).items()}


@dataclass
class Response:
    """An HTTP response."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Connection:
    """Connection of a client to the proxy. `id` is unique for each request on it."""

    id: str
    peer: str


@dataclass(frozen=True)
class Upstream:
    """Server of this machine to which the proxy forwards a request, with its body streamed.

    `headers` are set on the request. `target` replaces its path and query. `expire` ends the exchange after its time limit; its argument is
    the address of the proxy's end of the connection. `on_end` is called once when the exchange has ended.
    """

    scheme: str
    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    expire: Callable[[tuple[str, int]], None] | None = None
    on_end: Callable[[], None] | None = None


def json_response(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with a JSON body."""
    return Response(
        status, json.dumps(content).encode(), {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    )
