# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``mssql_uri``: the SQLAlchemy URI of a database on Azure SQL."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: mssql_uri
short_description: Return the SQLAlchemy URI of a database on Azure SQL
version_added: 0.1.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - Returns the URI of a database for MLflow, with authentication by a managed identity or by a login and its password.
  - Login, password and database are percent-encoded. The connection is always encrypted.
options:
  _input:
    description: The host name of the server, such as V(sql-mlflow-prod.database.windows.net).
    type: str
    required: true
  database:
    description: The name of the database.
    type: str
    required: true
  client_id:
    description: The client id of the user-assigned identity. Excludes O(login) and O(password).
    type: str
  login:
    description: The login. Needs O(password).
    type: str
  password:
    description: The password of the login. Then the URI is a secret.
    type: str
"""

EXAMPLES = r"""
- name: Show the URI for an identity
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

    Raise AnsibleFilterError unless the options define exactly one authentication.
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
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters of this file by name."""
        return {"mssql_uri": mssql_uri}
