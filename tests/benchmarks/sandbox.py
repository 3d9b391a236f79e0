# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the sandbox is: its start, a read and a write of Resource Manager, and artifacts. ``make bench`` runs this.

    python tests/benchmarks/sandbox.py [--rounds N]

It has a sandbox of its own, which it removes. Artifacts go through the sandbox and straight to its Azurite in turns, so that
a busy machine weighs on both. Exit status 1 where a bar is missed.
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
sys.path[0] = str(PROJECT)  # not this folder, whose sandbox.py would hide the sandbox

import requests

from tests.support.sandbox_client import Client, app_body, make_platform, run_cli

START_SECONDS = 3.0
GET_SECONDS = 0.005
PUT_SECONDS = 0.010
SHARE_OF_AZURITE = 0.6
MORE_MB = 50
RESOURCES = 200
APPS = 20
SIZE = 100_000_000
IDENTITIES = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"


def taken(work: Callable[[], object]) -> float:
    """The seconds that something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def started(home: Path) -> float:
    """The seconds from `up` to ready, Azurite included: of a sandbox that has a storage account."""
    run_cli(home, "down")
    seconds = taken(lambda: run_cli(home, "up"))
    client = Client(home, json.loads(run_cli(home, "env", "--json").stdout))
    account = next(one for one in listed(client, "Microsoft.Storage/storageAccounts"))
    url = f"https://{account}.blob.core.windows.net/?comp=list"

    def answers() -> bool:
        return client.session.get(url, timeout=30).status_code != 503

    return seconds + taken(lambda: client.until(answers, "Azurite's start"))


def listed(client: Client, kind: str) -> list[str]:
    shown = client.arm("GET", f"{client.subscription}/providers/{kind}").json()["value"]
    return [str(one["name"]) for one in shown]


def calls(client: Client, group: str, rounds: int) -> tuple[float, float]:
    """The medians of a read and of a write of 1 KB, on a connection that stands, beside many resources."""
    token, path = client.token(), f"{group}/{IDENTITIES}/id-0"
    body = {"location": "westeurope", "tags": {f"tag{number}": "x" * 190 for number in range(5)}}
    for number in range(RESOURCES):
        client.arm("PUT", f"{group}/{IDENTITIES}/id-{number}", body, token)
    reads = [taken(lambda: client.arm("GET", path, token=token)) for _time in range(rounds)]
    writes = [taken(lambda: client.arm("PUT", path, body, token)) for _time in range(rounds)]
    return statistics.median(reads), statistics.median(writes)


def apps_at_once(client: Client) -> tuple[float, int]:
    """The seconds until so many apps, asked for at once, run; how many of them then answer."""
    platform = make_platform(client)
    body = app_body(platform)

    def made(number: int) -> str:
        app = client.put(f"{platform.group}/providers/Microsoft.App/containerApps/app-{number}", body)
        return str(app["properties"]["configuration"]["ingress"]["fqdn"])

    def answers(host: str) -> bool:
        return client.session.get(f"https://{host}/", timeout=60).status_code == 200

    with ThreadPoolExecutor(APPS) as pool:
        begun = time.perf_counter()
        hosts = list(pool.map(made, range(APPS)))
        return time.perf_counter() - begun, sum(pool.map(answers, hosts))


class Artifacts:
    """Artifacts of 100 MB, through the sandbox and straight to the Azurite behind it."""

    def __init__(self, client: Client, account: str) -> None:
        self.host = f"{account}.blob.core.windows.net"
        self.content = os.urandom(SIZE)
        self.headers = {
            "Authorization": f"Bearer {client.token('https://storage.azure.com/.default')}",
            "x-ms-version": "2023-11-03",
            "x-ms-blob-type": "BlockBlob",
        }
        self.through = client.session
        self.straight = requests.Session()
        self.straight.trust_env = False
        self.straight.verify = False
        self.port = azurite_port(account)
        made = self.through.put(f"https://{self.host}/bench?restype=container", headers=self.headers, timeout=60)
        made.raise_for_status()

    def put(self, session: requests.Session, host: str, name: str) -> None:
        url, headers = f"https://{host}/bench/{name}", {**self.headers, "Host": self.host}
        session.put(url, data=self.content, headers=headers, timeout=300).raise_for_status()

    def get(self, session: requests.Session, host: str, name: str) -> None:
        with session.get(
            f"https://{host}/bench/{name}", headers={**self.headers, "Host": self.host}, stream=True, timeout=300
        ) as answer:
            answer.raise_for_status()
            if sum(len(part) for part in answer.iter_content(1 << 20)) != SIZE:
                raise RuntimeError("an artifact came back with another size")

    def shares(self, rounds: int) -> tuple[float, float]:
        """The sandbox's share of Azurite's own speed, for writing and for reading."""
        found = []
        for move in (self.put, self.get):
            pairs = []
            for _time in range(rounds):
                straight = taken(lambda move=move: move(self.straight, f"127.0.0.1:{self.port}", "one"))
                pairs.append(straight / taken(lambda move=move: move(self.through, self.host, "one")))
            found.append(statistics.median(pairs))
        return found[0], found[1]


def azurite_port(account: str) -> int:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if f"/{account} " in command and (found := re.search(r"--blobPort (\d+)", command)):
            return int(found[1])
    raise RuntimeError(f"no Azurite runs for {account}")


def more_memory(home: Path, work: Callable[[], object]) -> float:
    """By how much the server's memory rises at most, in MB, while something is done."""
    process = Path("/proc") / str(json.loads((home / "ready.json").read_text())["pid"])
    (process / "clear_refs").write_text("5")  # sets the mark of the most back to what there is now
    before = _status(process, "VmRSS")
    work()
    return _status(process, "VmHWM") - before


def _status(process: Path, name: str) -> float:
    lines = (process / "status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each artifact (default 5)")
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")  # Azurite's own certificate is for the sandbox's eyes
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
    """Prints each figure beside its bar; whether one is missed."""
    client = Client(home, json.loads(run_cli(home, "env", "--json").stdout))
    group = client.group()
    account = client.storage(group)
    client.assign(account["id"], "Storage Blob Data Contributor", client.me())
    start = min(started(home) for _time in range(3))
    client = Client(home, json.loads(run_cli(home, "env", "--json").stdout))
    seconds, running = apps_at_once(client)
    read, write = calls(client, group, 200)
    artifacts = Artifacts(client, account["name"])
    sent, received = artifacts.shares(rounds)

    def four_at_once() -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: artifacts.put(client.session, artifacts.host, f"n{number}"), range(4)))

    grown = more_memory(home, four_at_once)
    figures = (
        ("start to ready, with Azurite", f"{start:.2f} s", start <= START_SECONDS, f"at most {START_SECONDS:.0f} s"),
        (f"{APPS} apps asked for at once, {seconds:.1f} s", f"{running} answer", running == APPS, f"all {APPS}"),
        (f"a read beside these and {RESOURCES} others", f"{read * 1e3:.1f} ms", read <= GET_SECONDS, "at most 5 ms"),
        ("a write of 1 KB", f"{write * 1e3:.1f} ms", write <= PUT_SECONDS, "at most 10 ms"),
        ("an artifact of 100 MB written", f"{sent:.2f} of Azurite", sent >= SHARE_OF_AZURITE, "at least 0.6"),
        ("an artifact of 100 MB read", f"{received:.2f} of Azurite", received >= SHARE_OF_AZURITE, "at least 0.6"),
        ("four artifacts at once", f"{grown:.0f} MB more", grown <= MORE_MB, f"at most {MORE_MB} MB"),
    )
    for what, figure, held, limit in figures:
        print(f"{what:36s} {figure:>16s}   {limit}{'' if held else '   MISSED'}", flush=True)
    return not all(held for _what, _figure, held, _limit in figures)


if __name__ == "__main__":
    sys.exit(main())
