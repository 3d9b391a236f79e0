# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in authentication of a container app: requests and validation."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, InvalidOption

from tests.support.fake_azure import GROUP, NOT_FOUND, FakeAzure, delete, get, put, run

AUTH = f"{GROUP}/providers/Microsoft.App/containerApps/app1/authConfigs/current"
CLIENT = "11111111-2222-3333-4444-555555555555"


ISSUER = "https://login.microsoftonline.com/t/v2.0"
DESIRED: dict[str, Any] = {
    "resource_group": "rg",
    "app": "app1",
    "unauthenticated_action": "Return401",
    "excluded_paths": ["/health", "/version"],
    "entra": {"client_id": CLIENT, "issuer": ISSUER, "allowed_audiences": ["b", "a"], "allowed_groups": ["g"]},
    "token_store": {"enabled": False},
    "require_https": True,
}
PROPERTIES: dict[str, Any] = {
    "platform": {"enabled": True},
    "globalValidation": {"unauthenticatedClientAction": "Return401", "excludedPaths": ["/health", "/version"]},
    "identityProviders": {
        "azureActiveDirectory": {
            "enabled": True,
            "registration": {"clientId": CLIENT, "openIdIssuer": ISSUER},
            "validation": {
                "allowedAudiences": ["b", "a"],
                "defaultAuthorizationPolicy": {"allowedPrincipals": {"groups": ["g"]}},
            },
        }
    },
    "login": {"tokenStore": {"enabled": False}},
    "httpSettings": {"requireHttps": True},
}


def auth() -> dict[str, Any]:
    """Return the configuration of DESIRED as Azure returns it, with settings of other clients."""
    properties = copy.deepcopy(PROPERTIES)
    properties["globalValidation"]["excludedPaths"] = ["/version", "/health"]
    properties["identityProviders"]["gitHub"] = {"registration": {"clientId": "theirs"}}
    properties["identityProviders"]["azureActiveDirectory"]["validation"]["allowedAudiences"] = ["a", "b"]
    properties["identityProviders"]["azureActiveDirectory"]["isAutoProvisioned"] = False
    del properties["identityProviders"]["azureActiveDirectory"]["enabled"]
    properties["login"] = {"preserveUrlFragmentsForLogins": False}
    properties["httpSettings"] = None
    properties["encryptionSettings"] = {}
    return {"id": AUTH, "name": "current", "type": "Microsoft.App/containerapps/authconfigs", "properties": properties}


def test_no_change_sends_one_read() -> None:
    with FakeAzure(get(AUTH, 200, auth())) as azure:
        result = run("container_app_auth", azure, **DESIRED)
    assert (result["changed"], result["container_app_auth"]) == (False, auth())


def test_create_sends_all_options() -> None:
    with FakeAzure(
        get(AUTH, 404, {"error": {"code": "AuthConfigNotFound", "message": "no"}}),
        put(AUTH, 200, auth(), sent={"properties": PROPERTIES}),
        get(AUTH, 200, auth()),
    ) as azure:
        assert run("container_app_auth", azure, **DESIRED)["changed"] is True


def test_an_update_keeps_other_providers() -> None:
    sent = copy.deepcopy(auth()["properties"])
    sent["identityProviders"]["azureActiveDirectory"]["registration"]["clientSecretSettingName"] = "entra-secret"
    given = {**DESIRED, "entra": {**DESIRED["entra"], "client_secret_name": "entra-secret"}}
    with FakeAzure(
        get(AUTH, 200, auth()), put(AUTH, 200, auth(), sent={"properties": sent}), get(AUTH, 200, auth())
    ) as azure:
        assert run("container_app_auth", azure, **given)["changed"] is True


def test_a_disabled_provider_is_enabled() -> None:
    current = auth()
    current["properties"]["identityProviders"]["azureActiveDirectory"]["enabled"] = False
    with FakeAzure(get(AUTH, 200, current)) as azure:
        result = run("container_app_auth", azure, check_mode=True, **DESIRED)
    assert result["diff"]["after"]["properties"]["identityProviders"]["azureActiveDirectory"]["enabled"] is True


@pytest.mark.parametrize(
    "given",
    [
        {"enabled": False},
        {"unauthenticated_action": "AllowAnonymous"},
        {"excluded_paths": ["/health"]},
        {"require_https": False},
        {"forward_proxy_convention": "Standard"},
        {"token_store": {"enabled": True}},
        {"token_store": {"enabled": False, "sas_url_secret_name": "sas"}},
        {"entra": {**DESIRED["entra"], "allowed_groups": ["g", "h"]}},
        {"entra": {**DESIRED["entra"], "issuer": ISSUER + "x"}},
    ],
)
def test_a_difference_is_a_change(given: dict[str, Any]) -> None:
    with FakeAzure(get(AUTH, 200, auth())) as azure:
        assert run("container_app_auth", azure, check_mode=True, **{**DESIRED, **given})["changed"] is True


def test_the_configuration_is_deleted() -> None:
    with FakeAzure(get(AUTH, 200, auth()), delete(AUTH, 200)) as azure:
        assert run("container_app_auth", azure, resource_group="rg", app="app1", state="absent")["changed"] is True
    with FakeAzure(get(AUTH, 404, NOT_FOUND)) as azure:
        assert run("container_app_auth", azure, resource_group="rg", app="app1", state="absent")["changed"] is False


def test_a_refused_read_is_an_error() -> None:
    refused = {"error": {"code": "AuthorizationFailed", "message": "no"}}
    with FakeAzure(get(AUTH, 403, refused)) as azure, pytest.raises(ArmError):
        run("container_app_auth", azure, **DESIRED)


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"app": "App"}, "app"),
        ({"resource_group": "rg."}, "resource_group"),
        ({"excluded_paths": ["health"]}, "excluded_paths"),
        ({"entra": {"client_id": CLIENT, "issuer": "tenant"}}, "entra.issuer"),
    ],
)
def test_invalid_options_are_refused_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_auth", azure, **{**DESIRED, **given})
    assert caught.value.fields["option"] == option
