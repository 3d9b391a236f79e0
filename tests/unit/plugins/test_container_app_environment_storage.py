# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storages of an environment: requests and validation."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import InvalidOption

from tests.support.fake_azure import (
    GROUP,
    NOT_FOUND,
    FakeAzure,
    get,
    options,
    put,
    run,
)

STORAGE = f"{GROUP}/providers/Microsoft.App/managedEnvironments/env1/storages/prompts"


FILES: dict[str, Any] = {"account_name": "stmlflow42", "account_key": "key-1", "share_name": "prompts"}


SHARE: dict[str, Any] = {"resource_group": "rg", "environment": "env1", "name": "prompts", "azure_file": FILES}


SENT = {
    "azureFile": {
        "accountName": "stmlflow42",
        "accountKey": "key-1",
        "shareName": "prompts",
        "accessMode": "ReadWrite",
    }
}


def share(**changes: Any) -> dict[str, Any]:
    """None takes an option away."""
    return {key: value for key, value in {**SHARE, **changes}.items() if value is not None}


def storage(mode: str = "ReadWrite") -> dict[str, Any]:
    return {
        "id": STORAGE,
        "name": "prompts",
        "type": "Microsoft.App/managedenvironments/storages",
        "properties": {"azureFile": {"accountName": "stmlflow42", "shareName": "prompts", "accessMode": mode}},
    }


def test_a_storage_that_stands_is_one_read() -> None:
    with FakeAzure(get(STORAGE, 200, storage())) as azure:
        result = run("container_app_environment_storage", azure, **SHARE)
    assert (result["changed"], result["container_app_environment_storage"]) == (False, storage())


def test_a_new_storage_is_sent_with_its_key_which_nobody_sees() -> None:
    missing = {"error": {"code": "ManagedEnvironmentStorageNotFound", "message": "no"}}
    with FakeAzure(
        get(STORAGE, 404, missing),
        put(STORAGE, 200, storage(), sent={"properties": SENT}),
        get(STORAGE, 200, storage()),
    ) as azure:
        result = run("container_app_environment_storage", azure, **SHARE)
    assert result["changed"] is True
    assert "key-1" not in str(result)


@pytest.mark.parametrize(
    ("given", "standing"),
    [({"update_account_key": "always"}, storage()), ({}, storage("ReadOnly"))],
    ids=["asked", "changed"],
)
def test_the_key_is_sent_again(given: dict[str, Any], standing: dict[str, Any]) -> None:
    with FakeAzure(
        get(STORAGE, 200, standing),
        put(STORAGE, 200, storage(), sent={"properties": SENT}),
        get(STORAGE, 200, storage()),
    ) as azure:
        result = run("container_app_environment_storage", azure, **SHARE, **given)
    assert result["changed"] is True
    assert "key-1" not in str(result)


def test_nfs_takes_the_place_of_smb() -> None:
    nfs = {"server": "s.file.core.windows.net", "share_name": "/s/share"}
    with FakeAzure(get(STORAGE, 200, storage())) as azure:
        result = run(
            "container_app_environment_storage",
            azure,
            check_mode=True,
            **share(azure_file=None, nfs_azure_file=nfs),
        )
    assert result["diff"]["after"]["properties"] == {
        "nfsAzureFile": {"server": "s.file.core.windows.net", "shareName": "/s/share", "accessMode": "ReadWrite"}
    }


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"name": "Prompts"}, "name"),
        ({"environment": "e"}, "environment"),
        ({"azure_file": {**FILES, "account_name": "A"}}, "azure_file.account_name"),
        (
            {"azure_file": None, "nfs_azure_file": {"server": "s", "share_name": "share"}},
            "nfs_azure_file.share_name",
        ),
    ],
)
def test_what_is_wrong_with_a_storage_is_said_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_environment_storage", azure, **share(**given))
    assert caught.value.fields["option"] == option


def test_a_new_storage_needs_the_key() -> None:
    given = {**SHARE, "azure_file": {**FILES, "account_key": None}}
    with FakeAzure(get(STORAGE, 404, NOT_FOUND)) as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_environment_storage", azure, **given)
    assert caught.value.fields["option"] == "azure_file.account_key"


@pytest.mark.parametrize("check_mode", [True, False])
def test_smb_in_the_place_of_nfs_needs_the_key(check_mode: bool) -> None:
    nfs = {"nfsAzureFile": {"server": "s.file.core.windows.net", "shareName": "/s/share", "accessMode": "ReadWrite"}}
    found = {**storage(), "properties": nfs}
    given = {**SHARE, "azure_file": {**FILES, "account_key": None}}
    with FakeAzure(get(STORAGE, 200, found)) as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_environment_storage", azure, check_mode=check_mode, **given)
    assert caught.value.fields["option"] == "azure_file.account_key"


@pytest.mark.parametrize("given", [{}, {"nfs_azure_file": {"server": "s", "share_name": "/a/b"}, "azure_file": FILES}])
def test_a_storage_is_of_one_kind(given: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="azure_file"):
        options("container_app_environment_storage", resource_group="rg", environment="env1", name="n", **given)
