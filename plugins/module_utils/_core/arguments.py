# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specs that modules share. C(AZURE): of every module of the action group C(azure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import env_fallback

from .auth import SOURCES
from .clouds import CLOUDS


def _env(name: str, **rest: Any) -> dict[str, Any]:
    return {"type": "str", "fallback": (env_fallback, [name])} | rest


AZURE: dict[str, Any] = {
    "subscription_id": _env("AZURE_SUBSCRIPTION_ID"),
    "tenant_id": _env("AZURE_TENANT_ID"),
    "client_id": _env("AZURE_CLIENT_ID"),
    "client_secret": _env("AZURE_CLIENT_SECRET", no_log=True),
    "federated_token_file": _env("AZURE_FEDERATED_TOKEN_FILE", type="path", no_log=False),
    "auth_source": _env("MLFLOW_AZURE_AUTH_SOURCE", choices=list(SOURCES), default="auto"),
    "cloud_environment": _env("AZURE_CLOUD_ENVIRONMENT", choices=list(CLOUDS), default="AzureCloud"),
    "resource_manager_endpoint": {"type": "str"},
    "authority_host": _env("AZURE_AUTHORITY_HOST"),
}


def wait_options(timeout: int) -> dict[str, Any]:
    """Return C(wait) and C(wait_timeout). timeout: default of wait_timeout in seconds."""
    return {"wait": {"type": "bool", "default": True}, "wait_timeout": {"type": "int", "default": timeout}}


# Of info modules: seconds for which a throttled read is retried.
WAIT_TIMEOUT: dict[str, Any] = {"wait_timeout": {"type": "int", "default": 120}}
STATE: dict[str, Any] = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}
TAGS: dict[str, Any] = {"tags": {"type": "dict"}}


def text_tags(tags: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Return tags as Azure stores them: text, so that V(2026) and V("2026") are the same."""
    return None if tags is None else {str(name): _text(value) for name, value in tags.items()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


IN_GROUP: dict[str, Any] = {
    "resource_group": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "location": {"type": "str"},
}
