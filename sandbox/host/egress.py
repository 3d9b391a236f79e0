# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the containers of a Docker engine get through the proxy: to other machines, and not to this one.

What listens on this machine's loopback, or beside it on the link, was never meant for the programs in a container; on Azure a container
reaches nothing of the kind either.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket


class EgressRefused(Exception):
    """A container asked for something of this machine."""


async def way_out(host: str, port: int) -> str:
    """The address at which a host is reached. Whoever connects goes to this address: asked again, the name may lead elsewhere.

    Raises EgressRefused, and OSError where the name is not known.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if any(is_near(address) for address in addresses):
        raise EgressRefused(
            f"{host} is this machine or its own network. The containers of the sandbox do not get there through its proxy."
        )
    return addresses[0]


def is_near(address: str) -> bool:
    """Whether an address is of this machine, or of its link only, as the metadata services of clouds are."""
    found = ipaddress.ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast:
        return True
    family = socket.AF_INET if found.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((str(found), 0))
        except OSError:
            return False  # an address can only be bound where it is one's own
    return True
