# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What 25 module calls with nothing to do cost in one play: in Ansible's own process, and as modules. ``make bench`` runs this.

    python tests/benchmarks/modules.py [--rounds N] [--profile FILE]

It has a sandbox of its own, which it removes. Rounds alternate between the two ways, so that a busy machine weighs on both.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SECONDS_AT_MOST = 4.0
TIMES_FASTER = 3.0
CALLS = 25
GROUP = {"resource_group": "rg-bench"}
PLACE = {**GROUP, "location": "westeurope"}
SQL = {**GROUP, "server": "sql-mlflow-bench"}
# Of the first identity, whose task is registered under this name.
PRINCIPAL = {
    "principal_id": "{{ identity_1.user_assigned_identity.properties.principalId }}",
    "principal_type": "ServicePrincipal",
}
SCOPE = "/subscriptions/{{ lookup('env', 'AZURE_SUBSCRIPTION_ID') }}/resourceGroups/rg-bench"
TASKS: list[tuple[str, dict[str, Any]]] = [
    ("resource_group", {"name": "rg-bench", "location": "westeurope", "tags": {"team": "ml"}}),
    *[("user_assigned_identity", {**PLACE, "name": f"id-{name}"}) for name in "abc"],
    *[("log_analytics_workspace", {**PLACE, "name": f"log-{name}-bench", "retention_in_days": 30}) for name in "ab"],
    *[("container_registry", {**PLACE, "name": f"crmlflowbench{name}"}) for name in "ab"],
    *[("storage_account", {**PLACE, "name": f"stmlflowbench{name}"}) for name in "ab"],
    *[("storage_container", {**GROUP, "account": "stmlflowbencha", "name": f"c-{name}"}) for name in "abc"],
    *[
        ("role_assignment", {"scope": SCOPE, "role": role, **PRINCIPAL})
        for role in ("Reader", "AcrPull", "Contributor")
    ],
    (
        "sql_server",
        {
            **PLACE,
            "name": SQL["server"],
            "administrator_login": "mlflow",
            "administrator_password": "{{ lookup('env', 'BENCH_PASSWORD') }}",
        },
    ),
    *[
        (
            "sql_firewall_rule",
            {**SQL, "name": f"r-{end}", "start_ip_address": f"10.0.0.{end}", "end_ip_address": f"10.0.0.{end}"},
        )
        for end in range(1, 5)
    ],
    *[("sql_database", {**SQL, "location": "westeurope", "name": f"db-{name}", "sku": "S0"}) for name in "ab"],
    *[("container_app_environment", {**PLACE, "name": f"cae-{name}"}) for name in "ab"],
]


def playbook(path: Path, interpreter: str) -> None:
    """Write a play of the calls, each a task of its own. interpreter: ansible_python_interpreter of its host."""
    tasks = [
        {f"mlops.mlflow_azure.{module}": options, "name": f"{module} {n}"} for n, (module, options) in enumerate(TASKS)
    ]
    tasks[1]["register"] = "identity_1"
    variables = {"ansible_connection": "local", "ansible_python_interpreter": interpreter}
    path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}]))


def run(path: Path, environment: dict[str, str], *prefix: str) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds and the number of changed tasks of one ansible-playbook."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [*prefix, str(BIN / "ansible-playbook"), "-i", "localhost,", str(path)]
    done = subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0 or f"ok={CALLS} " not in done.stdout:
        raise SystemExit(f"The play failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, int(done.stdout.rpartition("changed=")[2].split()[0])


def sandbox(home: Path, *arguments: str) -> str:
    """Run the sandbox's command line, return what it prints."""
    command = [sys.executable, "-m", "sandbox", "--home", str(home), *arguments]
    return subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True).stdout


def measure(folder: Path, environment: dict[str, str], rounds: int, profile: str | None) -> bool:
    """Run both ways in turn and print what they cost. Return whether the bars are kept."""
    ways = {"in process": sys.executable, "as modules": f"{BIN}/./{Path(sys.executable).name}"}
    for way, interpreter in ways.items():
        playbook(folder / f"{way}.yml", interpreter)
    run(folder / "in process.yml", environment)
    if profile:
        run(folder / "in process.yml", environment, sys.executable, "-m", "cProfile", "-o", profile)
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for number in range(1, rounds + 1):
        for way in ways:
            wall, cpu, changed = run(folder / f"{way}.yml", environment)
            if changed:
                raise SystemExit(f"{changed} of the calls {way} changed something: they were to have nothing to do.")
            found[way].append((wall, cpu))
            load = os.getloadavg()[0]
            print(
                f"round {number}, {CALLS} calls {way}: {wall:5.2f} s wall, {cpu:5.2f} s CPU (load {load:.1f})",
                flush=True,
            )
    best = {way: min(wall for wall, _cpu in times) for way, times in found.items()}
    cpu = {way: statistics.median(cpu for _wall, cpu in times) for way, times in found.items()}
    inside, apart = best["in process"], best["as modules"]
    print(f"in process {inside:.2f} s, as modules {apart:.2f} s (best): {apart / inside:.1f} times faster", end="; ")
    print(
        f"CPU {cpu['in process']:.2f} s and {cpu['as modules']:.2f} s (median): {cpu['as modules'] / cpu['in process']:.1f} times less"
    )
    return inside <= SECONDS_AT_MOST and apart / inside >= TIMES_FASTER


def main() -> int:
    """Return the exit status: 0 where both bars are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", help="file for a profile (cProfile) of one play in process")
    given = parser.parse_args()
    # The sandbox is to go when this is told to.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if len(TASKS) != CALLS:
        raise SystemExit(f"{len(TASKS)} calls instead of {CALLS}")
    with tempfile.TemporaryDirectory(prefix="mlflow-azure-bench-") as name:
        folder, home = Path(name), Path(name) / "sandbox"
        sandbox(home, "up")
        try:
            variables = json.loads(sandbox(home, "env", "--json"))
            kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "AZURE_"))}
            environment = {
                **kept,
                **variables,
                "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".ansible" / "collections"),
                "ANSIBLE_HOME": str(folder / "ansible"),
                "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
                "BENCH_PASSWORD": "Only-for-2-minutes",
                "LANG": "C.UTF-8",
            }
            good = measure(folder, environment, given.rounds, given.profile)
        finally:
            sandbox(home, "down", "--purge")
    if not good:
        print(f"Bars: {SECONDS_AT_MOST:g} s at most on 2 cores, {TIMES_FASTER:g} times faster at least.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
