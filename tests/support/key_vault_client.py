# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vault in the sandbox, and requests to its secrets."""

from __future__ import annotations

import uuid
from typing import Any

import requests

from tests.support.sandbox_client import Client

SCOPE = "https://vault.azure.net/.default"
ROLES = {
    "Administrator": "00482a5a-887f-4fb3-b363-3b7fe8e74483",
    "Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
}


class Vault:
    """A vault, and requests to its secrets."""

    def __init__(self, sandbox: Client, group: str, **properties: Any) -> None:
        self.sandbox = sandbox
        self.name = f"kv-{uuid.uuid4().hex[:10]}"
        self.id = f"{group}/providers/Microsoft.KeyVault/vaults/{self.name}"
        self.location = f"{sandbox.subscription}/providers/Microsoft.KeyVault/locations/westeurope"
        self.body = {
            "location": "westeurope",
            "properties": {
                "tenantId": sandbox.environment["AZURE_TENANT_ID"],
                "sku": {"family": "A", "name": "standard"},
                "enableRbacAuthorization": True,
                **properties,
            },
        }

    def put(self) -> requests.Response:
        return self.sandbox.arm("PUT", self.id, self.body)

    def grant(self, role: str, scope: str | None = None) -> requests.Response:
        principal = self.sandbox.me()
        definition = f"{self.sandbox.subscription}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}"
        path = f"{scope or self.id}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        return self.sandbox.arm("PUT", path, {"properties": {"principalId": principal, "roleDefinitionId": definition}})

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = None, **query: str
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.sandbox.token(SCOPE)}"} if token != "" else {}
        return self.sandbox.session.request(
            method,
            f"https://{self.name}.vault.azure.net{path}",
            params={"api-version": "7.6", **query},
            json=body,
            headers=headers,
            timeout=30,
        )
