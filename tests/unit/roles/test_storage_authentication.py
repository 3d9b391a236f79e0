# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app authenticates to the storage account by its identity or by a connection string, never by both. The string is a secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.role_run import run, task_results

CONNECTION = "DefaultEndpointsProtocol=https;AccountName=st;AccountKey=hush-hush;EndpointSuffix=core.windows.net"
PRINCIPAL = "00000000-0000-0000-0000-000000000000"
MODULES: dict[str, dict[str, Any]] = {
    "storage_account": {"storage_account": {"id": "/s", "properties": {}}},
    "storage_container": {"storage_container": {"id": "/s/c"}},
    "management_lock": {},
    "storage_blob_service": {},
    "storage_account_key_info": {"connection_string": CONNECTION},
    "role_assignment": {"changed": True},
    "role_assignment_info": {"role_assignments": []},
}
# The environment and the secrets of the app, in a file, because they hold secrets.
TASKS: list[dict[str, Any]] = [
    {"name": "storage", "ansible.builtin.include_role": {"name": "mlops.mlflow_azure.storage", "tasks_from": "apply"}},
    {
        "name": "vars",
        "ansible.builtin.include_role": {
            "name": "mlops.mlflow_azure.mlflow_app",
            "tasks_from": "preflight",
            "public": True,
        },
    },
    {
        "name": "look",
        "ansible.builtin.copy": {
            "content": "{{ {'env': __mlflow_app_container_env, 'secrets': __mlflow_app_secrets} | to_json }}",
            "dest": "{{ playbook_dir }}/app.json",
            "mode": "0600",
        },
        "no_log": True,
    },
]
SETTINGS = {
    "deployment_location": "westeurope",
    "deployment_suffix": "",
    "storage_contributor_principal_id": PRINCIPAL,
    "mlflow_app_crypto_kek_passphrase": "0123456789-0123456789-0123456789",
    "mlflow_app_allow_public": True,
}


@pytest.mark.parametrize("way", ["managed_identity", "connection_string"])
def test_the_app_has_one_authentication_to_the_storage_account(tmp_path: Path, way: str) -> None:
    done = run(tmp_path, TASKS, {**SETTINGS, "storage_authentication": way}, MODULES, "-vvv")
    assert done.returncode == 0, done.stdout + done.stderr
    app = json.loads((tmp_path / "app.json").read_text(encoding="utf-8"))
    secret = way == "connection_string"
    env = {one["name"]: one for one in app["env"]}
    assert ("AZURE_STORAGE_CONNECTION_STRING" in env) is secret
    assert (CONNECTION in [one["value"] for one in app["secrets"]]) is secret
    if secret:
        assert env["AZURE_STORAGE_CONNECTION_STRING"] == {
            "name": "AZURE_STORAGE_CONNECTION_STRING",
            "secret_ref": "storage-connection-string",
        }
    assigned = [one.status for one in task_results(tmp_path) if one.short_module == "role_assignment"]
    # With a connection string the assignment is skipped, and one that exists is removed.
    assert assigned == (["skipped", "changed"] if secret else ["changed"])
    assert "hush-hush" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("locked", "scope", "says"),
    [(False, "/S", False), (True, "/S", True), (True, "/above", False), (True, None, False)],
)
def test_an_unwanted_role_assignment_is_removed_or_shown(
    tmp_path: Path, locked: bool, scope: str | None, says: bool
) -> None:
    """Below a lock it cannot be removed, so a message shows it."""
    restrict = {"name": "mlops.mlflow_azure.storage", "tasks_from": "restrict"}
    settings = {**SETTINGS, "storage_authentication": "connection_string", "storage_delete_lock": locked}
    result = {"role_assignments": [{"properties": {"scope": scope}}] if scope else []}
    tasks = [TASKS[0], {"name": "restrict", "ansible.builtin.include_role": restrict}]
    done = run(tmp_path, tasks, settings, {**MODULES, "role_assignment_info": result})
    assert done.returncode == 0, done.stdout + done.stderr
    # The tasks of the second role: apply.yml ends with the same tasks as restrict.yml.
    *_first, removal = [one.status for one in task_results(tmp_path) if one.short_module == "role_assignment"]
    assert removal == ("skipped" if locked else "changed")
    assert ("keeps the role Storage Blob Data Contributor" in done.stdout) is says
