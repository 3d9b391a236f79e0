# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IP addresses and ranges in options."""

from __future__ import annotations

import ipaddress

from .errors import InvalidOption


def check_cidr(option: str, value: str) -> None:
    """Raise InvalidOption unless the value is A.B.C.D, A.B.C.D/N or an IPv6 range. Host bits may be set, as Azure allows."""
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        raise InvalidOption(option, value, "write a range of addresses, as 203.0.113.0/24, or one address.") from error


def check_ipv4_cidr(option: str, value: str) -> None:
    """Raise InvalidOption unless the value is an IPv4 address or range."""
    check_cidr(option, value)
    if ":" in value:
        raise InvalidOption(option, value, "Azure takes IPv4 only here, as 203.0.113.0/24.")


def _address(option: str, value: str) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(value)
    except ValueError as error:
        raise InvalidOption(option, value, "write an IPv4 address, as 203.0.113.7.") from error


def check_range(first_option: str, first: str, last_option: str, last: str) -> None:
    """Raise InvalidOption unless both are IPv4 addresses and the last is not before the first."""
    if _address(last_option, last) < _address(first_option, first):
        raise InvalidOption(last_option, last, f"it is before {first_option} ({first}): swap the two.")


def same_networks(desired: list[dict[str, str]], current: list[dict[str, str]] | None) -> bool:
    """Return whether both lists of rules ({"value": ...}) have the same ranges, in any order; 203.0.113.7 is 203.0.113.7/32."""
    return sorted(map(_network, desired)) == sorted(map(_network, current or []))


def _network(rule: dict[str, str]) -> str:
    """Return the range as Azure writes it; an invalid one unchanged."""
    try:
        return str(ipaddress.ip_network(rule["value"], strict=False))
    except ValueError:
        return rule["value"]
