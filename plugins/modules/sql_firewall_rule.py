#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sql_firewall_rule
short_description: Manage a firewall rule of an Azure SQL server
version_added: 0.1.0
description:
  - Creates, updates and deletes a firewall rule, which allows a range of IPv4 addresses to connect to an Azure SQL server.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.attributes
requirements:
  - azure-mgmt-sql
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  server:
    description:
      - Name of the SQL server.
    type: str
    required: true
  name:
    description:
      - Name of the rule. 1 to 128 characters, none of V(<>*%&:\\/?), not ending with a dot.
    type: str
    required: true
  start_ip_address:
    description:
      - First address of the range. V(0.0.0.0) together with O(end_ip_address=0.0.0.0) allows all Azure services and resources.
      - Required with O(state=present).
    type: str
  end_ip_address:
    description:
      - Last address of the range.
      - Required with O(state=present).
    type: str
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 600
seealso:
  - name: Firewall Rules - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/sql/firewall-rules/create-or-update
"""

EXAMPLES = r"""
- name: Allow Azure services and resources
  mlops.mlflow_azure.sql_firewall_rule:
    resource_group: rg-mlflow
    server: sql-mlflow-42
    name: azure-services
    start_ip_address: 0.0.0.0
    end_ip_address: 0.0.0.0
"""

RETURN = r"""
sql_firewall_rule:
  description: The firewall rule as Azure returns it. Empty when it is absent. In check mode the expected rule.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Sql/servers/sql-mlflow-42/firewallRules/azure-services
    name: azure-services
    properties:
      endIpAddress: 0.0.0.0
      startIpAddress: 0.0.0.0
    type: Microsoft.Sql/servers/firewallRules
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import module as _module
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import names as _names
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.addresses import check_range
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.arm import Operations
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.resource import Params, Resource


def check(params: Params) -> None:
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("server", params["server"], _names.SQL_SERVER)
    _names.check("name", params["name"], _names.SQL_FIREWALL_RULE)
    if params["state"] == "present":
        check_range("start_ip_address", params["start_ip_address"], "end_ip_address", params["end_ip_address"])


def desired(params: Params) -> dict:
    return {
        "properties": {"startIpAddress": params["start_ip_address"], "endIpAddress": params["end_ip_address"]},
    }


RESOURCE = Resource(
    name="sql_firewall_rule",
    type="Microsoft.Sql/servers/firewallRules",
    path="/resourceGroups/{resource_group}/providers/Microsoft.Sql/servers/{server}/firewallRules/{name}",
    operations=Operations("azure.mgmt.sql:SqlManagementClient", "firewall_rules", "Microsoft.Sql"),
    address=("resource_group", "server", "name"),
    options={
        "resource_group": {"type": "str", "required": True},
        "server": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "start_ip_address": {"type": "str"},
        "end_ip_address": {"type": "str"},
    },
    desired=desired,
    check=check,
    create="create_or_update",
    update="create_or_update",
    delete="delete",
)
MODULE = _module.resource_module(
    RESOURCE,
    packages={"azure.mgmt.sql": "azure-mgmt-sql"},
    wait_timeout=600,
    required_if=[("state", "present", ("start_ip_address", "end_ip_address"))],
)


def main() -> None:
    _module.main(MODULE)


if __name__ == "__main__":
    main()
