# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.Sql/servers/firewallRules."""

from __future__ import annotations

from typing import Any

from .._core import names
from .._core.addresses import check_range
from .._core.resource import Resource
from .client import PACKAGES, sql_operations


class SqlFirewallRule(Resource):
    """A firewall rule of an SQL server."""

    name = "sql_firewall_rule"
    type = "Microsoft.Sql/servers/firewallRules"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.Sql/servers/{server}/firewallRules/{name}"
    address = ("resource_group", "server", "name")
    operations = sql_operations("firewall_rules")
    packages = PACKAGES
    create_method = "create_or_update"
    update_method = "create_or_update"
    delete_method = "delete"
    wait_timeout = 600
    options = {
        "resource_group": {"type": "str", "required": True},
        "server": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "start_ip_address": {"type": "str"},
        "end_ip_address": {"type": "str"},
    }
    constraints = {"required_if": [("state", "present", ("start_ip_address", "end_ip_address"))]}

    def validate(self) -> None:
        params = self.params
        names.check("resource_group", params["resource_group"], names.RESOURCE_GROUP)
        names.check("server", params["server"], names.SQL_SERVER)
        names.check("name", params["name"], names.SQL_FIREWALL_RULE)
        if self.state == "present":
            check_range("start_ip_address", params["start_ip_address"], "end_ip_address", params["end_ip_address"])

    def desired(self) -> dict[str, Any]:
        start, end = self.params["start_ip_address"], self.params["end_ip_address"]
        return {"properties": {"startIpAddress": start, "endIpAddress": end}}
