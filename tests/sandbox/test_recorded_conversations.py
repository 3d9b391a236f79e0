# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole recorded conversations with Azure, from the resource group's creation to its deletion, held with the sandbox again.

Each request is sent in its turn and must have Azure's status and, where it is refused, Azure's code. The recordings are not part
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
from tests.support.recordings import RECORDINGS, REGIONS
from tests.support.sandbox_in_process import SUBSCRIPTION, Azure

pytestmark = pytest.mark.recordings
ROOT = f"https://management.azure.com/subscriptions/{SUBSCRIPTION}/resource"
POLL = re.compile(r"/locations/|operation(results|statuses|status)/", re.IGNORECASE)
# (what Azure answered, what the sandbox answers): patterns of "<type> <method> <status> <code>", and why they may differ
TOLERATED = (
    (
        r".* 400 (ManagedEnvironmentNotProvisioned|PrincipalNotFound)",
        r".* 201 None",
        "asked before Azure was ready; here all is at once",
    ),
    (
        r".* 404 (Parent)?ResourceNotFound",
        r".* 404 ResourceGroupNotFound",
        "asked while the group went; here it goes at once",
    ),
    (
        r".*registries (PUT|DELETE) 200 None",
        r".*registries (PUT 201|DELETE 202) None",
        "older api-versions answer when it is done",
    ),
    (r".* (500 InternalServerError|429 429)", r".* (200|201) None", "a fault of Azure's"),
)
# Conversations that go on with what an earlier one had made.
CONTINUED = (
    "Test_SQL_Server_v20211101_CRUD",
    "Test_CreateStorageAccountWithSkipReconcile",
    "Test_CreateResourceGroupThatAlreadyExists",
)


@dataclass(frozen=True, eq=False)
class Turn:
    """One request of a conversation, Azure's answer and the sandbox's."""

    conversation: str
    number: int
    azure: str
    sandbox: str

    @property
    def tolerated(self) -> str | None:
        """Why the answers may differ."""
        for recorded, here, why in TOLERATED:
            if re.fullmatch(recorded, self.azure) and re.fullmatch(here, self.sandbox):
                return why
        return None


def code_of(body: Any) -> str | None:
    error = body.get("error", body) if isinstance(body, dict) else None
    return error.get("code") if isinstance(error, dict) and "code" in error else None


def hold(azure: Azure, name: str, recorded: list[dict[str, Any]]) -> Iterator[Turn]:
    """Sends each request for a type that the sandbox serves."""
    for principal in set(re.findall(r'"principalId":\s*"([^"]+)"', json.dumps(recorded))):
        azure.know(principal)
    for number, turn in enumerate(recorded):
        path = turn["url"].partition("?")[0].removeprefix("https://management.azure.com")
        in_group = len(path.split("/")) == 5
        kind = "resourcegroups" if in_group else type_of(path)
        whole = in_group or len(path.rpartition("/providers/")[2].split("/")) % 2 == 1
        asked = turn["url"].startswith(ROOT) and whole and not POLL.search(path)
        if not path.endswith("/purge") and not (asked and (in_group or kind in azure.manager.types)):
            continue
        if '"recover"' in json.dumps(turn.get("request_body")) and turn["method"] == "PUT":
            deleted_before(azure, turn)
        answer = azure.ask(turn["method"], turn["url"], turn.get("request_body"))
        azure.settle()
        body = json.loads(answer.body) if answer.body else None
        refused, recorded_refusal = answer.status >= 400, turn["status"] >= 400
        yield Turn(
            name,
            number,
            f"{kind} {turn['method']} {turn['status']} {code_of(turn['response_body']) if recorded_refusal else None}",
            f"{kind} {turn['method']} {answer.status} {code_of(body) if refused else None}",
        )


def deleted_before(azure: Azure, turn: dict[str, Any]) -> None:
    """Makes and deletes the vault that a request then recovers: it was deleted before the recording began."""
    body = json.loads(json.dumps(turn.get("request_body")).replace('"recover"', '"default"'))
    if azure.ask("PUT", turn["url"], body).status == 200:
        azure.settle()
        azure.ask("DELETE", turn["url"])


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> list[Turn]:
    folder = tmp_path_factory.mktemp("conversations")
    found: list[Turn] = []
    for path in sorted((RECORDINGS / "recordings").glob("*/aso__*.json")):
        if any(name in path.name for name in CONTINUED):
            continue
        found += held(folder, path)
    return found


def held(folder: Path, path: Path) -> list[Turn]:
    text = path.read_text(encoding="utf-8")
    for region, replacement in REGIONS.items():
        text = text.replace(region, replacement)
    content = json.loads(text)
    recorded = content if isinstance(content, list) else content["interactions"]
    (folder / path.stem).mkdir()
    azure = Azure(folder / path.stem, folder / "directory.key")
    found = list(hold(azure, path.stem, recorded))
    azure.close()
    return found


def test_each_answer_has_azures_status_and_code(turns: list[Turn], report_count: Callable[[str], None]) -> None:
    wrong = [turn for turn in turns if turn.azure != turn.sandbox and turn.tolerated is None]
    same = sum(turn.azure == turn.sandbox for turn in turns)
    conversations = len({turn.conversation for turn in turns})
    report_count(f"{len(turns) - len(wrong)}/{len(turns)} answers of {conversations} conversations, {same} the same")
    assert turns
    assert not wrong, "\n".join(f"{turn.conversation}#{turn.number}: {turn.azure} | {turn.sandbox}" for turn in wrong)


@pytest.mark.parametrize("row", TOLERATED, ids=lambda row: row[2])
def test_what_is_tolerated_happens(row: tuple[str, str, str], turns: list[Turn]) -> None:
    assert any(turn.tolerated == row[2] for turn in turns if turn.azure != turn.sandbox)
