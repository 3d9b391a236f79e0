# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters teardown_plan and teardown_refusal: what a teardown removes, keeps and refuses."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.filter.teardown_plan import teardown_plan
from ansible_collections.mlops.mlflow_azure.plugins.filter.teardown_refusal import teardown_refusal

GROUP, OTHER = "rg-mlflow-dev", "rg-shared"
TYPES = {
    "identity": ("Microsoft.ManagedIdentity/userAssignedIdentities", "id-dev"),
    "workspace": ("Microsoft.OperationalInsights/workspaces", "log-dev"),
    "registry": ("Microsoft.ContainerRegistry/registries", "crdev"),
    "account": ("Microsoft.Storage/storageAccounts", "stdev"),
    "server": ("Microsoft.Sql/servers", "sql-dev"),
    "environment": ("Microsoft.App/managedEnvironments", "cae-dev"),
    "app": ("Microsoft.App/containerApps", "mlflow"),
}
LABELS = {name: "/".join(parts) for name, parts in TYPES.items()}
LOCKS = [
    {"option": "sql_delete_lock", "name": "mlflow-database", "path": "Microsoft.Sql/servers/sql-dev/databases/mlflow"},
    {
        "option": "storage_delete_lock",
        "name": "mlflow-artifacts",
        "path": "Microsoft.Storage/storageAccounts/stdev",
    },
]
DATABASE = "Microsoft.Sql/servers/sql-dev/databases/mlflow"
ALL_DATA = "the resource group rg-mlflow-dev with everything in it"


def id_of(path: str, group: str = GROUP) -> str:
    return f"/subscriptions/s/resourceGroups/{group}/providers/{path}"


def settings(groups: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    """Return the settings of a deployment. groups: resource groups of single resources."""
    return {
        "deployment": "dev",
        "resource_group": GROUP,
        "resources": [
            {"type": type_, "name": name, "resource_group": (groups or {}).get(key, GROUP)}
            for key, (type_, name) in TYPES.items()
        ],
        "probe_jobs": {"resource_group": GROUP, "name": "mlflow-probe"},
        "locks": LOCKS,
        **changes,
    }


def existing(*more: str, groups: dict[str, str] | None = None, without: tuple[str, ...] = ()) -> list[str]:
    """Return the ids of a whole deployment and of more resources."""
    own = [id_of(LABELS[key], (groups or {}).get(key, GROUP)) for key in TYPES if key not in without]
    server_group = (groups or {}).get("server", GROUP)
    databases = [] if "server" in without else [id_of(DATABASE, server_group)]
    return [*own, *databases, *more]


def plan(ids: list[str], **given: Any) -> dict[str, Any]:
    return teardown_plan(ids, settings(**given))


def test_without_data_the_app_the_environment_and_the_registry_are_removed() -> None:
    result = plan(existing())
    assert result["removed"] == [LABELS["app"], LABELS["registry"], LABELS["environment"]]
    assert result["kept"] == [LABELS["identity"], LABELS["workspace"], LABELS["account"], LABELS["server"], DATABASE]
    assert result["roles"] == ["mlflow_app", "app_environment", "registry"]
    assert result["remove_resource_group"] is False
    assert result["locks"] == []
    assert result["data_loss"] == "Database, artifacts and logs stay."
    assert "add -e teardown_data=true" in result["next"]


def test_with_data_the_resource_group_is_removed_with_everything_in_it() -> None:
    result = plan(existing(), data=True)
    assert result["removed"][0] == ALL_DATA
    assert set(result["removed"][1:]) == {*LABELS.values(), DATABASE}
    assert result["kept"] == []
    # What goes with the resource group is not removed one by one.
    assert result["roles"] == ["mlflow_app"]
    assert result["remove_resource_group"] is True
    assert result["data_loss"] == f"All data in the resource group {GROUP} is lost."
    assert "without their data" in result["next"]


def test_with_data_foreign_resources_in_the_resource_group_are_removed_too() -> None:
    foreign = "Microsoft.Storage/storageAccounts/stteam"
    assert foreign in plan(existing(id_of(foreign)), data=True)["removed"]


def test_without_data_foreign_resources_in_the_resource_group_are_kept() -> None:
    foreign = "Microsoft.ContainerRegistry/registries/crteam"
    result = plan(existing(id_of(foreign)))
    assert foreign in result["kept"]
    assert foreign not in result["removed"]


@pytest.mark.parametrize("data", [False, True])
def test_nothing_exists(data: bool) -> None:
    result = plan([], data=data)
    assert (result["removed"], result["kept"], result["jobs"], result["locks"]) == ([], [], [], [])
    assert result["roles"] == ["mlflow_app"]
    assert result["remove_resource_group"] is data


@pytest.mark.parametrize("data", [False, True])
@pytest.mark.parametrize("key", ["registry", "account", "server", "environment", "identity", "workspace"])
def test_resources_in_other_resource_groups_are_kept(key: str, data: bool) -> None:
    result = plan(existing(groups={key: OTHER}), groups={key: OTHER}, data=data)
    assert f"{LABELS[key]} in {OTHER}" in result["kept"]
    assert not [label for label in result["removed"] if label.startswith(LABELS[key])]
    assert not {"registry", "app_environment"} & set(result["roles"]) & {key.replace("environment", "app_environment")}


def test_the_app_in_another_resource_group_is_removed() -> None:
    result = plan(existing(groups={"app": OTHER}), groups={"app": OTHER})
    assert result["removed"][0] == f"{LABELS['app']} in {OTHER}"


def test_foreign_resources_in_other_resource_groups_are_not_mentioned() -> None:
    foreign = id_of("Microsoft.Storage/storageAccounts/stteam", OTHER)
    result = plan([*existing(groups={"account": OTHER}), foreign], groups={"account": OTHER}, data=True)
    assert not [label for label in result["removed"] + result["kept"] if "stteam" in label]


@pytest.mark.parametrize("workload", ["Microsoft.App/containerApps/team", "Microsoft.App/jobs/team-job"])
def test_the_environment_is_kept_with_foreign_workloads(workload: str) -> None:
    result = plan(existing(id_of(workload)))
    assert LABELS["environment"] in result["kept"]
    assert workload in result["kept"]
    assert result["roles"] == ["mlflow_app", "registry"]


def test_jobs_of_the_probe_are_removed_and_do_not_keep_the_environment() -> None:
    job = "Microsoft.App/jobs/mlflow-probe-3-17"
    result = plan(existing(id_of(job)))
    assert result["jobs"] == ["mlflow-probe-3-17"]
    assert result["removed"][0] == job
    assert "app_environment" in result["roles"]


@pytest.mark.parametrize("name", ["mlflow-probe", "mlflow-probe-3", "mlflow-probe-3-17-x", "my-mlflow-probe-3-17"])
def test_other_jobs_are_kept(name: str) -> None:
    result = plan(existing(id_of(f"Microsoft.App/jobs/{name}")))
    assert result["jobs"] == []
    assert f"Microsoft.App/jobs/{name}" in result["kept"]


def test_jobs_of_the_probe_in_another_resource_group_are_removed() -> None:
    job = id_of("Microsoft.App/jobs/mlflow-probe-3-17", OTHER)
    result = plan(existing(job), probe_jobs={"resource_group": OTHER, "name": "mlflow-probe"})
    assert result["jobs"] == ["mlflow-probe-3-17"]
    assert result["removed"][0] == f"Microsoft.App/jobs/mlflow-probe-3-17 in {OTHER}"


def test_the_name_of_the_jobs_is_no_pattern() -> None:
    job = id_of("Microsoft.App/jobs/mlflowXprobe-3-17")
    assert plan(existing(job), probe_jobs={"resource_group": GROUP, "name": "mlflow.probe"})["jobs"] == []


def test_ids_are_compared_without_regard_to_case() -> None:
    result = plan([one.upper().replace("/SUBSCRIPTIONS/S", "/subscriptions/s") for one in existing()])
    assert result["roles"] == ["mlflow_app", "app_environment", "registry"]


def test_each_resource_is_listed_once() -> None:
    assert plan([*existing(), *existing()]) == plan(existing())


def test_a_resource_whose_name_begins_with_an_own_name_is_foreign() -> None:
    foreign = "Microsoft.ContainerRegistry/registries/crdev2"
    assert foreign in plan(existing(id_of(foreign)))["kept"]


def test_the_database_master_is_not_mentioned() -> None:
    master = "Microsoft.Sql/servers/sql-dev/databases/master"
    result = plan(existing(id_of(master)), data=True)
    assert master not in result["removed"] + result["kept"]


@pytest.mark.parametrize(
    ("role", "key"), [("registry", "registry"), ("app_environment", "environment")], ids=lambda value: value
)
def test_state_absent_removes_a_resource_in_another_resource_group(role: str, key: str) -> None:
    result = plan(existing(groups={key: OTHER}), groups={key: OTHER}, states={role: "absent"})
    assert f"{LABELS[key]} in {OTHER}" in result["removed"]
    assert role in result["roles"]


def test_state_absent_keeps_an_environment_with_foreign_workloads() -> None:
    workload = id_of("Microsoft.App/containerApps/team", OTHER)
    groups = {"environment": OTHER}
    result = plan(existing(workload, groups=groups), groups=groups, states={"app_environment": "absent"})
    assert f"{LABELS['environment']} in {OTHER}" in result["kept"]
    assert "app_environment" not in result["roles"]


def test_state_absent_of_foundation_removes_the_identity_last() -> None:
    result = plan(existing(), states={"foundation": "absent"})
    assert LABELS["identity"] in result["removed"]
    assert LABELS["workspace"] in result["kept"]
    assert result["roles"][-1] == "foundation"


def test_state_absent_of_foundation_with_data_removes_its_resource_group() -> None:
    given = {"states": {"foundation": "absent"}, "remove_data": {"foundation": True}}
    result = plan(existing(), **given)
    assert result["removed"][0] == ALL_DATA
    assert result["kept"] == []
    assert result["roles"] == ["mlflow_app", "foundation"]
    assert result["data_loss"] == f"All data in the resource group {GROUP} is lost."
    # The same resource group is removed once.
    assert plan(existing(), data=True, **given)["roles"] == ["mlflow_app"]


def test_state_absent_of_foundation_in_another_resource_group_with_data() -> None:
    groups = {"identity": OTHER, "workspace": OTHER}
    given: dict[str, Any] = {"states": {"foundation": "absent"}, "remove_data": {"foundation": True}}
    result = plan(existing(groups=groups), groups=groups, data=True, **given)
    assert result["roles"] == ["mlflow_app", "foundation"]
    assert result["removed"][:2] == [ALL_DATA, f"the resource group {OTHER} with everything in it"]


@pytest.mark.parametrize(
    ("role", "text"),
    [
        ("sql", "the firewall rules of the SQL server"),
        ("storage", "the role assignment of the app on the storage account"),
    ],
)
def test_state_absent_keeps_data(role: str, text: str) -> None:
    result = plan(existing(), states={role: "absent"})
    assert result["removed"][-1] == text
    assert {LABELS["server"], LABELS["account"], DATABASE} <= set(result["kept"])
    assert result["roles"] == ["mlflow_app", "app_environment", "registry", role]
    assert result["data_loss"] == "Database, artifacts and logs stay."


@pytest.mark.parametrize(
    ("role", "labels", "loss"),
    [
        ("sql", [LABELS["server"], DATABASE], "The database is lost."),
        ("storage", [LABELS["account"]], "The artifacts are lost."),
    ],
    ids=["sql", "storage"],
)
def test_state_absent_with_data_removes_data(role: str, labels: list[str], loss: str) -> None:
    result = plan(existing(), states={role: "absent"}, remove_data={role: True})
    assert set(labels) <= set(result["removed"])
    assert result["data_loss"] == loss
    assert [lock["option"] for lock in result["locks"]] == [f"{role}_delete_lock"]


def test_remove_data_without_state_absent_has_no_effect() -> None:
    given = {"foundation": True, "sql": True, "storage": True}
    assert plan(existing(), remove_data=given) == plan(existing())


@pytest.mark.parametrize("role", ["sql", "storage", "foundation", "image"])
def test_a_role_without_resources_does_not_run(role: str) -> None:
    result = plan([], states={role: "absent"})
    assert result["roles"] == ["mlflow_app"]
    assert result["removed"] == []


def test_state_absent_of_a_role_in_a_removed_resource_group_has_no_effect() -> None:
    states = dict.fromkeys(["registry", "storage", "sql", "image", "app_environment", "foundation"], "absent")
    assert plan(existing(), states=states, data=True)["roles"] == ["mlflow_app"]


def test_state_absent_of_image_removes_the_image_from_a_kept_registry() -> None:
    groups = {"registry": OTHER}
    result = plan(existing(groups=groups), groups=groups, states={"image": "absent"})
    assert result["roles"] == ["mlflow_app", "app_environment", "image"]
    assert result["removed"][-1] == "the image of the deployment"


def test_state_absent_of_image_has_no_effect_if_the_registry_is_removed() -> None:
    assert plan(existing(), states={"image": "absent"}) == plan(existing())


def test_roles_run_before_the_roles_that_they_depend_on() -> None:
    states = dict.fromkeys(["registry", "storage", "sql", "image", "app_environment", "foundation"], "absent")
    groups = {"registry": OTHER}
    result = plan(existing(groups=groups), groups=groups, states={**states, "registry": "present"})
    assert result["roles"] == ["mlflow_app", "app_environment", "image", "sql", "storage", "foundation"]


def test_with_data_locks_on_database_and_storage_account_prevent_the_removal() -> None:
    assert plan(existing(), data=True)["locks"] == [
        {"option": "sql_delete_lock", "name": "mlflow-database", "scope": id_of(DATABASE)},
        {"option": "storage_delete_lock", "name": "mlflow-artifacts", "scope": id_of(LABELS["account"])},
    ]


def test_locks_on_kept_resources_do_not_prevent_the_removal() -> None:
    groups = {"server": OTHER}
    result = plan(existing(groups=groups), groups=groups, data=True)
    assert [lock["option"] for lock in result["locks"]] == ["storage_delete_lock"]


@pytest.mark.parametrize("confirmation", ["", "prod", "DEV", "dev "])
def test_a_teardown_without_the_name_of_the_deployment_is_refused(confirmation: str) -> None:
    message = teardown_refusal(plan(existing()), confirmation)
    assert message.startswith(
        f"teardown_confirm is '{confirmation}', but must be 'dev': this removes {LABELS['app']}, "
    )
    assert message.endswith("Database, artifacts and logs stay. To go on, add -e teardown_confirm=dev.")


def test_the_refusal_names_the_lost_data() -> None:
    assert "All data in the resource group rg-mlflow-dev is lost." in teardown_refusal(plan(existing(), data=True), "")


def test_a_confirmed_teardown_without_locks_is_not_refused() -> None:
    assert teardown_refusal(plan(existing(), data=True), "dev") == ""


def test_a_confirmed_teardown_is_refused_for_each_lock() -> None:
    assert teardown_refusal(plan(existing(), data=True), "dev", LOCKS) == (
        "Azure removes nothing below a lock, and there is mlflow-database and mlflow-artifacts, of sql_delete_lock and storage_delete_lock. "
        "Nothing has been removed. To remove the lock, run site.yml with -e sql_delete_lock=false -e storage_delete_lock=false "
        "and then teardown.yml again."
    )


def test_the_confirmation_is_checked_before_the_locks() -> None:
    assert teardown_refusal(plan(existing(), data=True), "", LOCKS).startswith("teardown_confirm is")
