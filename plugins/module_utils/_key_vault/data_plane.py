# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data plane of key vaults.

Source: https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups
"""

from __future__ import annotations

import json
from typing import Any

from .._core import names
from .._core.api_versions import API_VERSIONS
from .._core.arm import Arm, Json
from .._core.errors import ArmError, Failure, InvalidOption, arm_error
from .._core.retry import DeadlineRetry


class Unreachable(Failure):
    """No connection to the vault, as for a vault that does not exist: its host name does not resolve."""


class Vault:
    """The data plane of one vault. name: of the vault."""

    def __init__(self, arm: Arm, name: str) -> None:
        self._arm = arm
        self.name = name
        self.url = f"https://{name}.{arm.connection.cloud.key_vault_suffix}"
        self._cached_client: Any = None

    def request(self, method: str, path: str, body: Json | None = None) -> Json:
        """Return the JSON of a response, {} without one. Raise ArmError with the innermost code of the error, and Failure."""
        from azure.core.exceptions import AzureError, ServiceRequestError
        from azure.core.rest import HttpRequest

        try:
            response = self._client().send_request(HttpRequest(method, path, json=body), deadline=self._arm.deadline)
        except ServiceRequestError as error:
            raise Unreachable(
                f"No connection to {self.url}: {error} Check that there is a vault of that name (mlops.mlflow_azure.key_vault), "
                "HTTPS_PROXY and REQUESTS_CA_BUNDLE."
            ) from error
        except AzureError as error:
            raise Failure(f"No usable answer from {self.url}: {error} Check HTTPS_PROXY.") from error
        except ValueError as error:
            raise Failure(f"{self.url} does not answer as a key vault does: {error}") from error
        text = response.text()
        if response.status_code >= 400:
            raise _arm_error(response.status_code, text, response.headers, method, str(response.request.url))
        return json.loads(text) if text.strip() else {}

    def get(self, path: str) -> Json | None:
        """Return the JSON of a read, None when the object is absent."""
        try:
            return self.request("GET", path)
        except ArmError as error:
            if error.status == 404:
                return None
            raise

    def secret(self, name: str) -> Json | None:
        """Return the latest version, None when the secret is absent. A disabled one has no C(value)."""
        try:
            return self.get(f"/secrets/{name}")
        except ArmError as error:
            if error.code != "SecretDisabled":
                raise
        versions: list[Json] = []
        path: str | None = f"/secrets/{name}/versions"
        while path:
            page = self.request("GET", path)
            versions += page["value"]
            path = page.get("nextLink")
        return max(versions, key=lambda version: int(version["attributes"]["created"]))

    def _client(self) -> Any:
        if self._cached_client is None:
            from azure.keyvault.secrets import SecretClient

            options = {} if self._arm.transport is None else {"transport": self._arm.transport}
            self._cached_client = SecretClient(
                self.url,
                self._arm.credential,
                api_version=API_VERSIONS["Microsoft.KeyVault/vaults/secrets"],
                retry_policy=DeadlineRetry(),
                **options,
            )
        return self._cached_client


def read_value(vault: Vault, term: str) -> str:
    """Return the value of a secret, or of one version of it (C(name/version)). Raise ArmError, Failure and InvalidOption."""
    names.check("vault", vault.name, names.KEY_VAULT)
    name, _slash, version = term.partition("/")
    names.check("_terms", name, names.KEY_VAULT_SECRET)
    if version and not version.isalnum():
        raise InvalidOption("_terms", term, "write the version after the slash as Key Vault shows it.")
    secret = vault.get(f"/secrets/{term}")
    if secret is None:
        raise Failure(f"The vault {vault.name} has no secret {term}.")
    return str(secret["value"])


def _arm_error(status: int, text: str, headers: Any, method: str, url: str) -> ArmError:
    """Return the error with its inner code, which is more precise than Forbidden and Conflict."""
    error = arm_error(status, text, headers, method, url)
    error.message = " ".join(error.message.split())
    if error.details:
        error.code = str(error.details.pop(0).get("code") or error.code)
    return error
