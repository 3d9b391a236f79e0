# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outbound requests of containers through the proxy: allowed to other machines, denied to this one.

Servers on the loopback address or on the local link of this machine are not for the programs in a container; on Azure a container
reaches none of them either.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket


class EgressDenied(Exception):
    """Denied request of a container to this machine."""


async def resolve_outbound(host: str, port: int) -> str:
    """Return the address of a host. The caller connects to this address: a second lookup might return another one.

    Raise EgressDenied, or OSError for an unknown name.
    """
    entries = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in entries]
    if any(is_local(address) for address in addresses):
        raise EgressDenied(
            f"{host} is this machine or on its local link. The proxy of the sandbox does not connect containers to it."
        )
    return addresses[0]


def is_local(address: str) -> bool:
    """Return whether an address belongs to this machine or to its local link, as the metadata services of clouds do."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified or parsed.is_multicast:
        return True
    family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((str(parsed), 0))
        except OSError:
            return False  # only an address of this machine can be bound
    return True
