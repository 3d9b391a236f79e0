# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task has the same result inside the Ansible process and in a module's own process. Real ansible-playbook runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.module_cases import CASES
from tests.support.tiny_azure import TinyAzure

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
COLLECTIONS = Path(__file__).resolve().parents[3] / ".ansible" / "collections"
SECRET = "client-secret-value"
NAME = "mlops.mlflow_azure.resource_group"
OWN = "{{ ansible_playbook_python }}"
GROUP = {"name": "rg1", "location": "westeurope"}

# Every kind of task. Each entry: the keywords of the task with the arguments of the module.
TASKS: list[dict[str, Any]] = [
    {NAME: GROUP, "check_mode": True, "diff": True},
    {NAME: {**GROUP, "tags": {"a": "1"}}, "diff": True},
    {NAME: {**GROUP, "tags": {"a": "1"}}},
    {NAME: {**GROUP, "tags": {"a": "2"}}, "check_mode": True, "diff": True},
    {NAME: {**GROUP, "tags": {"a": "2"}}, "diff": True},
    {NAME: {**GROUP, "tags": {"secret": SECRET}}},
    {NAME: {**GROUP, "tags": {"n": 1, "t": True, "x": None}}, "diff": True},
    {NAME: {**GROUP, "location": "northeurope"}},
    {NAME: {"name": "bad."}},
    {NAME: {"name": "bad.", "location": "x"}},
    {NAME: {**GROUP, "unknown_option": 1}},
    {NAME: {**GROUP, "wait_timeout": "soon"}},
    {NAME: {**GROUP, "state": "gone"}},
    {NAME: {"location": "westeurope"}},
    {NAME: {"name": "forbidden", "location": "x"}},
    {NAME: {**GROUP, "name": "{{ item }}"}, "loop": ["rg2", "rg3"]},
    {NAME: GROUP, "environment": {"AZURE_SUBSCRIPTION_ID": "another"}},
    {NAME: GROUP, "no_log": True},
    {NAME: GROUP, "delegate_to": "elsewhere"},
    {NAME: {"name": "{{ late }}", "location": "westeurope"}, "vars": {"late": "rg4"}},
    {NAME: {"name": "rg4", "state": "absent"}, "diff": True},
    {NAME: {"name": "rg4", "state": "absent"}},
    {NAME: GROUP, "async": 60, "poll": 1},
]


def every_module() -> list[dict[str, Any]]:
    """Return an invalid task of each module with an action plugin, and a task that creates the resource of each resource module."""
    tasks: list[dict[str, Any]] = []
    for module in sorted(file.stem for file in (PLUGINS / "action").glob("*.py")):
        name = f"mlops.mlflow_azure.{module}"
        tasks.append({name: {"no_such_option": 1}})
        # The host of a vault cannot be redirected to the fake.
        if module in CASES and module != "key_vault_secret":
            tasks.append({name: CASES[module].least, "check_mode": True, "diff": True})
            tasks.append({name: CASES[module].least, "diff": True})
    return tasks


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[TinyAzure]:
    with TinyAzure(tmp_path) as found:
        yield found


def play(folder: Path, azure: TinyAzure, tasks: list[dict[str, Any]], interpreter: str | None) -> tuple[list[Any], str]:
    """Return the results of the tasks and the whole output. interpreter: ansible_python_interpreter, if any."""
    folder.mkdir(exist_ok=True)
    (folder / "ansible.cfg").touch()
    registered = [{**task, "register": f"r{place}", "ignore_errors": True} for place, task in enumerate(tasks)]
    collect = {
        "ansible.builtin.copy": {
            "content": "{{ [" + ", ".join(f"r{place}" for place in range(len(tasks))) + "] | to_json }}",
            "dest": str(folder / "results.json"),
            "mode": "0600",
        },
        "vars": {"ansible_python_interpreter": OWN},
    }
    group = {"group/mlops.mlflow_azure.azure": {"resource_manager_endpoint": azure.url, "authority_host": azure.url}}
    playbook = [{"hosts": "here", "gather_facts": False, "module_defaults": group, "tasks": [*registered, collect]}]
    (folder / "playbook.yml").write_text(yaml.safe_dump(playbook))
    variables: dict[str, Any] = {"ansible_connection": "local", "ansible_remote_tmp": str(folder / "tmp")}
    variables["ansible_async_dir"] = str(folder / "async")
    if interpreter is not None:
        variables["ansible_python_interpreter"] = interpreter
    hosts = {"all": {"hosts": {"here": {}, "elsewhere": {}}, "vars": variables}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        # Since ansible-core 2.21 results contain the invocation only on request.
        "ANSIBLE_INJECT_INVOCATION": "true",
        "AZURE_CLIENT_ID": "client",
        "AZURE_CLIENT_SECRET": SECRET,
        "AZURE_SUBSCRIPTION_ID": "sub",
        "AZURE_TENANT_ID": "tenant",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "NO_PROXY": "127.0.0.1",
        "PATH": os.environ["PATH"],
        "REQUESTS_CA_BUNDLE": str(azure.certificate),
    }
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-vvv", "-i", "hosts.yml", "playbook.yml"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads((folder / "results.json").read_text()), done.stdout + done.stderr


def without_incidental(result: Any) -> Any:
    """Return the result without values that may differ: times, job ids, request ids, the file of an async result."""
    incidental = {"ansible_job_id", "results_file", "ansible_facts", "stdout", "stderr", "stdout_lines", "stderr_lines"}
    if isinstance(result, dict):
        return {key: without_incidental(item) for key, item in result.items() if key not in incidental}
    return [without_incidental(item) for item in result] if isinstance(result, list) else result


def another_interpreter() -> str:
    """Return a path to the same Python that is not the one of the Ansible process."""
    return str(Path(sys.executable).parent) + "/./" + Path(sys.executable).name


@pytest.fixture
def both(tmp_path: Path, azure: TinyAzure) -> tuple[list[Any], list[Any], str, list[Any], list[Any]]:
    here, output = play(tmp_path / "here", azure, TASKS, OWN)
    asked_here, azure.requests, azure.groups = azure.requests, [], {}
    apart, more = play(tmp_path / "apart", azure, TASKS, another_interpreter())
    for text in (output, more):
        assert '"client_secret": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"' in text
    return here, apart, output + more, asked_here, azure.requests


def test_results_and_requests_are_the_same_in_both_processes(both: Any) -> None:
    here, apart, output, asked_here, asked_apart = both
    for place, (one, other) in enumerate(zip(here, apart, strict=True)):
        assert without_incidental(one) == without_incidental(other), TASKS[place]
    assert asked_here == asked_apart
    assert SECRET not in output
    assert SECRET not in json.dumps(here)
    changed = [result.get("changed") for result in here]
    assert changed[:6] == [True, True, False, True, True, True]
    assert [bool(result.get("failed")) for result in here[7:15]] == [True] * 8
    assert "diff" in here[1]
    assert "diff" not in here[2]


@pytest.mark.slow
def test_every_module_returns_the_same_in_both_processes(tmp_path: Path, azure: TinyAzure) -> None:
    tasks = every_module()
    here, _output = play(tmp_path / "here", azure, tasks, OWN)
    module_requests, azure.requests, azure.groups = azure.requests, [], {}
    apart, _output = play(tmp_path / "apart", azure, tasks, another_interpreter())
    for task, one, other in zip(tasks, here, apart, strict=True):
        assert without_incidental(one) == without_incidental(other), task
        wrong = any("no_such_option" in arguments for arguments in task.values() if isinstance(arguments, dict))
        assert bool(one.get("failed")) == wrong, one
        if not wrong:
            assert one["changed"] is True
            assert "after" in one["diff"]
    assert module_requests == azure.requests
    assert len(tasks) > 2 * len(CASES)


def test_a_play_fetches_one_token(tmp_path: Path, azure: TinyAzure) -> None:
    play(tmp_path / "play", azure, [{NAME: GROUP}] * 4, None)
    assert azure.tokens == 1


def test_no_module_is_transferred_in_process(tmp_path: Path, azure: TinyAzure) -> None:
    _results, here = play(tmp_path / "here", azure, [{NAME: GROUP}], None)
    _results, own = play(tmp_path / "own", azure, [{NAME: GROUP}], OWN)
    _results, apart = play(tmp_path / "apart", azure, [{NAME: GROUP}], another_interpreter())
    sent = "AnsiballZ_resource_group"
    assert (sent in here, sent in own, sent in apart) == (False, False, True)
