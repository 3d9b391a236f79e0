# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Sql/servers: logical servers."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from sandbox.arm.errors import ArmError
from sandbox.arm.locations import region
from sandbox.arm.resource_type import Call, NameRule, Reply
from sandbox.messages import Json, Response, json_response
from sandbox.providers.sql.capabilities import capabilities
from sandbox.providers.sql.resource import LOCATIONS, SqlResource
from sandbox.store import Resource


def password_hash(password: str, salt: str) -> str:
    """Return the scrypt hash of a password."""
    return hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()


def password_matches(server: Resource, password: str) -> bool:
    """Return whether a password is that of the administrator login of a server."""
    if "salt" not in server.private:
        return False
    return hmac.compare_digest(password_hash(password, server.private["salt"]), server.private["password"])


# The code is that of the REST reference of servers; the portal refuses the reserved names.
LOGIN_RULE = NameRule(
    r"[A-Za-z][A-Za-z0-9_-]{0,127}",
    "InvalidLoginName",
    "The provided login name '{name}' is invalid.",
    reserved=frozenset(
        "admin administrator dbmanager dbo guest information_schema loginmanager public root sa sys".split()
    ),
)


class Server(SqlResource):
    """A logical server."""

    type = "Microsoft.Sql/servers"
    unique_everywhere = True
    located = True
    name_rule = NameRule(
        r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
        "InvalidServerName",
        "'{name}' is not a valid server name. It must be lower case letters, digits and hyphens, not begin or end with a hyphen, "
        "and be at most 63 characters long.",
    )
    create_reply = update_reply = delete_reply = Reply.ACCEPTED_OPERATION
    retry_after = 1
    seconds = {"create": 57.0, "update": 3.5, "delete": 8.0}
    status_path = f"{LOCATIONS}/serverAzureAsyncOperation/{{operation}}"
    result_path = f"{LOCATIONS}/serverOperationResults/{{operation}}"
    provider_actions = {"locations/capabilities": "GET"}

    def run_provider_action(self, call: Call, action: str) -> Response:
        return json_response(200, capabilities(call.target.names[0]))

    def name_availability(self, name: str) -> Json:
        """Return the body of the response in the form of Azure SQL."""
        body = super().name_availability(name)
        return {"name": name, "available": body.pop("nameAvailable"), **body}

    def operation_name(self, verb: str, body: Json) -> str:
        return "DropLogicalServer" if verb == "delete" else "UpsertLogicalServer"

    def name_conflict(self, name: str) -> ArmError:
        return ArmError(
            409,
            "NameAlreadyExists",
            f"The name '{name}.database.windows.net' already exists. Choose a different name.",
            cause="",
        )

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = call.body.get("properties") or {}
        login, password = requested.get("administratorLogin"), requested.get("administratorLoginPassword")
        entra_only = (requested.get("administrators") or {}).get("azureADOnlyAuthentication")
        if existing is None and not entra_only and not (login and password):
            raise ArmError(
                400,
                "InvalidParameterValue",
                "Invalid value given for parameter 'administratorLogin' or 'administratorLoginPassword'. Specify a valid parameter value.",
                cause="",
            )
        if existing is None and login and not LOGIN_RULE.accepts(login):
            raise LOGIN_RULE.error(login)
        if existing is not None and login and login != existing.properties["administratorLogin"]:
            raise ArmError(
                400,
                "AdministratorLoginCannotBeChanged",
                "The administrator login name cannot be changed once the server is created.",
                cause="",
            )
        if password is not None and not _strong(
            password, login or (existing.properties["administratorLogin"] if existing else "")
        ):
            raise ArmError(
                400,
                "PasswordNotComplex",
                "Password validation failed. The password does not meet policy requirements because it is not complex enough.",
                cause="",
            )

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body.get("properties") or {}
        current = existing.properties if existing else {}
        properties: Json = {
            "administratorLogin": current.get("administratorLogin")
            or requested.get("administratorLogin")
            or f"CloudSA{secrets.token_hex(4)}",
            "version": "12.0",
            "state": "Ready",
            "fullyQualifiedDomainName": f"{call.target.name}.database.windows.net",
            "privateEndpointConnections": [],
            "minimalTlsVersion": requested.get("minimalTlsVersion") or current.get("minimalTlsVersion") or "1.2",
            "publicNetworkAccess": requested.get("publicNetworkAccess")
            or current.get("publicNetworkAccess")
            or "Enabled",
        }
        for name in ("primaryUserAssignedIdentityId", "keyId", "federatedClientId"):
            if value := requested.get(name, current.get(name)):
                properties[name] = str(value).replace("/resourceGroups/", "/resourcegroups/")
        administrators = requested.get("administrators") or current.get("administrators")
        if administrators:
            properties["administrators"] = {
                "administratorType": "ActiveDirectory",
                "principalType": administrators.get("principalType"),
                "login": administrators.get("login"),
                "sid": administrators.get("sid"),
                "tenantId": administrators.get("tenantId") or self.context.directory.tenant,
                "azureADOnlyAuthentication": bool(administrators.get("azureADOnlyAuthentication", False)),
            }
        properties |= {
            "restrictOutboundNetworkAccess": requested.get("restrictOutboundNetworkAccess")
            or current.get("restrictOutboundNetworkAccess")
            or "Disabled",
            **(
                {"isIPv6Enabled": ipv6}
                if (ipv6 := requested.get("isIPv6Enabled", current.get("isIPv6Enabled")))
                else {}
            ),
            "externalGovernanceStatus": "Disabled",
            "retentionDays": -1,
        }
        body: Json = {"kind": "v12.0", "properties": properties, "location": region(call.body["location"])}
        if identity := self.identity(call, existing, lower_group=True):
            body["identity"] = identity
        if call.body.get("tags"):
            body["tags"] = call.body["tags"]
        private = dict(existing.private) if existing else {}
        if (password := requested.get("administratorLoginPassword")) is not None:
            private["salt"] = secrets.token_hex(16)
            private["password"] = password_hash(password, private["salt"])
        return body, private

    # the Entra administrators, which are also separate resources

    def administrators(self, server_id: str) -> Json:
        """Return the Entra administrators of a server; empty where it has none or does not exist."""
        server = self.store.get(server_id)
        return (server.properties.get("administrators") or {}) if server is not None else {}

    def set_administrators(self, server_id: str, administrators: Json) -> None:
        """Write the Entra administrators into a server, unless it is being deleted. Empty: remove them."""
        server = self.store.get(server_id)
        if server is None or server.state == "Deleting":
            return
        server.properties.pop("administrators", None)
        if administrators:
            server.properties["administrators"] = administrators
        self.store.put(server)


def _strong(password: str, login: str) -> bool:
    classes = sum(bool(re.search(pattern, password)) for pattern in (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^a-zA-Z0-9]"))
    return 8 <= len(password) <= 128 and classes >= 3 and not (login and login.lower() in password.lower())
