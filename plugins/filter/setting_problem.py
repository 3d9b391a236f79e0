# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``setting_problem``: validate a setting by Azure's rule before anything is written."""

from __future__ import annotations

import importlib.util
import ipaddress
import re
import sys
import uuid
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import names
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.names import NameRule

DOCUMENTATION = r"""
name: setting_problem
short_description: Validate a setting by the rule of Azure
version_added: 0.1.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - Validates a value by Azure's rule for a kind of value.
  - Returns a message with the option, the value and the rule, or an empty string if the value is valid.
  - The message never holds the value of a secret.
positional: kind, option
options:
  _input:
    description: The value to validate.
    type: raw
    required: true
  kind:
    description: The kind of the value.
    type: str
    required: true
    choices:
      - address_range
      - container_app
      - container_app_environment
      - container_app_job
      - container_registry
      - fernet_key
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
    description: The name of the option that holds the value.
    type: str
    required: true
  optional:
    description: Whether an empty value is valid.
    type: bool
    default: false
    version_added: 0.4.0
"""

EXAMPLES = r"""
- name: Validate the name of a storage account
  ansible.builtin.assert:
    that: problem == ''
    fail_msg: "{{ problem }}"
  vars:
    problem: "{{ 'My_Account' | mlops.mlflow_azure.setting_problem('storage_account', 'storage_account_name') }}"
"""

RETURN = r"""
_value:
  description: The message, or an empty string if the value is valid.
  type: str
"""

# The default of mlflow/utils/crypto.py is public, so it protects nothing; docker/mlflow/server refuses it too.
_PUBLIC_PASSPHRASE = "mlflow-default-kek-passphrase-for-development-only"


def _matches(pattern: str) -> Callable[[str], bool]:
    """Return a function that matches a whole value against the pattern."""
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


def _is_sql_password(value: str) -> bool:
    classes = sum(re.search(pattern, value) is not None for pattern in ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]"))
    return 8 <= len(value) <= 128 and classes >= 3


# Azure's naming rules, as the modules apply them.
_NAMES: dict[str, NameRule] = {
    "container_app": names.CONTAINER_APP,
    "container_app_environment": names.ENVIRONMENT,
    "container_app_job": names.CONTAINER_APP_JOB,
    "container_registry": names.REGISTRY,
    "image_repository": names.REPOSITORY,
    "log_analytics_workspace": names.WORKSPACE,
    "resource_group": names.RESOURCE_GROUP,
    "sql_database": names.SQL_DATABASE,
    "sql_login": names.SQL_LOGIN,
    "sql_server": names.SQL_SERVER,
    "storage_account": names.STORAGE_ACCOUNT,
    "storage_container": names.BLOB_CONTAINER,
    "user_assigned_identity": names.IDENTITY,
}
# Kinds of values that are not names: the check, and the rule in words.
_VALUES: dict[str, tuple[Callable[[str], bool], str]] = {
    "address_range": (
        _is_address_range,
        "an IPv4 range in CIDR notation such as 203.0.113.0/24, no bit set below the mask",
    ),
    "fernet_key": (
        _matches(r"[A-Za-z0-9+/_-]{43}="),
        "32 random bytes in base64, such as the output of: openssl rand -base64 32",
    ),
    "guid": (_is_guid, "a GUID such as 00000000-0000-0000-0000-000000000000"),
    "ipv4_address": (_is_ipv4_address, "an IPv4 address such as 203.0.113.7"),
    "kek_passphrase": (
        lambda value: len(value) >= 32 and value != _PUBLIC_PASSPHRASE,
        "at least 32 random characters, and not the passphrase that MLflow's source publishes",
    ),
    "location": (_matches(r"[A-Za-z][A-Za-z0-9 ()]{1,60}"), "an Azure region such as westeurope"),
    "python_package": (_is_importable, f"the name of a package that {sys.executable} can import"),
    "resource_id": (_matches(r"(?i)/subscriptions/[^/]+(/[^/]+)+"), "an Azure resource id, /subscriptions/..."),
    "sql_password": (
        _is_sql_password,
        "8 to 128 characters with three of: lowercase letter, uppercase letter, digit, other character",
    ),
}
_RULES: dict[str, tuple[Callable[[str], bool], str]] = {
    **{kind: (rule.accepts, rule.text) for kind, rule in _NAMES.items()},
    **_VALUES,
}
_SECRET_KINDS = frozenset({"fernet_key", "kek_passphrase", "sql_password"})


def setting_problem(value: Any, kind: str, option: str, optional: bool = False) -> str:
    """Return a message that names the option, the value and the rule that the value breaks, or an empty string.

    Raise AnsibleFilterError for an unknown kind.
    """
    if kind not in _RULES:
        raise AnsibleFilterError(f"setting_problem: kind is '{kind}', but must be one of {', '.join(sorted(_RULES))}")
    accepts, rule = _RULES[kind]
    if value is None or value == "":
        return "" if optional else f"{option} is not set: give it {rule}."
    if isinstance(value, str) and accepts(value):
        return ""
    label = "The value" if kind in _SECRET_KINDS else f"'{value}'"
    return f"{option}: {label} cannot be used. Give it {rule}."


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters of this file by name."""
        return {"setting_problem": setting_problem}
