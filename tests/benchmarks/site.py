# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long site.yml takes on the sandbox: with nothing to do, for ten deployments at once, and beside what Azure takes. ``make bench`` runs this.

    python tests/benchmarks/site.py [--runs N]

It has a copy of the project with a sandbox of its own, which it removes. Exit status 1 where a bar is missed. On a machine that has other
things to do, look at the seconds of processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[0] = str(PROJECT)  # not this folder, whose sandbox.py would hide the sandbox

from tests.support.quick_app import quick_arguments
from tests.support.site_copy import Site, make_site

IDLE_SECONDS = 5.0
DEPLOYMENTS = 10
TEN_SECONDS = 20.0
LATENCY = 0.1
OVERLAP = 1.2
BUILDS = "microsoft.containerregistry/registries/runs"
# What has to be there before Azure can begin with it, by type.
NEEDS: dict[str, tuple[str, ...]] = {
    "microsoft.operationalinsights/workspaces": (),
    "microsoft.app/managedenvironments": ("microsoft.operationalinsights/workspaces",),
    "microsoft.sql/servers": (),
    "microsoft.sql/servers/databases": ("microsoft.sql/servers",),
    "microsoft.storage/storageaccounts": (),
    "microsoft.containerregistry/registries": (),
    BUILDS: ("microsoft.containerregistry/registries",),
    "microsoft.app/containerapps": (
        "microsoft.app/managedenvironments",
        "microsoft.sql/servers/databases",
        "microsoft.storage/storageaccounts",
        BUILDS,
    ),
}


@dataclass(frozen=True)
class Run:
    """What a run took: seconds, and seconds of processor time of Ansible with all that it started."""

    seconds: float
    processor: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s ({self.processor:.1f} s of processor time)"


def run(site: Site, *arguments: str, changes: bool) -> Run:
    """Runs site.yml, which is to change something or nothing. Raises RuntimeError where it fails or does the other."""
    before, begun = os.times(), time.monotonic()
    play = site.play("site.yml", *arguments)
    seconds, after = time.monotonic() - begun, os.times()
    changed = any(int(number) for number in re.findall(r"changed=(\d+)", play.output))
    if play.code != 0 or changed is not changes:
        raise RuntimeError(f"site.yml ended with {play.code}, changed: {changed}\n{play.output[-3000:]}")
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(seconds, processor)


def median(found: list[Run]) -> Run:
    return sorted(found, key=lambda one: one.seconds)[len(found) // 2]


def durations(site: Site, group: str) -> dict[str, float]:
    """The seconds that the sandbox took for what a resource group holds, by type."""
    connection = sqlite3.connect(f"file:{site.clone}/.sandbox/state.db?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT type, ended - started FROM operations WHERE resource LIKE ? AND ended IS NOT NULL",
        (f"%/resourcegroups/{group}/%",),
    ).fetchall()
    connection.close()
    taken = dict.fromkeys(NEEDS, 0.0)
    for kind, seconds in rows:
        if kind not in taken:
            raise RuntimeError(f"NEEDS does not know what {kind} needs")
        taken[kind] += seconds
    (build,) = site.resources(BUILDS, f"/{group}/")
    begun, ended = (_seconds(build["properties"][name]) for name in ("createTime", "finishTime"))
    return {**taken, BUILDS: ended - begun}


def _seconds(moment: str) -> float:
    """The seconds of the day of a time such as 2026-01-31T09:05:16.5582799Z."""
    hours, minutes, seconds = moment.partition("T")[2].rstrip("Z").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def road(taken: dict[str, float], kind: str) -> tuple[float, list[str]]:
    """The longest road to a type, with all that it needs: seconds, and the types on it."""
    longest, passed = max((road(taken, needed) for needed in NEEDS[kind]), default=(0.0, []))
    return longest + taken[kind], [*passed, kind]


def idle(site: Site, runs: int, quick: tuple[str, ...]) -> bool:
    found = [run(site, *quick, changes=False) for _time in range(runs)]
    best = min(one.seconds for one in found)
    print(f"nothing to do: median {median(found)}, best {best:.1f} s; at most {IDLE_SECONDS:g} s")
    return statistics.median(one.seconds for one in found) <= IDLE_SECONDS


def side_by_side(site: Site, runs: int, quick: tuple[str, ...]) -> bool:
    inventory = site.clone / "inventories" / "ten" / "hosts.yml"
    inventory.parent.mkdir()
    hosts: dict[str, dict[str, str]] = {f"d{number}": {} for number in range(DEPLOYMENTS)}
    inventory.write_text(json.dumps({"mlflow": {"hosts": hosts}}), encoding="utf-8")
    arguments = ("-i", str(inventory), "--limit", "mlflow:!sandbox", *quick)
    made = run(site, *arguments, changes=True)
    found = [run(site, *arguments, changes=False) for _time in range(runs)]
    print(f"{DEPLOYMENTS} deployments made: {made}; nothing to do: median {median(found)}; at most {TEN_SECONDS:g} s")
    return statistics.median(one.seconds for one in found) <= TEN_SECONDS


def overlap(site: Site, runs: int) -> bool:
    """A new deployment of MLflow itself with a share of Azure's real durations."""
    site.sandbox("down")
    site.sandbox("up", "--latency", str(LATENCY))
    arguments = ("-e", "deployment=overlap", "-e", "verify_due=false")
    made = run(site, *arguments, changes=True)
    own = median([run(site, *arguments, changes=False) for _time in range(runs)]).seconds
    taken = durations(site, "rg-mlflow-overlap")
    critical, passed = road(taken, "microsoft.app/containerapps")
    serial = sum(taken.values())
    share = made.seconds / (critical + own)
    for kind, seconds in taken.items():
        print(f"  {seconds:5.1f} s  {kind}{' (on the critical path)' if kind in passed else ''}")
    print(
        f"a new deployment at latency {LATENCY:g}: {made}; critical path {critical:.1f} s + Ansible with nothing to do {own:.1f} s "
        f"= {critical + own:.1f} s; share {share:.2f}, at most {OVERLAP:g}; one after the other {serial + own:.1f} s"
    )
    return share <= OVERLAP


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of which the median counts (default 5)")
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        site = make_site(Path(folder))
        quick = quick_arguments(Path(folder) / "context")
        try:
            run(site, *quick, changes=True)
            met = [idle(site, runs, quick), side_by_side(site, min(runs, 3), quick), overlap(site, runs)]
        finally:
            site.sandbox("down", "--purge")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
