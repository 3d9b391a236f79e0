# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``verification_due``: whether site.yml verifies a revision of the app."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
name: verification_due
short_description: Return whether a revision of the app must be verified
version_added: 0.4.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - Reads the record of the role C(verify) on the control node.
  - A verification is due after a change of the app, on request, and if the record is not of this revision. The record has no revision
    after a failed verification.
options:
  _input:
    description: The file with the record. If empty, there is no record, and only O(changed) and O(requested) decide.
    type: str
    required: true
  revision:
    description: The revision of the app.
    type: str
    required: true
  changed:
    description: Whether this run has changed the app.
    type: bool
    required: true
  requested:
    description: Whether the user requests the verification.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Verify the server
  ansible.builtin.include_role:
    name: mlops.mlflow_azure.verify
  when: "'out/dev/verified.json' | mlops.mlflow_azure.verification_due(revision=mlflow_app_revision, changed=mlflow_app_changed)"
"""

RETURN = r"""
_value:
  description: Whether the verification is due.
  type: bool
"""


def verification_due(record: str, *, revision: str, changed: bool, requested: bool = False) -> bool:
    """Return whether the app has changed, the user requests it, or the record is not of this revision."""
    if changed or requested:
        return True
    return record != "" and _verified_revision(Path(record)) != revision


def _verified_revision(record: Path) -> str | None:
    """Return the revision of the record, None without a record."""
    if not record.is_file():
        return None
    return str(json.loads(record.read_text(encoding="utf-8"))["revision"])


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"verification_due": verification_due}
