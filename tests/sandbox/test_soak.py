# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand mixed requests of eight clients with faults in one of twenty: no write is lost, no response is wrong."""

from __future__ import annotations

import json
import os
import random
import signal
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.sandbox_client import Client, run_cli

CLIENTS = 8
REQUESTS = 10_000
MEMORY_MB = 200
IDENTITIES = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"
PLACE = {"location": "westeurope"}
FAULTS = (
    ("fail", "--status", "500", "--seed", "1"),
    ("fail", "--status", "503", "--seed", "2"),
    ("throttle", "--seed", "3"),
    ("drop", "--seed", "4"),
    ("drop", "--after", "--seed", "5"),
)

pytestmark = pytest.mark.slow


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Client]:
    home = tmp_path / "home"
    started = run_cli(home, "up")
    assert started.returncode == 0, started.stderr
    yield Client(home, json.loads(run_cli(home, "env", "--json").stdout))
    run_cli(home, "down", "--purge")


def memory(client: Client) -> float:
    """Return the memory of the server, in MB."""
    pid = json.loads((client.home / "ready.json").read_text())["pid"]
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


@dataclass
class Worker:
    """One client with a group of its own, and what must stand there: a tag for each identity, None where it is gone.

    Where an answer was lost, either of two things may stand.
    """

    client: Client
    token: str
    blob_token: str
    group: str
    container: str
    draws: random.Random
    shared: str  # the URL of a blob that all clients count in, each time with the ETag that was read
    state: dict[str, str | None] = field(default_factory=dict)
    unsure: dict[str, set[str | None]] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)  # "sure", and "unsure" where an answer was lost
    wrong: list[str] = field(default_factory=list)

    def send(self, method: str, path: str, body: Any = None) -> requests.Response | None:
        """Send a request once. Return None if no response comes."""
        try:
            answer = self.client.arm(method, path, body, self.token)
        except requests.ConnectionError:
            self.answers["none"] += 1
            return None
        self.answers[str(answer.status_code)] += 1
        return answer

    def blob_headers(self, **more: str) -> dict[str, str]:
        authorization = {"Authorization": f"Bearer {self.blob_token}"}
        return {**authorization, "x-ms-version": "2023-11-03", "x-ms-blob-type": "BlockBlob", **more}

    def send_blob(self, method: str, name: str, content: str | None = None) -> requests.Response | None:
        """Send a request for a blob once."""
        headers = self.blob_headers()
        return self.send_to(method, f"{self.container}/{name}", headers, content)

    def send_to(self, method: str, url: str, headers: dict[str, str], content: str | None) -> requests.Response | None:
        try:
            answer = self.client.session.request(method, url, data=content, headers=headers, timeout=60)
        except requests.ConnectionError:
            self.answers["none"] += 1
            return None
        self.answers[str(answer.status_code)] += 1
        return answer

    def count_up(self) -> None:
        """Increment the shared counter with an ETag; only one of several concurrent clients succeeds."""
        url = self.shared
        read = self.send_to("GET", url, self.blob_headers(), None)
        if read is None or read.status_code in (429, 500, 503):
            return
        etag = read.headers["ETag"]
        answer = self.send_to("PUT", url, self.blob_headers(**{"If-Match": etag}), str(int(read.text) + 1))
        if answer is None:
            self.counted["unsure"] += 1
        elif answer.status_code == 201:
            self.counted["sure"] += 1
        elif answer.status_code not in (412, 429, 500, 503):
            self.wrong.append(f"{url}: {answer.status_code} {answer.text[:200]}")

    def step(self) -> None:
        if self.draws.random() < 0.05:
            self.count_up()
            return
        if self.draws.random() < 0.2:
            self.step_blob(f"blob-{self.draws.randrange(10)}")
            return
        name = f"id-{self.draws.randrange(25)}"
        path = f"{self.group}/{IDENTITIES}/{name}"
        kind = self.draws.choices(("write", "read", "delete", "list"), (40, 40, 10, 10))[0]
        if kind == "read":
            self.check(name, self.send("GET", path))
        elif kind == "list":
            self.check_list(self.send("GET", f"{self.group}/{IDENTITIES}"))
        else:
            self.change(kind, name, path)

    def step_blob(self, name: str) -> None:
        kind = self.draws.choices(("write", "read", "delete"), (45, 45, 10))[0]
        if kind == "read":
            self.check(name, self.send_blob("GET", name))
            return
        mark = uuid.uuid4().hex if kind == "write" else None
        answer = self.send_blob("PUT" if mark else "DELETE", name, mark)
        if answer is None:
            self.unsure[name] = self.possible(name) | {mark}
        elif answer.status_code in (201, 202) or (answer.status_code == 404 and not mark):
            self.state[name] = mark
            self.unsure.pop(name, None)
        elif answer.status_code not in (429, 500, 503):
            self.wrong.append(f"{name}: {answer.status_code} {answer.text[:200]}")

    def change(self, kind: str, name: str, path: str) -> None:
        mark = uuid.uuid4().hex if kind == "write" else None
        body = {**PLACE, "tags": {"mark": mark, "filling": "x" * 500}} if mark else None
        answer = self.send("PUT" if mark else "DELETE", path, body)
        if answer is None:
            self.unsure[name] = self.possible(name) | {mark}
        elif answer.status_code in (200, 201, 204):
            if mark and answer.json()["tags"]["mark"] != mark:
                self.wrong.append(f"{path}: the answer to a PUT shows another one")
            self.state[name] = mark
            self.unsure.pop(name, None)
        elif answer.status_code not in (429, 500, 503):
            self.wrong.append(f"{path}: {answer.status_code} {answer.text[:200]}")

    def possible(self, name: str) -> set[str | None]:
        return self.unsure.get(name) or {self.state.get(name)}

    def check(self, name: str, answer: requests.Response | None) -> None:
        if answer is None or answer.status_code in (429, 500, 503):
            return
        if answer.status_code not in (200, 404):
            self.wrong.append(f"{name}: {answer.status_code} {answer.text[:200]}")
            return
        seen = None
        if answer.status_code == 200:
            seen = answer.text if name.startswith("blob-") else answer.json()["tags"]["mark"]
        if seen not in self.possible(name):
            self.wrong.append(f"{name}: {seen} instead of one of {self.possible(name)}")
        self.state[name] = seen
        self.unsure.pop(name, None)

    def check_list(self, answer: requests.Response | None) -> None:
        if answer is None or answer.status_code in (429, 500, 503):
            return
        if answer.status_code != 200:
            self.wrong.append(f"list: {answer.status_code} {answer.text[:200]}")
            return
        seen = {one["name"]: one["tags"]["mark"] for one in answer.json()["value"]}
        for name in {one for one in (*self.state, *self.unsure, *seen) if not one.startswith("blob-")}:
            if seen.get(name) not in self.possible(name):
                self.wrong.append(f"list: {name} is {seen.get(name)} instead of one of {self.possible(name)}")

    def run(self, count: int) -> None:
        for _time in range(count):
            self.step()


def test_nothing_is_lost_under_load_and_faults(own: Client) -> None:
    token, blob_token = own.token(), own.token("https://storage.azure.com/.default")
    account = own.storage(own.group())
    assert own.assign(account["id"], "Storage Blob Data Contributor", own.me()).status_code == 201
    own.put(f"{account['id']}/blobServices/default/containers/shared", {})
    shared = f"{account['properties']['primaryEndpoints']['blob']}shared/count"
    workers: list[Worker] = []
    for number in range(CLIENTS):
        own.put(f"{account['id']}/blobServices/default/containers/con-{number}", {})
        container = f"{account['properties']['primaryEndpoints']['blob']}con-{number}"
        client = Client(own.home, own.environment)
        workers.append(Worker(client, token, blob_token, own.group(), container, random.Random(number), shared))
    first = workers[0].send_to("PUT", shared, workers[0].blob_headers(), "0")
    assert first is not None
    assert first.status_code == 201
    for worker in workers:
        worker.run(20)  # warm-up, so that one-time allocations are done
        worker.answers.clear()
    before = memory(own)
    for words in FAULTS:
        assert run_cli(own.home, "fault", "add", *words, "--probability", "0.01").returncode == 0
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda worker: worker.run(REQUESTS // CLIENTS), workers))
    grown = memory(own) - before
    struck = sum(rule["hits"] for rule in json.loads(run_cli(own.home, "fault", "list", "--json").stdout))
    assert run_cli(own.home, "fault", "clear").returncode == 0
    answers = sum((worker.answers for worker in workers), Counter[str]())
    print(f"{sum(answers.values())} requests, {struck} struck, {grown:.0f} MB more; {dict(answers)}")
    assert [wrong for worker in workers for wrong in worker.wrong] == []
    assert 0.03 * REQUESTS < struck < 0.07 * REQUESTS
    # each failure comes from a fault rule
    assert sum(answers[bad] for bad in ("none", "429", "500", "503")) == struck
    assert grown < MEMORY_MB
    count = workers[0].send_to("GET", shared, workers[0].blob_headers(), None)
    assert count is not None
    sure, unsure = (sum(worker.counted[kind] for worker in workers) for kind in ("sure", "unsure"))
    assert sure <= int(count.text) <= sure + unsure
    assert sure > CLIENTS
    print(f"{sure} counted by {CLIENTS} at once, {answers['412']} came too late")
    # the state is complete after a kill
    os.kill(json.loads((own.home / "ready.json").read_text())["pid"], signal.SIGKILL)
    assert run_cli(own.home, "up").returncode == 0
    own.until(
        lambda: (answer := workers[0].send_blob("GET", "none")) is not None and answer.status_code == 404,
        "Azurite's start",
    )
    for worker in workers:
        for name in {*worker.state, *worker.unsure}:
            path = f"{worker.group}/{IDENTITIES}/{name}"
            worker.check(name, worker.send_blob("GET", name) if name.startswith("blob-") else worker.send("GET", path))
        worker.check_list(worker.send("GET", f"{worker.group}/{IDENTITIES}"))
        assert worker.wrong == []
