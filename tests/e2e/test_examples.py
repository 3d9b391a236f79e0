# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All examples in the documentation of modules run against the sandbox, and change nothing in a second run."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.quick_app import SERVER
from tests.support.site_copy import PROJECT, Deployment, Play, Site

# The sandbox has no SQL endpoint at port 1433. tests/unit/plugins/test_sql_database_user.py has one.
ELSEWHERE = {"sql_database_user"}
MODULES = sorted({path.stem for path in (PROJECT / "plugins" / "modules").glob("[a-z]*.py")} - ELSEWHERE)
# Parent resources first. The other modules follow, and the info modules are last.
PARENTS = (
    "resource_group",
    "user_assigned_identity",
    "log_analytics_workspace",
    "container_registry",
    "role_assignment",
    "container_image",
    "container_app_environment",
    "storage_account",
    "storage_container",
    "container_app_environment_storage",
    "key_vault",
    "sql_server",
    "container_app",
    "container_app_job",
)
# Variables that the examples do not define.
VARIABLES = {
    "backend_store_uri": "sqlite:////tmp/unused.db",
    "passphrase": "examples only",
    "sql_password": "Examples-0nly-Sandbox",
    "storage_account_key": "ZXhhbXBsZXMgb25seQ==",
}
CONNECTION = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    "ansible_remote_tmp": "{{ lookup('ansible.builtin.config', 'ANSIBLE_HOME') }}/tmp",
}
# Prerequisites in the documentation of a module: writing secrets needs this role, which the creator of the vault does not have.
PREREQUISITES: dict[str, list[dict[str, Any]]] = {
    "key_vault_secret": [
        {
            "name": "Find who runs the examples",
            "mlops.mlflow_azure.role_assignment_info": {
                "scope": "/subscriptions/{{ lookup('ansible.builtin.env', 'AZURE_SUBSCRIPTION_ID') }}",
                "role": "Owner",
            },
            "register": "owners",
        },
        {
            "name": "Let them write secrets",
            "mlops.mlflow_azure.role_assignment": {
                "scope": "{{ owners.role_assignments[0].properties.scope }}",
                "role": "Key Vault Secrets Officer",
                "principal_id": "{{ owners.role_assignments[0].properties.principalId }}",
            },
        },
    ]
}
# A small image for the example of container_image. The image of MLflow takes a minute to build.
DOCKERFILE = """\
FROM python:3.12-slim-bookworm
WORKDIR /srv
COPY server.py ./
ENTRYPOINT ["python", "/srv/server.py"]
CMD ["0.0.0.0"]
"""


@dataclass(frozen=True)
class Example:
    """A task of an EXAMPLES block. again: whether the documentation claims idempotence."""

    module: str
    number: int
    task: dict[str, Any]
    again: bool

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.task.get(f"mlops.mlflow_azure.{self.module}", {}))

    def named(self, suffix: str = "") -> dict[str, Any]:
        """Return the task with a unique name. Its failure does not stop the playbook."""
        name = f"{self.module} {self.number}{suffix}: {self.task['name']}"
        return {**self.task, "name": name, "ignore_errors": True}


def blocks(module: str) -> dict[str, Any]:
    """Return the documentation blocks of a module."""
    tree = ast.parse((PROJECT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8"))
    return {
        node.targets[0].id: yaml.safe_load(ast.literal_eval(node.value))
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("DOCUMENTATION", "EXAMPLES")
    }


def examples(module: str) -> list[Example]:
    """Return the examples of a module. Those of other modules, such as debug, are not repeated."""
    found = blocks(module)
    claim = found["DOCUMENTATION"].get("attributes", {}).get("idempotent", {"support": "full"})
    changing = set(re.findall(r"O\((\w+)=(\w+)\)", " ".join(claim.get("details", []))))
    made = []
    for number, task in enumerate(found.get("EXAMPLES") or [], 1):
        arguments = task.get(f"mlops.mlflow_azure.{module}")
        again = arguments is not None and claim["support"] != "none"
        again = again and not changing & {(name, str(value)) for name, value in (arguments or {}).items()}
        made.append(Example(module, number, task, again))
    return made


def in_order(found: list[Example]) -> list[Example]:
    """Return the examples in order: create, read, remove. Children are removed before their parents."""
    ranks = {module: rank for rank, module in enumerate(PARENTS)}

    def rank(example: Example) -> tuple[bool, int, str]:
        return example.module.endswith("_info"), ranks.get(example.module, len(ranks)), example.module

    removing = [example for example in found if example.arguments.get("state") == "absent"]
    making = sorted((example for example in found if example not in removing), key=rank)
    return making + sorted(removing, key=rank, reverse=True)


@dataclass(frozen=True)
class Run:
    """The run of all examples, and the status of each task: ok, changed, failed or skipped."""

    play: Play
    found: list[Example]
    ended: dict[str, str]


def run_examples(site: Site, folder: Path) -> Run:
    """Run all examples in one playbook, each of them twice."""
    found = in_order([example for module in MODULES for example in examples(module)])
    tasks: list[dict[str, Any]] = []
    for example in found:
        if example.number == 1:
            tasks += PREREQUISITES.get(example.module, [])
        tasks += [example.named(), *([example.named(" again")] if example.again else [])]
    variables = {**CONNECTION, **VARIABLES, "tracking_uri": site.client_settings()["MLFLOW_TRACKING_URI"]}
    play = {"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}
    context, playbook = folder / "docker" / "mlflow", folder / "playbooks" / "examples.yml"
    for path, text in (
        (context / "Dockerfile", DOCKERFILE),
        (context / "server.py", SERVER),
        (playbook, json.dumps([play])),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    command = Path(sys.executable).parent / "ansible-playbook"
    done = site.run(command, "-i", "localhost,", playbook, **site.sandbox_environment())
    return Run(Play(done.returncode, done.stdout), found, results(done.stdout))


@pytest.fixture(scope="module")
def run(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_examples(deployment.site, tmp_path_factory.mktemp("examples"))


def results(output: str) -> dict[str, str]:
    """Return the status of each task by name."""
    words = {"ok": "ok", "changed": "changed", "fatal": "failed", "failed": "failed"}
    ended = {}
    for name, text in re.findall(
        r"^TASK \[(.+?)\] \**\n(.*?)(?=^TASK \[|^PLAY RECAP|\Z)", output, re.MULTILINE | re.DOTALL
    ):
        results = re.findall(r"^(ok|changed|fatal|failed): \[localhost\]", text, re.MULTILINE)
        ended[name] = words[results[-1]] if results else "skipped"
    return ended


@pytest.mark.parametrize("module", MODULES)
def test_all_examples_of_a_module_run(module: str, run: Run) -> None:
    own = [example for example in run.found if example.module == module]
    assert any(example.arguments for example in own), f"{module} has no example of itself"
    for example in own:
        ended = run.ended.get(example.named()["name"], "not reached")
        assert ended in ("ok", "changed"), run.play.output[-3000:]
        if example.again:
            repeated = example.named(" again")["name"]
            assert run.ended.get(repeated) == "ok", f"{repeated} {run.ended.get(repeated)}\n{run.play.output[-3000:]}"


def test_all_examples_were_executed(run: Run, report_count: Callable[[str], None]) -> None:
    assert run.play.code == 0, run.play.output[-6000:]
    executed = [example for example in run.found if run.ended.get(example.named()["name"]) in ("ok", "changed")]
    assert len(executed) == len(run.found)
    twice = sum(example.again for example in executed)
    report_count(f"{len(executed)} examples of {len(MODULES)} modules executed, {twice} of them twice")
