# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Authorization/locks over HTTPS. Source: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources."""

from __future__ import annotations

import pytest
import requests

from tests.support.sandbox_client import Client

LOCK = "providers/Microsoft.Authorization/locks/keep"
IDENTITY = "providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-one"
REGION = {"location": "westeurope"}


def lock(sandbox: Client, scope: str, level: str) -> requests.Response:
    return sandbox.arm("PUT", f"{scope}/{LOCK}", {"properties": {"level": level, "notes": "why"}}, version="2020-05-01")


@pytest.fixture
def group(sandbox: Client) -> str:
    made = sandbox.group()
    sandbox.identity(made)
    return made


@pytest.mark.parametrize("locked", ["", f"/{IDENTITY}"], ids=["the group", "what is in it"])
def test_a_lock_prevents_deletions_above_and_below_it(sandbox: Client, group: str, locked: str) -> None:
    assert lock(sandbox, group + locked, "CanNotDelete").json()["properties"] == {
        "level": "CanNotDelete",
        "notes": "why",
    }
    for path in (group, f"{group}/{IDENTITY}"):
        refused = sandbox.arm("DELETE", path)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ScopeLocked")
        assert f"locked: '{group}{locked}'" in refused.json()["error"]["message"]
    changed = sandbox.arm("PUT", f"{group}/{IDENTITY}", {**REGION, "tags": {"a": "b"}})
    assert changed.status_code == 200
    assert sandbox.arm("DELETE", f"{group}{locked}/{LOCK}").status_code == 200
    assert sandbox.arm("DELETE", f"{group}/{IDENTITY}").status_code == 200
    assert sandbox.arm("DELETE", group).status_code == 202


def test_a_read_only_lock_prevents_all_writes(sandbox: Client, group: str) -> None:
    assert lock(sandbox, group, "readonly").status_code == 201
    for method in ("PUT", "PATCH", "DELETE"):
        refused = sandbox.arm(method, f"{group}/{IDENTITY}", REGION)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ScopeLocked")
    assert sandbox.arm("PUT", group, REGION).status_code == 409
    assert sandbox.arm("GET", f"{group}/{IDENTITY}").status_code == 200
    # Weaker again, which the lock itself does not forbid.
    assert lock(sandbox, group, "CanNotDelete").status_code == 200
    assert sandbox.arm("PUT", f"{group}/{IDENTITY}", REGION).status_code == 200


def test_a_lock_does_not_apply_to_another_group(sandbox: Client, group: str) -> None:
    """Neither where the name of the other group begins with the name of the locked group."""
    assert lock(sandbox, group, "ReadOnly").status_code == 201
    assert sandbox.arm("PUT", f"{group}x", REGION).status_code == 201
    assert sandbox.arm("DELETE", f"{group}x").status_code == 202


@pytest.mark.parametrize(("body", "code"), [({"level": "Open"}, "InvalidLockLevel"), ({}, "InvalidLockLevel")])
def test_an_invalid_lock_level_returns_400(sandbox: Client, group: str, body: dict[str, str], code: str) -> None:
    refused = sandbox.arm("PUT", f"{group}/{LOCK}", {"properties": body})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)


def test_a_lock_on_a_missing_resource_returns_404(sandbox: Client, group: str) -> None:
    assert lock(sandbox, f"{group}/{IDENTITY}x", "ReadOnly").status_code == 404
    assert sandbox.arm("GET", f"{group}/{LOCK}").status_code == 404
