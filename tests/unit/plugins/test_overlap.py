# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks without wait, and tasks that need their resources: those wait for them within their own wait_timeout."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._authorization.role_assignment import assignment_name
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError

from tests.support.fake_azure import ACCEPTED, GROUP, NOT_FOUND, Exchange, FakeAzure, get, poll, put, run

APP = f"{GROUP}/providers/Microsoft.App/containerApps/app"
ENVIRONMENT = f"{GROUP}/providers/Microsoft.App/managedEnvironments/env"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st123"
SERVER = f"{GROUP}/providers/Microsoft.Sql/servers/s1"
PRINCIPAL = "11111111-1111-1111-1111-111111111111"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
ASSIGNMENT = f"{SERVER}/providers/Microsoft.Authorization/roleAssignments/{assignment_name(SERVER, PRINCIPAL, READER)}"
HERE = {"resource_group": "rg", "location": "westeurope"}


def refusal(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"{code} message"}}


# Module: path of its resource, options, and the status and code with which Azure refuses it while its parent is in creation.
DEPENDENT: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "container_app": (
        APP,
        {**HERE, "name": "app", "environment_id": ENVIRONMENT, "containers": [{"name": "c", "image": "i"}]},
        400,
        "ManagedEnvironmentNotProvisioned",
    ),
    "sql_database": (f"{SERVER}/databases/d1", {**HERE, "server": "s1", "name": "d1"}, 404, "ParentResourceNotFound"),
    "sql_firewall_rule": (
        f"{SERVER}/firewallRules/r1",
        {
            "resource_group": "rg",
            "server": "s1",
            "name": "r1",
            "start_ip_address": "0.0.0.0",
            "end_ip_address": "0.0.0.0",
        },
        404,
        "ParentResourceNotFound",
    ),
    "storage_container": (
        f"{ACCOUNT}/blobServices/default/containers/box",
        {"resource_group": "rg", "account": "st123", "name": "box"},
        409,
        "StorageAccountIsNotProvisioned",
    ),
    "role_assignment": (
        ASSIGNMENT,
        {"scope": SERVER, "role": "Reader", "principal_id": PRINCIPAL},
        404,
        "ResourceNotFound",
    ),
}


def absent(module: str, path: str) -> list[Exchange]:
    missing = refusal("ParentResourceNotFound" if "/servers/" in path else "ResourceNotFound")
    if module == "role_assignment":
        listed = f"{SERVER}/providers/Microsoft.Authorization/roleAssignments"
        return [get(path, 404, missing), get(listed, 404, missing)]
    return [get(path, 404, missing)]


@pytest.mark.parametrize("module", DEPENDENT)
def test_a_parent_in_creation_is_retried(module: str) -> None:
    path, given, status, code = DEPENDENT[module]
    created = {"id": path, "name": path.rpartition("/")[2], "properties": {}}
    refused = put(path, status, refusal(code))
    with FakeAzure(*absent(module, path), *[refused] * 6, put(path, 200, created), get(path, 200, created)) as azure:
        assert run(module, azure, **given)["changed"] is True
    assert azure.clock.pauses == [1, 2, 4, 8, 15, 15]


@pytest.mark.parametrize("module", DEPENDENT)
def test_retries_for_a_parent_end_at_the_deadline(module: str) -> None:
    path, given, status, code = DEPENDENT[module]
    # 1 + 2 + 4 + 8 + 15 + 15 seconds; container_app then reads the app for diagnostics.
    diagnostics = [get(path, 404, refusal(code))] if module == "container_app" else []
    azure = FakeAzure(*absent(module, path), *[put(path, status, refusal(code))] * 7, *diagnostics, wait_timeout=59)
    with azure, pytest.raises(ArmError) as caught:
        run(module, azure, **given)
    assert caught.value.code == code
    assert azure.clock.now == 45


@pytest.mark.parametrize(
    ("module", "status", "code"),
    [
        ("sql_database", 404, "ResourceGroupNotFound"),
        ("container_app", 404, "ManagedEnvironmentNotFound"),
        ("storage_container", 403, "AuthorizationFailed"),
    ],
)
def test_an_absent_parent_is_an_error_at_once(module: str, status: int, code: str) -> None:
    path, given, _status, _code = DEPENDENT[module]
    diagnostics = [get(path, 404, refusal(code))] if module == "container_app" else []
    with (
        FakeAzure(*absent(module, path), put(path, status, refusal(code)), *diagnostics) as azure,
        pytest.raises(ArmError) as caught,
    ):
        run(module, azure, **given)
    assert (caught.value.code, azure.clock.now) == (code, 0)


def environment(state: str, **more: Any) -> dict[str, Any]:
    return {
        "id": ENVIRONMENT,
        "name": "env",
        "location": "West Europe",
        "properties": {"provisioningState": state, **more},
    }


def test_a_task_without_wait_and_then_the_same_task_with_wait() -> None:
    with FakeAzure(
        get(ENVIRONMENT, 404, NOT_FOUND), put(ENVIRONMENT, 201, environment("Waiting"), headers=ACCEPTED)
    ) as azure:
        started = run("container_app_environment", azure, wait=False, name="env", **HERE)
    assert (started["changed"], azure.clock.now) == (True, 0)
    current = environment("Succeeded")
    with FakeAzure(
        get(ENVIRONMENT, 200, environment("Waiting")),
        get(ENVIRONMENT, 200, environment("Waiting")),
        get(ENVIRONMENT, 200, current),
    ) as azure:
        done = run("container_app_environment", azure, name="env", **HERE)
    assert (done["changed"], done["container_app_environment"]) == (False, current)
    with (
        FakeAzure(
            get(ENVIRONMENT, 200, environment("Waiting")),
            get(ENVIRONMENT, 200, environment("Failed", deploymentErrors="The subnet is full.")),
        ) as azure,
        pytest.raises(ArmError, match=r"ended as Failed: The subnet is full\."),
    ):
        run("container_app_environment", azure, name="env", **HERE)


def test_a_server_in_creation_is_written_again_after_its_creation() -> None:
    """Azure returns an SQL server only after its creation, so the same task writes it again: first refused, then without effect."""
    given = {**HERE, "name": "s1", "administrator_login": "ml", "administrator_password": "Only-4-tests"}
    current = {"id": SERVER, "name": "s1", "location": "westeurope", "properties": {"state": "Ready"}}
    with FakeAzure(
        get(SERVER, 404, NOT_FOUND),
        put(SERVER, 409, refusal("ServerCreateInProgress")),
        put(SERVER, 202, {}, headers=ACCEPTED),
        poll("Failed", body=refusal("ConflictingServerOperation")),
        put(SERVER, 202, {}, headers=ACCEPTED),
        poll("Succeeded"),
        get(SERVER, 200, current),
    ) as azure:
        assert run("sql_server", azure, **given)["sql_server"] == current


def test_a_failed_creation_of_a_server_fails_the_second_task() -> None:
    given = {**HERE, "name": "s1", "administrator_login": "ml", "administrator_password": "Only-4-tests"}
    with (
        FakeAzure(
            get(SERVER, 404, NOT_FOUND),
            put(SERVER, 202, {}, headers=ACCEPTED),
            poll("Failed", body=refusal("ProvisioningDisabled")),
        ) as azure,
        pytest.raises(ArmError, match="Choose another location"),
    ):
        run("sql_server", azure, **given)


def test_a_task_without_wait_still_waits_for_its_parent() -> None:
    path, given, status, code = DEPENDENT["sql_database"]
    with FakeAzure(
        *absent("sql_database", path), put(path, status, refusal(code)), put(path, 202, {}, headers=ACCEPTED)
    ) as azure:
        assert run("sql_database", azure, wait=False, **given)["changed"] is True
    assert azure.clock.pauses == [1]
