# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter verification_due."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.filter.verification_due import verification_due


@pytest.mark.parametrize(("revision", "due"), [("mlflow--1", False), ("mlflow--0", True), ("", True)])
def test_a_verification_is_due_unless_the_record_is_of_the_revision(revision: str, due: bool, tmp_path: Path) -> None:
    record = tmp_path / "verified.json"
    record.write_text(json.dumps({"revision": revision}), encoding="utf-8")
    assert verification_due(str(record), revision="mlflow--1", changed=False) is due


def test_a_verification_is_due_if_the_record_is_missing(tmp_path: Path) -> None:
    assert verification_due(str(tmp_path / "verified.json"), revision="mlflow--1", changed=False)


def test_without_a_file_for_the_record_only_a_change_and_a_request_are_reasons() -> None:
    assert not verification_due("", revision="mlflow--1", changed=False)
    assert verification_due("", revision="mlflow--1", changed=True)
    assert verification_due("", revision="mlflow--1", changed=False, requested=True)


def test_a_change_and_a_request_are_reasons_with_a_valid_record(tmp_path: Path) -> None:
    record = tmp_path / "verified.json"
    record.write_text(json.dumps({"revision": "mlflow--1"}), encoding="utf-8")
    assert verification_due(str(record), revision="mlflow--1", changed=True)
    assert verification_due(str(record), revision="mlflow--1", changed=False, requested=True)
