# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that admit clients to a server: firewall rules and virtual network rules."""

from __future__ import annotations

import ipaddress

from sandbox.arm.errors import ArmError
from sandbox.arm.resource_type import Call, NameRule, Reply
from sandbox.messages import Json
from sandbox.providers.sql.resource import LOCATIONS, SqlResource, invalid_value
from sandbox.store import Resource


class FirewallRule(SqlResource):
    """A range of IPv4 addresses that the firewall of a server admits."""

    type = "Microsoft.Sql/servers/firewallRules"
    created_status = 200
    name_rule = NameRule(
        r"[^<>*%&:;\\/?\x00-\x1f]{0,127}[^<>*%&:;\\/?\x00-\x1f.]",
        "InvalidParameterValue",
        "Invalid value '{name}' given for parameter 'firewallRuleName'. Specify a valid parameter value.",
    )

    def check(self, call: Call, existing: Resource | None) -> None:
        requested = call.body.get("properties") or {}
        try:
            start, end = (
                ipaddress.IPv4Address(str(requested.get(name))) for name in ("startIpAddress", "endIpAddress")
            )
        except ValueError as error:
            raise ArmError(400, "InvalidIpAddress", f"The IP address is not valid: {error}.", cause="") from error
        if end < start:
            raise ArmError(
                400, "InvalidIpAddressRange", "The end IP address is smaller than the start IP address.", cause=""
            )

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body["properties"]
        return {
            "properties": {"startIpAddress": requested["startIpAddress"], "endIpAddress": requested["endIpAddress"]}
        }, {}


class VirtualNetworkRule(SqlResource):
    """A subnet that a server admits. The sandbox stores the rule only: it has no virtual networks."""

    type = "Microsoft.Sql/servers/virtualNetworkRules"
    create_reply = update_reply = delete_reply = Reply.ACCEPTED_OPERATION
    seconds = {"create": 15.0, "update": 15.0, "delete": 10.0}
    status_path = f"{LOCATIONS}/virtualNetworkRulesAzureAsyncOperation/{{operation}}"
    result_path = f"{LOCATIONS}/virtualNetworkRulesOperationResults/{{operation}}"

    def operation_name(self, verb: str, body: Json) -> str:
        return f"{'Drop' if verb == 'delete' else 'Upsert'}VnetFirewallRule"

    def check(self, call: Call, existing: Resource | None) -> None:
        subnet = str((call.body.get("properties") or {}).get("virtualNetworkSubnetId") or "")
        if "/subnets/" not in subnet.lower():
            raise invalid_value("virtualNetworkSubnetId", subnet, "It must be the id of a subnet.")

    def build(self, call: Call, existing: Resource | None) -> tuple[Json, Json]:
        requested = call.body["properties"]
        properties = {
            "virtualNetworkSubnetId": requested["virtualNetworkSubnetId"],
            "ignoreMissingVnetServiceEndpoint": bool(requested.get("ignoreMissingVnetServiceEndpoint", False)),
            "state": "Ready",
        }
        return {"properties": properties}, {}
