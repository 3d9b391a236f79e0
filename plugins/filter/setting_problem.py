# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``setting_problem``: what Azure would refuse about a setting, found before anything is sent."""

from __future__ import annotations

import importlib.util
import ipaddress
import re
import sys
import uuid
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: setting_problem
short_description: Say what is wrong with a setting before Azure does
version_added: 0.1.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - Checks a value against the rule that Azure has for that kind of value.
  - Gives one line that names the option, the value, the rule and what to set instead, or an empty string where nothing is wrong.
  - The value of a secret is never part of the line.
positional: kind, option
options:
  _input:
    description: The value to check.
    type: raw
    required: true
  kind:
    description: What the value is.
    type: str
    required: true
    choices:
      - address_range
      - container_app
      - container_app_environment
      - container_registry
      - guid
      - image_repository
      - ipv4_address
      - kek_passphrase
      - location
      - log_analytics_workspace
      - python_package
      - resource_group
      - resource_id
      - sql_database
      - sql_login
      - sql_password
      - sql_server
      - storage_account
      - storage_container
      - user_assigned_identity
  option:
    description: The name of the option that holds the value, as its user writes it.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Refuse a name that Azure would refuse
  ansible.builtin.assert:
    that: problem == ''
    fail_msg: "{{ problem }}"
  vars:
    problem: "{{ 'My_Account' | mlops.mlflow_azure.setting_problem('storage_account', 'storage_account_name') }}"
"""

RETURN = r"""
_value:
  description: One line that says what is wrong, or an empty string.
  type: str
"""

_RESERVED_LOGINS = frozenset(
    "admin administrator dbmanager dbo guest loginmanager public root sa sys information_schema".split()
)


# mlflow/utils/crypto.py has it, so it protects nothing; docker/mlflow/server refuses it too.
_PUBLIC_PASSPHRASE = "mlflow-default-kek-passphrase-for-development-only"


def _matches(pattern: str) -> Callable[[str], bool]:
    """Return a check that the whole of a value matches the pattern."""
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: compiled.fullmatch(value) is not None


def _is_address_range(value: str) -> bool:
    try:
        ipaddress.IPv4Network(value)
    except ValueError:
        return False
    return True


def _is_ipv4_address(value: str) -> bool:
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        return False
    return True


def _is_guid(value: str) -> bool:
    try:
        return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def _is_importable(value: str) -> bool:
    return value.isidentifier() and importlib.util.find_spec(value) is not None


def _is_sql_login(value: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,127}", value) is not None and value.lower() not in _RESERVED_LOGINS


def _is_sql_password(value: str) -> bool:
    classes = sum(re.search(pattern, value) is not None for pattern in ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]"))
    return 8 <= len(value) <= 128 and classes >= 3


# kind: (what passes, the rule in words)
_RULES: dict[str, tuple[Callable[[str], bool], str]] = {
    "address_range": (
        _is_address_range,
        "an IPv4 range in CIDR notation such as 203.0.113.0/24, no bit set below the mask",
    ),
    "container_app": (
        _matches(r"(?!.*--)[a-z]([a-z0-9-]{0,30}[a-z0-9])"),
        "2 to 32 lower-case letters, digits and single hyphens, beginning with a letter, not ending with a hyphen",
    ),
    "container_app_environment": (
        _matches(r"(?!.*--)[A-Za-z]([A-Za-z0-9-]{0,58}[A-Za-z0-9])"),
        "2 to 60 letters, digits and single hyphens, beginning with a letter, not ending with a hyphen",
    ),
    "container_registry": (_matches(r"[A-Za-z0-9]{5,50}"), "5 to 50 letters and digits, unique in all of Azure"),
    "guid": (_is_guid, "a GUID such as 00000000-0000-0000-0000-000000000000"),
    "image_repository": (
        _matches(r"(?=.{1,256}$)[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*"),
        "up to 256 lower-case letters and digits, parted by single '.', '_', '-' or '/'",
    ),
    "ipv4_address": (_is_ipv4_address, "an IPv4 address such as 203.0.113.7"),
    "kek_passphrase": (
        lambda value: len(value) >= 32 and value != _PUBLIC_PASSPHRASE,
        "at least 32 random characters, and not those that MLflow's source publishes",
    ),
    "location": (_matches(r"[A-Za-z][A-Za-z0-9 ()]{1,60}"), "an Azure region such as westeurope"),
    "log_analytics_workspace": (
        _matches(r"[A-Za-z0-9]([A-Za-z0-9-]{2,61})[A-Za-z0-9]"),
        "4 to 63 letters, digits and hyphens, beginning and ending with a letter or digit",
    ),
    "python_package": (_is_importable, f"the name of a package that {sys.executable} can import"),
    "resource_group": (
        _matches(r"[A-Za-z0-9_.()-]{0,89}[A-Za-z0-9_()-]"),
        "1 to 90 letters, digits, '_', '-', '.' and parentheses, not ending with '.'",
    ),
    "resource_id": (_matches(r"(?i)/subscriptions/[^/]+(/[^/]+)+"), "an Azure resource id, /subscriptions/..."),
    "sql_database": (
        _matches(r"[^<>*%&:\\/?\x00-\x1f]{0,127}[^<>*%&:\\/?. \x00-\x1f]"),
        "1 to 128 characters without < > * % & : \\ / ?, not ending with '.' or a space",
    ),
    "sql_login": (
        _is_sql_login,
        "1 to 128 letters, digits, '_' and '-', beginning with a letter, and no name that SQL Server reserves (admin, sa, ...)",
    ),
    "sql_password": (
        _is_sql_password,
        "8 to 128 characters with three of: lower-case letter, upper-case letter, digit, other character",
    ),
    "sql_server": (
        _matches(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
        "1 to 63 lower-case letters, digits and hyphens, no hyphen at either end, unique in all of Azure",
    ),
    "storage_account": (_matches(r"[a-z0-9]{3,24}"), "3 to 24 lower-case letters and digits, unique in all of Azure"),
    "storage_container": (
        _matches(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"),
        "3 to 63 lower-case letters, digits and single hyphens, beginning and ending with a letter or digit",
    ),
    "user_assigned_identity": (
        _matches(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}"),
        "3 to 128 letters, digits, '_' and '-', beginning with a letter or digit",
    ),
}

_SECRET_KINDS = frozenset({"kek_passphrase", "sql_password"})


def setting_problem(value: Any, kind: str, option: str) -> str:
    """Return one line that says what is wrong with the value of an option, or an empty string.

    Raises AnsibleFilterError for a kind that it does not know.
    """
    if kind not in _RULES:
        raise AnsibleFilterError(f"setting_problem: kind is '{kind}', but must be one of {', '.join(sorted(_RULES))}")
    passes, rule = _RULES[kind]
    if value is None or value == "":
        return f"{option} is not set: give it {rule}."
    if isinstance(value, str) and passes(value):
        return ""
    shown = "The value given" if kind in _SECRET_KINDS else f"'{value}'"
    return f"{option}: {shown} cannot be used. Give it {rule}."


class FilterModule:
    """The filter as Ansible finds it."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters of this file by name."""
        return {"setting_problem": setting_problem}
