# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Entra administrator of a server, and whether the server accepts Entra identities only.

Both are separate resources, and also properties of the server.
"""

from __future__ import annotations

from sandbox.arm.errors import ArmError
from sandbox.arm.resource_type import Call, Context, NameRule, Reply
from sandbox.arm.target import Target
from sandbox.messages import Json
from sandbox.providers.sql.resource import LOCATIONS, SqlResource, invalid_value
from sandbox.providers.sql.server import Server
from sandbox.providers.sql.settings import Setting
from sandbox.store import Operation, Resource


class Administrator(SqlResource):
    """The Entra administrator of a server."""

    type = "Microsoft.Sql/servers/administrators"
    create_reply = update_reply = delete_reply = Reply.ACCEPTED_OPERATION
    seconds = {"create": 8.0, "update": 8.0, "delete": 8.0}
    name_rule = NameRule(
        "(?i:activedirectory)",
        "InvalidResourceName",
        "The name '{name}' of the administrator must be 'ActiveDirectory'.",
    )
    status_path = f"{LOCATIONS}/serverAdministratorAzureAsyncOperation/{{operation}}"
    result_path = f"{LOCATIONS}/serverAdministratorOperationResults/{{operation}}"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.server = Server(context)

    def operation_name(self, verb: str, body: Json) -> str:
        return f"{'Drop' if verb == 'delete' else verb.capitalize()}ActiveDirectoryAdministrator"

    def show(self, resource: Resource) -> Json:
        content = {**super().show(resource), "type": "Microsoft.Sql/servers"}
        administrators = self.server.administrators(resource.id.rpartition("/administrators/")[0])
        return {**content, **_body(administrators)} if administrators else content

    def default_instance(self, target: Target) -> Resource | None:
        administrators = self.server.administrators(target.parent_id or "")
        if not administrators:
            return None
        return Resource(self.resource_id(target), self.type.lower(), "ActiveDirectory", _body(administrators))

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = call.body.get("properties") or {}
        for name in ("login", "sid"):
            if not requested.get(name):
                raise invalid_value(name, requested.get(name), "It is required.")

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body["properties"]
        return _body({**requested, "tenantId": requested.get("tenantId") or self.context.directory.tenant}), {}

    def start_work(self, resource: Resource, operation: Operation, call: Call) -> bool:
        server_id = call.target.parent_id or ""
        current = self.server.administrators(server_id) or {"principalType": None, "azureADOnlyAuthentication": False}
        self.server.set_administrators(server_id, {**current, **resource.properties})
        return False

    def on_delete(self, resource: Resource) -> None:
        self.server.set_administrators(resource.id.rpartition("/administrators/")[0], {})


def _body(administrators: Json) -> Json:
    names = [name for name in ("login", "sid", "tenantId") if administrators.get(name)]
    return {
        "properties": {
            "administratorType": "ActiveDirectory",
            **{name: administrators[name] for name in names},
        }
    }


class EntraOnly(Setting):
    """The setting that a server accepts Entra identities only."""

    type = "Microsoft.Sql/servers/azureADOnlyAuthentications"
    instance_name = "Default"
    defaults = {"azureADOnlyAuthentication": False}
    status_path = f"{LOCATIONS}/aadOnlyAuthenticationAzureAsyncOperation/{{operation}}"
    result_path = f"{LOCATIONS}/aadOnlyAuthenticationOperationResults/{{operation}}"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.server = Server(context)

    def operation_name(self, verb: str, body: Json) -> str:
        return "DropAzureADOnlyAuthentication" if verb == "delete" else "UpdateActiveDirectoryAdministrator"

    def default_instance(self, target: Target) -> Resource | None:
        server_id = target.parent_id or ""
        if self.store.get(server_id) is None:
            return None
        return Resource(self.resource_id(target), self.type.lower(), self.instance_name, self._body(server_id))

    def show(self, resource: Resource) -> Json:
        content = {**super().show(resource), "type": "Microsoft.Sql/servers"}
        return {**content, **self._body(resource.id.rpartition("/azureADOnlyAuthentications/")[0])}

    def _body(self, server_id: str) -> Json:
        enabled = bool(self.server.administrators(server_id).get("azureADOnlyAuthentication"))
        return {"properties": {"azureADOnlyAuthentication": enabled}}

    def check(self, call: Call, existing: Resource | None) -> None:
        enabled = (call.body.get("properties") or {}).get("azureADOnlyAuthentication")
        if enabled and not self.server.administrators(call.target.parent_id or ""):
            raise ArmError(
                400,
                "AadOnlyAuthenticationAzureADAdminNotSet",
                "Azure Active Directory Only Authentication cannot be enabled: the server has no Entra administrator. Set one first.",
                cause="",
            )

    def start_work(self, resource: Resource, operation: Operation, call: Call) -> bool:
        self._enable(call.target.parent_id or "", bool(resource.properties["azureADOnlyAuthentication"]))
        return False

    def on_delete(self, resource: Resource) -> None:
        self._enable(resource.id.rpartition("/azureADOnlyAuthentications/")[0], False)

    def _enable(self, server_id: str, enabled: bool) -> None:
        if administrators := self.server.administrators(server_id):
            self.server.set_administrators(server_id, {**administrators, "azureADOnlyAuthentication": enabled})
