#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sql_database_info
short_description: Gather information about databases of an Azure SQL server
version_added: 0.2.0
description:
  - Returns one database of a server, or all of them, including the system database V(master).
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.attributes
  - mlops.mlflow_azure.attributes.info
  - mlops.mlflow_azure.read
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
      - Name of the database. Without it the module returns all databases of the server.
    type: str
seealso:
  - name: Databases - Get
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/sql/databases/get
  - module: mlops.mlflow_azure.sql_database
"""

EXAMPLES = r"""
- name: Get the database of the tracking server
  mlops.mlflow_azure.sql_database_info:
    resource_group: rg-mlflow
    server: sql-mlflow-42
    name: mlflow
  register: result

- name: Show its status
  ansible.builtin.debug:
    msg: "{{ result.sql_databases | map(attribute='properties.status') | first | default('none') }}"
"""

RETURN = r"""
sql_databases:
  description: The databases as Azure returns them. Empty when there are none.
  returned: success
  type: list
  elements: dict
  sample:
    - id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Sql/servers/sql-mlflow-42/databases/mlflow
      location: westeurope
      name: mlflow
      properties:
        currentServiceObjectiveName: GP_S_Gen5_1
        status: Online
      type: Microsoft.Sql/servers/databases
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._sql.database import SqlDatabaseInfo

MODULE = SqlDatabaseInfo


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
