# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.App/containerApps/authConfigs: the built-in authentication of a container app."""

from __future__ import annotations

from typing import Any

from .._core import names
from .._core.errors import InvalidOption
from .._core.plan import ENUM, FLAG, ID, UNORDERED, defaults_to, same_ignoring_case
from .._core.resource import Resource
from .client import AUTH_CONFIGS, PACKAGES
from .options import BOOLEAN, ENABLED, STRINGS, group, text

_ENTRA = "properties.identityProviders.azureActiveDirectory"
_POLICY = f"{_ENTRA}.validation.defaultAuthorizationPolicy"


class ContainerAppAuth(Resource):
    """The built-in authentication of a container app."""

    name = "container_app_auth"
    type = "Microsoft.App/containerApps/authConfigs"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.App/containerApps/{app}/authConfigs/{name}"
    address = ("resource_group", "app", "name")
    operations = AUTH_CONFIGS
    packages = PACKAGES
    create_method = "create_or_update"
    update_method = "create_or_update"
    delete_method = "delete"
    wait_timeout = 120
    options = {
        "resource_group": text(required=True),
        "app": text(required=True),
        "name": text(choices=["current"], default="current"),
        "enabled": ENABLED,
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
        "token_store": {**group(enabled=ENABLED, sas_url_secret_name=text(no_log=False)), "no_log": False},
        "allowed_external_redirect_urls": STRINGS,
        "require_https": BOOLEAN,
        "forward_proxy_convention": text(choices=["NoProxy", "Standard", "Custom"]),
    }
    rules = {
        "properties.globalValidation.excludedPaths": UNORDERED,
        "properties.globalValidation.redirectToProvider": ENUM,
        "properties.globalValidation.unauthenticatedClientAction": ENUM,
        "properties.httpSettings.requireHttps": defaults_to(True),
        "properties.httpSettings.forwardProxy.convention": defaults_to("NoProxy", same_ignoring_case),
        f"{_ENTRA}.enabled": defaults_to(True),
        f"{_ENTRA}.registration.clientId": ID,
        f"{_ENTRA}.login.loginParameters": UNORDERED,
        f"{_ENTRA}.validation.allowedAudiences": UNORDERED,
        f"{_POLICY}.allowedApplications": UNORDERED,
        f"{_POLICY}.allowedPrincipals.groups": UNORDERED,
        f"{_POLICY}.allowedPrincipals.identities": UNORDERED,
        "properties.login.allowedExternalRedirectUrls": UNORDERED,
        "properties.login.tokenStore.enabled": FLAG,
    }

    def validate(self) -> None:
        names.check("resource_group", self.params["resource_group"], names.RESOURCE_GROUP)
        names.check("app", self.params["app"], names.CONTAINER_APP)
        for path in self.params["excluded_paths"] or []:
            if not path.startswith("/"):
                raise InvalidOption("excluded_paths", path, "a path begins with /.")
        entra = self.params["entra"]
        if entra is not None and not entra["issuer"].startswith("https://"):
            raise InvalidOption(
                "entra.issuer",
                entra["issuer"],
                "use a URL, such as https://login.microsoftonline.com/<tenant id>/v2.0.",
            )

    def desired(self) -> dict[str, Any]:
        entra = self.params["entra"]
        return {
            "properties": {
                "platform": {"enabled": self.params["enabled"]},
                "globalValidation": self._global_validation(),
                "identityProviders": None if entra is None else {"azureActiveDirectory": _entra(entra)},
                "login": self._login(),
                "httpSettings": self._http_settings(),
            }
        }

    def _global_validation(self) -> dict[str, Any] | None:
        return _unless_empty(
            {
                "unauthenticatedClientAction": self.params["unauthenticated_action"],
                "redirectToProvider": self.params["redirect_provider"],
                "excludedPaths": self.params["excluded_paths"],
            }
        )

    def _login(self) -> dict[str, Any] | None:
        return _unless_empty(
            {
                "tokenStore": _token_store(self.params["token_store"]),
                "allowedExternalRedirectUrls": self.params["allowed_external_redirect_urls"],
            }
        )

    def _http_settings(self) -> dict[str, Any] | None:
        convention = self.params["forward_proxy_convention"]
        return _unless_empty(
            {
                "requireHttps": self.params["require_https"],
                "forwardProxy": None if convention is None else {"convention": convention},
            }
        )


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


def _unless_empty(settings: dict[str, Any]) -> dict[str, Any] | None:
    return settings if any(value is not None for value in settings.values()) else None
