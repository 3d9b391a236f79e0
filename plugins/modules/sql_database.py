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
  - If the server is still being created, the module waits for it for up to two minutes.
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
      - Name of the SQL server.
    type: str
    required: true
  name:
    description:
      - Name of the database. 1 to 128 characters.
    type: str
    required: true
  location:
    description:
      - Location of the database, equal to the location of its server. Immutable, a change is an error.
      - Required with O(state=present).
    type: str
  sku:
    description:
      - SKU name. For example V(GP_S_Gen5_1) for serverless, V(GP_Gen5_2) for provisioned, V(S0) for the DTU model.
      - Azure's default is V(GP_Gen5_2), which is charged per hour.
    type: str
  collation:
    description:
      - Collation of the database. Immutable, a change is an error. Azure's default is V(SQL_Latin1_General_CP1_CI_AS).
    type: str
  auto_pause_delay:
    description:
      - Auto-pause delay of a serverless database in minutes. V(-1) disables auto-pause. Azure's default is 60.
    type: int
  min_capacity:
    description:
      - Minimum number of vCores of a serverless database, for example V(0.5).
    type: float
  max_size_bytes:
    description:
      - Maximum size of the data in bytes. Azure's default depends on O(sku).
    type: int
  zone_redundant:
    description:
      - Whether the database is zone-redundant.
    type: bool
  backup_storage_redundancy:
    description:
      - Storage redundancy of the backups. Azure's default is V(Geo).
    type: str
    choices: [Local, Zone, Geo, GeoZone]
  short_term_retention:
    description:
      - Short-term retention policy, which defines the period for point-in-time restore. Requires one more read.
      - A new database receives the policy after its creation, so with O(wait=false) set the policy in a later task.
    type: dict
    suboptions:
      retention_days:
        description:
          - Retention in days, 1 to 35, or 1 to 7 in the Basic tier. Azure's default is 7.
        type: int
      differential_backup_interval_in_hours:
        description:
          - Interval between differential backups in hours. Azure's default is 12.
        type: int
        choices: [12, 24]
  long_term_retention:
    description:
      - Long-term retention policy for full backups. Values are ISO 8601 durations (V(P4W), V(P12M), V(P5Y)), or V(PT0S) for no retention.
        Requires one more read.
      - A new database receives the policy after its creation, so with O(wait=false) set the policy in a later task.
      - A serverless database with a long-term retention policy cannot pause, so it requires O(auto_pause_delay=-1).
    type: dict
    suboptions:
      weekly_retention:
        description:
          - Retention of the weekly full backups.
        type: str
      monthly_retention:
        description:
          - Retention of the first full backup of every month.
        type: str
      yearly_retention:
        description:
          - Retention of the full backup of O(long_term_retention.week_of_year).
        type: str
      week_of_year:
        description:
          - Week of the year of the yearly backup, 1 to 52. Required with O(long_term_retention.yearly_retention).
        type: int
  use_free_limit:
    description:
      - Whether the database uses Azure's free offer, with a monthly amount of vCore seconds and storage. Serverless databases only.
    type: bool
  free_limit_exhaustion_behavior:
    description:
      - Behavior when the free amount of the month is exhausted.
    type: str
    choices: [AutoPause, BillOverUsage]
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
    type: int
    default: 1800
seealso:
  - name: Databases - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/sql/databases/create-or-update
  - module: mlops.mlflow_azure.sql_server
"""

EXAMPLES = r"""
- name: Create a serverless database that pauses when it is idle
  mlops.mlflow_azure.sql_database:
    resource_group: rg-mlflow
    server: sql-mlflow-42
    name: mlflow
    location: westeurope
    sku: GP_S_Gen5_1
    auto_pause_delay: 60
    min_capacity: 0.5
    backup_storage_redundancy: Local

- name: Create a database with the free offer
  mlops.mlflow_azure.sql_database:
    resource_group: rg-mlflow
    server: sql-mlflow-42
    name: mlflow-free
    location: westeurope
    sku: GP_S_Gen5_2
    use_free_limit: true
    free_limit_exhaustion_behavior: AutoPause

- name: Keep the database's backups for two weeks
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
    - The database as Azure returns it. Empty when it is absent. In check mode the expected database.
    - It contains C(backupShortTermRetentionPolicy) and C(backupLongTermRetentionPolicy) if O(short_term_retention) and
      O(long_term_retention) are set.
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
