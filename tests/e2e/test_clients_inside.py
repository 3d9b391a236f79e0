# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps inside the environment log to the server: old and new clients, and the program that users have. Azure's variables are injected."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.azure_openai import AzureOpenAI, serving
from tests.support.site_copy import PROJECT, Deployment, Play, Site

LANGCHAIN = PROJECT / "tests" / "client" / "langchain_program"
RELEASES = ["2.22", "3.4", "3.17"]
KEY = "not-a-key-0123456789"
PROMPT = "How far is the moon?"
ANSWER = "384,400 km on average."

# Jobs of the team's own, one with the block that the role gives and one without. Each ends with success: a lost trace is no error.
LANGCHAIN_PLAY: list[dict[str, Any]] = [
    {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [
            {"ansible.builtin.include_role": {"name": "mlops.mlflow_azure.mlflow_client"}},
            {
                "mlops.mlflow_azure.container_image": {
                    "resource_group": "{{ group }}",
                    "registry": "{{ registry }}",
                    "repository": "langchain",
                    "context": "{{ program }}",
                },
                "register": "image",
            },
            {
                "mlops.mlflow_azure.container_app_job": {
                    "resource_group": "{{ group }}",
                    "name": "{{ item.job }}",
                    "location": "{{ location }}",
                    "environment_id": "{{ app_environment_id }}",
                    "identity": {"type": "UserAssigned", "user_assigned_identities": ["{{ identity_id }}"]},
                    "registries": [{"server": "{{ registry }}.azurecr.io", "identity": "{{ identity_id }}"}],
                    "secrets": [{"name": "openai", "value": "{{ key }}"}],
                    "trigger_type": "Manual",
                    "replica_timeout": 600,
                    "containers": [
                        {
                            "name": "program",
                            "image": "{{ image.container_image.reference }}",
                            "cpu": 0.5,
                            "memory": "1Gi",
                            "env": "{{ own + [{'name': 'EXPERIMENT', 'value': item.job}] + item.block }}",
                        }
                    ],
                },
                "loop": "{{ jobs }}",
                "loop_control": {"label": "{{ item.job }}"},
            },
            {
                "mlops.mlflow_azure.container_app_job_execution": {
                    "resource_group": "{{ group }}",
                    "job": "{{ item.job }}",
                    "wait_timeout": 600,
                },
                "loop": "{{ jobs }}",
                "loop_control": {"label": "{{ item.job }}"},
            },
        ],
        "vars": {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "ansible_remote_tmp": "{{ lookup('ansible.builtin.config', 'ANSIBLE_HOME') }}/tmp",
            "mlflow_client_tracking_uri": "{{ tracking_uri }}",
            "own": [
                {"name": "AZURE_OPENAI_ENDPOINT", "value": "{{ openai_url }}"},
                {"name": "AZURE_OPENAI_API_KEY", "secret_ref": "openai"},
            ],
            "jobs": [
                {"job": "langchain", "block": "{{ mlflow_client_environment }}"},
                {"job": "langchain-alone", "block": [{"name": "MLFLOW_TRACKING_URI", "value": "{{ tracking_uri }}"}]},
            ],
        },
    }
]
READ_BACK = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient()
experiment = client.get_experiment_by_name(sys.argv[1])
traces = client.search_traces(locations=[experiment.experiment_id])
print(json.dumps([
    {"request": str(trace.data.request), "response": str(trace.data.response), "tokens": trace.info.token_usage} for trace in traces
]))
"""


def one(site: Site, kind: str) -> dict[str, Any]:
    (result,) = site.resources(kind)
    return result


@pytest.fixture(scope="module")
def probed(deployment: Deployment) -> tuple[Play, float]:
    """Run client.yml with the probe for all releases. Return the run and its duration in seconds."""
    begun = time.monotonic()
    releases = json.dumps({"mlflow_client_probe": True, "mlflow_client_probe_releases": RELEASES})
    return deployment.site.play("client.yml", "-e", releases), time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.long
def test_each_client_release_logs_from_a_job(
    probed: tuple[Play, float], deployment: Deployment, report_count: Callable[[str], None]
) -> None:
    play, seconds = probed
    assert play.code == 0, play.output[-6000:]
    jobs = {job["id"].rpartition("/")[2]: job for job in deployment.site.resources("Microsoft.App/jobs")}
    assert {f"mlflow-probe-{release.replace('.', '-')}" for release in RELEASES} <= set(jobs)
    result = deployment.site.resources("Microsoft.App/jobs/executions", contains="/mlflow-probe-")
    assert [execution["properties"]["status"] for execution in result] == ["Succeeded"] * len(RELEASES)
    report_count(
        f"MLflow clients {', '.join(RELEASES)} inside the environment: run, artifact and trace arrived ({seconds:.0f} s)"
    )


@pytest.mark.slow
@pytest.mark.long
def test_environment_variables_equal_client_env(probed: tuple[Play, float], deployment: Deployment) -> None:
    jobs = deployment.site.resources("Microsoft.App/jobs", contains="mlflow-probe-3-17")
    (container,) = jobs[0]["properties"]["template"]["containers"]
    block = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    assert block == deployment.site.client_settings()


@pytest.mark.slow
@pytest.mark.long
def test_the_probe_without_the_settings_reports_a_lost_trace(
    probed: tuple[Play, float], deployment: Deployment
) -> None:
    uri = deployment.site.client_settings()["MLFLOW_TRACKING_URI"]
    # An extra variable wins over the fact that the role sets.
    alone = {"mlflow_client_probe": True, "mlflow_client_environment": [{"name": "MLFLOW_TRACKING_URI", "value": uri}]}
    play = deployment.site.play("client.yml", "-e", json.dumps(alone))
    assert play.code != 0
    text = " ".join(play.output.split())
    assert "MLflow's client 3.17 inside the environment: " in text
    assert "Lost: trace. It printed:" in text


@pytest.fixture(scope="module")
def openai() -> Iterator[AzureOpenAI]:
    with serving(AzureOpenAI("gpt-4o-mini", KEY, ANSWER)) as service:
        yield service


@pytest.fixture(scope="module")
def langchain(deployment: Deployment, openai: AzureOpenAI, tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Run a program of users as two jobs."""
    site = deployment.site
    folder = tmp_path_factory.mktemp("langchain")
    playbook, settings = folder / "play.yml", folder / "settings.json"
    playbook.write_text(json.dumps(LANGCHAIN_PLAY), encoding="utf-8")
    environment, identity = (
        one(site, "Microsoft.App/managedEnvironments"),
        one(site, "Microsoft.ManagedIdentity/userAssignedIdentities"),
    )
    about = {
        "group": environment["id"].split("/")[4],
        "location": "westeurope",
        "app_environment_id": environment["id"],
        "identity_id": identity["id"],
        "registry": one(site, "Microsoft.ContainerRegistry/registries")["id"].rpartition("/")[2],
        "program": str(LANGCHAIN),
        "key": KEY,
        "openai_url": openai.url,
        "tracking_uri": site.client_settings()["MLFLOW_TRACKING_URI"],
    }
    settings.write_text(json.dumps(about), encoding="utf-8")
    command = Path(sys.executable).parent / "ansible-playbook"
    done = site.run(command, "-i", "localhost,", "-e", f"@{settings}", playbook, **site.sandbox_environment())
    return Play(done.returncode, done.stdout)


def traces(site: Site, experiment: str) -> list[dict[str, Any]]:
    uri = site.client_settings()["MLFLOW_TRACKING_URI"]
    done = site.python(READ_BACK, experiment, MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 0, done.stdout
    result: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.slow
@pytest.mark.long
def test_langchain_traces_have_prompt_response_and_token_counts(
    langchain: Play, openai: AzureOpenAI, deployment: Deployment
) -> None:
    assert langchain.code == 0, langchain.output[-6000:]
    assert openai.prompts == [PROMPT, PROMPT]
    (trace,) = traces(deployment.site, "langchain")
    assert PROMPT in trace["request"]
    assert ANSWER in trace["response"]
    tokens = {"input_tokens": 11, "output_tokens": 6, "total_tokens": 17}
    assert {name: trace["tokens"][name] for name in tokens} == tokens
    assert KEY not in langchain.output


@pytest.mark.slow
@pytest.mark.long
def test_langchain_without_the_settings_loses_traces(langchain: Play, deployment: Deployment) -> None:
    assert langchain.code == 0, langchain.output[-6000:]
    assert traces(deployment.site, "langchain-alone") == []


def test_the_page_documents_the_environment_variables(deployment: Deployment) -> None:
    page = (PROJECT / "docs" / "clients.md").read_text(encoding="utf-8")
    settings = deployment.site.client_settings()
    # Every way in the page (our module, Azure's CLI, Bicep, Terraform) names each of them.
    blocks = [block for block in re.findall(r"^```\w+\n(.*?)^```", page, re.MULTILINE | re.DOTALL) if "OTEL_" in block]
    assert len(blocks) >= 3
    for block in blocks:
        assert [name for name in settings if name not in block] == []
