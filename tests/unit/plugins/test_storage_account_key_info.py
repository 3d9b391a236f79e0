# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module storage_account_key_info: one read, no keys of an absent account, and a refusal is an error."""

from __future__ import annotations

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError

from tests.support.fake_azure import GROUP, NOT_FOUND, FakeAzure, post, run

KEYS = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st123/listKeys"
ACCOUNT = {"resource_group": "rg", "name": "st123"}
FOUND = [
    {"keyName": "key1", "value": "b25l", "permissions": "FULL"},
    {"keyName": "key2", "value": "dHdv", "permissions": "FULL"},
]


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_connection_string_has_the_first_key(check_mode: bool) -> None:
    with FakeAzure(post(KEYS, 200, {"keys": FOUND}, sent=None)) as azure:
        result = run("storage_account_key_info", azure, check_mode=check_mode, **ACCOUNT)
    expected = "DefaultEndpointsProtocol=https;AccountName=st123;AccountKey=b25l;EndpointSuffix=core.windows.net"
    assert result == {"changed": False, "storage_account_keys": FOUND, "connection_string": expected}


def test_an_absent_account_has_no_keys() -> None:
    with FakeAzure(post(KEYS, 404, NOT_FOUND, sent=None)) as azure:
        result = run("storage_account_key_info", azure, **ACCOUNT)
    assert result == {"changed": False, "storage_account_keys": [], "connection_string": ""}


def test_a_refusal_is_an_error() -> None:
    refused = {"error": {"code": "AuthorizationFailed", "message": "does not have authorization"}}
    with FakeAzure(post(KEYS, 403, refused, sent=None)) as azure, pytest.raises(ArmError, match="AuthorizationFailed"):
        run("storage_account_key_info", azure, **ACCOUNT)
