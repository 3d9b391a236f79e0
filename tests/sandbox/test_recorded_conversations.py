# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replay of recorded conversations with Azure: from the creation of the resource group to its deletion, or a part of that.

Each response must have the status of Azure and, where it is an error, the code of Azure. The recordings are not part
of the repository; see test_golden_replay.py, which looks at the bodies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.arm_paths import type_of
from tests.support.recordings import CONVERSATIONS, REGIONS
from tests.support.sandbox_in_process import SUBSCRIPTION, Azure

pytestmark = pytest.mark.recordings
ROOT = f"https://management.azure.com/subscriptions/{SUBSCRIPTION}/resource"
POLL = re.compile(r"/locations/|operation(results|statuses|status)/", re.IGNORECASE)
# (response of Azure, response of the sandbox, reason of the difference): patterns of "<type> <method> <status> <code>"
TOLERATED = (
    (
        r".* 400 (ManagedEnvironmentNotProvisioned|PrincipalNotFound)",
        r".* 201 None",
        "sent before Azure was ready; the sandbox has no delay",
    ),
    (
        r".* 404 (Parent)?ResourceNotFound",
        r".* 404 ResourceGroupNotFound",
        "sent during the deletion of the group; the sandbox has no delay",
    ),
    (
        r".*registries (PUT|DELETE) 200 None",
        r".*registries (PUT 201|DELETE 202) None",
        "older api-versions respond at the end of the operation",
    ),
    (
        r"resourcegroups PUT 200 None",
        r"resourcegroups PUT 201 None",
        "the group existed before the recording",
    ),
    (r".* (500 InternalServerError|429 429)", r".* (200|201) None", "a fault of Azure"),
)
CONTINUED = "it continues an earlier conversation: it does not create the resources that it reads"
# Conversations that cannot be replayed, and the reason.
EXCEPTIONS = {
    "Test_SQL_Server_v20211101_CRUD": CONTINUED,
    "Test_CreateStorageAccountWithSkipReconcile": CONTINUED,
    "Test_CreateResourceGroupThatAlreadyExists": CONTINUED,
    "test_network_private_endpoint_private_dns_zone_group": CONTINUED,
    "test_private_endpoint_connection_keyvault": CONTINUED,
    "test_sql_db_long_term_retention": CONTINUED,
    "test_storage_account_update_versioning": CONTINUED,
    "test_storage_container_using_rm_main_scenario": CONTINUED,
    "test_metric_alert_for_sql_database_scope": "a server name with a capital letter, which the naming rules of Azure do not allow",
    "test_containerapp_env_internal_only_e2e": "the recording lacks the key of the workspace that the environment uses",
}


@dataclass(frozen=True, eq=False)
class Turn:
    """A request of a conversation, with the responses of Azure and of the sandbox."""

    conversation: str
    number: int
    azure: str
    sandbox: str

    @property
    def tolerated(self) -> str | None:
        """The reason why the responses may differ."""
        for recorded, here, why in TOLERATED:
            if re.fullmatch(recorded, self.azure) and re.fullmatch(here, self.sandbox):
                return why
        return None


def code_of(body: Any) -> str | None:
    error = body.get("error", body) if isinstance(body, dict) else None
    return error.get("code") if isinstance(error, dict) and "code" in error else None


def replay(azure: Azure, name: str, recorded: list[dict[str, Any]]) -> Iterator[Turn]:
    """Send each request for a type that the sandbox implements."""
    for principal in set(re.findall(r'"principalId":\s*"([^"]+)"', json.dumps(recorded))):
        azure.add_principal(principal)
    create_missing_groups(azure, recorded)
    for number, turn in enumerate(recorded):
        path = turn["url"].partition("?")[0].removeprefix("https://management.azure.com")
        in_group = len(path.split("/")) == 5
        kind = "resourcegroups" if in_group else type_of(path)
        whole = in_group or len(path.rpartition("/providers/")[2].split("/")) % 2 == 1
        sent = turn["url"].startswith(ROOT) and whole and not POLL.search(path)
        if not path.endswith("/purge") and not (sent and (in_group or kind in azure.manager.types)):
            continue
        if '"recover"' in json.dumps(turn.get("request_body")) and turn["method"] == "PUT":
            prepare_deleted_vault(azure, turn)
        answer = azure.request(turn["method"], turn["url"], turn.get("request_body"))
        azure.finish_all()
        body = json.loads(answer.body) if answer.body else None
        is_error, recorded_error = answer.status >= 400, turn["status"] >= 400
        yield Turn(
            name,
            number,
            f"{kind} {turn['method']} {turn['status']} {code_of(turn['response_body']) if recorded_error else None}",
            f"{kind} {turn['method']} {answer.status} {code_of(body) if is_error else None}",
        )


def create_missing_groups(azure: Azure, recorded: list[dict[str, Any]]) -> None:
    """Create the resource groups that a conversation uses before it creates them, or without creating them."""
    created: set[str] = set()
    for turn in recorded:
        path = turn["url"].partition("?")[0].removeprefix("https://management.azure.com")
        group = "/".join(path.split("/")[:5])
        if not turn["url"].lower().startswith(f"{ROOT}Groups/".lower()) or group.lower() in created:
            continue
        created.add(group.lower())
        if path != group or (turn["method"] == "GET" and turn["status"] < 400):
            azure.put(group, {"location": "westus"}, "2021-04-01")


def prepare_deleted_vault(azure: Azure, turn: dict[str, Any]) -> None:
    """Create and delete the vault that a request recovers: its deletion was before the recording."""
    body = json.loads(json.dumps(turn.get("request_body")).replace('"recover"', '"default"'))
    if azure.request("PUT", turn["url"], body).status == 200:
        azure.finish_all()
        azure.request("DELETE", turn["url"])


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> list[Turn]:
    folder = tmp_path_factory.mktemp("conversations")
    found: list[Turn] = []
    complete, more = CONVERSATIONS
    # Some conversations are in both folders.
    files = {path.name: path for path in (*complete.glob("*/aso__*.json"), *more.glob("*__*.json"))}
    for name in sorted(files):
        if not any(exception in name for exception in EXCEPTIONS):
            found += replay_file(folder, files[name])
    return found


def replay_file(folder: Path, path: Path) -> list[Turn]:
    text = path.read_text(encoding="utf-8")
    for region, replacement in REGIONS.items():
        text = text.replace(region, replacement)
    content = json.loads(text)
    recorded = content if isinstance(content, list) else content["interactions"]
    (folder / path.stem).mkdir()
    azure = Azure(folder / path.stem, folder / "directory.key")
    found = list(replay(azure, path.stem, recorded))
    azure.close()
    return found


def test_each_response_has_the_status_and_code_of_azure(turns: list[Turn], report_count: Callable[[str], None]) -> None:
    wrong = [turn for turn in turns if turn.azure != turn.sandbox and turn.tolerated is None]
    same = sum(turn.azure == turn.sandbox for turn in turns)
    conversations = len({turn.conversation for turn in turns})
    report_count(f"{len(turns) - len(wrong)}/{len(turns)} answers of {conversations} conversations, {same} the same")
    assert turns
    assert not wrong, "\n".join(f"{turn.conversation}#{turn.number}: {turn.azure} | {turn.sandbox}" for turn in wrong)


@pytest.mark.parametrize("row", TOLERATED, ids=lambda row: row[2])
def test_each_tolerated_difference_occurs(row: tuple[str, str, str], turns: list[Turn]) -> None:
    assert any(turn.tolerated == row[2] for turn in turns if turn.azure != turn.sandbox)
