# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module resource_group. test_resource.py tests reads, plans and writes of all types with this module."""

from __future__ import annotations

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import InvalidOption

from tests.support.fake_azure import FakeAzure, run


def test_an_invalid_name_is_rejected_before_any_request() -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("resource_group", azure, name="rg.", location="x")
    assert caught.value.fields["option"] == "name"
