# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Outbound requests of containers through the proxy of the sandbox."""

from __future__ import annotations

import asyncio
import socket

import pytest

from sandbox.host.egress import EgressDenied, resolve_outbound


def own_address() -> str:
    """Return an address of this machine on its network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.9.9.9",
        "2130706433",
        "localhost",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "fe80::1",
        own_address(),
    ],
)
def test_this_machine_is_denied(host: str) -> None:
    with pytest.raises(EgressDenied, match="this machine"):
        asyncio.run(resolve_outbound(host, 80))


@pytest.mark.parametrize("host", ["192.0.2.1", "203.0.113.7"])
def test_another_machine_is_allowed(host: str) -> None:
    assert asyncio.run(resolve_outbound(host, 443)) == host


def test_a_name_is_resolved_once_and_all_its_addresses_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved: list[object] = []

    def resolve(host: object, *_arguments: object, **_options: object) -> list[tuple[object, ...]]:
        resolved.append(host)
        addresses = ["192.0.2.1"] + (["127.0.0.1"] if host == "both.example" else [])
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert asyncio.run(resolve_outbound("other.example", 443)) == "192.0.2.1"
    assert resolved == ["other.example"]
    with pytest.raises(EgressDenied, match=r"both\.example"):
        asyncio.run(resolve_outbound("both.example", 443))


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(socket.gaierror):
        asyncio.run(resolve_outbound("nobody.invalid", 443))
