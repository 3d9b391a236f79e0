#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sql_database_user
short_description: Manage a user of an Azure SQL database for an identity
version_added: 0.3.0
description:
  - Creates and drops a contained user of an Azure SQL database for an application, a managed identity, a group or a user of
    Microsoft Entra ID, and puts it into roles of the database and takes it out of them.
  - The user is made from the id of the principal, so neither the server nor who runs the task needs a role in the directory.
  - Signs in to the database with a token, as the server's Entra administrator, a member of its group, or a user of the database with the
    permissions C(ALTER ANY USER) and C(ALTER ANY ROLE). A server without an Entra administrator lets nobody in this way.
  - Goes to the server itself, by default at port 1433, and not through HTTPS_PROXY. The server's firewall must let the machine in.
  - A serverless database that is paused wakes up for it.
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
      - Name of the server, or its whole host name.
    type: str
    required: true
  port:
    description:
      - Port of the server.
    type: int
    default: 1433
  database:
    description:
      - Name of the database.
    type: str
    required: true
  name:
    description:
      - Name of the user in the database, such as the name of the identity. 1 to 128 characters.
    type: str
    required: true
  sid:
    description:
      - Client id of an application or managed identity, object id of a group or user. Needed with O(state=present).
      - It cannot be changed, and Azure does not look whether there is such a principal. With the object id of a managed identity
        nobody can sign in.
    type: str
  principal_type:
    description:
      - What O(sid) is the id of. A managed identity is an V(Application).
    type: str
    choices: [Application, Group, User]
    default: Application
  roles:
    description:
      - Roles of the database that the user is in, such as V(db_datareader), V(db_datawriter) and V(db_ddladmin).
      - The given list is the whole of them, the user is taken out of others. Without the option they are left alone.
    type: list
    elements: str
  state:
    description:
      - V(present) creates the user or brings its roles to what O(roles) says.
      - V(absent) drops it, whatever its O(sid). Azure refuses that as long as the user owns something in the database.
    type: str
    choices: [present, absent]
    default: present
  wait:
    description:
      - Whether to wait while the database is paused, busy or moves, and to try again when a connection breaks.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds until the task gives up. A paused database takes about one minute.
    type: int
    default: 300
notes:
  - In check mode a server whose name is not known counts as one that is not there yet.
  - The driver also needs Debian's C(libltdl7) and C(libgssapi-krb5-2), which most systems have. It holds Microsoft's ODBC driver,
    whose licence is at U(https://aka.ms/odbc18eula).
seealso:
  - name: CREATE USER
    description: The statement's reference.
    link: https://learn.microsoft.com/sql/t-sql/statements/create-user-transact-sql
  - name: Roles of a database
    description: What each of them may do.
    link: https://learn.microsoft.com/sql/relational-databases/security/authentication-access/database-level-roles
  - module: mlops.mlflow_azure.sql_server
  - module: mlops.mlflow_azure.sql_firewall_rule
  - module: mlops.mlflow_azure.user_assigned_identity
"""

EXAMPLES = r"""
- name: Let an app in, which also changes its schema
  mlops.mlflow_azure.sql_database_user:
    server: sql-mlflow-42
    database: mlflow
    name: id-mlflow
    sid: 00000000-0000-0000-0000-000000000001
    roles: [db_datareader, db_datawriter, db_ddladmin]

- name: Let a group look
  mlops.mlflow_azure.sql_database_user:
    server: sql-mlflow-42
    database: mlflow
    name: data-scientists
    sid: 00000000-0000-0000-0000-000000000002
    principal_type: Group
    roles: [db_datareader]

- name: Let it in no more
  mlops.mlflow_azure.sql_database_user:
    server: sql-mlflow-42
    database: mlflow
    name: data-scientists
    state: absent
"""

RETURN = r"""
sql_database_user:
  description: The user; empty when it is absent. In check mode what it would be.
  returned: success
  type: dict
  contains:
    id:
      description: Host name of the server, database and user.
      type: str
      sample: sql-mlflow-42.database.windows.net/mlflow/id-mlflow
    name:
      description: The user.
      type: str
      sample: id-mlflow
    type:
      description: What kind of user it is, as C(type) of C(sys.database_principals) has it. V(E) or V(X), which is for groups.
      type: str
      sample: E
    sid:
      description: Client id of the application or managed identity, object id of the group or user.
      type: str
      sample: 00000000-0000-0000-0000-000000000001
    roles:
      description: The roles that the user is in.
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
