# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources of Microsoft.App other than apps, over HTTPS: jobs, authConfigs, storages, Dapr components."""

from __future__ import annotations

import copy
import uuid
from typing import Any

import pytest

from tests.support.sandbox_client import Client, status_and_code


@pytest.fixture(scope="module")
def group(sandbox: Client) -> str:
    return sandbox.group()


@pytest.fixture(scope="module")
def app(sandbox: Client, group: str, environment: str) -> str:
    """Return an app whose image does not exist; its child resources are available all the same."""
    path = f"{group}/providers/Microsoft.App/containerApps/front"
    properties = {
        "environmentId": environment,
        "configuration": {"secrets": [{"name": "known", "value": "x"}]},
        "template": {"containers": [{"name": "main", "image": "nowhere.azurecr.io/none:1"}]},
    }
    sandbox.wait(sandbox.arm("PUT", path, {"location": "westeurope", "properties": properties}))
    return path


def job_body(environment: str) -> dict[str, Any]:
    return {
        "location": "West Europe",
        "properties": {
            "environmentId": environment,
            "configuration": {
                "triggerType": "manual",
                "replicaTimeout": 60,
                "manualTriggerConfig": {"parallelism": 1, "replicaCompletionCount": 1},
                "secrets": [{"name": "word", "value": "hidden"}],
            },
            "template": {"containers": [{"name": "main", "image": "nowhere.azurecr.io/none:1"}]},
        },
    }


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a body with one member, at a dotted path below `properties`, replaced."""
    made = copy.deepcopy(body)
    *outer, last = path.split(".")
    inner = made["properties"]
    for name in outer:
        inner = inner[int(name)] if isinstance(inner, list) else inner[name]
    inner[last] = value
    return made


# jobs


def test_a_job_is_created_updated_and_deleted(sandbox: Client, group: str, environment: str) -> None:
    path = f"{group}/providers/Microsoft.App/jobs/nightly"
    answer = sandbox.arm("PUT", path, job_body(environment))
    assert answer.status_code == 201
    assert "/containerappsjobOperationStatuses/" in answer.headers["Azure-AsyncOperation"]
    assert answer.json()["properties"]["provisioningState"] == "InProgress"
    sandbox.wait(answer)
    resource = sandbox.arm("GET", path).json()
    assert resource["location"] == "West Europe"
    assert resource["properties"]["runningStatus"] == "Ready"
    configuration = resource["properties"]["configuration"]
    assert configuration["triggerType"] == "Manual"
    assert configuration["secrets"] == [{"name": "word"}]
    assert (configuration["scheduleTriggerConfig"], configuration["eventTriggerConfig"]) == (None, None)
    assert sandbox.arm("POST", f"{path}/listSecrets").json() == {"value": [{"name": "word", "value": "hidden"}]}
    patched = sandbox.arm("PATCH", path, {"properties": {"configuration": {"replicaTimeout": 90}}})
    assert (patched.status_code, patched.content) == (202, b"")
    assert "Azure-AsyncOperation" not in patched.headers
    sandbox.wait(patched)
    assert sandbox.arm("GET", path).json()["properties"]["configuration"]["replicaTimeout"] == 90
    assert sandbox.arm("POST", f"{path}/listSecrets").json()["value"] == [{"name": "word", "value": "hidden"}]
    sandbox.wait(sandbox.arm("PATCH", path, {"properties": {"configuration": {"secrets": []}}}))
    assert sandbox.arm("POST", f"{path}/listSecrets").json() == {"value": []}
    assert sandbox.arm("GET", f"{path}/executions").json() == {"value": []}
    assert "nightly" in [
        one["name"] for one in sandbox.arm("GET", f"{group}/providers/Microsoft.App/jobs").json()["value"]
    ]
    deleted = sandbox.arm("DELETE", path)
    assert deleted.status_code == 202
    sandbox.wait(deleted)
    assert status_and_code(sandbox.arm("GET", path)) == (404, "ResourceNotFound")
    assert sandbox.arm("DELETE", path).status_code == 204


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("environmentId", "/nowhere", (404, "ManagedEnvironmentNotFound")),
        ("configuration.triggerType", "sometimes", (400, "ContainerAppsJobInvalidConfiguration")),
        ("configuration.triggerType", "schedule", (400, "ContainerAppsJobInvalidConfiguration")),
        ("configuration.replicaTimeout", None, (400, "ContainerAppsJobInvalidConfiguration")),
        ("configuration.replicaTimeout", 0, (400, "ContainerAppsJobInvalidConfiguration")),
        (
            "configuration.manualTriggerConfig",
            {"parallelism": 1, "replicaCompletionCount": 2},
            (400, "ContainerAppsJobInvalidConfiguration"),
        ),
        ("configuration.secrets", [{"name": "word"}], (400, "ContainerAppSecretInvalid")),
        ("configuration.secrets", [{"name": "W", "value": "x"}], (400, "ContainerAppSecretNameInvalid")),
        (
            "configuration.registries",
            [{"server": "x.io", "passwordSecretRef": "no"}],
            (400, "ContainerAppRegistriesPasswordSecretRefNotFound"),
        ),
        ("template.containers", [], (400, "ContainerAppContainersRequired")),
        ("template.containers.0.name", "a_b", (400, "InvalidParameterValueInContainerTemplate")),
        ("template.containers.0.image", "", (400, "ContainerAppImageRequired")),
        ("template.containers.0.env", [{"name": "A", "secretRef": "no"}], (400, "ContainerAppSecretRefNotFound")),
        ("template.containers.0.resources", {"cpu": 0.3, "memory": "1Gi"}, (400, "ContainerAppInvalidResourceTotal")),
    ],
)
def test_an_invalid_job_returns_an_error(
    sandbox: Client, group: str, environment: str, path: str, value: Any, expected: tuple[int, str]
) -> None:
    answer = sandbox.arm(
        "PUT", f"{group}/providers/Microsoft.App/jobs/wrong", changed(job_body(environment), path, value)
    )
    assert status_and_code(answer) == expected


def test_cpu_and_memory_are_the_sum_of_all_containers(sandbox: Client, group: str, environment: str) -> None:
    quarter = {"image": "nowhere.azurecr.io/none:1", "resources": {"cpu": 2.5, "memory": "5Gi"}}
    body = changed(job_body(environment), "template.containers", [{"name": "a", **quarter}, {"name": "b", **quarter}])
    answer = sandbox.arm("PUT", f"{group}/providers/Microsoft.App/jobs/large", body)
    assert status_and_code(answer) == (400, "ContainerAppInvalidResourceTotal")
    assert "CPU: 5, memory: 10" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["Upper", "two--hyphens", "9digit", "ends-", "a" * 33])
def test_an_invalid_job_name_returns_400(sandbox: Client, group: str, environment: str, name: str) -> None:
    answer = sandbox.arm("PUT", f"{group}/providers/Microsoft.App/jobs/{name}", job_body(environment))
    assert status_and_code(answer) == (400, "ContainerAppsJobInvalidName")


def test_only_a_start_of_the_job_creates_an_execution(sandbox: Client, group: str, environment: str) -> None:
    path = f"{group}/providers/Microsoft.App/jobs/starts"
    sandbox.put(path, job_body(environment))
    assert status_and_code(sandbox.arm("PUT", f"{path}/executions/mine", {"properties": {}})) == (
        405,
        "HttpMethodNotAllowed",
    )
    assert status_and_code(sandbox.arm("GET", f"{path}/executions/none")) == (404, "JobExecutionNotFound")
    assert status_and_code(sandbox.arm("POST", f"{path}/stop/none")) == (404, "JobExecutionNotFound")
    assert status_and_code(sandbox.arm("POST", f"{group}/providers/Microsoft.App/jobs/none/start")) == (
        404,
        "ResourceNotFound",
    )
    started = sandbox.arm("POST", f"{path}/start")
    assert started.status_code == 200
    assert started.json() == {"id": f"{path}/executions/{started.json()['name']}", "name": started.json()["name"]}
    resource = sandbox.arm("GET", started.json()["id"]).json()
    assert resource["type"] == "Microsoft.App/jobs/executions"
    container = resource["properties"]["template"]["containers"][0]
    assert container["imageType"] == "CloudBuild"
    assert [item["name"] for item in container["env"]][:2] == [
        "CONTAINER_APP_JOB_NAME",
        "CONTAINER_APP_JOB_EXECUTION_NAME",
    ]
    assert sandbox.arm("POST", f"{path}/stop/{started.json()['name']}").status_code == 200
    listed = sandbox.arm("GET", f"{path}/executions").json()["value"]
    assert [item["name"] for item in listed] == [started.json()["name"]]
    unknown = {
        "containers": [
            {"name": "other", "image": "nowhere.azurecr.io/none:1", "env": [{"name": "A", "secretRef": "no"}]}
        ]
    }
    assert status_and_code(sandbox.arm("POST", f"{path}/start", unknown)) == (400, "ContainerAppSecretRefNotFound")


# authConfigs


def entra(secret: str) -> dict[str, Any]:
    registration = {"clientId": str(uuid.uuid4()), "clientSecretSettingName": secret}
    provider = {"registration": registration, "validation": {"defaultAuthorizationPolicy": {}}}
    return {
        "properties": {
            "platform": {"enabled": True},
            "login": {},
            "identityProviders": {"azureActiveDirectory": provider},
        }
    }


def test_an_authconfig_is_created_read_and_deleted(sandbox: Client, app: str) -> None:
    path = f"{app}/authConfigs/current"
    assert status_and_code(sandbox.arm("GET", path)) == (404, "AuthConfigNotFound")
    answer = sandbox.arm("PUT", path, entra("known"))
    assert answer.status_code == 200
    made = answer.json()
    assert (made["id"], made["type"]) == (path, "Microsoft.App/containerapps/authconfigs")
    assert "encryptionSettings" not in made["properties"]
    resource = sandbox.arm("GET", path).json()
    provider = resource["properties"]["identityProviders"]["azureActiveDirectory"]
    assert provider["isAutoProvisioned"] is False
    assert provider["validation"]["defaultAuthorizationPolicy"] == {"allowedApplications": []}
    assert resource["properties"]["login"] == {"preserveUrlFragmentsForLogins": False}
    assert resource["properties"]["encryptionSettings"] == {}
    assert [item["name"] for item in sandbox.arm("GET", f"{app}/authConfigs").json()["value"]] == ["current"]
    assert sandbox.arm("DELETE", path).status_code == 200
    assert sandbox.arm("DELETE", path).status_code == 204


@pytest.mark.parametrize(
    ("name", "secret", "expected"),
    [
        ("current", "unknown", (400, "AuthConfigSecretRefNotFound")),
        ("other", "known", (400, "AuthConfigInvalidName")),
    ],
)
def test_an_invalid_authconfig_returns_an_error(
    sandbox: Client, app: str, name: str, secret: str, expected: tuple[int, str]
) -> None:
    assert status_and_code(sandbox.arm("PUT", f"{app}/authConfigs/{name}", entra(secret))) == expected


def test_an_authconfig_without_its_app_returns_404(sandbox: Client, group: str) -> None:
    path = f"{group}/providers/Microsoft.App/containerApps/none/authConfigs/current"
    assert status_and_code(sandbox.arm("PUT", path, entra("known"))) == (404, "ParentResourceNotFound")


# what environments hold


def test_a_storage_never_returns_its_key(sandbox: Client, environment: str) -> None:
    path = f"{environment}/storages/share"
    share = {"accountName": "acc", "accountKey": "c2VjcmV0", "shareName": "files", "accessMode": "ReadOnly"}
    assert status_and_code(sandbox.arm("GET", path)) == (404, "ManagedEnvironmentStorageNotFound")
    made = sandbox.arm("PUT", path, {"properties": {"azureFile": share}})
    assert made.status_code == 200
    resource = {"accountName": "acc", "shareName": "files", "accessMode": "ReadOnly"}
    assert made.json() == {
        "id": path,
        "name": "share",
        "type": "Microsoft.App/managedenvironments/storages",
        "properties": {"azureFile": resource},
    }
    assert sandbox.arm("GET", path).json() == made.json()
    again = {**resource, "accessMode": "ReadWrite"}
    assert sandbox.arm("PUT", path, {"properties": {"azureFile": again}}).json()["properties"]["azureFile"] == again
    assert [item["name"] for item in sandbox.arm("GET", f"{environment}/storages").json()["value"]] == ["share"]
    assert sandbox.arm("DELETE", path).status_code == 200
    assert sandbox.arm("DELETE", path).status_code == 204


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"azureFile": {"accountName": "acc", "shareName": "files", "accessMode": "ReadOnly"}},
        {"azureFile": {"accountName": "acc", "accountKey": "k", "shareName": "files", "accessMode": "Append"}},
        {"azureFile": {"accountName": "acc", "accountKey": "k", "accessMode": "ReadOnly"}},
        {"nfsAzureFile": {"shareName": "/a/b", "accessMode": "ReadOnly"}},
    ],
)
def test_an_invalid_storage_returns_400(sandbox: Client, environment: str, properties: dict[str, Any]) -> None:
    answer = sandbox.arm("PUT", f"{environment}/storages/wrong", {"properties": properties})
    assert status_and_code(answer) == (400, "InvalidRequestParameterWithDetails")


def test_a_dapr_component_never_returns_its_secrets(sandbox: Client, environment: str) -> None:
    path = f"{environment}/daprComponents/store"
    assert status_and_code(sandbox.arm("GET", path)) == (404, "DaprComponentNotFound")
    properties = {
        "componentType": "state.redis",
        "version": "v1",
        "scopes": None,
        "secrets": [{"name": "key", "value": "hidden"}],
    }
    assert sandbox.arm("PUT", path, {"properties": properties}).status_code == 200
    resource = sandbox.arm("GET", path).json()["properties"]
    assert resource == {"componentType": "state.redis", "version": "v1", "secrets": [{"name": "key"}]}
    assert status_and_code(sandbox.arm("PUT", path, {"properties": {"version": "v1"}})) == (
        400,
        "InvalidRequestParameterWithDetails",
    )


# identities of their own


def test_a_system_assigned_identity_has_a_principal_that_accepts_role_assignments(
    sandbox: Client, group: str, app: str
) -> None:
    patched = sandbox.arm("PATCH", app, {"identity": {"type": "SystemAssigned"}})
    assert patched.status_code == 202
    assert {"Azure-AsyncOperation", "Location"} <= set(patched.headers)
    sandbox.wait(patched)
    identity = sandbox.arm("GET", app).json()["identity"]
    assert set(identity) == {"type", "principalId", "tenantId"}
    assert identity["tenantId"] == sandbox.environment["AZURE_TENANT_ID"]
    assert sandbox.assign(group, "Reader", identity["principalId"]).status_code == 201
    sandbox.wait(sandbox.arm("PATCH", app, {"tags": {"a": "b"}}))
    assert sandbox.arm("GET", app).json()["identity"] == identity


def test_a_write_that_changes_nothing_of_an_environment_is_synchronous(sandbox: Client, group: str) -> None:
    path = f"{group}/providers/Microsoft.App/managedEnvironments/calm"
    body = {"location": "westeurope", "properties": {"zoneRedundant": False}, "tags": {"a": "b"}}
    made = sandbox.put(path, body)
    again = sandbox.arm("PUT", path, body)
    assert (again.status_code, again.json()["properties"]) == (200, made["properties"])
    assert sandbox.arm("PATCH", path, {"tags": {"a": "b"}}).status_code == 200
    encrypted = sandbox.arm("PATCH", path, {"properties": {"peerAuthentication": {"mtls": {"enabled": True}}}})
    assert encrypted.status_code == 202
    sandbox.wait(encrypted)
    assert sandbox.arm("GET", path).json()["properties"]["peerAuthentication"] == {"mtls": {"enabled": True}}
    changed_tags = sandbox.arm("PATCH", path, {"tags": {"a": "c"}})
    assert (changed_tags.status_code, changed_tags.content) == (202, b"")
    sandbox.wait(changed_tags)
    assert sandbox.arm("GET", path).json()["tags"] == {"a": "c"}
