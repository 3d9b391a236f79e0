# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module container_app_auth wants of Microsoft.App/containerApps/authConfigs: options, request bodies, rules."""

from __future__ import annotations

from typing import Any

from .._core import names as _names
from .._core.arm import Operations
from .._core.errors import InvalidOption
from .._core.plan import ENUM, ID, UNORDERED, Rule
from .._core.resource import Params
from .template import CLIENT, STRINGS, group, text

AUTH_CONFIGS = Operations(CLIENT, "container_apps_auth_configs", "Microsoft.App")

OPTIONS: dict[str, Any] = {
    "resource_group": text(required=True),
    "app": text(required=True),
    "name": text(choices=["current"], default="current"),
    "enabled": {"type": "bool", "default": True},
    "unauthenticated_action": text(choices=["RedirectToLoginPage", "AllowAnonymous", "Return401", "Return403"]),
    "redirect_provider": text(),
    "excluded_paths": STRINGS,
    "entra": group(
        client_id=text(required=True),
        issuer=text(required=True),
        client_secret_name=text(no_log=False),
        allowed_audiences=STRINGS,
        allowed_applications=STRINGS,
        allowed_groups=STRINGS,
        allowed_identities=STRINGS,
        login_parameters=STRINGS,
    ),
    "token_store": {
        **group(enabled={"type": "bool", "default": True}, sas_url_secret_name=text(no_log=False)),
        "no_log": False,
    },
    "allowed_external_redirect_urls": STRINGS,
    "require_https": {"type": "bool"},
    "forward_proxy_convention": text(choices=["NoProxy", "Standard", "Custom"]),
}
_ENTRA = "properties.identityProviders.azureActiveDirectory"
_POLICY = f"{_ENTRA}.validation.defaultAuthorizationPolicy"
RULES = {
    "properties.globalValidation.excludedPaths": UNORDERED,
    "properties.globalValidation.redirectToProvider": ENUM,
    "properties.globalValidation.unauthenticatedClientAction": ENUM,
    # Azure shows these only where they were set; else HTTPS is required and no proxy is believed.
    "properties.httpSettings.requireHttps": Rule(compare=lambda wanted, current: wanted is (current is not False)),
    "properties.httpSettings.forwardProxy.convention": Rule(
        compare=lambda wanted, current: wanted.casefold() == str(current or "NoProxy").casefold()
    ),
    # Azure shows it only where it was set.
    f"{_ENTRA}.enabled": Rule(compare=lambda wanted, current: wanted is (current is not False)),
    f"{_ENTRA}.registration.clientId": ID,
    f"{_ENTRA}.login.loginParameters": UNORDERED,
    f"{_ENTRA}.validation.allowedAudiences": UNORDERED,
    f"{_POLICY}.allowedApplications": UNORDERED,
    f"{_POLICY}.allowedPrincipals.groups": UNORDERED,
    f"{_POLICY}.allowedPrincipals.identities": UNORDERED,
    "properties.login.allowedExternalRedirectUrls": UNORDERED,
    "properties.login.tokenStore.enabled": Rule(compare=lambda wanted, current: bool(wanted) is bool(current)),
}


def desired(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
    convention = params["forward_proxy_convention"]
    http = {
        "requireHttps": params["require_https"],
        "forwardProxy": None if convention is None else {"convention": convention},
    }
    validation = {
        "unauthenticatedClientAction": params["unauthenticated_action"],
        "redirectToProvider": params["redirect_provider"],
        "excludedPaths": params["excluded_paths"],
    }
    login = {
        "tokenStore": _token_store(params["token_store"]),
        "allowedExternalRedirectUrls": params["allowed_external_redirect_urls"],
    }
    entra = params["entra"]
    return {
        "properties": {
            "platform": {"enabled": params["enabled"]},
            "globalValidation": _unless_empty(validation),
            "identityProviders": None if entra is None else {"azureActiveDirectory": _entra(entra)},
            "login": _unless_empty(login),
            "httpSettings": _unless_empty(http),
        }
    }


def _unless_empty(settings: dict[str, Any]) -> dict[str, Any] | None:
    return settings if any(value is not None for value in settings.values()) else None


def _entra(entra: dict[str, Any]) -> dict[str, Any]:
    principals = {"groups": entra["allowed_groups"], "identities": entra["allowed_identities"]}
    policy = {"allowedApplications": entra["allowed_applications"], "allowedPrincipals": _unless_empty(principals)}
    validation = {"allowedAudiences": entra["allowed_audiences"], "defaultAuthorizationPolicy": _unless_empty(policy)}
    parameters = entra["login_parameters"]
    return {
        "enabled": True,
        "registration": {
            "clientId": entra["client_id"],
            "openIdIssuer": entra["issuer"],
            "clientSecretSettingName": entra["client_secret_name"],
        },
        "validation": _unless_empty(validation),
        "login": None if parameters is None else {"loginParameters": parameters},
    }


def _token_store(store: dict[str, Any] | None) -> dict[str, Any] | None:
    if store is None:
        return None
    name = store["sas_url_secret_name"]
    return {"enabled": store["enabled"], "azureBlobStorage": None if name is None else {"sasUrlSettingName": name}}


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("app", params["app"], _names.CONTAINER_APP)
    for path in params["excluded_paths"] or []:
        if not path.startswith("/"):
            raise InvalidOption("excluded_paths", path, "a path begins with /.")
    entra = params["entra"]
    if entra is not None and not entra["issuer"].startswith("https://"):
        raise InvalidOption(
            "entra.issuer", entra["issuer"], "give a URL, as https://login.microsoftonline.com/<tenant id>/v2.0."
        )
