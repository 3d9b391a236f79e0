# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.mlops.mlflow_azure.plugins.filter import setting_problem as plugin
from ansible_collections.mlops.mlflow_azure.plugins.filter.setting_problem import setting_problem

GUID = "0a1b2c3d-0000-4000-8000-00000000000f"

CASES: dict[str, tuple[list[str], list[Any]]] = {
    "address_range": (
        ["203.0.113.0/24", "127.0.0.0/8", "203.0.113.7/32", "203.0.113.7"],
        ["203.0.113.7/24", "x", "::/0", 1],
    ),
    "container_app": (["ab", "mlflow", "a-1", "a" * 32], ["a", "1a", "A1", "a-", "a--b", "a" * 33, "a_b", "mlflow\n"]),
    "container_app_environment": (["ab", "cae-X", "a" * 60], ["a", "a-", "1a", "a_b", "a--b", "a" * 61]),
    "container_registry": (["abcde", "Abc12", "a" * 50], ["abcd", "a-bcd", "a" * 51, "äbcde"]),
    "guid": ([GUID, GUID.upper()], [GUID[:-1], GUID.replace("-", ""), "{" + GUID + "}", "x"]),
    "image_repository": (
        ["mlflow", "team/mlflow-azure", "a_b.c"],
        ["Mlflow", "/a", "a/", "a//b", "-a", "a:b", "a" * 257],
    ),
    "ipv4_address": (["0.0.0.0", "203.0.113.7"], ["203.0.113.0/24", "1.2.3", "::1", "256.0.0.1"]),
    "kek_passphrase": (
        ["x" * 32, "x" * 200],
        ["short", "x" * 31, "mlflow-default-kek-passphrase-for-development-only"],
    ),
    "location": (["westeurope", "West Europe", "North Central US (Stage)"], ["west/europe", "1", "-"]),
    "log_analytics_workspace": (["abcd", "log-mlflow", "a" * 63], ["abc", "-abc", "abc-", "a_bcd", "a" * 64]),
    "python_package": (["ansible", "json"], ["no_such_package", "ansible.errors", "a b"]),
    "resource_group": (["r", "rg-x_1.(a)", "a" * 90], ["rg.", "a" * 91, "a b", "a/b"]),
    "resource_id": (["/subscriptions/x/resourceGroups/y"], ["/subscriptions/", "subscriptions/x/y", "x"]),
    "sql_database": (["mlflow", "my db", "a" * 128], ["a/b", "a?", "a.", "a ", "a" * 129]),
    "sql_login": (["mlflowadmin", "a_1"], ["sa", "Admin", "1a", "a b", "a" * 129]),
    "sql_password": (["Passw0rd", "abc-123-", "aB3" * 42], ["Passw0", "password", "password1", "aB3" * 43]),
    "sql_server": (["s", "sql-x1", "a" * 63], ["SQL", "-a", "a-", "a_b", "a" * 64]),
    "storage_account": (["abc", "st1", "a" * 24], ["ab", "a-b", "Abc", "a" * 25]),
    "storage_container": (["abc", "a-b", "1ab", "a" * 63], ["ab", "a--b", "-ab", "ab-", "A-b", "a" * 64]),
    "user_assigned_identity": (["abc", "id-x_1", "a" * 128], ["ab", "-abc", "a.b", "a" * 129]),
}


def test_every_kind_is_documented_and_tested() -> None:
    documented = yaml.safe_load(plugin.DOCUMENTATION)["options"]["kind"]["choices"]
    assert documented == sorted(CASES)


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, (good, bad) in CASES.items() for value in good])
def test_what_azure_takes_passes(kind: str, value: str) -> None:
    assert setting_problem(value, kind, "some_option") == ""


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, (good, bad) in CASES.items() for value in bad])
def test_what_azure_refuses_is_named(kind: str, value: Any) -> None:
    message = setting_problem(value, kind, "some_option")
    assert message.startswith("some_option: ")
    assert "Give it " in message
    assert (str(value) in message) is (kind not in {"kek_passphrase", "sql_password"})


@pytest.mark.parametrize("kind", sorted(CASES))
@pytest.mark.parametrize("value", ["", None])
def test_what_is_missing_is_named(kind: str, value: Any) -> None:
    assert setting_problem(value, kind, "some_option").startswith("some_option is not set: give it ")


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(AnsibleFilterError, match="kind is 'sql_serve'"):
        setting_problem("x", "sql_serve", "some_option")
