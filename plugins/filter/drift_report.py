# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``drift_report``: the message of drift.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

DOCUMENTATION = r"""
name: drift_report
short_description: Return the report about the drift of a deployment
version_added: 0.4.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - Takes what P(mlops.mlflow_azure.drift#filter) returns, and returns one text for people.
positional: deployment
options:
  _input:
    description: The resources that differ.
    type: list
    elements: dict
    required: true
  deployment:
    description: The name of the deployment.
    type: str
    required: true
  not_compared:
    description: The names of the secrets that have no value, so that they cannot be compared.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show the drift
  ansible.builtin.debug:
    msg: "{{ results | mlops.mlflow_azure.drift | mlops.mlflow_azure.drift_report('dev') }}"
"""

RETURN = r"""
_value:
  description: The number of resources that differ, and one line for each difference.
  type: str
"""


def drift_report(drift: list[Mapping[str, Any]], deployment: str, not_compared: Sequence[str] = ()) -> str:
    """Return the number of resources that differ, with one line for each difference."""
    exception = f" Not compared, because this run has no value: {', '.join(not_compared)}." if not_compared else ""
    if not drift:
        return f"{deployment}: everything is as the inventory says.{exception}"
    number = "1 resource differs" if len(drift) == 1 else f"{len(drift)} resources differ"
    lines = [line for entry in drift for line in entry["lines"]]
    return "\n* ".join([f"{deployment}: {number}. Run site.yml to correct the deployment.{exception}", *lines])


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"drift_report": drift_report}
