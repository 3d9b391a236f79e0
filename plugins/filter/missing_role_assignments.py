# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``missing_role_assignments``: one sentence for each role assignment that a check found missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: missing_role_assignments
short_description: Return one sentence for each missing role assignment
version_added: 0.4.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - Takes the results of M(mlops.mlflow_azure.role_assignment) in a loop over role assignments in check mode, where changed means missing.
  - Ignores results of tasks that failed.
options:
  _input:
    description: The results of the loop. The C(item) of each has C(role), C(scope) and C(principal_id).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Check the role assignments
  mlops.mlflow_azure.role_assignment:
    scope: "{{ item.scope }}"
    role: "{{ item.role }}"
    principal_id: "{{ item.principal_id }}"
  loop: "{{ role_assignments }}"
  check_mode: true
  register: assignments

- name: Show the missing role assignments
  ansible.builtin.debug:
    msg: "{{ assignments.results | mlops.mlflow_azure.missing_role_assignments }}"
"""

RETURN = r"""
_value:
  description: One sentence for each missing role assignment, with the role, the scope and the principal.
  type: list
  elements: str
"""


def missing_role_assignments(results: list[Mapping[str, Any]]) -> list[str]:
    """Return one sentence for each result that is changed."""
    return [
        f"The role '{item['role']}' is missing on {item['scope']} for the principal {item['principal_id']}."
        for item in (
            result["item"] for result in results if result.get("changed") and result.get("role_assignment") is not None
        )
    ]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"missing_role_assignments": missing_role_assignments}
