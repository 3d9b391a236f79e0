# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sandbox that is killed repeatedly while apps and jobs start: it leaves no process unrecorded."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox_client import Client, Platform, app_body, run_cli

pytestmark = pytest.mark.slow


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Client]:
    """Sandbox of one test."""
    home = tmp_path / "home"
    assert run_cli(home, "up").returncode == 0
    yield Client(home, json.loads(run_cli(home, "env", "--json").stdout))
    assert run_cli(home, "down", "--purge").returncode == 0


def of_sandbox(home: Path) -> set[int]:
    """Return the running processes of a sandbox, by their environment, arguments or folder, not by its records."""
    pids = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            seen = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            folder = str((entry / "cwd").readlink())
        except OSError:
            continue
        if (
            state != "Z"
            and int(entry.name) != os.getpid()
            and (str(home).encode() in seen or folder.startswith(str(home)))
        ):
            pids.add(int(entry.name))
    return pids


def kill(client: Client) -> None:
    server = json.loads(run_cli(client.home, "status", "--json").stdout)["pid"]
    os.kill(server, signal.SIGKILL)
    client.until(lambda: not Path(f"/proc/{server}/exe").exists(), "the end of the server")


def platform_of(client: Client) -> Platform:
    group, name = client.group(), f"cr{uuid.uuid4().hex[:10]}"
    registry = f"{group}/providers/Microsoft.ContainerRegistry/registries/{name}"
    client.put(registry, {"location": "westeurope", "sku": {"name": "Basic"}})
    assert client.build(registry, "probe:1")["properties"]["status"] == "Succeeded"
    identity = client.identity(group)
    client.assign(registry, "AcrPull", identity["properties"]["principalId"])
    path = f"{group}/providers/Microsoft.App/managedEnvironments/env"
    made = client.put(path, {"location": "westeurope", "properties": {}})
    return Platform(group, registry, f"{name}.azurecr.io", made["id"], made["properties"]["defaultDomain"], identity)


def serves(client: Client, url: str) -> None:
    client.until(lambda: client.session.get(url, timeout=30).status_code == 200, f"{url} serves")


def job_body(platform: Platform) -> dict[str, Any]:
    body = app_body(platform, command=["python", "-c", "import time; time.sleep(600)"])
    del body["properties"]["configuration"]["ingress"]
    body["properties"]["configuration"] |= {"triggerType": "Manual", "replicaTimeout": 600}
    return body


def test_kills_at_many_moments(own: Client) -> None:
    """Each kill comes when one more process is recorded."""
    platform = platform_of(own)
    records, providers = own.home / "processes", f"{platform.group}/providers/Microsoft.App"
    job = own.put(f"{providers}/jobs/job", job_body(platform))
    own.arm("POST", f"{job['id']}/start")
    for moment in range(6):
        written = set(records.glob("*.json"))
        begun = [own.arm("PUT", f"{providers}/containerApps/a{moment}{each}", app_body(platform)) for each in "xyz"]
        assert {answer.status_code for answer in begun} == {201}
        deadline = time.monotonic() + 30
        while len(set(records.glob("*.json")) - written) < moment % 4 and time.monotonic() < deadline:
            pass  # a sleep would miss the moment
        kill(own)
        assert run_cli(own.home, "up").returncode == 0
        for answer in begun:
            assert own.wait(answer)["status"] == "Succeeded"
        for each in "xyz":
            serves(own, f"https://a{moment}{each}.{platform.domain}/")
    (execution,) = own.arm("GET", f"{job['id']}/executions").json()["value"]
    assert execution["properties"]["status"] == "Running"
    # an app may respond while the replica from before the kill is still being removed
    own.until(lambda: len(list(records.glob("*.json"))) == 6 * 3 + 1, "a record for each app and the job")
    known = {json.loads(path.read_text())["pid"] for path in records.glob("*.json")}
    assert len(of_sandbox(own.home)) >= len(known)
    kill(own)
    assert run_cli(own.home, "down").returncode == 0
    assert of_sandbox(own.home) == set()
    assert run_cli(own.home, "up").returncode == 0


def test_two_side_by_side(own: Client, sandbox: Client, platform: Platform) -> None:
    """Each has an app of the same name at the same port; the end of one does not affect the other."""
    here, there = platform_of(own), platform
    path = "/providers/Microsoft.App/containerApps/twin"
    mine, others = own.put(here.group + path, app_body(here)), sandbox.put(there.group + path, app_body(there))

    def pid(client: Client, app: dict[str, Any]) -> int:
        url = f"https://{app['properties']['configuration']['ingress']['fqdn']}/"
        return int(client.session.get(url, timeout=30).json()["pid"])

    kept = pid(sandbox, others)
    assert pid(own, mine) != kept
    kill(own)
    assert run_cli(own.home, "down").returncode == 0
    assert of_sandbox(own.home) == set()
    assert pid(sandbox, others) == kept
    assert run_cli(own.home, "up").returncode == 0
