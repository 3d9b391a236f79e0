# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures a play of 25 module calls without changes: inside the Ansible process, and as modules. ``make bench`` runs this.

    python tests/benchmarks/modules.py [--rounds N] [--profile FILE]

It starts a separate sandbox and removes it. The rounds alternate between the two modes, so that other load affects both.
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
SPEEDUP = 3.0
CALLS = 25
GROUP = {"resource_group": "rg-bench"}
PLACE = {**GROUP, "location": "westeurope"}
SQL = {**GROUP, "server": "sql-mlflow-bench"}
# The first identity. Its task registers its result under this name.
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
    """Write a play with one task for each call. ``interpreter`` is the ansible_python_interpreter of its host."""
    tasks = [
        {f"mlops.mlflow_azure.{module}": options, "name": f"{module} {n}"} for n, (module, options) in enumerate(TASKS)
    ]
    tasks[1]["register"] = "identity_1"
    variables = {"ansible_connection": "local", "ansible_python_interpreter": interpreter}
    path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}]))


def run(path: Path, environment: dict[str, str], *prefix: str) -> tuple[float, float, int]:
    """Run ansible-playbook and return its wall time, its CPU time and the number of changed tasks."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [*prefix, str(BIN / "ansible-playbook"), "-i", "localhost,", str(path)]
    done = subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0 or f"ok={CALLS} " not in done.stdout:
        raise SystemExit(f"The play failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, int(done.stdout.rpartition("changed=")[2].split()[0])


def sandbox(home: Path, *arguments: str) -> str:
    """Run a command of the sandbox and return its output."""
    command = [sys.executable, "-m", "sandbox", "--home", str(home), *arguments]
    return subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True).stdout


def measure(folder: Path, environment: dict[str, str], rounds: int, profile: str | None) -> bool:
    """Run both modes alternately and print their times. Return whether the limits are met."""
    modes = {"in process": sys.executable, "as modules": f"{BIN}/./{Path(sys.executable).name}"}
    for mode, interpreter in modes.items():
        playbook(folder / f"{mode}.yml", interpreter)
    run(folder / "in process.yml", environment)
    if profile:
        run(folder / "in process.yml", environment, sys.executable, "-m", "cProfile", "-o", profile)
    results: dict[str, list[tuple[float, float]]] = {mode: [] for mode in modes}
    for number in range(1, rounds + 1):
        for mode in modes:
            wall, cpu, changed = run(folder / f"{mode}.yml", environment)
            if changed:
                raise SystemExit(f"{changed} of the calls {mode} reported a change, expected none.")
            results[mode].append((wall, cpu))
            load = os.getloadavg()[0]
            print(
                f"round {number}, {CALLS} calls {mode}: {wall:5.2f} s wall, {cpu:5.2f} s CPU (load {load:.1f})",
                flush=True,
            )
    best = {mode: min(wall for wall, _cpu in times) for mode, times in results.items()}
    cpu = {mode: statistics.median(cpu for _wall, cpu in times) for mode, times in results.items()}
    inside, apart = best["in process"], best["as modules"]
    print(f"in process {inside:.2f} s, as modules {apart:.2f} s (best): {apart / inside:.1f} times faster", end="; ")
    print(
        f"CPU {cpu['in process']:.2f} s and {cpu['as modules']:.2f} s (median): {cpu['as modules'] / cpu['in process']:.1f} times less"
    )
    return inside <= SECONDS_AT_MOST and apart / inside >= SPEEDUP


def main() -> int:
    """Return the exit status, 0 if both limits are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", help="file for a profile (cProfile) of one play in process")
    arguments = parser.parse_args()
    # SIGTERM must also remove the sandbox.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if len(TASKS) != CALLS:
        raise SystemExit(f"{len(TASKS)} calls instead of {CALLS}")
    with tempfile.TemporaryDirectory(prefix="mlflow-azure-bench-") as name:
        folder, home = Path(name), Path(name) / "sandbox"
        sandbox(home, "up")
        try:
            variables = json.loads(sandbox(home, "env", "--json"))
            inherited = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "AZURE_"))}
            environment = {
                **inherited,
                **variables,
                "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".ansible" / "collections"),
                "ANSIBLE_HOME": str(folder / "ansible"),
                "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
                "BENCH_PASSWORD": "Only-for-2-minutes",
                "LANG": "C.UTF-8",
            }
            passed = measure(folder, environment, arguments.rounds, arguments.profile)
        finally:
            sandbox(home, "down", "--purge")
    if not passed:
        print(f"Limits: at most {SECONDS_AT_MOST:g} s on 2 cores, at least {SPEEDUP:g} times faster.")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
