#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sql_server
short_description: Manage an Azure SQL server
version_added: 0.1.0
description:
  - Creates, updates and deletes a logical server of Azure SQL Database.
author:
  - mlops.mlflow_azure contributors (@mlops)
extends_documentation_fragment:
  - mlops.mlflow_azure.azure
  - mlops.mlflow_azure.resource
  - mlops.mlflow_azure.resource.tags
  - mlops.mlflow_azure.resource.identity
  - mlops.mlflow_azure.attributes
attributes:
  idempotent:
    support: partial
    details:
      - With O(update_password=always) the password is written, and the task changed, on every run, because Azure never returns it.
requirements:
  - azure-mgmt-sql
options:
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  name:
    description:
      - Name of the server, unique in all of Azure. 1 to 63 lowercase letters, digits and V(-).
    type: str
    required: true
  location:
    description:
      - Location of the server. Azure fixes it at creation, a change is an error.
      - Required with O(state=present).
    type: str
  administrator_login:
    description:
      - Login of the SQL administrator. Azure fixes it at creation, a change is an error.
      - A new server needs it, unless O(entra_administrator.entra_only) is true.
    type: str
  administrator_password:
    description:
      - Password of the SQL administrator. 8 to 128 characters of three of the classes lowercase, uppercase, digits, others,
        without the login.
      - It is never compared, since Azure never returns it. See O(update_password).
    type: str
  update_password:
    description:
      - V(on_create) writes O(administrator_password) only to a new server.
      - V(always) writes it on every run, which then is always changed.
    type: str
    choices: [on_create, always]
    default: on_create
  entra_administrator:
    description:
      - The server's Microsoft Entra administrator.
    type: dict
    suboptions:
      login:
        description:
          - Display name of the user, group or application.
        type: str
        required: true
      sid:
        description:
          - Object id of the user or group, client id of an application or managed identity.
        type: str
        required: true
      tenant_id:
        description:
          - Id of the tenant. Azure's default is that of the subscription.
        type: str
      principal_type:
        description:
          - What O(entra_administrator.sid) is. Used when the server is created.
        type: str
        choices: [User, Group, Application]
      entra_only:
        description:
          - Whether only Entra identities may sign in, and no SQL logins.
        type: bool
  minimal_tls_version:
    description:
      - Oldest version of TLS that clients may use. A new server gets V(1.2) when the option is not set.
    type: str
    choices: ["1.2", "1.3"]
  public_network_access:
    description:
      - Whether the server is reachable from the internet, as far as its firewall rules allow. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled]
  restrict_outbound_network_access:
    description:
      - Whether the server may only reach what its outbound firewall rules name. Azure's default is V(Disabled).
    type: str
    choices: [Enabled, Disabled]
  primary_user_assigned_identity:
    description:
      - Id of the user-assigned identity as which the server acts, one of O(identity.user_assigned_identities).
      - A server with user-assigned identities only needs it.
    type: str
  wait_timeout:
    description:
      - Seconds until the task gives up. Azure goes on with what it has accepted.
    type: int
    default: 1200
seealso:
  - name: Servers - Create Or Update
    description: Azure's reference.
    link: https://learn.microsoft.com/rest/api/sql/servers/create-or-update
  - module: mlops.mlflow_azure.sql_database
  - module: mlops.mlflow_azure.sql_firewall_rule
"""

EXAMPLES = r"""
- name: Have a server that only a managed identity administers
  mlops.mlflow_azure.sql_server:
    resource_group: rg-mlflow
    name: sql-mlflow-42
    location: westeurope
    entra_administrator:
      login: id-mlflow
      sid: "{{ identity.user_assigned_identity.properties.clientId }}"
      principal_type: Application
      entra_only: true

- name: Submit a server with a password, and go on
  mlops.mlflow_azure.sql_server:
    resource_group: rg-mlflow
    name: sql-mlflow-43
    location: westeurope
    administrator_login: mlflow
    administrator_password: "{{ sql_password }}"
    wait: false
"""

RETURN = r"""
sql_server:
  description: The server as Azure describes it; empty when it is absent. In check mode what it would be. Never the password.
  returned: success
  type: dict
  sample:
    id: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-mlflow/providers/Microsoft.Sql/servers/sql-mlflow-42
    location: westeurope
    name: sql-mlflow-42
    properties:
      fullyQualifiedDomainName: sql-mlflow-42.database.windows.net
      state: Ready
    type: Microsoft.Sql/servers
"""

from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.module import main as run
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._sql.server import SqlServer

MODULE = SqlServer


def main() -> None:
    run(MODULE)


if __name__ == "__main__":
    main()
