# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, plan and apply at the wire: requests, their order, and error responses."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, Failure, InvalidOption
from urllib3.exceptions import ProtocolError

from tests.support.fake_azure import ACCEPTED, BASE, GROUP, NOT_FOUND, FakeAzure, delete, get, patch, poll, put, run

CURRENT = {
    "id": GROUP,
    "name": "rg",
    "type": "Microsoft.Resources/resourceGroups",
    "location": "westeurope",
    "tags": {"team": "ml"},
    "properties": {"provisioningState": "Succeeded"},
}
OPTIONS: dict[str, Any] = {"name": "rg", "location": "West Europe", "tags": {"team": "ml"}}
WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log1"
LOG = {"resource_group": "rg", "name": "log1", "location": "westeurope"}


def workspace(state: str = "Succeeded") -> dict[str, Any]:
    return {"id": WORKSPACE, "name": "log1", "location": "westeurope", "properties": {"provisioningState": state}}


def test_create() -> None:
    body = {"location": "West Europe", "tags": {"team": "ml"}}
    with FakeAzure(get(GROUP, 404, NOT_FOUND), put(GROUP, 201, CURRENT, sent=body), get(GROUP, 200, CURRENT)) as azure:
        result = run("resource_group", azure, **OPTIONS)
    assert result["changed"] is True
    assert result["resource_group"] == CURRENT
    assert result["diff"]["before"] == {}
    assert result["diff"]["after"]["location"] == "West Europe"


def test_an_unchanged_resource_is_read_once() -> None:
    with FakeAzure(get(GROUP, 200, CURRENT, query="api-version=2025-04-01")) as azure:
        result = run("resource_group", azure, **OPTIONS)
    assert result == {"changed": False, "resource_group": CURRENT, "diff": {"before": CURRENT, "after": CURRENT}}


def test_an_update_sends_only_differing_properties() -> None:
    changed = {**CURRENT, "tags": {"team": "ops"}}
    with FakeAzure(
        get(GROUP, 200, CURRENT), patch(GROUP, 200, changed, sent={"tags": {"team": "ops"}}), get(GROUP, 200, changed)
    ) as azure:
        result = run("resource_group", azure, **{**OPTIONS, "tags": {"team": "ops"}})
    assert result["diff"]["before"]["tags"] == {"team": "ml"}
    assert result["diff"]["after"]["tags"] == {"team": "ops"}


def test_options_that_are_not_set_are_not_compared() -> None:
    with FakeAzure(get(GROUP, 200, CURRENT)) as azure:
        assert run("resource_group", azure, name="rg", location="westeurope")["changed"] is False


def test_an_immutable_change_is_an_error_with_both_values_and_no_write() -> None:
    with FakeAzure(get(GROUP, 200, CURRENT)) as azure, pytest.raises(Failure) as caught:
        run("resource_group", azure, name="rg", location="northeurope")
    assert caught.value.fields == {"option": "location", "current": "westeurope", "desired": "northeurope"}
    assert "'westeurope'" in caught.value.message
    assert "'northeurope'" in caught.value.message


@pytest.mark.parametrize(
    ("read", "changed", "predicted"),
    [
        (get(GROUP, 404, NOT_FOUND), True, {"id": GROUP, "name": "rg", "type": "Microsoft.Resources/resourceGroups"}),
        (get(GROUP, 200, CURRENT), False, CURRENT),
    ],
)
def test_check_mode_predicts_and_writes_nothing(read: Any, changed: bool, predicted: dict[str, Any]) -> None:
    with FakeAzure(read) as azure:
        result = run("resource_group", azure, check_mode=True, **OPTIONS)
    assert result["changed"] is changed
    assert predicted.items() <= result["resource_group"].items()


def test_delete_waits_for_the_operation() -> None:
    with FakeAzure(
        get(GROUP, 200, CURRENT),
        delete(GROUP, 202, headers={"Location": "https://management.azure.com/operations/1", "Retry-After": "15"}),
        get("/operations/1", 202, headers={"Retry-After": "15"}),
        get("/operations/1", 200),
    ) as azure:
        result = run("resource_group", azure, name="rg", state="absent")
    assert (result["changed"], result["resource_group"]) == (True, {})
    assert azure.clock.pauses == [15.0]


@pytest.mark.parametrize("code", ["ResourceNotFound", "ResourceGroupNotFound", "ParentResourceNotFound"])
def test_delete_of_an_absent_resource_changes_nothing(code: str) -> None:
    with FakeAzure(get(WORKSPACE, 404, {"error": {"code": code, "message": "gone"}})) as azure:
        result = run("log_analytics_workspace", azure, resource_group="rg", name="log1", state="absent")
    assert result["changed"] is False


def test_delete_in_check_mode() -> None:
    with FakeAzure(get(GROUP, 200, CURRENT)) as azure:
        assert run("resource_group", azure, check_mode=True, name="rg", state="absent")["changed"] is True


def test_wait_false_only_submits() -> None:
    with FakeAzure(
        get(WORKSPACE, 404, NOT_FOUND), put(WORKSPACE, 201, workspace("Creating"), headers=ACCEPTED)
    ) as azure:
        result = run("log_analytics_workspace", azure, wait=False, **LOG)
    assert result["log_analytics_workspace"]["properties"]["provisioningState"] == "Creating"


def test_a_running_operation_is_awaited() -> None:
    with FakeAzure(
        get(WORKSPACE, 200, workspace("Creating")),
        get(WORKSPACE, 200, workspace("Creating")),
        get(WORKSPACE, 200, workspace()),
    ) as azure:
        result = run("log_analytics_workspace", azure, **LOG)
    assert result["changed"] is False
    assert azure.clock.now > 0


def test_a_running_operation_that_fails_fails_the_task_and_the_next_run_writes_again() -> None:
    failed = workspace("Failed")
    failed["properties"]["deploymentErrors"] = "no room"
    with (
        FakeAzure(get(WORKSPACE, 200, workspace("Creating")), get(WORKSPACE, 200, failed)) as azure,
        pytest.raises(ArmError, match="ended as Failed: no room"),
    ):
        run("log_analytics_workspace", azure, **LOG)
    with FakeAzure(
        get(WORKSPACE, 200, failed), put(WORKSPACE, 200, workspace()), get(WORKSPACE, 200, workspace())
    ) as azure:
        assert run("log_analytics_workspace", azure, **LOG)["changed"] is True


def test_a_resource_in_deletion_is_created_again() -> None:
    with FakeAzure(
        get(WORKSPACE, 200, workspace("Deleting")),
        get(WORKSPACE, 404, NOT_FOUND),
        put(WORKSPACE, 200, workspace()),
        get(WORKSPACE, 200, workspace()),
    ) as azure:
        assert run("log_analytics_workspace", azure, **LOG)["changed"] is True


def test_a_failed_resource_is_written_again_without_a_difference() -> None:
    with FakeAzure(
        get(WORKSPACE, 200, workspace("Failed")), put(WORKSPACE, 200, workspace()), get(WORKSPACE, 200, workspace())
    ) as azure:
        assert run("log_analytics_workspace", azure, **LOG)["changed"] is True


def test_a_failed_provisioning_state_fails_the_task() -> None:
    with (
        FakeAzure(
            get(WORKSPACE, 404, NOT_FOUND), put(WORKSPACE, 200, workspace()), get(WORKSPACE, 200, workspace("Failed"))
        ) as azure,
        pytest.raises(ArmError, match="ended as Failed"),
    ):
        run("log_analytics_workspace", azure, **LOG)


def test_a_new_resource_may_be_readable_late() -> None:
    with FakeAzure(
        get(WORKSPACE, 404, NOT_FOUND),
        put(WORKSPACE, 200, workspace()),
        get(WORKSPACE, 404, NOT_FOUND),
        get(WORKSPACE, 200, workspace()),
    ) as azure:
        assert run("log_analytics_workspace", azure, **LOG)["log_analytics_workspace"] == workspace()


def test_polling_respects_retry_after_and_reads_the_result() -> None:
    with FakeAzure(
        get(WORKSPACE, 404, NOT_FOUND),
        put(WORKSPACE, 201, workspace("Creating"), headers={**ACCEPTED, "Retry-After": "20"}),
        poll("InProgress", headers={"Retry-After": "20"}),
        poll("InProgress"),
        poll("Succeeded"),
        get(WORKSPACE, 200, workspace()),
    ) as azure:
        run("log_analytics_workspace", azure, **LOG)
    assert azure.clock.pauses == [20.0, 1]


def test_a_failed_operation_keeps_azures_reason() -> None:
    reason = {"error": {"code": "QuotaExceeded", "message": "No more.", "details": [{"code": "X", "message": "Why."}]}}
    with (
        FakeAzure(
            get(WORKSPACE, 404, NOT_FOUND),
            put(WORKSPACE, 201, workspace("Creating"), headers=ACCEPTED),
            poll("Failed", body=reason),
        ) as azure,
        pytest.raises(ArmError) as caught,
    ):
        run("log_analytics_workspace", azure, **LOG)
    assert (caught.value.code, caught.value.message, caught.value.status) == ("QuotaExceeded", "No more.", 0)
    assert caught.value.details == [{"code": "X", "message": "Why."}]
    assert "signature" not in str(caught.value)


def test_an_unfinished_operation_fails_at_the_deadline_with_its_url() -> None:
    stalled = [poll("InProgress") for _time in range(40)]
    azure = FakeAzure(
        get(WORKSPACE, 404, NOT_FOUND),
        put(WORKSPACE, 201, workspace("Creating"), headers=ACCEPTED),
        *stalled,
        wait_timeout=30,
    )
    with pytest.raises(Failure) as caught:
        run("log_analytics_workspace", azure, **LOG)
    assert azure.clock.now == pytest.approx(30)
    assert "create of Microsoft.OperationalInsights/workspaces log1" in caught.value.message
    assert caught.value.fields["operation"].startswith("https://management.azure.com/operations/1?")
    assert "signature" not in caught.value.message


def test_a_resource_that_stays_pending_fails_at_the_deadline() -> None:
    azure = FakeAzure(*[get(WORKSPACE, 200, workspace("Updating")) for _time in range(40)], wait_timeout=60)
    with pytest.raises(Failure, match=r"wait_timeout \(60 s\)"):
        run("log_analytics_workspace", azure, **LOG)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_refused_read_is_not_absence(status: int, state: str) -> None:
    refused = {"error": {"code": "AuthorizationFailed", "message": "may not read"}}
    with FakeAzure(get(GROUP, status, refused)) as azure, pytest.raises(ArmError) as caught:
        run("resource_group", azure, state=state, **OPTIONS)
    assert caught.value.status == status
    assert "role" in str(caught.value)


def test_an_unknown_subscription_is_not_an_absent_resource() -> None:
    unknown = {"error": {"code": "SubscriptionNotFound", "message": "The subscription could not be found."}}
    with FakeAzure(get(GROUP, 404, unknown)) as azure, pytest.raises(ArmError, match="subscription_id"):
        run("resource_group", azure, **OPTIONS)


BUSY = {"error": {"code": "AnotherOperationInProgress", "message": "busy"}}


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (get(GROUP, 429, {"error": {"code": "TooManyRequests"}}, headers={"Retry-After": "7"}), 7),
        (get(GROUP, 503, "<html>down</html>", headers={"Retry-After": "3"}), 3),
        (get(GROUP, 500, {"error": {"code": "InternalServerError"}}), 1),
        (get(GROUP, 200, error=requests.exceptions.ConnectionError(ProtocolError("reset"))), 1),
        (get(GROUP, 200, error=requests.exceptions.ConnectionError("refused")), 1),
    ],
)
def test_a_read_is_retried(answer: Any, pause: float) -> None:
    with FakeAzure(answer, get(GROUP, 200, CURRENT)) as azure:
        assert run("resource_group", azure, **OPTIONS)["changed"] is False
    assert azure.clock.pauses == [pause]


@pytest.mark.parametrize("status", [409, 429])
def test_a_write_to_a_busy_resource_is_retried(status: int) -> None:
    with FakeAzure(
        get(GROUP, 404, NOT_FOUND),
        put(GROUP, status, BUSY),
        put(GROUP, status, BUSY),
        put(GROUP, 201, CURRENT),
        get(GROUP, 200, CURRENT),
    ) as azure:
        run("resource_group", azure, **OPTIONS)
    assert azure.clock.pauses == [1, 2]


def test_throttling_is_retried_until_the_deadline() -> None:
    azure = FakeAzure(
        *[get(GROUP, 429, {"error": {"code": "TooManyRequests", "message": "slow"}})] * 20, wait_timeout=40
    )
    with pytest.raises(ArmError, match="TooManyRequests"):
        run("resource_group", azure, **OPTIONS)
    assert azure.clock.now <= 40


def test_retry_after_beyond_the_deadline_is_an_error_at_once() -> None:
    azure = FakeAzure(get(GROUP, 429, {"error": {"code": "TooManyRequests"}}, headers={"Retry-After": "3600"}))
    with pytest.raises(ArmError):
        run("resource_group", azure, **OPTIONS)
    assert azure.clock.pauses == []


@pytest.mark.parametrize(
    "answer",
    [
        get(GROUP, 500, {"error": {"code": "InternalServerError", "message": "sorry"}}),
        get(GROUP, 200, error=requests.exceptions.ConnectionError(ProtocolError("reset"))),
    ],
)
def test_persistent_server_errors_are_given_up(answer: Any) -> None:
    with FakeAzure(*[answer] * 5) as azure, pytest.raises((ArmError, Failure)):
        run("resource_group", azure, **OPTIONS)
    assert len(azure.session.requests) == 5


def test_another_conflict_is_an_error_at_once() -> None:
    locked = {"error": {"code": "ScopeLocked", "message": "locked"}}
    with (
        FakeAzure(get(GROUP, 200, CURRENT), delete(GROUP, 409, locked)) as azure,
        pytest.raises(ArmError, match="lock"),
    ):
        run("resource_group", azure, name="rg", state="absent")


def test_a_conflict_that_an_operation_reports_is_retried() -> None:
    server = f"{GROUP}/providers/Microsoft.Sql/servers/s1"
    rule = {"resource_group": "rg", "name": "s1", "location": "westeurope", "public_network_access": "Disabled"}
    current = {
        "id": server,
        "name": "s1",
        "location": "westeurope",
        "properties": {"state": "Ready", "minimalTlsVersion": "1.2", "publicNetworkAccess": "Enabled"},
    }
    busy = {"error": {"code": "ConflictingServerOperation", "message": "busy"}}
    done = {**current, "properties": {**current["properties"], "publicNetworkAccess": "Disabled"}}
    with FakeAzure(
        get(server, 200, current),
        patch(server, 202, {}, headers=ACCEPTED),
        poll("Failed", body=busy),
        patch(server, 202, {}, headers=ACCEPTED, sent={"properties": {"publicNetworkAccess": "Disabled"}}),
        poll("Succeeded"),
        get(server, 200, done),
    ) as azure:
        assert run("sql_server", azure, **rule)["sql_server"] == done


def test_a_parent_in_creation_is_retried() -> None:
    database = f"{GROUP}/providers/Microsoft.Sql/servers/s1/databases/d1"
    missing = {"error": {"code": "ParentResourceNotFound", "message": "no parent"}}
    current = {"id": database, "name": "d1", "location": "westeurope", "properties": {"status": "Online"}}
    with FakeAzure(
        get(database, 404, missing),
        put(database, 404, missing),
        put(database, 202, {}, headers=ACCEPTED),
        poll("Succeeded"),
        get(database, 200, current),
    ) as azure:
        run("sql_database", azure, resource_group="rg", server="s1", name="d1", location="westeurope")


def test_a_parent_that_stays_absent_is_an_error_before_the_deadline() -> None:
    rule = f"{GROUP}/providers/Microsoft.Sql/servers/s1/firewallRules/r1"
    missing = {"error": {"code": "ParentResourceNotFound", "message": "no parent"}}
    azure = FakeAzure(get(rule, 404, missing), *[put(rule, 404, missing)] * 30, wait_timeout=3600)
    with pytest.raises(ArmError, match="Create the parent first"):
        run(
            "sql_firewall_rule",
            azure,
            resource_group="rg",
            server="s1",
            name="r1",
            start_ip_address="0.0.0.0",
            end_ip_address="0.0.0.0",
        )
    assert 300 <= azure.clock.now < 330


def test_a_parent_that_stays_absent_is_an_error_at_a_shorter_deadline() -> None:
    rule = f"{GROUP}/providers/Microsoft.Sql/servers/s1/firewallRules/r1"
    missing = {"error": {"code": "ParentResourceNotFound", "message": "no parent"}}
    azure = FakeAzure(get(rule, 404, missing), *[put(rule, 404, missing)] * 30, wait_timeout=20)
    given = {"start_ip_address": "0.0.0.0", "end_ip_address": "0.0.0.0"}
    with pytest.raises(ArmError, match="Create the parent first"):
        run("sql_firewall_rule", azure, resource_group="rg", server="s1", name="r1", **given)
    assert azure.clock.now <= 20


@pytest.mark.parametrize(
    ("name", "given", "option"),
    [
        ("container_registry", {"resource_group": "rg", "name": "my-registry", "location": "x"}, "name"),
        ("container_registry", {"resource_group": "rg", "name": "cr12", "location": "x"}, "name"),
        (
            "container_registry",
            {"resource_group": "rg", "name": "cr123", "location": "x", "sku": "Basic", "anonymous_pull_enabled": True},
            "anonymous_pull_enabled",
        ),
        (
            "container_registry",
            {
                "resource_group": "rg",
                "name": "cr123",
                "location": "x",
                "sku": "Basic",
                "public_network_access": "Disabled",
            },
            "public_network_access",
        ),
        ("storage_account", {"resource_group": "rg", "name": "Upper", "location": "x"}, "name"),
        (
            "storage_account",
            {
                "resource_group": "rg",
                "name": "st123",
                "location": "x",
                "network_acls": {"default_action": "Deny", "ip_rules": ["1.2.3.4/40"]},
            },
            "network_acls.ip_rules",
        ),
        ("storage_container", {"resource_group": "rg", "account": "st123", "name": "a--b"}, "name"),
        ("log_analytics_workspace", {**LOG, "name": "-x"}, "name"),
        ("log_analytics_workspace", {**LOG, "retention_in_days": 8}, "retention_in_days"),
        ("container_app_environment", {"resource_group": "rg", "name": "a--b", "location": "x"}, "name"),
        (
            "container_app_environment",
            {"resource_group": "rg", "name": "env", "location": "x", "internal": True},
            "internal",
        ),
        (
            "container_app_environment",
            {"resource_group": "rg", "name": "env", "location": "x", "log_analytics": {"workspace_id": "log1"}},
            "log_analytics.workspace_id",
        ),
        ("management_lock", {"scope": "rg", "name": "keep"}, "scope"),
        ("management_lock", {"scope": BASE, "name": "keep."}, "name"),
        ("management_lock", {"scope": BASE, "name": "a/b"}, "name"),
        ("management_lock", {"scope": BASE, "name": "keep", "notes": "x" * 513}, "notes"),
        ("role_assignment", {"scope": "rg", "role": "Reader", "principal_id": BASE}, "scope"),
        ("role_assignment", {"scope": BASE, "role": "Reader", "principal_id": "me"}, "principal_id"),
    ],
)
def test_invalid_options_are_rejected_before_any_request(name: str, given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run(name, azure, **given)
    assert caught.value.fields["option"] == option
