# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of the tasks of a playbook run, by host, role and module, so that tests need not read task names off the output."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

PLUGINS = Path(__file__).resolve().parent / "callback_plugins"


@dataclass(frozen=True)
class TaskResult:
    """The end of one task on one host. status: ok, changed, failed or skipped. message: that of a failure."""

    host: str
    role: str
    module: str
    status: str
    message: str = ""

    @property
    def short_module(self) -> str:
        """Return the name of the module without its collection."""
        return self.module.rpartition(".")[2]

    @property
    def is_azure(self) -> bool:
        """Return whether the module is one of this collection."""
        return self.module.startswith("mlops.mlflow_azure.")


class Recorder:
    """A file that a run of ansible-playbook writes the results of its tasks to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that make ansible-playbook write the results."""
        return {
            "ANSIBLE_CALLBACK_PLUGINS": str(PLUGINS),
            "ANSIBLE_CALLBACKS_ENABLED": "task_results",
            "TASK_RESULTS": str(self.path),
        }

    def take(self) -> tuple[TaskResult, ...]:
        """Return the results and remove the file."""
        if not self.path.exists():
            return ()
        lines = self.path.read_text(encoding="utf-8").splitlines()
        self.path.unlink()
        return tuple(TaskResult(**json.loads(line)) for line in lines)


def changed(results: tuple[TaskResult, ...]) -> set[tuple[str, str]]:
    """Return role and module of each task that changed something."""
    return {(result.role, result.short_module) for result in results if result.status == "changed"}
