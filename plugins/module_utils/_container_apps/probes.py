# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes of a container: startup, readiness and liveness."""

from __future__ import annotations

from typing import Any

from .._core.errors import InvalidOption
from .._core.plan import ENUM, UNORDERED, Rule
from .options import INTEGER, NAME, Spec, check_between, check_port, check_unique, each, group, items, text

_PORT: Spec = {"type": "int", "required": True}
SPEC = items(
    type=text(choices=["Startup", "Readiness", "Liveness"], required=True),
    http_get=group(
        path=text(),
        port=_PORT,
        scheme=text(choices=["HTTP", "HTTPS"]),
        http_headers=items(name=NAME, value=text(required=True)),
    ),
    tcp_socket=group(port=_PORT),
    initial_delay_seconds=INTEGER,
    period_seconds=INTEGER,
    timeout_seconds=INTEGER,
    failure_threshold=INTEGER,
    success_threshold=INTEGER,
)
_MOST_FAILURES = {"Startup": 240, "Readiness": 48, "Liveness": 30}
_BOUNDS = {
    "initial_delay_seconds": (0, 60),
    "period_seconds": (1, 240),
    "timeout_seconds": (1, 240),
    "success_threshold": (1, 10),
}


def rules(path: str) -> dict[str, Rule]:
    """Return the rules of the probes at a path."""
    return {
        path: Rule(key="type"),
        f"{path}[]": Rule(exclusive=("httpGet", "tcpSocket")),
        f"{path}[].type": ENUM,
        f"{path}[].httpGet.scheme": ENUM,
        f"{path}[].httpGet.httpHeaders": UNORDERED,
    }


def desired(probe: dict[str, Any]) -> dict[str, Any]:
    """Return a probe as ARM JSON."""
    http, tcp = probe["http_get"], probe["tcp_socket"]
    return {
        "type": probe["type"],
        "httpGet": None if http is None else _http_get(http),
        "tcpSocket": None if tcp is None else {"port": tcp["port"]},
        "initialDelaySeconds": probe["initial_delay_seconds"],
        "periodSeconds": probe["period_seconds"],
        "timeoutSeconds": probe["timeout_seconds"],
        "failureThreshold": probe["failure_threshold"],
        "successThreshold": probe["success_threshold"],
    }


def _http_get(http: dict[str, Any]) -> dict[str, Any]:
    headers = each(http["http_headers"], lambda header: {"name": header["name"], "value": header["value"]})
    return {"path": http["path"], "port": http["port"], "scheme": http["scheme"], "httpHeaders": headers}


def validate(container: str, probes: list[dict[str, Any]]) -> None:
    """Raise InvalidOption for the first setting that Azure would refuse. container: name, for the message."""
    option = f"containers[{container}].probes"
    check_unique(f"{option}.type", [probe["type"] for probe in probes])
    for probe in probes:
        _validate(option, probe)


def _validate(option: str, probe: dict[str, Any]) -> None:
    kind = probe["type"]
    if (probe["http_get"] is None) == (probe["tcp_socket"] is None):
        raise InvalidOption(f"{option}.type", kind, "a probe has either http_get or tcp_socket.")
    check_port(f"{option}.type.port", (probe["http_get"] or probe["tcp_socket"])["port"])
    failures, most = probe["failure_threshold"], _MOST_FAILURES[kind]
    if failures is not None and not 1 <= failures <= most:
        raise InvalidOption(
            f"{option}.failure_threshold",
            failures,
            f"a {kind} probe accepts 1 to {most}. For more time increase period_seconds.",
        )
    if kind != "Readiness" and probe["success_threshold"] not in (None, 1):
        raise InvalidOption(
            f"{option}.success_threshold",
            probe["success_threshold"],
            f"a {kind} probe accepts only 1; more is for a Readiness probe.",
        )
    for key, (least, longest) in _BOUNDS.items():
        check_between(f"{option}.{key}", probe[key], least, longest)
