# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.Sql/servers."""

from __future__ import annotations

import re
from typing import Any

from .._core import identity_option, names
from .._core.arguments import IN_GROUP, TAGS
from .._core.arm import Json
from .._core.errors import Failure, InvalidOption
from .._core.plan import CREATE, ENUM, ID, LOCATION, WHOLE, WRITE_ONLY, Plan, immutable
from .._core.resource import NEEDS_LOCATION, READ_ONLY, Resource
from .client import PACKAGES, sql_operations

_ADMINISTRATORS = sql_operations("server_azure_ad_administrators")
_ENTRA_ONLY = sql_operations("server_azure_ad_only_authentications")
# Of a new server without the option.
NEW_TLS_VERSION = "1.2"
_ENTRA_ADMINISTRATOR = {
    "type": "dict",
    "options": {
        "login": {"type": "str", "required": True},
        "sid": {"type": "str", "required": True},
        "tenant_id": {"type": "str"},
        "principal_type": {"type": "str", "choices": ["User", "Group", "Application"]},
        "entra_only": {"type": "bool"},
    },
}


class SqlServer(Resource):
    """A logical server of Azure SQL Database."""

    name = "sql_server"
    type = "Microsoft.Sql/servers"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.Sql/servers/{name}"
    address = ("resource_group", "name")
    operations = sql_operations("servers")
    packages = PACKAGES
    update_method = "begin_update"
    partial = True
    wait_timeout = 1200
    options = {
        **IN_GROUP,
        "administrator_login": {"type": "str"},
        "administrator_password": {"type": "str", "no_log": True},
        "update_password": {
            "type": "str",
            "choices": ["on_create", "always"],
            "default": "on_create",
            "no_log": False,
        },
        "entra_administrator": _ENTRA_ADMINISTRATOR,
        "minimal_tls_version": {"type": "str", "choices": ["1.2", "1.3"]},
        "public_network_access": {"type": "str", "choices": ["Enabled", "Disabled"]},
        "restrict_outbound_network_access": {"type": "str", "choices": ["Enabled", "Disabled"]},
        "primary_user_assigned_identity": {"type": "str"},
        **identity_option.OPTION,
        **TAGS,
    }
    constraints = NEEDS_LOCATION
    rules = {
        **identity_option.RULES,
        "location": immutable("location", LOCATION),
        "properties.administratorLogin": immutable("administrator_login"),
        "properties.administrators.sid": ID,
        "properties.administrators.tenantId": ID,
        "properties.administratorLoginPassword": WRITE_ONLY,
        "properties.minimalTlsVersion": ENUM,
        "properties.publicNetworkAccess": ENUM,
        "properties.restrictOutboundNetworkAccess": ENUM,
        "tags": WHOLE,
    }
    read_only = (
        *READ_ONLY,
        *identity_option.READ_ONLY,
        "kind",
        "properties.externalGovernanceStatus",
        "properties.fullyQualifiedDomainName",
        "properties.privateEndpointConnections",
        "properties.state",
        "properties.version",
        "properties.workspaceFeature",
    )

    def validate(self) -> None:
        params = self.params
        names.check("resource_group", params["resource_group"], names.RESOURCE_GROUP)
        names.check("name", params["name"], names.SQL_SERVER)
        identity_option.check(params)
        primary = params["primary_user_assigned_identity"]
        ids = (params["identity"] or {}).get("user_assigned_identities")
        if primary is not None and ids is not None and primary.lower() not in [id_.lower() for id_ in ids]:
            rule = "it is none of identity.user_assigned_identities: name it there too."
            raise InvalidOption("primary_user_assigned_identity", primary, rule)
        login = params["administrator_login"]
        if login is not None:
            names.check("administrator_login", login, names.SQL_LOGIN)
        if params["administrator_password"] is not None:
            check_password(params["administrator_password"], login or "")

    def validate_create(self) -> None:
        entra = self.params["entra_administrator"]
        if entra is not None and entra["entra_only"]:
            return
        needed = ("administrator_login", "administrator_password")
        missing = [option for option in needed if self.params[option] is None]
        if missing:
            raise Failure(
                f"A new server needs {' and '.join(missing)}, or entra_administrator with entra_only: true.",
                option=missing[0],
            )

    def desired(self) -> dict[str, Any]:
        """Return ARM JSON without the password, which request_body adds."""
        params = self.params
        return {
            "location": params["location"],
            "properties": {
                "administratorLogin": params["administrator_login"],
                "administrators": _administrators(params["entra_administrator"]),
                "minimalTlsVersion": params["minimal_tls_version"],
                "primaryUserAssignedIdentityId": params["primary_user_assigned_identity"],
                "publicNetworkAccess": params["public_network_access"],
                "restrictOutboundNetworkAccess": params["restrict_outbound_network_access"],
            },
            "identity": identity_option.desired(params),
            "tags": self.tags,
        }

    def always_write(self) -> bool:
        return self.params["update_password"] == "always" and self.params["administrator_password"] is not None

    def is_pending(self, resource: Json) -> bool:
        return (resource.get("properties") or {}).get("state") not in (None, "Ready", "Disabled")

    def request_body(self, planned: Plan) -> Json:
        """Return the body with the password where it is due.

        The Entra administrator of a server that exists has operations of its own, which come first.
        """
        new = planned.action == CREATE
        properties = dict(planned.body.get("properties") or {})
        administrators = properties.pop("administrators", None)
        if new:
            properties |= self._properties_of_new_server(administrators)
        elif administrators is not None:
            self._change_administrators(planned.before, administrators)
        password = self.params["administrator_password"]
        if password is not None and (new or self.always_write()):
            properties["administratorLoginPassword"] = password
        body = {key: item for key, item in planned.body.items() if key != "properties"}
        if properties:
            body["properties"] = properties
        return body if new else identity_option.patched(planned.before, body)

    def _properties_of_new_server(self, administrators: Json | None) -> Json:
        """Return the properties that Azure accepts only with a new server, or requires then."""
        properties: Json = {"minimalTlsVersion": self.params["minimal_tls_version"] or NEW_TLS_VERSION}
        if administrators is not None:
            # Azure resolves the type of the principal itself when the server exists.
            kind = self.params["entra_administrator"]["principal_type"]
            properties["administrators"] = administrators if kind is None else {**administrators, "principalType": kind}
        return properties

    def _change_administrators(self, before: Json, desired: Json) -> None:
        current = (before.get("properties") or {}).get("administrators") or {}
        only, was_only = bool(desired.get("azureADOnlyAuthentication")), bool(current.get("azureADOnlyAuthentication"))
        if was_only and not only:
            self._set_entra_only(only)
        if any(desired.get(key) != current.get(key) for key in ("login", "sid", "tenantId")):
            keys = ("administratorType", "login", "sid", "tenantId")
            body = {"properties": {key: desired[key] for key in keys if key in desired}}
            submitted = self.arm.submit(
                _ADMINISTRATORS, "begin_create_or_update", *self.sdk_arguments(), "ActiveDirectory", body=body
            )
            self.arm.wait(submitted, f"change of the Entra administrator of {self.params['name']}")
        if only and not was_only:
            self._set_entra_only(only)

    def _set_entra_only(self, only: bool) -> None:
        body = {"properties": {"azureADOnlyAuthentication": only}}
        submitted = self.arm.submit(_ENTRA_ONLY, "begin_create_or_update", *self.sdk_arguments(), "Default", body=body)
        self.arm.wait(submitted, f"change of Entra-only authentication of {self.params['name']}")


def _administrators(entra: dict[str, Any] | None) -> dict[str, Any] | None:
    if entra is None:
        return None
    return {
        "administratorType": "ActiveDirectory",
        "azureADOnlyAuthentication": entra["entra_only"],
        "login": entra["login"],
        "sid": entra["sid"],
        "tenantId": entra["tenant_id"],
    }


def check_password(password: str, login: str) -> None:
    """Raise Failure, without the password, for a password that Azure SQL would refuse."""
    classes = [r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]"]
    enough = sum(bool(re.search(pattern, password)) for pattern in classes) >= 3
    no_login = not login or login.lower() not in password.lower()
    if 8 <= len(password) <= 128 and enough and no_login:
        return
    raise Failure(
        "administrator_password: Azure SQL would refuse it: a password has 8 to 128 characters, of at least three of "
        "lowercase letters, uppercase letters, digits and other characters, and does not contain administrator_login.",
        option="administrator_password",
    )
