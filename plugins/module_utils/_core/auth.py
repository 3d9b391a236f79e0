# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authentication: the options of the connection, credentials and tokens."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from .clouds import CLOUDS, Cloud
from .errors import Failure

# Timeouts for the token authority, as options of azure-identity, whose own limit is 300 s for each of 11 attempts.
TIMEOUTS: dict[str, Any] = {"connection_timeout": 20, "read_timeout": 30, "retry_total": 3}
SOURCES = ("auto", "service_principal", "workload_identity", "managed_identity", "cli")


@dataclass(frozen=True)
class Connection:
    """The endpoints of Azure and the credential's options. client_secret never leaves the process."""

    subscription_id: str
    cloud: Cloud
    auth_source: str = "auto"
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    federated_token_file: str | None = None

    def __repr__(self) -> str:
        return f"Connection({self.subscription_id}, {self.auth_source}, {self.tenant_id}, {self.client_id})"


def connection_from(params: Mapping[str, Any]) -> Connection:
    """Return the connection of a module's options.

    The Azure CLI provides its default subscription too. Raise Failure when there is no subscription.
    """
    cloud = CLOUDS[params.get("cloud_environment") or "AzureCloud"]
    endpoint = params.get("resource_manager_endpoint")
    if endpoint:
        endpoint = endpoint.rstrip("/")
        cloud = cloud._replace(resource_manager=endpoint, resource_manager_scope=f"{endpoint}/.default")
    authority = params.get("authority_host")
    if authority:
        authority = authority.rstrip("/")
        cloud = cloud._replace(authority=authority if "://" in authority else f"https://{authority}")
    connection = Connection(
        subscription_id=params.get("subscription_id") or "",
        cloud=cloud,
        auth_source=params.get("auth_source") or "auto",
        tenant_id=params.get("tenant_id"),
        client_id=params.get("client_id"),
        client_secret=params.get("client_secret"),
        federated_token_file=params.get("federated_token_file"),
    )
    if connection.subscription_id:
        return connection
    by_cli = source_of(connection) == "cli"
    subscription = default_subscription() if by_cli else None
    if not subscription:
        raise Failure(
            "subscription_id is required: set the option (once for all modules with module_defaults of "
            "group/mlops.mlflow_azure.azure) or the environment variable AZURE_SUBSCRIPTION_ID"
            + (", or choose a default one in the Azure CLI: az login, then az account set." if by_cli else "."),
            option="subscription_id",
        )
    return replace(connection, subscription_id=subscription)


def default_subscription(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the default subscription of the Azure CLI, which C(az account set) sets; None without one."""
    environment = os.environ if environment is None else environment
    folder = Path(environment.get("AZURE_CONFIG_DIR") or "~/.azure").expanduser()
    try:
        profile = json.loads((folder / "azureProfile.json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None
    subscriptions = profile.get("subscriptions") if isinstance(profile, dict) else None
    for subscription in subscriptions if isinstance(subscriptions, list) else []:
        if isinstance(subscription, dict) and subscription.get("isDefault") and subscription.get("id"):
            return str(subscription["id"])
    return None


class Token(NamedTuple):
    """A token as azure-core requires it. expires_on: seconds since the epoch."""

    token: str
    expires_on: int


def source_of(connection: Connection, environment: Mapping[str, str] | None = None) -> str:
    """Return the source that C(auto) selects: the first with all its options, else the Azure CLI."""
    if connection.auth_source != "auto":
        return connection.auth_source
    environment = os.environ if environment is None else environment
    if connection.client_id and connection.tenant_id and connection.client_secret:
        return "service_principal"
    if connection.client_id and connection.tenant_id and connection.federated_token_file:
        return "workload_identity"
    if any(name in environment for name in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "IMDS_ENDPOINT")):
        return "managed_identity"
    return "cli"


def _required(connection: Connection, source: str, *names: str) -> None:
    missing = [name for name in names if not getattr(connection, name)]
    if missing:
        raise Failure(
            f"auth_source {source} needs {', '.join(missing)}: set "
            f"{' and '.join(f'{name} (or AZURE_{name.upper()})' for name in missing)}."
        )


def _client_secret(connection: Connection) -> Any:
    from azure.identity import ClientSecretCredential

    _required(connection, "service_principal", "tenant_id", "client_id", "client_secret")
    return ClientSecretCredential(
        connection.tenant_id or "",
        connection.client_id or "",
        connection.client_secret or "",
        authority=connection.cloud.authority,
        disable_instance_discovery=_is_private(connection.cloud),
        **TIMEOUTS,
    )


def _workload_identity(connection: Connection) -> Any:
    from azure.identity import WorkloadIdentityCredential

    _required(connection, "workload_identity", "tenant_id", "client_id", "federated_token_file")
    return WorkloadIdentityCredential(
        tenant_id=connection.tenant_id,
        client_id=connection.client_id,
        token_file_path=connection.federated_token_file,
        authority=connection.cloud.authority,
        disable_instance_discovery=_is_private(connection.cloud),
        **TIMEOUTS,
    )


def _managed_identity(connection: Connection) -> Any:
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=connection.client_id)


def _cli(connection: Connection) -> Any:
    from azure.identity import AzureCliCredential

    return AzureCliCredential(tenant_id=connection.tenant_id or "")


def _is_private(cloud: Cloud) -> bool:
    """Return whether the authority is unknown to Microsoft's instance discovery, which must not be used then."""
    return cloud.authority not in {known.authority for known in CLOUDS.values()}


_CREDENTIALS: dict[str, Callable[[Connection], Any]] = {
    "service_principal": _client_secret,
    "workload_identity": _workload_identity,
    "managed_identity": _managed_identity,
    "cli": _cli,
}


class Credential:
    """A credential for azure-core's pipelines, created with the first token.

    remember: cache of tokens. It returns the token of a key, or fetches one with the given function and keeps it.
    """

    def __init__(
        self,
        connection: Connection,
        remember: Callable[[str, Callable[[], Token]], Token] | None = None,
    ) -> None:
        self._connection = connection
        self._remember = remember
        self._credential: Any = None

    def get_token(self, *scopes: str, **options: Any) -> Token:
        """Return a token. Raise Failure, which names the source, without one."""
        if self._remember is None or options.get("claims"):
            return self._fetch(scopes, options)
        # The challenge of a key vault names its tenant.
        tenant = (options["tenant_id"],) if options.get("tenant_id") else ()
        return self._remember(token_key(self._connection, (*scopes, *tenant)), lambda: self._fetch(scopes, options))

    def _fetch(self, scopes: tuple[str, ...], options: Mapping[str, Any]) -> Token:
        from azure.core.exceptions import AzureError

        source = source_of(self._connection)
        if self._credential is None:
            self._credential = _CREDENTIALS[source](self._connection)
        allowed = {key: value for key, value in options.items() if key in ("claims", "tenant_id", "enable_cae")}
        try:
            token = self._credential.get_token(*scopes, **allowed)
        except AzureError as error:
            first_line = str(error).strip().splitlines()[0]
            raise Failure(
                f"No token from Microsoft Entra ID by auth_source {source}: {first_line} "
                "Set auth_source and its options (or the AZURE_* environment variables), or run az login.",
                auth_source=source,
            ) from error
        except ValueError as error:
            raise Failure(f"auth_source {source}: {error}", auth_source=source) from error
        return Token(token.token, int(token.expires_on))


def token_key(connection: Connection, scopes: tuple[str, ...]) -> str:
    """Return the cache key of a token: it contains no secret, and any change of the credential results in another key."""
    parts = (
        connection.cloud.authority,
        source_of(connection),
        connection.tenant_id or "",
        connection.client_id or "",
        connection.client_secret or "",
        connection.federated_token_file or "",
        *scopes,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
