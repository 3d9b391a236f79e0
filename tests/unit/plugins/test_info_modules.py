# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Info modules: reads only, the narrowest list, and a refusal is never an absence."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError

from tests.support.fake_azure import BASE, GROUP, NOT_FOUND, Exchange, FakeAzure, get, options, run

STORAGE, IDENTITIES = (
    "providers/Microsoft.Storage/storageAccounts",
    "providers/Microsoft.ManagedIdentity/userAssignedIdentities",
)
DATABASES = f"{GROUP}/providers/Microsoft.Sql/servers/s1/databases"
GROUP_ABSENT = {"error": {"code": "ResourceGroupNotFound", "message": "Resource group 'rg' could not be found."}}
REFUSED = {"error": {"code": "AuthorizationFailed", "message": "does not have authorization"}}
ONE, TWO = {"name": "one", "properties": {}}, {"name": "two", "properties": {}}


def listed(path: str, *items: Any) -> Exchange:
    return get(path, 200, {"value": list(items)})


@pytest.mark.parametrize(
    ("module", "key", "given", "path"),
    [
        ("storage_account_info", "storage_accounts", {"resource_group": "rg", "name": "one"}, f"{GROUP}/{STORAGE}/one"),
        (
            "user_assigned_identity_info",
            "user_assigned_identities",
            {"resource_group": "rg", "name": "one"},
            f"{GROUP}/{IDENTITIES}/one",
        ),
        (
            "sql_database_info",
            "sql_databases",
            {"resource_group": "rg", "server": "s1", "name": "one"},
            f"{DATABASES}/one",
        ),
    ],
)
def test_a_named_resource_is_one_read_and_an_absent_one_an_empty_list(
    module: str, key: str, given: dict[str, Any], path: str
) -> None:
    with FakeAzure(get(path, 200, ONE)) as azure:
        assert run(module, azure, **given) == {"changed": False, key: [ONE]}
    with FakeAzure(get(path, 404, NOT_FOUND)) as azure:
        assert run(module, azure, **given) == {"changed": False, key: []}
    with FakeAzure(get(path, 403, REFUSED)) as azure, pytest.raises(ArmError, match="AuthorizationFailed"):
        run(module, azure, **given)


@pytest.mark.parametrize(
    ("module", "key", "given", "path"),
    [
        ("storage_account_info", "storage_accounts", {"resource_group": "rg"}, f"{GROUP}/{STORAGE}"),
        ("storage_account_info", "storage_accounts", {}, f"{BASE}/{STORAGE}"),
        ("user_assigned_identity_info", "user_assigned_identities", {"resource_group": "rg"}, f"{GROUP}/{IDENTITIES}"),
        ("user_assigned_identity_info", "user_assigned_identities", {}, f"{BASE}/{IDENTITIES}"),
        ("sql_database_info", "sql_databases", {"resource_group": "rg", "server": "s1"}, DATABASES),
        ("resource_info", "resources", {"resource_group": "rg"}, f"{GROUP}/resources"),
    ],
)
def test_the_narrowest_list_is_read_to_its_last_page(module: str, key: str, given: dict[str, Any], path: str) -> None:
    first = get(path, 200, {"value": [ONE], "nextLink": f"https://management.azure.com{path}?page=2"})
    with FakeAzure(first, listed(path, TWO)) as azure:
        assert run(module, azure, check_mode=True, **given) == {"changed": False, key: [ONE, TWO]}
    with FakeAzure(get(path, 404, GROUP_ABSENT)) as azure:
        assert run(module, azure, **given)[key] == []
    with FakeAzure(get(path, 403, REFUSED)) as azure, pytest.raises(ArmError, match="AuthorizationFailed"):
        run(module, azure, **given)
    with FakeAzure(get(path, 404, {"error": {"code": "SubscriptionNotFound"}})) as azure, pytest.raises(ArmError):
        run(module, azure, **given)


@pytest.mark.parametrize(
    ("module", "given"),
    [
        ("storage_account_info", {"name": "one"}),
        ("user_assigned_identity_info", {"name": "one"}),
        ("sql_database_info", {"resource_group": "rg", "name": "one"}),
        ("role_assignment_info", {"role": "AcrPull"}),
        ("storage_account_info", {"state": "present"}),
        ("resource_info", {}),
    ],
)
def test_incompatible_options_are_rejected(module: str, given: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        options(module, **given)
