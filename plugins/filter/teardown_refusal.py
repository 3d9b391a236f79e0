# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``teardown_refusal``: why teardown.yml removes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

DOCUMENTATION = r"""
name: teardown_refusal
short_description: Return why a teardown must not start
version_added: 0.4.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - A teardown starts only if it is confirmed by the name of the deployment, and if no lock is on what it removes.
options:
  _input:
    description: The plan that P(mlops.mlflow_azure.teardown_plan#filter) returns.
    type: dict
    required: true
  confirmation:
    description: The name that confirms the teardown.
    type: str
    required: true
  locks:
    description: The existing locks on what the teardown removes, each with C(option) and C(name).
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Check the confirmation and the locks
  ansible.builtin.fail:
    msg: "{{ refusal }}"
  when: refusal != ''
  vars:
    refusal: "{{ plan | mlops.mlflow_azure.teardown_refusal(confirmation=teardown_confirm, locks=locks) }}"
"""

RETURN = r"""
_value:
  description: The message, or an empty string if the teardown may start.
  type: str
"""


def teardown_refusal(plan: Mapping[str, Any], confirmation: str, locks: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return the message about a missing confirmation or about locks, or an empty string."""
    deployment = plan["deployment"]
    if confirmation != deployment:
        removed = ", ".join(plan["removed"]) or "nothing"
        return (
            f"teardown_confirm is '{confirmation}', but must be '{deployment}': this removes {removed}. "
            f"{plan['data_loss']} To go on, add -e teardown_confirm={deployment}."
        )
    if locks:
        arguments = " ".join(f"-e {lock['option']}=false" for lock in locks)
        return (
            f"Azure removes nothing below a lock, and there is {_join(locks, 'name')}, of {_join(locks, 'option')}. "
            "Nothing has been removed. To remove the lock, run site.yml with "
            f"{arguments} and then teardown.yml again."
        )
    return ""


def _join(locks: Sequence[Mapping[str, Any]], key: str) -> str:
    return " and ".join(str(lock[key]) for lock in locks)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"teardown_refusal": teardown_refusal}
