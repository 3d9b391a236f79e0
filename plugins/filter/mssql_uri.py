# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``mssql_uri``: the one place that writes MLflow's database URI."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: mssql_uri
short_description: The SQLAlchemy URI of a database on Azure SQL
version_added: 0.1.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - Makes the URI by which MLflow reaches its database, signing in as a managed identity or with a login and its password.
  - Login, password and database are percent-encoded. The connection is always encrypted.
options:
  _input:
    description: The server's host name, such as V(sql-mlflow-prod.database.windows.net).
    type: str
    required: true
  database:
    description: The database's name.
    type: str
    required: true
  client_id:
    description: The client id of the user-assigned identity to sign in as. Excludes O(login) and O(password).
    type: str
  login:
    description: The login to sign in with. Needs O(password).
    type: str
  password:
    description: The login's password. The URI then is a secret.
    type: str
"""

EXAMPLES = r"""
- name: Show how an identity signs in
  ansible.builtin.debug:
    msg: "{{ 'sql-mlflow-prod.database.windows.net' | mlops.mlflow_azure.mssql_uri(database='mlflow', client_id=client_id) }}"
  vars:
    client_id: 00000000-0000-0000-0000-000000000000
"""

RETURN = r"""
_value:
  description: The URI.
  type: str
"""


def mssql_uri(
    server: str,
    database: str,
    client_id: str | None = None,
    login: str | None = None,
    password: str | None = None,
) -> str:
    """Return the SQLAlchemy URI of a database on Azure SQL.

    Raises AnsibleFilterError unless exactly one way to sign in is given.
    """
    if bool(client_id) == bool(login and password) or bool(login) != bool(password):
        raise AnsibleFilterError("mssql_uri: give either client_id, or both login and password")
    place = f"{server}:1433/{quote(database, safe='')}"
    if client_id:
        return (
            f"mssql+mssqlpython://{place}?Authentication=ActiveDirectoryMSI&UID={quote(client_id, safe='')}&Encrypt=yes"
        )
    return f"mssql+mssqlpython://{quote(login or '', safe='')}:{quote(password or '', safe='')}@{place}?Encrypt=yes"


class FilterModule:
    """The filter as Ansible finds it."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters of this file by name."""
        return {"mssql_uri": mssql_uri}
