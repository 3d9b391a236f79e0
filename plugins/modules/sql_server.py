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
      - With O(update_password=always) the module writes the password on every run and reports a change, because Azure never returns the
        password.
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
      - Name of the server, globally unique. 1 to 63 lowercase letters, digits and hyphens.
    type: str
    required: true
  location:
    description:
      - Location of the server. Immutable, a change is an error.
      - Required with O(state=present).
    type: str
  administrator_login:
    description:
      - Login of the SQL administrator. Immutable, a change is an error.
      - Required for a new server, unless O(entra_administrator.entra_only) is true.
    type: str
  administrator_password:
    description:
      - Password of the SQL administrator. 8 to 128 characters from three of the classes lowercase letters, uppercase letters, digits and
        others. It must not contain the login.
      - The module never compares it, because Azure never returns it. See O(update_password).
    type: str
  update_password:
    description:
      - V(on_create) writes O(administrator_password) only to a new server.
      - V(always) writes it on every run. The task then always reports a change.
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
          - Object id of the user or group, or client id of the application or managed identity.
        type: str
        required: true
      tenant_id:
        description:
          - Id of the tenant. Azure's default is the tenant of the subscription.
        type: str
      principal_type:
        description:
          - Type of the principal O(entra_administrator.sid). Used when the server is created.
        type: str
        choices: [User, Group, Application]
      entra_only:
        description:
          - Whether Entra-only authentication is enabled. SQL logins are then rejected.
        type: bool
  minimal_tls_version:
    description:
      - Minimum TLS version. The default for a new server is V(1.2).
    type: str
    choices: ["1.2", "1.3"]
  public_network_access:
    description:
      - Whether the server accepts connections from the public internet, subject to its firewall rules. Azure's default is V(Enabled).
    type: str
    choices: [Enabled, Disabled]
  restrict_outbound_network_access:
    description:
      - Whether outbound traffic of the server is restricted to its outbound firewall rules. Azure's default is V(Disabled).
    type: str
    choices: [Enabled, Disabled]
  primary_user_assigned_identity:
    description:
      - Resource id of the primary user-assigned identity of the server, one of O(identity.user_assigned_identities).
      - Required for a server that has only user-assigned identities.
    type: str
  wait_timeout:
    description:
      - Timeout of the task in seconds. Azure continues an operation that it has accepted.
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
- name: Create a server that only a managed identity administers
  mlops.mlflow_azure.sql_server:
    resource_group: rg-mlflow
    name: sql-mlflow-42
    location: westeurope
    entra_administrator:
      login: id-mlflow
      sid: "{{ identity.user_assigned_identity.properties.clientId }}"
      principal_type: Application
      entra_only: true

- name: Create a server with a password and do not wait
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
  description: The server as Azure returns it, without the password. Empty when it is absent. In check mode the expected server.
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
