# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP requests and answers as the sandbox's parts see them, apart from the proxy that carries them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """A request. `headers` have lower-case names."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def host(self) -> str:
        return (urlsplit(self.url).hostname or "").lower()

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.url).path)

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, names in lower case, the first of each."""
        found = parse_qs(urlsplit(self.url).query, keep_blank_values=True)
        return {name.lower(): values[0] for name, values in found.items()}

    def queries(self, name: str) -> list[str]:
        """All values that the query has for a parameter, each one word."""
        return " ".join(parse_qs(urlsplit(self.url).query).get(name, [])).split()

    def json(self) -> dict[str, Any]:
        """The object of a JSON body; empty where the body is none."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def form(self) -> dict[str, str]:
        """The parameters of a form body."""
        return {name: values[0] for name, values in parse_qs(self.body.decode("utf-8", "replace")).items()}


@dataclass
class Response:
    """An answer."""

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

    `headers` are set on the request. `expire` ends the exchange after its time limit; its argument is the address of the proxy's end of the
    connection. `on_end` is called once when the exchange has ended.
    """

    scheme: str
    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict)
    expire: Callable[[tuple[str, int]], None] | None = None
    on_end: Callable[[], None] | None = None


def json_response(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    return Response(
        status, json.dumps(content).encode(), {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    )
