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

from tests.support.name_examples import NAME_EXAMPLES

GUID = "0a1b2c3d-0000-4000-8000-00000000000f"

CASES: dict[str, tuple[tuple[str, ...], tuple[Any, ...]]] = {
    "address_range": (
        ("203.0.113.0/24", "127.0.0.0/8", "203.0.113.7/32", "203.0.113.7"),
        ("203.0.113.7/24", "x", "::/0", 1),
    ),
    "fernet_key": (
        ("A" * 43 + "=", "+/-_" * 10 + "AAA="),
        ("A" * 43, "A" * 44, "A" * 42 + "==", "." * 43 + "=", "A" * 43 + "=\n", 1),
    ),
    "guid": ((GUID, GUID.upper()), (GUID[:-1], GUID.replace("-", ""), "{" + GUID + "}", "x")),
    "ipv4_address": (("0.0.0.0", "203.0.113.7"), ("203.0.113.0/24", "1.2.3", "::1", "256.0.0.1")),
    "kek_passphrase": (
        ("x" * 32, "x" * 200),
        ("short", "x" * 31, "mlflow-default-kek-passphrase-for-development-only"),
    ),
    "location": (("westeurope", "West Europe", "North Central US (Stage)"), ("west/europe", "1", "-")),
    "python_package": (("ansible", "json"), ("no_such_package", "ansible.errors", "a b")),
    "resource_id": (("/subscriptions/x/resourceGroups/y",), ("/subscriptions/", "subscriptions/x/y", "x")),
    "sql_password": (("Passw0rd", "abc-123-", "aB3" * 42), ("Passw0", "password", "password1", "aB3" * 43)),
    **{examples.kind: (examples.accepted, examples.refused) for examples in NAME_EXAMPLES if examples.kind},
}


def test_documentation_and_cases_cover_each_kind() -> None:
    documented = yaml.safe_load(plugin.DOCUMENTATION)["options"]["kind"]["choices"]
    assert documented == sorted(CASES)


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, (accepted, _refused) in CASES.items() for value in accepted]
)
def test_valid_value_has_no_message(kind: str, value: str) -> None:
    assert setting_problem(value, kind, "some_option") == ""


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, (_accepted, refused) in CASES.items() for value in refused]
)
def test_message_holds_option_value_and_rule(kind: str, value: Any) -> None:
    message = setting_problem(value, kind, "some_option")
    assert message.startswith("some_option: ")
    assert "Give it " in message
    assert (str(value) in message) is (kind not in {"fernet_key", "kek_passphrase", "sql_password"})


@pytest.mark.parametrize("kind", sorted(CASES))
@pytest.mark.parametrize("value", ["", None])
def test_missing_value_is_named(kind: str, value: Any) -> None:
    assert setting_problem(value, kind, "some_option").startswith("some_option is not set: give it ")


@pytest.mark.parametrize("value", ["", None])
def test_optional_value_may_be_missing(value: Any) -> None:
    assert setting_problem(value, "guid", "some_option", optional=True) == ""
    assert setting_problem("x", "guid", "some_option", optional=True) != ""


def test_unknown_kind_raises() -> None:
    with pytest.raises(AnsibleFilterError, match="kind is 'sql_serve'"):
        setting_problem("x", "sql_serve", "some_option")
