# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml killed at each of its writes to Resource Manager in turn: the rerun finishes, nothing is there twice, nothing is left over.

A write counts as Azure's from the moment it was taken: the sandbox carries it out and gives no answer, and then the run is killed,
so it never knows that it wrote.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.faults import Faults
from tests.support.quick_app import quick_arguments
from tests.support.site_copy import PLAY_SECONDS, Site, make_site

pytestmark = pytest.mark.slow

BUILDS = "microsoft.containerregistry/registries/runs"
SCHEDULE = ("--verb", "POST", "--type", "Microsoft.ContainerRegistry/registries/scheduleRun")
RESTART = ("--verb", "POST", "--type", "Microsoft.App/containerApps/revisions/restart")
# The writes of a run that proves nothing. Its other POST requests ask: for a free name, a list of secrets, a place to upload to.
WRITES = {"put": ("--verb", "PUT"), "patch": ("--verb", "PATCH"), "delete": ("--verb", "DELETE"), "build": SCHEDULE}
# So that what a killed run has asked for is still being made when the rerun comes: the SQL server takes a second, the environment two.
LATENCY = "0.02"


@dataclass(frozen=True)
class Killed:
    """A site whose sandbox has some latency, and the arguments of a deployment that starts fast."""

    site: Site
    quick: tuple[str, ...]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    folder = tmp_path_factory.mktemp("killed")
    site = make_site(folder)
    site.sandbox("up", "--latency", LATENCY)
    yield Killed(site, quick_arguments(folder / "context"))
    site.sandbox("down", "--purge")


@contextmanager
def rules(site: Site, *given: tuple[str, ...]) -> Iterator[None]:
    """Add fault rules for requests to Resource Manager while the context is open."""
    for words in given:
        site.sandbox("fault", "add", *words, "--host", "management.azure.com")
    try:
        yield
    finally:
        site.sandbox("fault", "clear")


def struck(site: Site) -> list[int]:
    """Return the number of matches of each rule."""
    connection = sqlite3.connect(f"file:{site.clone}/.sandbox/state.db?mode=ro", uri=True)
    try:
        return [standing.hits for standing in Faults(connection).all()]
    finally:
        connection.close()


def family(pid: int) -> list[int]:
    """Return a process and its descendants. Workers of Ansible have their own sessions, so a process group is not sufficient."""
    try:
        children = [
            int(word)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for word in (task / "children").read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(member for child in children for member in family(child))]


def run_until_struck(site: Site, log: Path, *arguments: str) -> int | None:
    """Run site.yml and kill it at the first match of a rule. Return its exit status if it ended before."""
    before = struck(site)
    playbook = Path(sys.executable).parent / "ansible-playbook"
    with log.open("wb") as stream:
        play = subprocess.Popen(
            [playbook, "-i", "inventories/sandbox", "playbooks/site.yml", *arguments],
            cwd=site.clone,
            env=site.environment(),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + PLAY_SECONDS
    while play.poll() is None and time.monotonic() < deadline:
        if struck(site) != before:
            break
        time.sleep(0.02)  # between two looks at a condition
    code = play.poll()
    while code is None and (members := family(play.pid)):
        for member in members:
            try:
                os.kill(member, signal.SIGKILL)
            except ProcessLookupError:
                continue
        play.wait()
    return code


def contents(site: Site, deployment: str) -> list[str]:
    """Return the resources of a deployment by id, without build runs. Random names are replaced by the type."""
    connection = sqlite3.connect(f"file:{site.clone}/.sandbox/state.db?mode=ro", uri=True)
    group = f"%/resourcegroups/rg-mlflow-{deployment}"
    rows = connection.execute(
        "SELECT key, type, state, body FROM resources WHERE key LIKE ? OR key LIKE ?", (group, f"{group}/%")
    ).fetchall()
    connection.close()
    result = []
    for key, kind, state, body in rows:
        if kind == BUILDS:
            continue
        assert state == "Succeeded", (key, state)
        label = str(key)
        if kind == "microsoft.authorization/roleassignments":
            label = (
                f"{label.rpartition('/')[0]}/{json.loads(body)['properties']['roleDefinitionId'].rpartition('/')[2]}"
            )
        if kind == "microsoft.app/containerapps/revisions":
            label = label.rpartition("/")[0]
        result.append(label.replace(deployment, "*"))
    return sorted(result)


def secrets(site: Site, deployment: str) -> dict[str, str]:
    client = site.client()
    (app,) = site.resources("Microsoft.App/containerApps", f"rg-mlflow-{deployment}/")
    return {item["name"]: item["value"] for item in client.arm("POST", f"{app['id']}/listSecrets").json()["value"]}


def test_a_rerun_finishes_after_a_kill_at_each_write(
    killed: Killed, tmp_path: Path, report_count: Callable[[str], None]
) -> None:
    site, log = killed.site, tmp_path / "log"
    with rules(site, *(("delay", "--seconds", "0", *which) for which in WRITES.values())):
        whole = site.play("site.yml", "-e", "deployment=whole", *killed.quick)
        assert whole.code == 0, whole.output[-6000:]
        writes = dict(zip(WRITES, struck(site), strict=True))
    # Group, identity, workspace, server, firewall rule, database, account, container, registry, two roles, environment, app.
    assert writes["put"] >= 13
    assert writes["build"] == 1
    expected, kept = contents(site, "whole"), secrets(site, "whole")
    kills = [(kind, number) for kind in WRITES for number in range(writes[kind])]
    for kind, number in kills:
        name = f"{kind}{number}"
        arguments = ("-e", f"deployment={name}", *killed.quick)
        with rules(site, ("drop", "--after", *WRITES[kind], "--skip", str(number))):
            assert run_until_struck(site, log, *arguments) is None, log.read_text()[-6000:]
        rerun = site.play("site.yml", *arguments)
        assert rerun.code == 0, (name, rerun.output[-6000:])
        assert contents(site, name) == expected, name
        # A build that goes on is asked for again: which image it makes shows when it ends.
        assert len(site.resources(BUILDS, f"rg-mlflow-{name}/")) <= (2 if kind == "build" else 1), name
        assert secrets(site, name) == kept
    # Each is whole: a run over all of them finds nothing to do.
    inventory = site.clone / "inventories" / "killed" / "hosts.yml"
    inventory.parent.mkdir()
    inventory.write_text(
        json.dumps({"mlflow": {"hosts": {f"{kind}{number}": {} for kind, number in kills}}}), encoding="utf-8"
    )
    again = site.play("site.yml", "-i", str(inventory), "--limit", "mlflow:!sandbox", *killed.quick)
    assert again.code == 0, again.output[-6000:]
    assert re.findall(r"changed=(\d+)", again.output) == ["0"] * len(kills), again.output[-6000:]
    report_count(f"site.yml killed at each of its {len(kills)} writes and finished by a rerun")


def test_a_deployment_killed_at_successive_writes_is_verified(
    killed: Killed, tmp_path: Path, report_count: Callable[[str], None]
) -> None:
    """Each run is killed at its first write. The run without a write finishes."""
    site, log = killed.site, tmp_path / "log"
    fatal = [
        *(("drop", "--after", *WRITES[kind]) for kind in ("put", "patch", "delete")),
        *(("drop", "--after", *once, "--count", "1") for once in (SCHEDULE, RESTART)),
    ]
    runs = 0
    with rules(site, *fatal):
        code = None
        while code is None:
            assert runs < 40, "no run comes to an end"
            runs += 1
            code = run_until_struck(site, log, "-e", "deployment=chain")
        assert code == 0, log.read_text()[-6000:]
        kills = struck(site)
    report_count(
        f"one deployment killed {runs - 1} times, at a later write each time, and proven by the run after them"
    )
    assert kills[0] >= 13
    assert kills[3:] == [1, 1]
    assert runs - 1 >= 15
    proof = json.loads((site.clone / "out/chain/verified.json").read_text())
    assert proof["read_back"] == ["experiment", "run", "artifact", "trace"]
    result = contents(site, "chain")
    assert len(result) == len(set(result)) >= 14
    again = site.play("site.yml", "-e", "deployment=chain")
    assert (again.code, again.changed) == (0, 0), again.output[-6000:]
