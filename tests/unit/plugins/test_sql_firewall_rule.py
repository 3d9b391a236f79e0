# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module sql_firewall_rule. A server in creation: test_overlap.py."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import InvalidOption

from tests.support.fake_azure import GROUP, NOT_FOUND, FakeAzure, get, put, run

RULE = f"{GROUP}/providers/Microsoft.Sql/servers/s1/firewallRules/r"
OPTIONS: dict[str, Any] = {
    "resource_group": "rg",
    "server": "s1",
    "name": "r",
    "start_ip_address": "10.0.0.1",
    "end_ip_address": "10.0.0.9",
}
PROPERTIES = {"startIpAddress": "10.0.0.1", "endIpAddress": "10.0.0.9"}
CURRENT = {"id": RULE, "name": "r", "type": "Microsoft.Sql/servers/firewallRules", "properties": PROPERTIES}


def test_a_rule_is_created_once() -> None:
    created = put(RULE, 201, CURRENT, sent={"properties": PROPERTIES})
    with FakeAzure(get(RULE, 404, NOT_FOUND), created, get(RULE, 200, CURRENT)) as azure:
        assert run("sql_firewall_rule", azure, **OPTIONS)["changed"] is True
    with FakeAzure(get(RULE, 200, CURRENT)) as azure:
        assert run("sql_firewall_rule", azure, **OPTIONS)["changed"] is False


@pytest.mark.parametrize(
    ("change", "option"),
    [
        ({"start_ip_address": "10.0.0.9", "end_ip_address": "10.0.0.1"}, "end_ip_address"),
        ({"start_ip_address": "10.0.0", "end_ip_address": "10.0.0.1"}, "start_ip_address"),
    ],
)
def test_invalid_options_are_rejected_before_any_request(change: dict[str, str], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("sql_firewall_rule", azure, **{**OPTIONS, **change})
    assert caught.value.fields["option"] == option
