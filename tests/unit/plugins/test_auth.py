# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of the collection, and the cache of its tokens."""

from __future__ import annotations

import json
import mmap
import multiprocessing
import socket
import sys
import time
from pathlib import Path
from typing import Any

import azure.identity
import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import auth as _auth
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.auth import (
    Connection,
    Credential,
    Token,
    connection_from,
    default_subscription,
    source_of,
    token_key,
)
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.clouds import CLOUDS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.sdk import require
from ansible_collections.mlops.mlflow_azure.plugins.plugin_utils._tokens import SIZE, SharedTokens
from azure.core.exceptions import ClientAuthenticationError

from tests.support.fake_azure import module, options

PRINCIPAL = {"tenant_id": "t", "client_id": "c"}
ARM = "https://management.azure.com/.default"


def connection(**given: Any) -> Connection:
    return Connection("s", CLOUDS["AzureCloud"], **given)


@pytest.mark.parametrize(
    ("given", "environment", "source"),
    [
        ({**PRINCIPAL, "client_secret": "x"}, {}, "service_principal"),
        ({**PRINCIPAL, "client_secret": "x"}, {"IDENTITY_ENDPOINT": "http://x"}, "service_principal"),
        ({**PRINCIPAL, "federated_token_file": "/f"}, {}, "workload_identity"),
        ({}, {"IDENTITY_ENDPOINT": "http://x"}, "managed_identity"),
        ({"client_id": "c"}, {"MSI_ENDPOINT": "http://x"}, "managed_identity"),
        ({}, {}, "cli"),
        (PRINCIPAL, {}, "cli"),
        ({"auth_source": "managed_identity", **PRINCIPAL, "client_secret": "x"}, {}, "managed_identity"),
    ],
)
def test_auto_selects_the_first_complete_source(
    given: dict[str, Any], environment: dict[str, str], source: str
) -> None:
    assert source_of(connection(**given), environment) == source


def test_options_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AZURE_SUBSCRIPTION_ID": "s1",
        "AZURE_TENANT_ID": "t1",
        "AZURE_CLIENT_ID": "c1",
        "AZURE_CLIENT_SECRET": "x1",
        "AZURE_CLOUD_ENVIRONMENT": "AzureUSGovernment",
        "MLFLOW_AZURE_AUTH_SOURCE": "service_principal",
    }.items():
        monkeypatch.setenv(name, value)
    result = connection_from(options("resource_group", name="rg", location="x", tenant_id="t2"))
    assert (result.subscription_id, result.tenant_id, result.client_id, result.client_secret) == (
        "s1",
        "t2",
        "c1",
        "x1",
    )
    assert result.cloud.resource_manager == "https://management.usgovcloudapi.net"
    assert "x1" not in repr(result)


def test_endpoints_can_be_overridden() -> None:
    result = connection_from(
        options(
            "resource_group",
            name="rg",
            location="x",
            subscription_id="s",
            resource_manager_endpoint="https://arm.example/",
            authority_host="login.example",
        )
    )
    assert result.cloud.resource_manager_scope == "https://arm.example/.default"
    assert result.cloud.authority == "https://login.example"


def test_a_missing_subscription_is_a_failure_of_the_task() -> None:
    result = module("resource_group").run(options("resource_group", name="rg", location="x"), check_mode=False)
    assert result["failed"] is True
    for remedy in ("subscription_id", "AZURE_SUBSCRIPTION_ID", "az account set"):
        assert remedy in result["msg"]


PROFILE = {
    "installationId": "x",
    "subscriptions": [
        {"id": "s1", "isDefault": False, "state": "Enabled"},
        {"id": "s2", "isDefault": True, "tenantId": "t"},
    ],
}


def signed_in(folder: Path) -> None:
    """Write the profile as the Azure CLI does: with a byte order mark."""
    folder.mkdir(exist_ok=True)
    (folder / "azureProfile.json").write_text(json.dumps(PROFILE), encoding="utf-8-sig")


@pytest.mark.parametrize("source", [{}, {"auth_source": "cli"}])
def test_the_azure_cli_provides_the_subscription(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: dict[str, Any]
) -> None:
    signed_in(tmp_path / ".azure")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert connection_from(options("resource_group", name="rg", location="x", **source)).subscription_id == "s2"


def test_azure_config_dir_is_respected_and_the_option_has_precedence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(tmp_path)
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    assert connection_from(options("resource_group", name="rg", location="x")).subscription_id == "s2"
    assert (
        connection_from(options("resource_group", name="rg", location="x", subscription_id="s3")).subscription_id
        == "s3"
    )


def test_another_source_does_not_use_the_subscription_of_the_azure_cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(tmp_path)
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    principal = {**PRINCIPAL, "client_secret": "x"}
    with pytest.raises(Failure, match="AZURE_SUBSCRIPTION_ID") as caught:
        connection_from(options("resource_group", name="rg", location="x", **principal))
    assert "az account set" not in caught.value.message


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"subscriptions": null}',
        '{"subscriptions": [1, {"isDefault": true}, {"id": "s1"}]}',
    ],
)
def test_a_profile_without_a_default_subscription_is_ignored(tmp_path: Path, content: str) -> None:
    (tmp_path / "azureProfile.json").write_text(content, encoding="utf-8")
    assert default_subscription({"AZURE_CONFIG_DIR": str(tmp_path)}) is None


@pytest.mark.parametrize(
    ("source", "missing"),
    [("service_principal", "client_secret"), ("workload_identity", "federated_token_file")],
)
def test_an_incomplete_credential_names_the_missing_options(source: str, missing: str) -> None:
    with pytest.raises(Failure, match=f"{missing}.*AZURE_{missing.upper()}"):
        Credential(connection(auth_source=source, **PRINCIPAL)).get_token(ARM)


def test_each_source_creates_its_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    created: list[tuple[str, dict[str, Any]]] = []

    def credential(name: str) -> Any:
        class Fake:
            def __init__(self, *arguments: Any, **keywords: Any) -> None:
                created.append((name, keywords))

            def get_token(self, *_scopes: str, **_options: Any) -> Token:
                return Token("t", 1)

        return Fake

    names = {
        "service_principal": "ClientSecretCredential",
        "workload_identity": "WorkloadIdentityCredential",
        "managed_identity": "ManagedIdentityCredential",
        "cli": "AzureCliCredential",
    }
    complete = {**PRINCIPAL, "client_secret": "x", "federated_token_file": "/f"}
    for source, name in names.items():
        monkeypatch.setattr(azure.identity, name, credential(name))
        assert Credential(connection(auth_source=source, **complete)).get_token(ARM).token == "t"
    assert [name for name, _keywords in created] == list(names.values())
    assert created[2][1] == {"client_id": "c"}
    microsofts = {"authority": "https://login.microsoftonline.com", "disable_instance_discovery": False}
    assert created[0][1] == {**microsofts, **_auth.TIMEOUTS}


def test_a_private_authority_disables_instance_discovery(monkeypatch: pytest.MonkeyPatch) -> None:
    created: dict[str, Any] = {}

    class Fake:
        def __init__(self, *_arguments: Any, **keywords: Any) -> None:
            created.update(keywords)

        def get_token(self, *_scopes: str) -> Token:
            return Token("t", 1)

    monkeypatch.setattr(azure.identity, "ClientSecretCredential", Fake)
    cloud = CLOUDS["AzureCloud"]._replace(authority="https://login.example")
    Credential(Connection("s", cloud, client_secret="x", **PRINCIPAL)).get_token(ARM)
    assert created["disable_instance_discovery"] is True


def test_a_rejected_credential_is_reported_in_one_line_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fake:
        def __init__(self, *_arguments: Any, **_keywords: Any) -> None:
            pass

        def get_token(self, *_scopes: str) -> Token:
            raise ClientAuthenticationError("AADSTS7000215: Invalid client secret provided.\nTrace ID: 1")

    monkeypatch.setattr(azure.identity, "ClientSecretCredential", Fake)
    with pytest.raises(Failure, match=r"service_principal: AADSTS7000215") as caught:
        Credential(connection(client_secret="hidden-one", **PRINCIPAL)).get_token(ARM)
    assert "hidden-one" not in caught.value.message
    assert "\n" not in caught.value.message


def test_an_unresponsive_authority_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        _auth, "TIMEOUTS", {"connection_timeout": 0.1, "read_timeout": 0.1, "retry_total": 1, "retry_backoff_factor": 0}
    )
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        authority = f"127.0.0.1:{silent.getsockname()[1]}"
        given = {
            "subscription_id": "s",
            "tenant_id": "t",
            "client_id": "c",
            "client_secret": "x",
            "authority_host": authority,
        }
        started = time.monotonic()
        result = module("resource_group").run(
            options("resource_group", name="rg", location="x", **given), check_mode=False
        )
    assert "No token from Microsoft Entra ID by auth_source service_principal" in result["msg"]
    assert time.monotonic() - started < 20


def test_a_missing_package_is_named_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.nothing", None)
    with pytest.raises(Failure, match="azure-mgmt-nothing"):
        require({"azure.nothing": "azure-mgmt-nothing"})


def test_token_keys_differ_by_credential_and_contain_no_secret() -> None:
    keys = {
        token_key(connection(client_secret=secret, **PRINCIPAL), (scope,))
        for secret in ("hidden-one", "hidden-two")
        for scope in (ARM, "https://other/.default")
    }
    assert len(keys) == 4
    assert not any("hidden" in key for key in keys)


class Memory:
    """Return a token cache with its own clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.tokens = SharedTokens(mmap.mmap(-1, SIZE), multiprocessing.get_context("fork").Lock(), lambda: self.now)
        self.fetched = 0

    def get(self, key: str, life: int = 3600, size: int = 1) -> Token:
        def fetch() -> Token:
            self.fetched += 1
            return Token(f"{self.fetched}" * size, int(self.now) + life)

        return self.tokens.remember(key, fetch)


def test_a_token_is_fetched_once_per_key() -> None:
    memory = Memory()
    assert [memory.get("a").token, memory.get("a").token, memory.get("b").token] == ["1", "1", "2"]
    assert memory.get("a").token == "1"


def test_a_token_that_expires_soon_is_fetched_again() -> None:
    memory = Memory()
    memory.get("a", life=600)
    memory.now += 400
    assert memory.get("a").token == "2"


def test_a_partial_write_of_a_dead_worker_is_ignored() -> None:
    memory = Memory()
    memory.get("a")
    memory.tokens._memory[8:12] = b"\xff\xff\xff\xff"
    assert memory.get("a").token == "2"


def test_a_token_too_large_for_the_cache_is_still_used() -> None:
    memory = Memory()
    assert len(memory.get("a", size=SIZE).token) == SIZE
    memory.get("a", size=SIZE)
    assert memory.fetched == 2


def test_a_failed_fetch_releases_the_lock() -> None:
    memory = Memory()

    def fail() -> Token:
        raise Failure("no")

    with pytest.raises(Failure):
        memory.tokens.remember("a", fail)
    assert memory.get("a").token == "1"


def _fetch_in_child(tokens: SharedTokens) -> None:
    tokens.remember("a", lambda: Token("from the child", 10**10))


def test_a_forked_worker_shares_its_token() -> None:
    memory = Memory()
    child = multiprocessing.get_context("fork").Process(target=_fetch_in_child, args=(memory.tokens,))
    child.start()
    child.join(30)
    assert memory.get("a").token == "from the child"
    assert memory.fetched == 0
