#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sql_database
short_description: Manage an Azure SQL database
version_added: 0.1.0
description:
  - Creates, updates and deletes a database of an Azure SQL server.
  - A server that is still being created is waited for, up to two minutes.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.resource.tags
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
      - Name of the server.
    type: str
    required: true
  name:
    description:
      - Name of the database. 1 to 128 characters.
    type: str
    required: true
  location:
    description:
      - Location of the database, which is that of its server. Azure fixes it at creation, a change is an error.
      - Required with O(state=present).
    type: str
  sku:
    description:
      - Size of the database as one word. Serverless as V(GP_S_Gen5_1), provisioned as V(GP_Gen5_2), by DTUs as V(S0).
      - Azure's default is V(GP_Gen5_2), which is charged by the hour.
    type: str
  collation:
    description:
      - Collation of the database. Azure fixes it at creation, a change is an error. Azure's default is V(SQL_Latin1_General_CP1_CI_AS).
    type: str
  auto_pause_delay:
    description:
      - Minutes without a connection after which a serverless database pauses, V(-1) for never. Azure's default is 60.
    type: int
  min_capacity:
    description:
      - Fewest vCores of a serverless database, as V(0.5).
    type: float
  max_size_bytes:
    description:
      - Most bytes of data. Azure's default depends on O(sku).
    type: int
  zone_redundant:
    description:
      - Whether the database is spread over availability zones.
    type: bool
  backup_storage_redundancy:
    description:
      - How backups are stored. Azure's default is V(Geo).
    type: str
    choices: [Local, Zone, Geo, GeoZone]
  short_term_retention:
    description:
      - How far back the database can be restored to any point in time. It costs one more read.
      - A new database gets it once it is there, so not with O(wait=false), but from a later task.
    type: dict
    suboptions:
      retention_days:
        description:
          - Days, 1 to 35, of a Basic database 1 to 7. Azure's default is 7.
        type: int
      differential_backup_interval_in_hours:
        description:
          - Hours between two differential backups. Azure's default is 12.
        type: int
        choices: [12, 24]
  long_term_retention:
    description:
      - Which full backups are kept for longer, as ISO 8601 periods (V(P4W), V(P12M), V(P5Y)), V(PT0S) for none. It costs one more read.
      - A new database gets it once it is there, so not with O(wait=false), but from a later task.
      - A serverless database with it cannot pause, so it needs O(auto_pause_delay=-1).
    type: dict
    suboptions:
      weekly_retention:
        description:
          - How long the full backup of every week is kept.
        type: str
      monthly_retention:
        description:
          - How long the first full backup of every month is kept.
        type: str
      yearly_retention:
        description:
          - How long the full backup of O(long_term_retention.week_of_year) is kept.
        type: str
      week_of_year:
        description:
          - Which week, 1 to 52. Required with O(long_term_retention.yearly_retention).
        type: int
  use_free_limit:
    description:
      - Whether the database is under Azure's free offer (a monthly amount of seconds and storage). Only serverless databases can.
    type: bool
  free_limit_exhaustion_behavior:
    description:
      - What happens when the free amount of the month is used up.
    type: str
    choices: [AutoPause, BillOverUsage]
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
    type: int
    default: 1800
seealso:
  - name: Databases - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/sql/databases/create-or-update
  - module: mlops.mlflow_azure.sql_server
"""

EXAMPLES = r"""
- name: Have a serverless database that pauses when nobody uses it
  mlops.mlflow_azure.sql_database:
    resource_group: rg-mlflow
    server: sql-mlflow-42
    name: mlflow
    location: westeurope
    sku: GP_S_Gen5_1
    auto_pause_delay: 60
    min_capacity: 0.5
    backup_storage_redundancy: Local

- name: Have a database that Azure does not charge for
  mlops.mlflow_azure.sql_database:
    resource_group: rg-mlflow
    server: sql-mlflow-42
    name: mlflow-free
    location: westeurope
    sku: GP_S_Gen5_2
    use_free_limit: true
    free_limit_exhaustion_behavior: AutoPause

- name: Keep its backups for two weeks
  mlops.mlflow_azure.sql_database:
    resource_group: rg-mlflow
    server: sql-mlflow-42
    name: mlflow
    location: westeurope
    short_term_retention:
      retention_days: 14
"""

RETURN = r"""
sql_database:
  description:
    - The database as Azure describes it; empty when it is absent. In check mode what it would be.
    - C(backupShortTermRetentionPolicy) and C(backupLongTermRetentionPolicy) are there where O(short_term_retention) and O(long_term_retention) are set.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Sql/servers/sql-mlflow-42/databases/mlflow
    location: westeurope
    name: mlflow
    properties:
      collation: SQL_Latin1_General_CP1_CI_AS
      status: Online
    sku:
      capacity: 1
      family: Gen5
      name: GP_S_Gen5
      tier: GeneralPurpose
    type: Microsoft.Sql/servers/databases
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._sql.database import SqlDatabase

MODULE = SqlDatabase


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
