# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml verifies a revision until the verification succeeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.role_run import run

# The same task as in playbooks/site.yml.
TASKS = [
    {
        "name": "Prove",
        "ansible.builtin.include_role": {"name": "mlops.mlflow_azure.verify"},
        "when": "verify_due | bool",
    },
]


class Deployment:
    """A deployment whose app does not change."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.record = directory / "out" / "x" / "verified.json"

    def prove(self, works: bool = True, revision: str = "mlflow--1", **given: Any) -> tuple[int, str]:
        """Return the exit status and the recap of the run."""
        settings = {
            "mlflow_app_changed": False,
            "mlflow_app_revision": revision,
            "verify_tracking_uri": "https://mlflow.example",
            "verify_app": "mlflow",
            "verify_record": str(self.record),
            "verify_restart": False,
            "verify_role_assignments": [],
            **given,
        }
        answer = {"changed": True} if works else {"failed": True, "msg": "the artifact is gone"}
        modules = {"mlflow_roundtrip": answer, "container_app_revision": {}, "role_assignment": {}}
        done = run(self.directory, TASKS, settings, modules)
        return done.returncode, done.stdout.rpartition("PLAY RECAP")[2] or done.stdout + done.stderr

    def revision(self) -> str:
        return json.loads(self.record.read_text(encoding="utf-8"))["revision"]


def test_a_failed_verification_is_repeated_and_a_successful_one_is_not(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    code, recap = deployment.prove(works=False)
    assert code != 0, recap
    assert deployment.revision() == ""
    assert deployment.record.parent.stat().st_mode & 0o777 == 0o700
    code, recap = deployment.prove()
    assert code == 0, recap
    assert deployment.revision() == "mlflow--1"
    code, recap = deployment.prove(works=False)
    assert (code, "changed=0" in recap) == (0, True), recap


def test_a_failed_verification_invalidates_the_record(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    assert deployment.prove()[0] == 0
    assert deployment.prove(works=False, verify=True)[0] != 0
    assert deployment.revision() == ""


def test_a_new_revision_is_verified(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    assert deployment.prove()[0] == 0
    assert deployment.prove(revision="mlflow--2")[0] == 0
    assert deployment.revision() == "mlflow--2"


def test_without_a_record_each_run_verifies_only_on_request(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    code, recap = deployment.prove(verify_record="", verify=True)
    assert (code, "changed=0" in recap) == (0, False), recap
    code, recap = deployment.prove(verify_record="")
    assert (code, "changed=0" in recap) == (0, True), recap
    assert not deployment.record.parent.exists()
