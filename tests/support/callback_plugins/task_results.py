# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback of the tests: write one JSON line for each task that ended, to the file in TASK_RESULTS."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_results
type: aggregate
short_description: Write the results of tasks for tests
description: Writes one JSON line for each task that ended.
requirements: [TASK_RESULTS in the environment]
"""


class CallbackModule(CallbackBase):
    """The results of tasks, by host, role and module."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_results"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write(result, "changed" if result.result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write(result, "failed")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write(result, "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._write(result, "skipped")

    def _write(self, result: Any, status: str) -> None:
        role = result.task._role
        line = {
            "host": result.host.get_name(),
            "role": role.get_name().rpartition(".")[2] if role else "",
            "module": result.task.resolved_action or result.task.action,
            "status": status,
            "message": str(result.result.get("msg", "")) if status == "failed" else "",
        }
        with Path(os.environ["TASK_RESULTS"]).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
