#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sql_database_user
short_description: Manage a database user for an Entra ID principal
version_added: 0.3.0
description:
  - Creates and drops a contained user of an Azure SQL database for an application, a managed identity, a group or a user of Microsoft Entra
    ID, and manages its membership in database roles.
  - The user is created from the id of the principal, so neither the server nor the identity that runs the task needs a role in the
    directory.
  - Signs in to the database with a token. The identity must be the server's Entra administrator, a member of the administrator group, or a
    database user with the permissions C(ALTER ANY USER) and C(ALTER ANY ROLE). A server without an Entra administrator accepts no tokens.
  - Connects directly to the server, by default on port 1433, and does not use HTTPS_PROXY. The server's firewall must allow the machine.
  - Resumes a serverless database that is paused.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.attributes
requirements:
  - mssql-python >= 1.16, < 2
options:
  server:
    description:
      - Name of the SQL server, or its host name.
    type: str
    required: true
  port:
    description:
      - TCP port of the SQL server.
    type: int
    default: 1433
  database:
    description:
      - Name of the database.
    type: str
    required: true
  name:
    description:
      - Name of the database user, for example the name of the identity. 1 to 128 characters.
    type: str
    required: true
  sid:
    description:
      - Client id of an application or managed identity, or object id of a group or user. Required with O(state=present).
      - Immutable. Azure does not validate that the principal exists. Do not use the object id of a managed identity, because then the
        identity cannot sign in.
    type: str
  principal_type:
    description:
      - Type of the principal whose id is O(sid). A managed identity is an V(Application).
    type: str
    choices: [Application, Group, User]
    default: Application
  roles:
    description:
      - Database roles of the user, for example V(db_datareader), V(db_datawriter) and V(db_ddladmin).
      - The complete list, the user is removed from other roles. Without this option the module does not change roles.
    type: list
    elements: str
  state:
    description:
      - V(present) creates the user or updates its roles to match O(roles).
      - V(absent) drops the user, whatever its O(sid). Azure rejects this as long as the user owns an object in the database.
    type: str
    choices: [present, absent]
    default: present
  wait:
    description:
      - Whether to wait while the database is paused, busy or moving to another node, and to retry after a broken connection.
    type: bool
    default: true
  wait_timeout:
    description:
      - Timeout of the task in seconds. A paused database takes about one minute to resume.
    type: int
    default: 300
notes:
  - In check mode the module treats a server whose host name does not resolve as one that does not exist yet.
  - The driver requires Debian's packages C(libltdl7) and C(libgssapi-krb5-2), which most systems have. It contains Microsoft's ODBC driver,
    whose license is at U(https://aka.ms/odbc18eula).
seealso:
  - name: CREATE USER
    description: Reference of the statement.
    link: https://learn.microsoft.com/sql/t-sql/statements/create-user-transact-sql
  - name: Database-level roles
    description: The permissions of each role.
    link: https://learn.microsoft.com/sql/relational-databases/security/authentication-access/database-level-roles
  - module: mlops.mlflow_azure.sql_server
  - module: mlops.mlflow_azure.sql_firewall_rule
  - module: mlops.mlflow_azure.user_assigned_identity
"""

EXAMPLES = r"""
- name: Create a user for an app that also changes the schema
  mlops.mlflow_azure.sql_database_user:
    server: sql-mlflow-42
    database: mlflow
    name: id-mlflow
    sid: 00000000-0000-0000-0000-000000000001
    roles: [db_datareader, db_datawriter, db_ddladmin]

- name: Create a user for a group with read access
  mlops.mlflow_azure.sql_database_user:
    server: sql-mlflow-42
    database: mlflow
    name: data-scientists
    sid: 00000000-0000-0000-0000-000000000002
    principal_type: Group
    roles: [db_datareader]

- name: Drop the user
  mlops.mlflow_azure.sql_database_user:
    server: sql-mlflow-42
    database: mlflow
    name: data-scientists
    state: absent
"""

RETURN = r"""
sql_database_user:
  description: The database user. Empty when it is absent. In check mode the expected user.
  returned: success
  type: dict
  contains:
    id:
      description: Host name of the server, name of the database and name of the user.
      type: str
      sample: sql-mlflow-42.database.windows.net/mlflow/id-mlflow
    name:
      description: Name of the user.
      type: str
      sample: id-mlflow
    type:
      description: Type of the user, as C(type) in C(sys.database_principals). V(E), or V(X) for a group.
      type: str
      sample: E
    sid:
      description: Client id of the application or managed identity, or object id of the group or user.
      type: str
      sample: 00000000-0000-0000-0000-000000000001
    roles:
      description: The roles of the user.
      type: list
      elements: str
      sample: [db_datareader, db_datawriter, db_ddladmin]
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._sql.database_user import SqlDatabaseUser

MODULE = SqlDatabaseUser


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
