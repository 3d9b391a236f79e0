# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mlops.mlflow_azure.plugins.filter.mssql_uri import mssql_uri

SERVER = "sql-x.database.windows.net"


def test_uri_of_an_identity_has_no_password() -> None:
    assert mssql_uri(SERVER, "mlflow", client_id="11111111-2222-3333-4444-555555555555") == (
        "mssql+mssqlpython://sql-x.database.windows.net:1433/mlflow"
        "?Authentication=ActiveDirectoryMSI&UID=11111111-2222-3333-4444-555555555555&Encrypt=yes"
    )


@pytest.mark.parametrize("password", ["plain", "p@ss:w/o?r#d", "a+b c&d=e;%41", "ümläut-日本"])
def test_special_characters_in_the_password_are_escaped(password: str) -> None:
    parts = urlsplit(mssql_uri(SERVER, "ml flow/1", login="dom\\user@x", password=password))
    assert (parts.hostname, parts.port) == (SERVER, 1433)
    assert unquote(parts.username or "") == "dom\\user@x"
    assert unquote(parts.password or "") == password
    assert unquote(parts.path) == "/ml flow/1"
    assert parse_qs(parts.query) == {"Encrypt": ["yes"]}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"login": "x"},
        {"password": "x"},
        {"client_id": "x", "login": "x", "password": "x"},
        {"client_id": "x", "password": "x"},
        {"client_id": "", "login": "", "password": ""},
    ],
)
def test_exactly_one_authentication_is_required(given: dict[str, str]) -> None:
    with pytest.raises(AnsibleFilterError, match="either client_id, or both login and password"):
        mssql_uri(SERVER, "mlflow", **given)
