# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module storage_blob_service: updates with all settings, invalid options."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import InvalidOption

from tests.support.fake_azure import GROUP, FakeAzure, get, options, put, run

ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st1"
SERVICE = f"{ACCOUNT}/blobServices/default"
LONG_AGO = "2026-01-01T00:00:00Z"


def service(**properties: Any) -> dict[str, Any]:
    return {
        "id": SERVICE,
        "name": "default",
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "properties": {
            "cors": {"corsRules": [{"allowedOrigins": ["*"]}]},
            "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
            **properties,
        },
    }


BLOBS: dict[str, Any] = {"resource_group": "rg", "account": "st1"}
OFF = {"enabled": False}
KEPT = {"enabled": True, "days": 14}


@pytest.mark.parametrize(
    ("given", "current"),
    [
        ({}, {}),
        ({"versioning_enabled": False, "last_access_time_tracking_enabled": False}, {}),
        ({"blob_delete_retention": OFF, "container_delete_retention": OFF, "change_feed": OFF, "restore": OFF}, {}),
        ({"change_feed": {"enabled": False, "retention_in_days": 7}}, {}),
        (
            {"blob_delete_retention": KEPT, "versioning_enabled": True},
            {"deleteRetentionPolicy": {**KEPT, "allowPermanentDelete": False}, "isVersioningEnabled": True},
        ),
    ],
)
def test_an_unchanged_blob_service_is_read_once(given: dict[str, Any], current: dict[str, Any]) -> None:
    with FakeAzure(get(SERVICE, 200, service(**current))) as azure:
        result = run("storage_blob_service", azure, **BLOBS, **given)
    assert result["changed"] is False
    assert result["storage_blob_service"] == service(**current)


def test_an_update_sends_all_settings() -> None:
    restoring = {"enabled": True, "days": 6, "lastEnabledTime": LONG_AGO, "minRestoreTime": LONG_AGO}
    sent = {
        "properties": {
            "cors": {"corsRules": [{"allowedOrigins": ["*"]}]},
            "deleteRetentionPolicy": {"allowPermanentDelete": False, **KEPT},
            "containerDeleteRetentionPolicy": {"enabled": False},
            "restorePolicy": {"enabled": True, "days": 6},
        }
    }
    with FakeAzure(
        get(SERVICE, 200, service(containerDeleteRetentionPolicy=KEPT, restorePolicy=restoring)),
        put(SERVICE, 200, service(), sent=sent),
        get(SERVICE, 200, service()),
    ) as azure:
        given = {"blob_delete_retention": KEPT, "container_delete_retention": OFF}
        assert run("storage_blob_service", azure, **BLOBS, **given)["changed"] is True


def test_check_mode() -> None:
    with FakeAzure(get(SERVICE, 200, service())) as azure:
        result = run("storage_blob_service", azure, check_mode=True, versioning_enabled=True, **BLOBS)
    assert result["storage_blob_service"]["properties"]["isVersioningEnabled"] is True


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"account": "ST1"}, "account"),
        ({"blob_delete_retention": {"enabled": True, "days": 0}}, "blob_delete_retention.days"),
        ({"container_delete_retention": {"enabled": True, "days": 366}}, "container_delete_retention.days"),
        ({"change_feed": {"enabled": True, "retention_in_days": 146001}}, "change_feed.retention_in_days"),
        ({"restore": KEPT, "blob_delete_retention": KEPT}, "restore.days"),
        ({"restore": KEPT, "versioning_enabled": False}, "versioning_enabled"),
        ({"restore": KEPT, "change_feed": OFF}, "change_feed.enabled"),
        ({"restore": KEPT, "blob_delete_retention": OFF}, "blob_delete_retention.enabled"),
    ],
)
def test_invalid_options_are_rejected_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("storage_blob_service", azure, **{**BLOBS, **given})
    assert caught.value.fields["option"] == option


def test_an_enabled_retention_needs_its_days() -> None:
    with pytest.raises(AssertionError, match="days"):
        options("storage_blob_service", blob_delete_retention={"enabled": True}, **BLOBS)
