# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup key_vault_secret: values in their order, and errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleError, AnsibleLookupError
from ansible_collections.mlops.mlflow_azure.plugins.lookup import key_vault_secret
from azure.keyvault.secrets._shared.http_challenge_cache import clear

from tests.support.fake_azure import Exchange, FakeAzure, get

NAME = "mlops.mlflow_azure.key_vault_secret"
TENANT = "https://login.microsoftonline.com/33333333-3333-3333-3333-333333333333"
CHALLENGE = {"WWW-Authenticate": f'Bearer authorization="{TENANT}", resource="https://vault.azure.net"'}
VERSION = "4387e9f3d6e14c459867679a90fd0f79"


@pytest.fixture(autouse=True)
def _no_challenge_of_another_test() -> Iterator[None]:
    clear()
    yield
    clear()


def lookup_plugin() -> Any:
    """Return the plugin with its options, as Ansible's loader creates it."""
    described = yaml.safe_load(key_vault_secret.DOCUMENTATION)["options"]
    constants.config.initialize_plugin_configuration_definitions("lookup", NAME, described)
    plugin = key_vault_secret.LookupModule()
    plugin._load_name = NAME
    return plugin


def look_up(monkeypatch: pytest.MonkeyPatch, script: list[Exchange], *terms: str, **options: Any) -> list[str]:
    with FakeAzure(*script) as azure:
        monkeypatch.setattr(key_vault_secret, "arm_for", lambda _options: azure.arm)
        found: list[str] = lookup_plugin().run(list(terms), variables={}, **{"vault": "kv-one", **options})
    return found


def challenged(path: str, *script: Exchange) -> list[Exchange]:
    return [get(path, 401, {}, headers=CHALLENGE), *script]


def test_values_in_the_order_of_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    old = f"/secrets/one/{VERSION}"
    script = challenged("/secrets/two", get("/secrets/two", 200, {"value": "2"}), get(old, 200, {"value": "1"}))
    assert look_up(monkeypatch, script, "two", f"one/{VERSION}") == ["2", "1"]


def test_an_absent_secret_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"error": {"code": "SecretNotFound", "message": "not found"}}
    with pytest.raises(AnsibleLookupError, match="kv-one has no secret one"):
        look_up(monkeypatch, challenged("/secrets/one", get("/secrets/one", 404, missing)), "one")


def test_a_missing_role_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"error": {"code": "Forbidden", "message": "not authorized", "innererror": {"code": "ForbiddenByRbac"}}}
    with pytest.raises(AnsibleLookupError, match="Key Vault Secrets User"):
        look_up(monkeypatch, challenged("/secrets/one", get("/secrets/one", 403, body)), "one")


@pytest.mark.parametrize(
    ("term", "options"),
    [("one_two", {}), ("", {}), ("one/../two", {}), ("one", {"vault": "kv/one"}), ("one", {"vault": "x"})],
)
def test_invalid_names_are_rejected(monkeypatch: pytest.MonkeyPatch, term: str, options: dict[str, Any]) -> None:
    with pytest.raises(AnsibleLookupError, match="is not valid"):
        look_up(monkeypatch, [], term, **options)


@pytest.mark.parametrize("options", [{}, {"vault": "kv-one", "auth_source": "guess"}])
def test_invalid_options_are_rejected(options: dict[str, Any]) -> None:
    with pytest.raises(AnsibleError):
        lookup_plugin().run(["one"], variables={}, **options)


def test_no_subscription_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "c")
    lookup = lookup_plugin()
    lookup.set_options(direct={"vault": "kv-one", "tenant_id": "t", "client_secret": "s"})
    arm = key_vault_secret.arm_for(lookup.get_options())
    assert (arm.connection.tenant_id, arm.connection.client_id, arm.deadline.seconds) == ("t", "c", 60)
