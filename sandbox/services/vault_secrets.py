# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a key vault: names, versions, soft delete and their JSON.

They are kept in the vault: vault.private["secrets"][name in lower case] = {name, current, versions, deleted?}.
Source: https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups and recorded responses of Azure.
"""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from sandbox.store import Resource

Json = dict[str, Any]

VAULTS = "microsoft.keyvault/vaults"
SUFFIX = ".vault.azure.net"
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_MAX_VALUE_BYTES = 25_600


class VaultError(Exception):
    """Error response of Key Vault."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"code": code, "message": message}}
        if inner is not None:
            self.body["error"]["innererror"] = {"code": inner}


def describe(vault: Resource) -> str:
    """Return a vault as error messages describe it."""
    return f"{vault.name};location={vault.body['location']}"


# secrets


def active_secrets(vault: Resource) -> list[Json]:
    """Return the secrets that are not deleted, by name."""
    secrets = vault.private.get("secrets", {})
    return [secrets[name] for name in sorted(secrets) if "deleted" not in secrets[name]]


def deleted_secrets(vault: Resource) -> list[Json]:
    """Return the soft-deleted secrets, by name."""
    secrets = vault.private.get("secrets", {})
    return [secrets[name] for name in sorted(secrets) if "deleted" in secrets[name]]


def find(vault: Resource, name: str) -> Json:
    """Return a secret. Raise VaultError if it does not exist or is deleted."""
    _check_name(name)
    secret: Json | None = vault.private.get("secrets", {}).get(name.lower())
    if secret is None or "deleted" in secret:
        raise _not_found(name)
    return secret


def find_deleted(vault: Resource, name: str) -> Json:
    """Return a soft-deleted secret. Raise VaultError if there is none."""
    _check_name(name)
    secret: Json | None = vault.private.get("secrets", {}).get(name.lower())
    if secret is None or "deleted" not in secret:
        raise VaultError(404, "SecretNotFound", f"Deleted Secret not found: {name}")
    return secret


def find_version(vault: Resource, name: str, version: str) -> tuple[Json, str]:
    """Return a secret and the id of a version; of the current one if `version` is empty. Raise VaultError."""
    secret = find(vault, name)
    version_id = version.lower() or secret["current"]
    if version_id not in secret["versions"]:
        raise _not_found(f"{name}/{version}")
    return secret, version_id


def check_enabled(version: Json) -> None:
    """Raise VaultError for a disabled version."""
    if not version["attributes"]["enabled"]:
        raise VaultError(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")


def add_version(vault: Resource, name: str, body: Json) -> tuple[Json, str]:
    """Add a version to a secret, and create the secret if it does not exist. Return both. Raise VaultError."""
    _check_name(name)
    if not isinstance(body.get("value"), str):
        raise VaultError(400, "BadParameter", "Property  is required: value")
    if len(body["value"].encode()) > _MAX_VALUE_BYTES:
        raise VaultError(400, "BadParameter", f"The specified secret's value is larger than {_MAX_VALUE_BYTES} bytes.")
    secrets = vault.private.setdefault("secrets", {})
    secret: Json = secrets.setdefault(name.lower(), {"name": name, "current": "", "versions": {}})
    if "deleted" in secret:
        raise VaultError(
            409,
            "Conflict",
            f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, "
            "the secret can only be recovered or purged.",
            "ObjectIsDeletedButRecoverable",
        )
    now = int(time.time())
    version: Json = {"value": body["value"], "attributes": {"enabled": True, "created": now, "updated": now}}
    version_id = uuid.uuid4().hex
    secret["versions"][version_id] = version
    secret["current"] = version_id
    update_version(version, body)
    return secret, version_id


def update_version(version: Json, body: Json) -> None:
    """Apply the properties of a PUT or PATCH to a version, except for its value."""
    for name in ("contentType", "tags"):
        if body.get(name) is not None:
            version[name] = body[name]
    attributes = body.get("attributes") or {}
    for name in ("enabled", "nbf", "exp"):
        if attributes.get(name) is not None:
            version["attributes"][name] = attributes[name]
    version["attributes"]["updated"] = int(time.time())


def delete(vault: Resource, name: str) -> Json:
    """Soft-delete a secret. Return it. Raise VaultError."""
    secret = find(vault, name)
    now = int(time.time())
    secret["deleted"] = {"deletedDate": now, "scheduledPurgeDate": now + _retention_days(vault) * 86_400}
    return secret


def recover(vault: Resource, name: str) -> Json:
    """Recover a soft-deleted secret. Return it. Raise VaultError."""
    secret = find_deleted(vault, name)
    del secret["deleted"]
    return secret


def purge(vault: Resource, name: str) -> None:
    """Remove a soft-deleted secret. Raise VaultError, also for purge protection."""
    secret = find_deleted(vault, name)
    if vault.properties.get("enablePurgeProtection"):
        raise VaultError(
            403,
            "Forbidden",
            'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service will '
            f"automatically purge it after the retention period has passed.\r\nVault: {describe(vault)}",
            "ForbiddenByPolicy",
        )
    del vault.private["secrets"][secret["name"].lower()]


def is_secret_name(name: str) -> bool:
    """Return whether a name of a secret is valid."""
    return _NAME.fullmatch(name) is not None


def _check_name(name: str) -> None:
    if not is_secret_name(name):
        raise VaultError(400, "BadParameter", f"The request URI contains an invalid name: {name}")


def _not_found(name: str) -> VaultError:
    return VaultError(
        404,
        "SecretNotFound",
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may be able to "
        "recover it using the correct recovery command. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125182",
    )


def _retention_days(vault: Resource) -> int:
    return int(vault.properties.get("softDeleteRetentionInDays") or 90)


# JSON of the responses


def secret_bundle(vault: Resource, secret: Json, version_id: str) -> Json:
    """Return a version of a secret with its value."""
    return {"value": secret["versions"][version_id]["value"], **version_item(vault, secret, version_id)}


def version_item(vault: Resource, secret: Json, version_id: str) -> Json:
    """Return a version of a secret without its value."""
    version = secret["versions"][version_id]
    return {
        **({"contentType": version["contentType"]} if "contentType" in version else {}),
        "id": _url(vault, f"secrets/{secret['name']}/{version_id}"),
        "attributes": _attributes(vault, version),
        **({"tags": version["tags"]} if "tags" in version else {}),
    }


def secret_item(vault: Resource, secret: Json) -> Json:
    """Return a secret as a list contains it."""
    return {
        **version_item(vault, secret, secret["current"]),
        "id": _url(vault, f"secrets/{secret['name']}"),
    }


def deleted_bundle(vault: Resource, secret: Json) -> Json:
    """Return a soft-deleted secret."""
    return {**_deletion(vault, secret), **version_item(vault, secret, secret["current"])}


def deleted_item(vault: Resource, secret: Json) -> Json:
    """Return a soft-deleted secret as a list contains it."""
    return {**_deletion(vault, secret), **secret_item(vault, secret)}


def _deletion(vault: Resource, secret: Json) -> Json:
    return {"recoveryId": _url(vault, f"deletedsecrets/{secret['name']}"), **secret["deleted"]}


def _attributes(vault: Resource, version: Json) -> Json:
    days = _retention_days(vault)
    level = "Recoverable" if days == 90 else "CustomizedRecoverable"
    if not vault.properties.get("enablePurgeProtection"):
        level += "+Purgeable"
    return {**version["attributes"], "recoveryLevel": level, "recoverableDays": days}


def _url(vault: Resource, path: str) -> str:
    return f"https://{vault.name.lower()}{SUFFIX}/{path}"
