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

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._sql.firewall_rule import SqlFirewallRule

MODULE = SqlFirewallRule


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
