# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storages of an environment: requests and validation."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import InvalidOption

from tests.support.fake_azure import GROUP, NOT_FOUND, FakeAzure, get, options, put, run

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
    """Return the options with changes; None removes an option."""
    return {key: value for key, value in {**SHARE, **changes}.items() if value is not None}


def storage(mode: str = "ReadWrite") -> dict[str, Any]:
    return {
        "id": STORAGE,
        "name": "prompts",
        "type": "Microsoft.App/managedenvironments/storages",
        "properties": {"azureFile": {"accountName": "stmlflow42", "shareName": "prompts", "accessMode": mode}},
    }


def test_no_change_sends_one_read() -> None:
    with FakeAzure(get(STORAGE, 200, storage())) as azure:
        result = run("container_app_environment_storage", azure, **SHARE)
    assert (result["changed"], result["container_app_environment_storage"]) == (False, storage())


def test_create_sends_the_key_and_returns_none() -> None:
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
    ("given", "current"),
    [({"update_account_key": "always"}, storage()), ({}, storage("ReadOnly"))],
    ids=["update_account_key", "difference"],
)
def test_the_key_is_sent_with_each_write(given: dict[str, Any], current: dict[str, Any]) -> None:
    with FakeAzure(
        get(STORAGE, 200, current),
        put(STORAGE, 200, storage(), sent={"properties": SENT}),
        get(STORAGE, 200, storage()),
    ) as azure:
        result = run("container_app_environment_storage", azure, **SHARE, **given)
    assert result["changed"] is True
    assert "key-1" not in str(result)


def test_nfs_replaces_smb() -> None:
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
def test_invalid_options_are_refused_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_environment_storage", azure, **share(**given))
    assert caught.value.fields["option"] == option


def test_create_requires_the_key() -> None:
    given = {**SHARE, "azure_file": {**FILES, "account_key": None}}
    with FakeAzure(get(STORAGE, 404, NOT_FOUND)) as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_environment_storage", azure, **given)
    assert caught.value.fields["option"] == "azure_file.account_key"


@pytest.mark.parametrize("check_mode", [True, False])
def test_smb_in_place_of_nfs_requires_the_key(check_mode: bool) -> None:
    nfs = {"nfsAzureFile": {"server": "s.file.core.windows.net", "shareName": "/s/share", "accessMode": "ReadWrite"}}
    current = {**storage(), "properties": nfs}
    given = {**SHARE, "azure_file": {**FILES, "account_key": None}}
    with FakeAzure(get(STORAGE, 200, current)) as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_environment_storage", azure, check_mode=check_mode, **given)
    assert caught.value.fields["option"] == "azure_file.account_key"


@pytest.mark.parametrize("given", [{}, {"nfs_azure_file": {"server": "s", "share_name": "/a/b"}, "azure_file": FILES}])
def test_azure_file_and_nfs_azure_file_are_exclusive_and_one_is_required(given: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="azure_file"):
        options("container_app_environment_storage", resource_group="rg", environment="env1", name="n", **given)
