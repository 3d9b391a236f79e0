# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module management_lock: two reads and a write at most, and no read-only properties in a request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fake_azure import GROUP, NOT_FOUND, FakeAzure, delete, get, put, run

LOCK = f"{GROUP}/providers/Microsoft.Authorization/locks/keep"
OPTIONS: dict[str, Any] = {"scope": f"{GROUP}/", "name": "keep", "notes": "why"}


def lock(level: str = "CanNotDelete", notes: str = "why") -> dict[str, Any]:
    return {
        "id": LOCK,
        "name": "keep",
        "type": "Microsoft.Authorization/locks",
        "properties": {"level": level, "notes": notes},
    }


def test_create() -> None:
    sent = {"properties": {"level": "CanNotDelete", "notes": "why"}}
    with FakeAzure(get(LOCK, 404, NOT_FOUND), put(LOCK, 201, lock(), sent=sent), get(LOCK, 200, lock())) as azure:
        result = run("management_lock", azure, **OPTIONS)
    assert (result["changed"], result["management_lock"]) == (True, lock())


def test_check_mode_writes_nothing_and_returns_the_lock() -> None:
    with FakeAzure(get(LOCK, 404, NOT_FOUND)) as azure:
        result = run("management_lock", azure, check_mode=True, **OPTIONS)
    assert (result["changed"], result["management_lock"]) == (True, lock())


def test_no_change_is_one_read() -> None:
    with FakeAzure(get(LOCK, 200, lock())) as azure:
        assert run("management_lock", azure, **OPTIONS)["changed"] is False


def test_a_change_keeps_options_that_are_not_set() -> None:
    sent = {"properties": {"level": "ReadOnly", "notes": "theirs"}}
    with FakeAzure(
        get(LOCK, 200, lock(notes="theirs")),
        put(LOCK, 200, lock("ReadOnly", "theirs"), sent=sent),
        get(LOCK, 200, lock("ReadOnly", "theirs")),
    ) as azure:
        result = run("management_lock", azure, scope=GROUP, name="keep", level="ReadOnly")
    assert result["diff"]["before"]["properties"]["level"] == "CanNotDelete"
    assert result["diff"]["after"]["properties"]["level"] == "ReadOnly"


@pytest.mark.parametrize("check_mode", [True, False])
def test_absent(check_mode: bool) -> None:
    writes = [] if check_mode else [delete(LOCK, 200)]
    with FakeAzure(get(LOCK, 200, lock()), *writes) as azure:
        result = run("management_lock", azure, check_mode=check_mode, state="absent", **OPTIONS)
    assert (result["changed"], result["management_lock"]) == (True, {})
    with FakeAzure(get(LOCK, 404, NOT_FOUND)) as azure:
        assert run("management_lock", azure, state="absent", **OPTIONS)["changed"] is False
