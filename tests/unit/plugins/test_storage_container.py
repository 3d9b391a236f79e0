# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module storage_container: public access, metadata, invalid options."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import InvalidOption

from tests.support.fake_azure import GROUP, FakeAzure, get, patch, run

ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st1"
SERVICE = f"{ACCOUNT}/blobServices/default"
CONTAINER = f"{SERVICE}/containers/mlflow"


def test_public_access_changes_with_one_patch() -> None:
    current = {"id": CONTAINER, "name": "mlflow", "properties": {"publicAccess": "None", "metadata": {"a": "b"}}}
    with FakeAzure(
        get(CONTAINER, 200, current),
        patch(CONTAINER, 200, {}, sent={"properties": {"publicAccess": "Blob"}}),
        get(CONTAINER, 200, current),
    ) as azure:
        given = {"resource_group": "rg", "account": "st1", "name": "mlflow", "public_access": "Blob"}
        assert run("storage_container", azure, **given)["changed"] is True


@pytest.mark.parametrize(
    ("metadata", "sent"),
    [({"c": "d"}, {"metadata": {"c": "d"}}), ({}, {"metadata": {}}), ({"a": "b"}, None), (None, None)],
)
def test_metadata_are_replaced_completely(metadata: Any, sent: Any) -> None:
    current = {"id": CONTAINER, "name": "mlflow", "properties": {"publicAccess": "None", "metadata": {"a": "b"}}}
    script = [get(CONTAINER, 200, current)]
    if sent is not None:
        script += [patch(CONTAINER, 200, {}, sent={"properties": sent}), get(CONTAINER, 200, current)]
    with FakeAzure(*script) as azure:
        given = {"resource_group": "rg", "account": "st1", "name": "mlflow", "metadata": metadata}
        assert run("storage_container", azure, **given)["changed"] is (sent is not None)


@pytest.mark.parametrize("name", ["1st", "a-b", ""])
def test_invalid_names_of_metadata_are_rejected(name: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption, match="metadata"):
        run("storage_container", azure, resource_group="rg", account="st1", name="mlflow", metadata={name: "x"})


@pytest.mark.parametrize("name", ["ml", "Mlflow", "ml--flow", "-mlflow", "mlflow-"])
def test_invalid_names_are_rejected(name: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption):
        run("storage_container", azure, resource_group="rg", account="st1", name=name)
