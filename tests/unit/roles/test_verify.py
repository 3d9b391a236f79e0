# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proof is made until one has succeeded, and then not again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.role_run import run

# As playbooks/site.yml has it.
TASKS = [
    {
        "name": "Prove",
        "ansible.builtin.include_role": {"name": "mlops.mlflow_azure.verify"},
        "when": "verify_due | bool",
    },
]


class Deployment:
    """A deployment whose app has not changed since the last run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.record = directory / "out" / "x" / "verified.json"

    def prove(self, works: bool = True, revision: str = "mlflow--1", **given: Any) -> tuple[int, str]:
        """Exit code, and the recap of the run."""
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


def test_a_proof_that_failed_is_made_again_and_one_that_succeeded_is_not(tmp_path: Path) -> None:
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


def test_a_failed_proof_takes_back_an_earlier_one(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    assert deployment.prove()[0] == 0
    assert deployment.prove(works=False, verify=True)[0] != 0
    assert deployment.revision() == ""


def test_a_new_revision_is_proven(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    assert deployment.prove()[0] == 0
    assert deployment.prove(revision="mlflow--2")[0] == 0
    assert deployment.revision() == "mlflow--2"


def test_who_wants_no_record_is_not_given_one_nor_a_proof_at_each_run(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    code, recap = deployment.prove(verify_record="", verify=True)
    assert (code, "changed=0" in recap) == (0, False), recap
    code, recap = deployment.prove(verify_record="")
    assert (code, "changed=0" in recap) == (0, True), recap
    assert not deployment.record.parent.exists()
