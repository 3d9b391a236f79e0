# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of container apps against the sandbox: creation, check mode and idempotency."""

from __future__ import annotations

import base64
from importlib import import_module
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from tests.support.sandbox_client import Client, Platform

MODULES = "ansible_collections.mlops.mlflow_azure.plugins.modules"


@pytest.fixture(autouse=True)
def _sandbox_environment(sandbox: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)


def run(which: str, /, *, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    module = import_module(f"{MODULES}.{which}").MODULE
    checked = ArgumentSpecValidator(module.argument_spec(), **module.constraints).validate(given)
    assert not checked.error_messages, checked.error_messages
    result: dict[str, Any] = module.run(checked.validated_parameters, check_mode)
    assert not result.get("failed"), result
    return result


def create_once(which: str, /, **given: Any) -> dict[str, Any]:
    """Create a resource after a prediction by check mode, and check that a second run changes nothing. Return the resource."""
    assert run(which, check_mode=True, **given)["changed"] is True
    assert run(which, **given)["changed"] is True
    again = run(which, **given)
    assert again["changed"] is False, again["diff"]
    resource: dict[str, Any] = again[which]
    return resource


def whole_app(platform: Platform) -> dict[str, Any]:
    identity = platform.identity["id"]
    return {
        "resource_group": platform.group.rpartition("/")[2],
        "name": "whole",
        "location": "West Europe",
        "environment_id": platform.environment,
        "identity": {"type": "UserAssigned", "user_assigned_identities": [identity]},
        "registries": [{"server": platform.server, "identity": identity}],
        "secrets": [{"name": "greeting", "value": "hello"}, {"name": "other", "value": "world"}],
        "revision_mode": "Single",
        "max_inactive_revisions": 5,
        "termination_grace_period_seconds": 20,
        "ingress": {
            "external": True,
            "target_port": 8080,
            "transport": "http",
            "sticky_sessions": True,
            "client_certificate_mode": "accept",
            "ip_security_restrictions": [{"name": "office", "ip_address_range": "127.0.0.0/8"}],
            "cors": {"allowed_origins": ["https://example.org"], "allowed_methods": ["GET", "POST"], "max_age": 60},
            "traffic": [{"weight": 100, "latest_revision": True}],
        },
        "dapr": {"enabled": False},
        "scale": {
            "min_replicas": 1,
            "max_replicas": 2,
            "cooldown_period": 60,
            "polling_interval": 15,
            "rules": [
                {"name": "many", "http": {"metadata": {"concurrentRequests": 50}}},
                {"name": "busy", "custom": {"type": "cpu", "metadata": {"type": "Utilization", "value": 70}}},
            ],
        },
        "containers": [
            {
                "name": "probe",
                "image": f"{platform.server}/probe:1",
                "cpu": 0.5,
                "memory": "1.0Gi",
                "env": [{"name": "GREETING", "secret_ref": "greeting"}, {"name": "EMPTY", "value": ""}],
                "volume_mounts": [{"volume_name": "scratch", "mount_path": "/scratch", "sub_path": "a"}],
                "probes": [
                    {
                        "type": "Startup",
                        "http_get": {
                            "path": "/",
                            "port": 8080,
                            "http_headers": [{"name": "Host", "value": "a.example"}],
                        },
                        "failure_threshold": 30,
                        "period_seconds": 1,
                    },
                    {"type": "Liveness", "tcp_socket": {"port": 8080}, "period_seconds": 5},
                ],
            }
        ],
        "volumes": [
            {"name": "scratch", "storage_type": "EmptyDir"},
            {"name": "told", "storage_type": "Secret", "secrets": [{"secret_ref": "other", "path": "other.txt"}]},
        ],
        "tags": {"purpose": "test"},
    }


def test_an_app_with_all_its_settings(platform: Platform) -> None:
    given = whole_app(platform)
    app = create_once("container_app", **given)
    assert "hello" not in str(app)
    changes: list[dict[str, Any]] = [
        {"ingress": {"sticky_sessions": False, "cors": {"enabled": False}}},
        {"secrets": [{"name": "greeting", "value": "good day"}], "keep_secrets": True},
        {"scale": {"max_replicas": 1, "rules": []}},
        {"ingress": {"enabled": False}},
    ]
    place = {key: given[key] for key in ("resource_group", "name", "location")}
    for change in changes:
        before = run("container_app_info", resource_group=place["resource_group"], name="whole")["container_apps"][0]
        after = create_once("container_app", **place, **change)
        assert after["properties"]["template"]["containers"] == before["properties"]["template"]["containers"]
    assert after["properties"]["configuration"]["ingress"] is None
    assert {secret["name"] for secret in after["properties"]["configuration"]["secrets"]} == {"greeting", "other"}
    info = run("container_app_info", resource_group=place["resource_group"], name="whole", revisions=True)
    assert info["container_app_revisions"]
    create_once("container_app", **place, state="absent")


def test_sign_in_of_an_app(platform: Platform) -> None:
    group = platform.group.rpartition("/")[2]
    given = whole_app(platform)
    run("container_app", **{**given, "name": "guarded"})
    issuer = "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0"
    entra = {"client_id": "11111111-2222-3333-4444-555555555555", "issuer": issuer, "client_secret_name": "other"}
    options: dict[str, Any] = {
        "resource_group": group,
        "app": "guarded",
        "unauthenticated_action": "RedirectToLoginPage",
        "redirect_provider": "azureactivedirectory",
        "excluded_paths": ["/health", "/version"],
        "entra": {**entra, "allowed_audiences": ["api://x"], "allowed_applications": ["a", "b"]},
        "token_store": {"enabled": True},
        "require_https": True,
    }
    create_once("container_app_auth", **options)
    for change in (
        {"unauthenticated_action": "Return401"},
        {"excluded_paths": ["/health"]},
        {"entra": {**entra, "allowed_audiences": ["api://y"]}},
        {"token_store": {"enabled": False}},
        {"require_https": False},
        {"enabled": False},
    ):
        create_once("container_app_auth", resource_group=group, app="guarded", **change)
    create_once("container_app_auth", resource_group=group, app="guarded", state="absent")
    create_once("container_app", resource_group=group, name="guarded", state="absent")


def test_a_job_and_its_executions(platform: Platform) -> None:
    given = whole_app(platform)
    shared = ("resource_group", "location", "environment_id", "identity", "registries", "secrets", "volumes", "tags")
    job = {key: given[key] for key in shared} | {"name": "caj-whole", "trigger_type": "Manual", "replica_timeout": 60}
    container = {key: given["containers"][0][key] for key in ("name", "image", "cpu", "memory", "env", "volume_mounts")}
    ending = {**container, "command": ["python", "-c", "raise SystemExit(0)"]}
    create_once("container_app_job", **job, parallelism=2, replica_completion_count=1, containers=[ending])
    place = {key: job[key] for key in ("resource_group", "name", "location")}
    started = run("container_app_job_execution", resource_group=place["resource_group"], job="caj-whole")
    assert started["container_app_job_execution"]["properties"]["status"] == "Succeeded"
    failing = {"name": "main", "image": container["image"], "command": ["python", "-c", "raise SystemExit(3)"]}
    once = {"resource_group": place["resource_group"], "job": "caj-whole", "containers": [failing]}
    with pytest.raises(AssertionError, match="ended as Failed"):
        run("container_app_job_execution", **once)
    create_once("container_app_job", **place, trigger_type="Schedule", cron_expression="0 3 * * *")
    create_once("container_app_job", **place, replica_retry_limit=2)
    rule = {"name": "queue", "type": "azure-queue", "metadata": {"queueName": "q", "queueLength": 5}}
    scale = {"min_executions": 0, "max_executions": 3, "polling_interval": 60, "rules": [rule]}
    create_once("container_app_job", **place, trigger_type="Event", event_scale=scale)
    create_once("container_app_job", **place, state="absent")


def test_storages_of_an_environment(platform: Platform) -> None:
    place = {"resource_group": platform.group.rpartition("/")[2], "environment": "env", "name": "prompts"}
    key = base64.b64encode(b"examples only").decode()
    files = {"account_name": "stone42", "share_name": "prompts", "account_key": key}
    storage = create_once("container_app_environment_storage", **place, azure_file=files)
    assert key not in str(storage)
    create_once("container_app_environment_storage", **place, azure_file={**files, "access_mode": "ReadOnly"})
    create_once("container_app_environment_storage", **place, state="absent")


def test_settings_of_an_environment(platform: Platform) -> None:
    place = {"resource_group": platform.group.rpartition("/")[2], "name": "settings", "location": "westeurope"}
    profiles = [{"name": "d4", "type": "D4", "minimum_count": 0, "maximum_count": 1}]
    create_once("container_app_environment", **place, logs_destination="none", workload_profiles=profiles)
    for change in (
        {"logs_destination": "azure-monitor"},
        {"logs_destination": "none"},
        {"peer_traffic_encryption": True},
        {"peer_mtls": True},
        {"public_network_access": "Disabled"},
        {"tags": {"a": "b"}},
        {"identity": {"type": "UserAssigned", "user_assigned_identities": [platform.identity["id"]]}},
        {"identity": {"type": "None"}},
    ):
        create_once("container_app_environment", **place, **change)
