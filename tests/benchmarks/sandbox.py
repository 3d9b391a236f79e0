# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the sandbox: its start, a read and a write of Resource Manager, and artifacts. ``make bench`` runs this.

    python tests/benchmarks/sandbox.py [--rounds N]

It starts a separate sandbox and removes it. Artifacts are transferred alternately through the sandbox and directly to its
Azurite, so that other load affects both. The exit status is 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[0] = str(PROJECT)  # instead of this folder, whose sandbox.py would hide the package sandbox

import requests

from tests.support.sandbox_client import Client, app_body, make_platform, run_cli

START_SECONDS = 3.0
GET_SECONDS = 0.005
PUT_SECONDS = 0.010
SHARE_OF_AZURITE = 0.6
MEMORY_INCREASE_MB = 50
RESOURCES = 200
APPS = 20
SIZE = 100_000_000
IDENTITIES = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"


def elapsed(work: Callable[[], object]) -> float:
    """Return the duration of a call in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def start_time(home: Path) -> float:
    """Return the seconds that a sandbox with a storage account takes to start, including Azurite."""
    run_cli(home, "down")
    seconds = elapsed(lambda: run_cli(home, "up"))
    client = Client(home, json.loads(run_cli(home, "env", "--json").stdout))
    account = next(one for one in resource_names(client, "Microsoft.Storage/storageAccounts"))
    url = f"https://{account}.blob.core.windows.net/?comp=list"

    def responds() -> bool:
        return client.session.get(url, timeout=30).status_code != 503

    return seconds + elapsed(lambda: client.until(responds, "Azurite's start"))


def resource_names(client: Client, kind: str) -> list[str]:
    resources = client.arm("GET", f"{client.subscription}/providers/{kind}").json()["value"]
    return [str(one["name"]) for one in resources]


def arm_times(client: Client, group: str, rounds: int) -> tuple[float, float]:
    """Return the median durations of a read and of a write of 1 KB, on an open connection and with many resources."""
    token, path = client.token(), f"{group}/{IDENTITIES}/id-0"
    body = {"location": "westeurope", "tags": {f"tag{number}": "x" * 190 for number in range(5)}}
    for number in range(RESOURCES):
        client.arm("PUT", f"{group}/{IDENTITIES}/id-{number}", body, token)
    reads = [elapsed(lambda: client.arm("GET", path, token=token)) for _time in range(rounds)]
    writes = [elapsed(lambda: client.arm("PUT", path, body, token)) for _time in range(rounds)]
    return statistics.median(reads), statistics.median(writes)


def create_apps(client: Client) -> tuple[float, int]:
    """Create the apps concurrently. Return the seconds until they run, and how many of them respond."""
    platform = make_platform(client)
    body = app_body(platform)

    def create(number: int) -> str:
        app = client.put(f"{platform.group}/providers/Microsoft.App/containerApps/app-{number}", body)
        return str(app["properties"]["configuration"]["ingress"]["fqdn"])

    def responds(host: str) -> bool:
        return client.session.get(f"https://{host}/", timeout=60).status_code == 200

    with ThreadPoolExecutor(APPS) as pool:
        start = time.perf_counter()
        hosts = list(pool.map(create, range(APPS)))
        return time.perf_counter() - start, sum(pool.map(responds, hosts))


class Artifacts:
    """Artifacts of 100 MB, transferred through the sandbox and directly to its Azurite."""

    def __init__(self, client: Client, account: str) -> None:
        self.host = f"{account}.blob.core.windows.net"
        self.content = os.urandom(SIZE)
        self.headers = {
            "Authorization": f"Bearer {client.token('https://storage.azure.com/.default')}",
            "x-ms-version": "2023-11-03",
            "x-ms-blob-type": "BlockBlob",
        }
        self.proxied = client.session
        self.direct = requests.Session()
        self.direct.trust_env = False
        self.direct.verify = False
        self.port = azurite_port(account)
        url = f"https://{self.host}/bench?restype=container"
        self.proxied.put(url, headers=self.headers, timeout=60).raise_for_status()

    def put(self, session: requests.Session, host: str, name: str) -> None:
        url, headers = f"https://{host}/bench/{name}", {**self.headers, "Host": self.host}
        session.put(url, data=self.content, headers=headers, timeout=300).raise_for_status()

    def get(self, session: requests.Session, host: str, name: str) -> None:
        with session.get(
            f"https://{host}/bench/{name}", headers={**self.headers, "Host": self.host}, stream=True, timeout=300
        ) as response:
            response.raise_for_status()
            if sum(len(part) for part in response.iter_content(1 << 20)) != SIZE:
                raise RuntimeError("the size of an artifact has changed")

    def shares(self, rounds: int) -> tuple[float, float]:
        """Return the speed through the sandbox relative to Azurite's own, for writes and for reads."""
        medians = []
        for transfer in (self.put, self.get):
            ratios = []
            for _time in range(rounds):
                direct = elapsed(lambda transfer=transfer: transfer(self.direct, f"127.0.0.1:{self.port}", "one"))
                ratios.append(direct / elapsed(lambda transfer=transfer: transfer(self.proxied, self.host, "one")))
            medians.append(statistics.median(ratios))
        return medians[0], medians[1]


def azurite_port(account: str) -> int:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if f"/{account} " in command and (match := re.search(r"--blobPort (\d+)", command)):
            return int(match[1])
    raise RuntimeError(f"no Azurite runs for {account}")


def memory_increase(home: Path, work: Callable[[], object]) -> float:
    """Return the maximum increase of the server's memory during a call in MB."""
    process = Path("/proc") / str(json.loads((home / "ready.json").read_text())["pid"])
    (process / "clear_refs").write_text("5")  # resets VmHWM to the current size
    before = _status(process, "VmRSS")
    work()
    return _status(process, "VmHWM") - before


def _status(process: Path, name: str) -> float:
    lines = (process / "status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each artifact (default 5)")
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")  # the direct requests do not verify Azurite's certificate
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = Path(folder) / "home"
        up = run_cli(home, "up")
        if up.returncode != 0:
            print(up.stderr, file=sys.stderr)
            return 1
        try:
            missed = measure(home, rounds)
        finally:
            run_cli(home, "down", "--purge")
    return 1 if missed else 0


def measure(home: Path, rounds: int) -> bool:
    """Print each figure with its limit. Return whether a limit is exceeded."""
    client = Client(home, json.loads(run_cli(home, "env", "--json").stdout))
    group = client.group()
    account = client.storage(group)
    client.assign(account["id"], "Storage Blob Data Contributor", client.me())
    seconds_to_start = min(start_time(home) for _time in range(3))
    client = Client(home, json.loads(run_cli(home, "env", "--json").stdout))
    seconds, responding = create_apps(client)
    read, write = arm_times(client, group, 200)
    artifacts = Artifacts(client, account["name"])
    sent, received = artifacts.shares(rounds)

    def put_four() -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: artifacts.put(client.session, artifacts.host, f"n{number}"), range(4)))

    increase = memory_increase(home, put_four)
    figures = (
        (
            "start, including Azurite",
            f"{seconds_to_start:.2f} s",
            seconds_to_start <= START_SECONDS,
            f"at most {START_SECONDS:.0f} s",
        ),
        (
            f"{APPS} apps created at once, {seconds:.1f} s",
            f"{responding} respond",
            responding == APPS,
            f"all {APPS}",
        ),
        (f"a read with {RESOURCES} more resources", f"{read * 1e3:.1f} ms", read <= GET_SECONDS, "at most 5 ms"),
        ("a write of 1 KB", f"{write * 1e3:.1f} ms", write <= PUT_SECONDS, "at most 10 ms"),
        ("upload of 100 MB", f"{sent:.2f} of Azurite", sent >= SHARE_OF_AZURITE, "at least 0.6"),
        ("download of 100 MB", f"{received:.2f} of Azurite", received >= SHARE_OF_AZURITE, "at least 0.6"),
        (
            "four uploads at once",
            f"{increase:.0f} MB more",
            increase <= MEMORY_INCREASE_MB,
            f"at most {MEMORY_INCREASE_MB} MB",
        ),
    )
    for label, figure, passed, limit in figures:
        print(f"{label:36s} {figure:>16s}   {limit}{'' if passed else '   MISSED'}", flush=True)
    return not all(passed for _label, _figure, passed, _limit in figures)


if __name__ == "__main__":
    sys.exit(main())
