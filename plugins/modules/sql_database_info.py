#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sql_database_info
short_description: Look at databases of an Azure SQL server
version_added: 0.2.0
description:
  - Gives one database, or all of a server, the system database V(master) included.
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
      - Name of the server.
    type: str
    required: true
  name:
    description:
      - Name of the database. Without it, all of the server.
    type: str
seealso:
  - name: Databases - Get
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/sql/databases/get
  - module: mlops.mlflow_azure.sql_database
"""

EXAMPLES = r"""
- name: Look at the database of the tracking server
  mlops.mlflow_azure.sql_database_info:
    resource_group: rg-mlflow
    server: sql-mlflow-42
    name: mlflow
  register: found

- name: Show whether it is paused
  ansible.builtin.debug:
    msg: "{{ found.sql_databases | map(attribute='properties.status') | first | default('there is none') }}"
"""

RETURN = r"""
sql_databases:
  description: The databases as Azure describes them. Empty when there are none.
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
