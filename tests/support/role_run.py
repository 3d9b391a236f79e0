# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real runs of ansible-playbook over tasks of the roles, with modules that return fixed results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.task_results import Recorder, TaskResult

CLONE = Path(__file__).resolve().parents[2]
MODULE = """#!/usr/bin/python
# WANT_JSON
print({answer!r})
"""


def recorder(directory: Path) -> Recorder:
    """Return the file with the results of the tasks of the last run."""
    return Recorder(directory / "task_results.jsonl")


def task_results(directory: Path) -> tuple[TaskResult, ...]:
    """Return the results of the tasks of the last run, once."""
    return recorder(directory).take()


def run(
    directory: Path,
    tasks: list[dict[str, Any]],
    settings: dict[str, Any],
    modules: dict[str, dict[str, Any]],
    *options: str,
) -> subprocess.CompletedProcess[str]:
    """Run the tasks with the settings, in a collection whose only modules are the given ones: name to result."""
    recorder(directory).take()
    collection = directory / "collections" / "ansible_collections" / "mlops" / "mlflow_azure"
    (collection / "plugins" / "modules").mkdir(parents=True, exist_ok=True)
    if not (collection / "roles").exists():
        (collection / "roles").symlink_to(CLONE / "roles")
        for part in ("filter", "module_utils", "doc_fragments"):
            (collection / "plugins" / part).symlink_to(CLONE / "plugins" / part)
    for name, answer in modules.items():
        (collection / "plugins" / "modules" / f"{name}.py").write_text(
            MODULE.format(answer=json.dumps(answer)), encoding="utf-8"
        )
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(CLONE / "playbooks" / "group_vars" / "all.yml")],
        "tasks": tasks,
    }
    (directory / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    (directory / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    return subprocess.run(
        [
            Path(sys.executable).parent / "ansible-playbook",
            "-i",
            "localhost,",
            "-e",
            "@settings.json",
            "play.yml",
            *options,
        ],
        cwd=directory,
        env={
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("AZURE_", "MLFLOW_", "ANSIBLE_"))
            },
            "ANSIBLE_COLLECTIONS_PATH": str(directory / "collections"),
            "ANSIBLE_HOME": str(directory / "home"),
            "ANSIBLE_NOCOLOR": "1",
            **recorder(directory).environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
