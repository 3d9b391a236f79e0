# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module user_assigned_identity."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import InvalidOption

from tests.support.fake_azure import GROUP, NOT_FOUND, FakeAzure, get, put, run

IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1"
OPTIONS: dict[str, Any] = {"resource_group": "rg", "name": "id1", "location": "westeurope"}
CURRENT = {
    "id": IDENTITY,
    "name": "id1",
    "location": "westeurope",
    "properties": {"principalId": "11111111-1111-1111-1111-111111111111"},
}


def test_an_identity_is_created_once() -> None:
    created = put(IDENTITY, 201, CURRENT, sent={"location": "westeurope"})
    with FakeAzure(get(IDENTITY, 404, NOT_FOUND), created, get(IDENTITY, 200, CURRENT)) as azure:
        result = run("user_assigned_identity", azure, **OPTIONS)
    assert (result["changed"], result["user_assigned_identity"]) == (True, CURRENT)
    with FakeAzure(get(IDENTITY, 200, CURRENT)) as azure:
        assert run("user_assigned_identity", azure, **OPTIONS)["changed"] is False


def test_an_invalid_name_is_rejected_before_any_request() -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("user_assigned_identity", azure, **{**OPTIONS, "name": "_x"})
    assert caught.value.fields["option"] == "name"
