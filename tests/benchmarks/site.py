# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures site.yml on the sandbox: without changes, for ten deployments in parallel, and with Azure's latency. ``make bench`` runs this.

    python tests/benchmarks/site.py [--runs N]

It copies the project, starts a separate sandbox and removes both. The exit status is 1 if a limit is exceeded. On a machine with other
load, compare the CPU time.
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
sys.path[0] = str(PROJECT)  # instead of this folder, whose sandbox.py would hide the package sandbox

from tests.support.quick_app import quick_arguments
from tests.support.site_copy import Site, make_site

IDLE_SECONDS = 5.0
DEPLOYMENTS = 10
TEN_SECONDS = 20.0
LATENCY = 0.1
OVERLAP = 1.2
BUILDS = "microsoft.containerregistry/registries/runs"
# The resource types that must exist before Azure can create a resource, by type.
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
    """Duration of a run in seconds, and the CPU time of Ansible with all its child processes."""

    seconds: float
    processor: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s ({self.processor:.1f} s of CPU time)"


def run(site: Site, *arguments: str, changes: bool) -> Run:
    """Run site.yml. Raise RuntimeError if it fails, or if it reports changes unless `changes` is true, or none if it is."""
    before, start = os.times(), time.monotonic()
    play = site.play("site.yml", *arguments)
    seconds, after = time.monotonic() - start, os.times()
    changed = any(int(number) for number in re.findall(r"changed=(\d+)", play.output))
    if play.code != 0 or changed is not changes:
        raise RuntimeError(f"site.yml ended with {play.code}, changed: {changed}\n{play.output[-3000:]}")
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(seconds, processor)


def median(runs: list[Run]) -> Run:
    return sorted(runs, key=lambda one: one.seconds)[len(runs) // 2]


def durations(site: Site, group: str) -> dict[str, float]:
    """Return the seconds that the sandbox took to create the resources of a resource group, by type."""
    connection = sqlite3.connect(f"file:{site.clone}/.sandbox/state.db?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT type, ended - started FROM operations WHERE resource LIKE ? AND ended IS NOT NULL",
        (f"%/resourcegroups/{group}/%",),
    ).fetchall()
    connection.close()
    total = dict.fromkeys(NEEDS, 0.0)
    for kind, seconds in rows:
        if kind not in total:
            raise RuntimeError(f"NEEDS has no entry for {kind}")
        total[kind] += seconds
    (build,) = site.resources(BUILDS, f"/{group}/")
    start, end = (_seconds(build["properties"][name]) for name in ("createTime", "finishTime"))
    return {**total, BUILDS: end - start}


def _seconds(moment: str) -> float:
    """Return the seconds of the day of a timestamp such as 2026-01-31T09:05:16.5582799Z."""
    hours, minutes, seconds = moment.partition("T")[2].rstrip("Z").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def critical_path(seconds: dict[str, float], kind: str) -> tuple[float, list[str]]:
    """Return the critical path to a resource of a type: its duration in seconds, and the types on it."""
    longest, path = max((critical_path(seconds, needed) for needed in NEEDS[kind]), default=(0.0, []))
    return longest + seconds[kind], [*path, kind]


def without_changes(site: Site, runs: int, quick: tuple[str, ...]) -> bool:
    results = [run(site, *quick, changes=False) for _time in range(runs)]
    best = min(one.seconds for one in results)
    print(f"without changes: median {median(results)}, best {best:.1f} s; at most {IDLE_SECONDS:g} s")
    return statistics.median(one.seconds for one in results) <= IDLE_SECONDS


def parallel(site: Site, runs: int, quick: tuple[str, ...]) -> bool:
    inventory = site.clone / "inventories" / "ten" / "hosts.yml"
    inventory.parent.mkdir()
    hosts: dict[str, dict[str, str]] = {f"d{number}": {} for number in range(DEPLOYMENTS)}
    inventory.write_text(json.dumps({"mlflow": {"hosts": hosts}}), encoding="utf-8")
    arguments = ("-i", str(inventory), "--limit", "mlflow:!sandbox", *quick)
    created = run(site, *arguments, changes=True)
    results = [run(site, *arguments, changes=False) for _time in range(runs)]
    print(
        f"{DEPLOYMENTS} deployments created: {created}; "
        f"without changes: median {median(results)}; at most {TEN_SECONDS:g} s"
    )
    return statistics.median(one.seconds for one in results) <= TEN_SECONDS


def overlap(site: Site, runs: int) -> bool:
    """Measure a new deployment of MLflow with a fraction of Azure's latency, and compare it with the critical path."""
    site.sandbox("down")
    site.sandbox("up", "--latency", str(LATENCY))
    arguments = ("-e", "deployment=overlap", "-e", "verify_due=false")
    created = run(site, *arguments, changes=True)
    overhead = median([run(site, *arguments, changes=False) for _time in range(runs)]).seconds
    by_type = durations(site, "rg-mlflow-overlap")
    critical, path = critical_path(by_type, "microsoft.app/containerapps")
    serial = sum(by_type.values())
    ratio = created.seconds / (critical + overhead)
    for kind, seconds in by_type.items():
        print(f"  {seconds:5.1f} s  {kind}{' (on the critical path)' if kind in path else ''}")
    print(
        f"a new deployment at latency {LATENCY:g}: {created}; critical path {critical:.1f} s + Ansible without changes {overhead:.1f} s "
        f"= {critical + overhead:.1f} s; ratio {ratio:.2f}, at most {OVERLAP:g}; sequential {serial + overhead:.1f} s"
    )
    return ratio <= OVERLAP


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="number of runs for each median (default 5)")
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        site = make_site(Path(folder))
        quick = quick_arguments(Path(folder) / "context")
        try:
            run(site, *quick, changes=True)
            passed = [without_changes(site, runs, quick), parallel(site, min(runs, 3), quick), overlap(site, runs)]
        finally:
            site.sandbox("down", "--purge")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
