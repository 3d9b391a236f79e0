# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``ip_security_restrictions``: the ingress rules that admit a list of address ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: ip_security_restrictions
short_description: Return the ingress rules that admit a list of address ranges
version_added: 0.4.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - Returns what the option O(mlops.mlflow_azure.container_app#module:ingress.ip_security_restrictions) takes.
  - An ingress with such rules refuses all other addresses.
options:
  _input:
    description: The address ranges, each with C(name) and C(range).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the rules
  ansible.builtin.debug:
    msg: "{{ [{'name': 'office', 'range': '203.0.113.0/24'}] | mlops.mlflow_azure.ip_security_restrictions }}"
"""

RETURN = r"""
_value:
  description: One rule for each range, with C(name), C(ip_address_range) and C(action).
  type: list
  elements: dict
"""


def ip_security_restrictions(ranges: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one rule that admits each range."""
    return [{"name": one["name"], "ip_address_range": one["range"], "action": "Allow"} for one in ranges]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"ip_security_restrictions": ip_security_restrictions}
