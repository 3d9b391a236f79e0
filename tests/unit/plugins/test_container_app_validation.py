# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validation of options before any request: those that apps and jobs share, and those of apps."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import InvalidOption

from tests.support.container_apps import APP, ENVIRONMENT, IDENTITY, JOB
from tests.support.fake_azure import NOT_FOUND, FakeAzure, get, run

SHARED: dict[str, Any] = {
    "resource_group": "rg",
    "location": "westeurope",
    "environment_id": ENVIRONMENT,
    "containers": [{"name": "c", "image": "cr.azurecr.io/c:1"}],
}
DESIRED = {
    "container_app": {**SHARED, "name": "app1"},
    "container_app_job": {**SHARED, "name": "job1", "trigger_type": "Manual", "replica_timeout": 60},
}
PATHS = {"container_app": APP, "container_app_job": JOB}


def container(**changes: Any) -> dict[str, Any]:
    return {"containers": [{"name": "c", "image": "cr.azurecr.io/c:1", **changes}]}


def probe(kind: str, **changes: Any) -> dict[str, Any]:
    return {"type": kind, "tcp_socket": {"port": 1}, **changes}


def mounted(path: str, volume: str = "v") -> dict[str, Any]:
    mounts = [{"volume_name": volume, "mount_path": path}]
    return {**container(volume_mounts=mounts), "volumes": [{"name": volume, "storage_type": "EmptyDir"}]}


def vault(**changes: Any) -> dict[str, Any]:
    url = "https://kv-one.vault.azure.net/secrets/password"
    return {"secrets": [{"name": "s", "key_vault_url": url, "identity": IDENTITY, **changes}]}


def pulled_by(identity: str) -> dict[str, Any]:
    return {"registries": [{"server": "cr.azurecr.io", "identity": identity}]}


def custom(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "custom": {"type": "azure-queue", **changes}}


def traffic(*entries: dict[str, Any], mode: str = "Multiple") -> dict[str, Any]:
    return {"ingress": {"target_port": 1, "traffic": list(entries)}, "revision_mode": mode}


ONLY_USER_ASSIGNED = {"identity": {"type": "UserAssigned", "user_assigned_identities": [IDENTITY]}}
SYSTEM_ASSIGNED = {"identity": {"type": "SystemAssigned"}}


@pytest.mark.parametrize("module", DESIRED)
@pytest.mark.parametrize(
    ("given", "option"),
    [
        (container(name="has_underscore"), "containers.name"),
        (container(name="orderproc-3.0"), "containers.name"),
        (container(name="c" * 64), "containers.name"),
        ({"init_containers": [{"name": "-c", "image": "i"}]}, "containers.name"),
        ({"init_containers": [{"name": "c", "image": "i"}]}, "containers.name"),
        (mounted("relative"), "containers[c].volume_mounts.mount_path"),
        (mounted("/v", "my_volume"), "volumes.name"),
        (vault(key_vault_url="https://kv-one.vault.azure.net"), "secrets.key_vault_url"),
        (vault(key_vault_url="http://kv-one.vault.azure.net/secrets/password"), "secrets.key_vault_url"),
        (vault(identity="id1"), "secrets.identity"),
        ({**vault(identity="system"), **ONLY_USER_ASSIGNED}, "secrets.identity"),
        (pulled_by("id1"), "registries.identity"),
        ({**pulled_by("system"), **ONLY_USER_ASSIGNED}, "registries.identity"),
        ({"registries": [{"server": "https://cr.azurecr.io", "identity": IDENTITY}]}, "registries.server"),
    ],
)
def test_invalid_options_of_apps_and_jobs(module: str, given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run(module, azure, **{**DESIRED[module], **given})
    assert caught.value.fields["option"] == option


@pytest.mark.parametrize("module", DESIRED)
@pytest.mark.parametrize(
    "given",
    [
        container(name="123-abc"),
        container(name="c" * 63),
        {"init_containers": [{"name": "before", "image": "i"}]},
        mounted("/var/lib/v"),
        vault(),
        vault(key_vault_url="https://kv-one.vault.azure.net/secrets/password/0a1b2c"),
        {**vault(identity="system"), **SYSTEM_ASSIGNED},
        pulled_by("system"),
        pulled_by(IDENTITY.lower()),
        {"registries": [{"server": "cr.example.org:5000", "identity": IDENTITY}]},
    ],
)
def test_valid_options_of_apps_and_jobs(module: str, given: dict[str, Any]) -> None:
    with FakeAzure(get(PATHS[module], 404, NOT_FOUND)) as azure:
        assert run(module, azure, check_mode=True, **{**DESIRED[module], **given})["changed"] is True


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"revision_suffix": "V2"}, "revision_suffix"),
        ({"revision_suffix": "a--b"}, "revision_suffix"),
        ({"revision_suffix": "a-"}, "revision_suffix"),
        ({"revision_suffix": "a" * 51}, "revision_suffix"),
        ({"scale": {"rules": [custom("Concurrent HTTP Requests")]}}, "scale.rules.name"),
        ({"scale": {"rules": [custom("r", identity="id1")]}}, "scale.rules[r].custom.identity"),
        (
            {"scale": {"rules": [custom("r", identity="system")]}, **ONLY_USER_ASSIGNED},
            "scale.rules[r].custom.identity",
        ),
        (traffic({"weight": 100, "revision_name": "other--1"}), "ingress.traffic.revision_name"),
        (traffic({"weight": 100, "revision_name": "app1--1"}, mode="Single"), "ingress.traffic.revision_name"),
        (container(probes=[probe("Liveness"), probe("Liveness")]), "containers[c].probes.type"),
        (container(probes=[probe("Liveness", success_threshold=2)]), "containers[c].probes.success_threshold"),
        (container(probes=[probe("Startup", success_threshold=2)]), "containers[c].probes.success_threshold"),
    ],
)
def test_invalid_options_of_apps(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_app", azure, **{**DESIRED["container_app"], **given})
    assert caught.value.fields["option"] == option


@pytest.mark.parametrize(
    "given",
    [
        {"revision_suffix": "1st-revision"},
        {"revision_suffix": "a" * 50},
        {"scale": {"rules": [custom("queue.length-1", identity=IDENTITY)]}},
        traffic({"weight": 80, "revision_name": "app1--1"}, {"weight": 20, "latest_revision": True, "label": "new"}),
        traffic({"weight": 100, "latest_revision": True}, mode="Single"),
        container(probes=[probe("Readiness", success_threshold=3), probe("Liveness", success_threshold=1)]),
    ],
)
def test_valid_options_of_apps(given: dict[str, Any]) -> None:
    with FakeAzure(get(APP, 404, NOT_FOUND)) as azure:
        result = run("container_app", azure, check_mode=True, **{**DESIRED["container_app"], **given})
    assert result["changed"] is True


@pytest.mark.parametrize(
    ("rule", "option"),
    [
        ({"name": "Queue", "type": "azure-queue"}, "event_scale.rules.name"),
        ({"name": "q", "type": "azure-queue", "identity": "id1"}, "event_scale.rules[q].identity"),
    ],
)
def test_invalid_scale_rules_of_jobs(rule: dict[str, Any], option: str) -> None:
    given = {"trigger_type": "Event", "event_scale": {"rules": [rule]}}
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_app_job", azure, **{**DESIRED["container_app_job"], **given})
    assert caught.value.fields["option"] == option
