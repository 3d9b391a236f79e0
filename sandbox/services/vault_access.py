# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authorization of requests to a key vault: network rules, then roles or access policies.

Sources: https://learn.microsoft.com/azure/key-vault/general/rbac-guide and recorded responses of Azure.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from sandbox.entra.rbac import is_allowed
from sandbox.services.vault_secrets import VaultError, describe
from sandbox.store import Resource, Store

_CLIENT_ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class VaultCaller:
    """Principal that sends a request to a vault."""

    client_id: str
    object_id: str
    tenant: str

    def __str__(self) -> str:
        return f"appid={self.client_id};oid={self.object_id};iss=https://sts.windows.net/{self.tenant}/"


@dataclass(frozen=True)
class Operation:
    """Operation on secrets: the permission of access policies, and the data action of roles that allow it."""

    permission: str
    action: str


SET = Operation("set", "setSecret/action")
GET = Operation("get", "getSecret/action")
LIST = Operation("list", "readMetadata/action")
UPDATE = Operation("set", "update/action")
DELETE = Operation("delete", "delete")
GET_DELETED = Operation("get", "readMetadata/action")
RECOVER = Operation("recover", "recover/action")
PURGE = Operation("purge", "purge/action")


def check_network(vault: Resource, caller: VaultCaller) -> None:
    """Raise VaultError for a client that the network rules of a vault deny."""
    properties = vault.properties
    if str(properties.get("publicNetworkAccess", "Enabled")).lower() == "disabled":
        raise VaultError(
            403,
            "Forbidden",
            "Public network access is disabled and request is not from a trusted service nor via an approved private link.\r\n"
            f"Caller: {caller}\r\nVault: {describe(vault)}",
            "ForbiddenByConnection",
        )
    rules = properties.get("networkAcls") or {}
    networks = [ipaddress.ip_network(rule["value"], strict=False) for rule in rules.get("ipRules") or []]
    address = ipaddress.ip_address(_CLIENT_ADDRESS)
    denied = str(rules.get("defaultAction", "Allow")).lower() == "deny"
    if denied and not any(address in network for network in networks):
        raise VaultError(
            403,
            "Forbidden",
            f"Client address is not authorized and caller is not a trusted service.\r\nClient address: {_CLIENT_ADDRESS}\r\n"
            f"Caller: {caller}\r\nVault: {describe(vault)}",
            "ForbiddenByFirewall",
        )


def check_permission(store: Store, vault: Resource, caller: VaultCaller, operation: Operation, name: str) -> None:
    """Raise VaultError for an operation on a secret (on all secrets if `name` is empty) that the caller may not perform."""
    if vault.properties.get("enableRbacAuthorization"):
        _check_role(store, vault, caller, operation, name)
    else:
        _check_access_policy(vault, caller, operation)


def _check_access_policy(vault: Resource, caller: VaultCaller, operation: Operation) -> None:
    for policy in vault.properties.get("accessPolicies") or []:
        if str(policy.get("objectId")).lower() != caller.object_id.lower():
            continue
        granted = {str(permission).lower() for permission in (policy.get("permissions") or {}).get("secrets") or []}
        if operation.permission in granted or ("all" in granted and operation.permission != "purge"):
            return
    raise VaultError(
        403,
        "Forbidden",
        f"The user, group or application '{caller}' does not have secrets {operation.permission} permission on key vault "
        f"'{describe(vault)}'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287",
        "AccessDenied",
    )


def _check_role(store: Store, vault: Resource, caller: VaultCaller, operation: Operation, name: str) -> None:
    scope = f"{vault.id}/secrets/{name}" if name else vault.id
    action = f"Microsoft.KeyVault/vaults/secrets/{operation.action}"
    if is_allowed(store, caller.object_id, action, scope, data=True):
        return
    raise VaultError(
        403,
        "Forbidden",
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions "
        f"were changed recently, please observe propagation time.\r\nCaller: {caller}\r\nAction: '{action}'\r\n"
        f"Resource: '{scope.lower()}'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\n"
        f"Vault: {describe(vault)}\r\n",
        "ForbiddenByRbac",
    )
