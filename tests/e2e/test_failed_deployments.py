# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures of a deployment and their messages: missing roles, wrong settings, taken names; secrets stay hidden; teardown.

The tests change the deployment that the tests of this folder share, and restore it; the last one removes it.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.site_copy import Deployment

pytestmark = pytest.mark.late

AZURE_TYPES_AFTER_SQL = ("Microsoft.App/managedEnvironments", "Microsoft.App/containerApps")


def role_assignment(deployment: Deployment, role: str) -> str:
    """Return the id of the role assignment of the deployment."""
    from tests.support.sandbox_client import ROLES

    (result,) = [
        item["id"]
        for item in deployment.site.resources("Microsoft.Authorization/roleAssignments")
        if item["properties"]["roleDefinitionId"].endswith(ROLES[role]) and "mlflow-sandbox" in item["id"]
    ]
    return str(result)


def test_verify_names_the_missing_role_assignment(deployment: Deployment) -> None:
    site = deployment.site
    removed = role_assignment(deployment, "Storage Blob Data Contributor")
    assert site.client().arm("DELETE", removed).status_code == 200
    play = site.play("verify.yml", "-e", "verify_timeout=120")
    assert play.code != 0
    failure = play.failures[-1]
    assert "artifact" in failure
    assert "The role 'Storage Blob Data Contributor' is missing" in failure
    assert "/storageAccounts/" in failure
    # site.yml repeats a failed verification.
    repaired = site.play("site.yml")
    assert repaired.code == 0, repaired.output[-4000:]
    steps = [one.short_module for one in repaired.results if one.role == "verify" and one.status != "skipped"]
    # Write, read, restart, read, remove.
    assert steps.count("mlflow_roundtrip") == 4
    assert "container_app_revision" in steps


@pytest.mark.slow
def test_without_acrpull_the_app_fails_with_the_error_of_azure(deployment: Deployment) -> None:
    site = deployment.site
    assert site.client().arm("DELETE", role_assignment(deployment, "AcrPull")).status_code == 200
    change = ["-e", '{"mlflow_app_environment": {"NEW": "1"}}']
    play = site.play("site.yml", "-e", "registry_pull_principal_id=", *change)
    assert play.code != 0
    assert "UNAUTHORIZED: authentication required" in play.failures[-1]
    assert "template.containers.mlflow.image" in play.failures[-1]
    repaired = site.play("site.yml", *change)
    assert repaired.code == 0, repaired.output[-4000:]
    back = site.play("site.yml")
    assert back.code == 0, back.output[-4000:]


# The first check, the last check and a secret. tests/unit/roles/test_preflight.py covers each setting.
@pytest.mark.parametrize(
    ("settings", "environment", "message_text"),
    [
        (["deployment_location="], {}, "foundation_location"),
        (["sql_authentication=password"], {"MLFLOW_SQL_ADMIN_PASSWORD": "weak"}, "sql_administrator_password"),
        (["mlflow_app_allowed_address_ranges=[]"], {}, "mlflow_app_allow_public"),
    ],
)
def test_an_invalid_setting_is_refused_before_the_first_write(
    deployment: Deployment, settings: list[str], environment: dict[str, str], message_text: str
) -> None:
    before = deployment.site.writes()
    arguments = ["-e", "deployment=refused"]
    for setting in settings:
        name, _mark, value = setting.partition("=")
        arguments += ["-e", f'{{"{name}": {value}}}' if value.startswith("[") else setting]
    play = deployment.site.play("site.yml", *arguments, **environment)
    assert play.code != 0
    # One message has the problems of all roles.
    assert message_text in play.output.partition("Nothing has been written. Fix these problems:")[2]
    assert "weak" not in play.output
    assert deployment.site.writes() == before


@pytest.mark.slow
def test_a_taken_name_stops_the_playbook_and_a_rerun_finishes(deployment: Deployment) -> None:
    site = deployment.site
    client = site.client()
    storage = client.storage(client.group())
    taken = storage["id"].rpartition("/")[2]
    play = site.play("site.yml", "-e", "deployment=second", "-e", f"storage_account_name={taken}")
    assert play.code != 0
    assert f"The storage account named {taken} is already taken" in play.output.partition("Nothing has been written")[2]
    for kind in AZURE_TYPES_AFTER_SQL:
        assert site.resources(kind, "mlflow-second") == []
    rerun = site.play("site.yml", "-e", "deployment=second")
    assert rerun.code == 0, rerun.output[-4000:]
    gone = site.play(
        "teardown.yml", "-e", "deployment=second", "-e", "teardown_confirm=second", "-e", "teardown_data=true"
    )
    assert gone.code == 0, gone.output[-4000:]
    assert site.resources("Microsoft.App/containerApps", "mlflow-second") == []


@pytest.mark.slow
def test_a_wrong_database_password_is_reported_without_a_leak(deployment: Deployment) -> None:
    """The server keeps its first password. An app with another one cannot log in, and the playbook reports it."""
    site = deployment.site
    first, second = (f"Aa1!{secrets.token_urlsafe(18)}" for _time in range(2))
    third = ["-e", "deployment=third", "-e", "sql_authentication=password", "-vvv"]
    with recorded_arguments() as seen:
        made = site.play("site.yml", *third, MLFLOW_SQL_ADMIN_PASSWORD=first)
        assert made.code == 0, made.output[-4000:]
        wrong = site.play("site.yml", *third, MLFLOW_SQL_ADMIN_PASSWORD=second)
        assert wrong.code != 0
        assert "Login failed for user" in wrong.failures[-1]
        rerun = site.play("site.yml", *third, MLFLOW_SQL_ADMIN_PASSWORD=first)
        assert rerun.code == 0, rerun.output[-4000:]
    # Most secrets are created during the run, so the recorded arguments are searched afterwards.
    hidden = [first, second, *site.secrets()]
    assert len(hidden) > 10
    assert any(b"ansible-playbook" in words for words in seen)
    assert not [value for value in hidden if any(value.encode() in words for words in seen)]
    for output in (made.output, wrong.output, rerun.output):
        assert not [value for value in hidden if value in output]
    for folder in ("out", ".ansible", ".sandbox/logs", ".sandbox/apps", ".sandbox/builds"):
        assert found_in_files(site.clone / folder, hidden) == []
    assert found_in_arguments(hidden) == []
    gone = site.play(
        "teardown.yml", "-e", "deployment=third", "-e", "teardown_confirm=third", "-e", "teardown_data=true"
    )
    assert gone.code == 0, gone.output[-4000:]


@contextmanager
def recorded_arguments() -> Iterator[set[bytes]]:
    """Record the arguments of all processes while the context is open."""
    seen: set[bytes] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            seen.update(arguments().values())

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join(10)


def found_in_files(folder: Path, values: list[str]) -> list[Path]:
    texts = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return [path for path, text in texts.items() if any(value.encode() in text for value in values)]


def arguments() -> dict[Path, bytes]:
    """Return the arguments of all processes."""
    result = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            result[path] = path.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return result


def found_in_arguments(values: list[str]) -> list[Path]:
    return [path for path, words in arguments().items() if any(value.encode() in words for value in values)]


def test_check_mode_in_an_empty_subscription_shows_all_changes_and_writes_nothing(deployment: Deployment) -> None:
    before = deployment.site.writes()
    plan = deployment.site.play("site.yml", "--check", "--diff", "-e", "deployment=planned")
    assert plan.code == 0, plan.output[-4000:]
    assert plan.changed > 10
    assert "AcrPull" in plan.output
    assert "Storage Blob Data Contributor" in plan.output
    assert deployment.site.writes() == before
    assert not (deployment.site.clone / "out" / "planned").exists()


def test_teardown_needs_the_name_as_confirmation(deployment: Deployment) -> None:
    before = deployment.site.writes()
    for arguments in ([], ["-e", "teardown_confirm=other"]):
        play = deployment.site.play("teardown.yml", *arguments)
        assert play.code != 0
        assert "teardown_confirm=sandbox" in play.failures[0]
    assert deployment.site.writes() == before


@pytest.mark.last
def test_nothing_is_written_outside_the_clone(deployment: Deployment) -> None:
    """The home of the user holds only caches of package managers."""
    written = [path.relative_to(deployment.site.home) for path in deployment.site.home.rglob("*") if path.is_file()]
    assert [path for path in written if path.parts[0] not in (".npm", ".cache")] == []
    assert [path for path in written if path.parts[0] == ".cache" and path.parts[1] not in ("pip", "selenium")] == []
    assert list(deployment.site.temporary.iterdir()) == []


@pytest.mark.last
def test_teardown_removes_everything(deployment: Deployment) -> None:
    """After this test there is no deployment for the others."""
    site = deployment.site
    kept = site.play("teardown.yml", "-e", "teardown_confirm=sandbox")
    assert kept.code == 0, kept.output[-4000:]
    removed, _kept, left = " ".join(kept.output.rpartition("was removed: ")[2].split()).partition("Kept: ")
    for kind, goes in (
        ("Microsoft.App/containerApps", True),
        ("Microsoft.App/managedEnvironments", True),
        ("Microsoft.ContainerRegistry/registries", True),
        ("Microsoft.Sql/servers/databases", False),
        ("Microsoft.Storage/storageAccounts", False),
        ("Microsoft.OperationalInsights/workspaces", False),
        ("Microsoft.ManagedIdentity/userAssignedIdentities", False),
    ):
        assert (site.resources(kind, "mlflow-sandbox") == []) is goes, kind
        assert kind.split("/")[1].lower() in (removed if goes else left).lower()
    play = site.play("teardown.yml", "-e", "teardown_confirm=sandbox", "-e", "teardown_data=true")
    assert play.code == 0, play.output[-4000:]
    assert site.resources("Microsoft.Resources/resourceGroups", "mlflow-sandbox") == []
    assert site.resources("Microsoft.App/containerApps", "mlflow-sandbox") == []
    assert not (site.clone / "out/sandbox").exists()
    again = site.play("teardown.yml", "-e", "teardown_confirm=sandbox", "-e", "teardown_data=true")
    assert again.code == 0, again.output[-4000:]
    assert again.changed == 0
    assert list(site.temporary.iterdir()) == []
