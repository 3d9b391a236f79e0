# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""References of container apps and jobs to the secrets of key vaults."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sandbox.services import vault_access, vault_secrets
from sandbox.services.vault_access import VaultCaller
from sandbox.services.vault_secrets import SUFFIX, VAULTS, VaultError
from sandbox.store import Principal, Resource, Store

Json = dict[str, Any]


class SecretUnavailable(Exception):
    """Secret that cannot be read from its key vault; the message is that of Container Apps."""


def secret_values(store: Store, resource: Resource) -> dict[str, str]:
    """Return the secrets of a container app or job, with references resolved. Raise SecretUnavailable."""
    references = resource.private.get("references", {})
    identity = resource.body.get("identity") or {}
    return {
        name: referenced_value(store, name, references[name], identity) if name in references else value
        for name, value in resource.private.get("secrets", {}).items()
    }


def referenced_value(store: Store, name: str, reference: Json, identity: Json) -> str:
    """Return the value at the keyVaultUrl of a secret, read as an identity of the resource. Raise SecretUnavailable.

    `identity`: the resource's identity block, with principal ids.
    """
    identity_id = str(reference["identity"])
    principal = _principal(store, identity_id, identity)
    value = "" if principal is None else _read(store, principal, str(reference["keyVaultUrl"]))
    if not value:
        raise SecretUnavailable(
            "The following field(s) are either invalid or missing. Field 'configuration.secrets' is invalid with details: "
            f'\'Invalid value: "{name}": Unable to get value using Managed identity {identity_id} for secret {name}. '
            f"Error: unable to fetch secret '{name}' using Managed identity '{identity_id}'';."
        )
    return value


def _read(store: Store, principal: Principal, url: str) -> str:
    """Return the value of a secret; empty if it cannot be read, for Container Apps reports no reason."""
    address = urlsplit(url)
    host = (address.hostname or "").lower()
    vault = store.named(VAULTS, host.removesuffix(SUFFIX)) if host.endswith(SUFFIX) else None
    if vault is None or vault.state == "Deleting":
        return ""
    match [segment for segment in address.path.split("/") if segment]:
        case ["secrets", name]:
            version = ""
        case ["secrets", name, version, *_]:
            pass
        case _:
            return ""
    caller = VaultCaller(principal.client_id, principal.object_id, store.setting("tenant_id") or "")
    try:
        vault_access.check_network(vault, caller)
        secret, version_id = vault_secrets.find_version(vault, name, version)
        vault_access.check_permission(store, vault, caller, vault_access.GET, secret["name"])
        vault_secrets.check_enabled(secret["versions"][version_id])
    except VaultError:
        return ""
    return str(secret["versions"][version_id]["value"])


def _principal(store: Store, identity_id: str, identity: Json) -> Principal | None:
    if identity_id.lower() == "system":
        return store.principal(str(identity.get("principalId") or ""))
    for assigned_id, entry in (identity.get("userAssignedIdentities") or {}).items():
        if assigned_id.lower() == identity_id.lower():
            return store.principal(str(entry["principalId"]))
    return None
