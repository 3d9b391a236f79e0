# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``probe_failure``: the message of the role mlflow_client after a failed probe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: probe_failure
short_description: Return the message for a failed probe of an MLflow client
version_added: 0.4.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - Takes the result of the execution of the probe, and names the data that the server lost and the log of the probe.
options:
  _input:
    description: The result of M(mlops.mlflow_azure.container_app_job_execution) for the probe.
    type: dict
    required: true
  runs:
    description: The runs of this execution that the server returns. Empty if it has none or does not respond.
    type: list
    elements: dict
    required: true
  release:
    description: The release of the MLflow client.
    type: str
    required: true
  resource_group:
    description: The resource group of the job.
    type: str
    required: true
  job:
    description: The name of the job.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the lost data
  ansible.builtin.fail:
    msg: "{{ execution | mlops.mlflow_azure.probe_failure(runs=[], release='3.17', resource_group='rg-mlflow-dev', job='mlflow-probe-3-17') }}"
"""

RETURN = r"""
_value:
  description: The message.
  type: str
"""


def probe_failure(
    execution: Mapping[str, Any], *, runs: list[Mapping[str, Any]], release: str, resource_group: str, job: str
) -> str:
    """Return the message: the error of the execution, the lost data, and the log or the command that shows it."""
    reason = execution.get("msg", "The probe failed.")
    name = (execution.get("container_app_job_execution") or {}).get("name", "<execution>")
    return f"MLflow's client {release} inside the environment: {reason} {_lost_data(runs, resource_group, job, name)}"


def _lost_data(runs: list[Mapping[str, Any]], resource_group: str, job: str, execution: str) -> str:
    tags = {tag["key"]: tag["value"] for run in runs[:1] for tag in run.get("data", {}).get("tags", [])}
    if not tags:
        return (
            "Lost: everything, the server has no run of it. Its log: az containerapp job logs show "
            f"--resource-group {resource_group} --name {job} --container probe --execution {execution}"
        )
    return f"Lost: {tags.get('probe.lost') or 'its end'}. It printed: {tags.get('probe.log', '')}"


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"probe_failure": probe_failure}
