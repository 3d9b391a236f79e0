# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the sandbox, run site.yml on it and say what came out. ``make demo`` runs this with Ansible's own Python."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from scripts.alone import Turn, alone

OUTPUT = Path("out/sandbox")
LOG = Path(".ansible/demo.log")
PLAY_SECONDS = 1800
ANSWER_SECONDS = 60


def sandbox(*arguments: str) -> str:
    """Run a command of the sandbox and return what it prints. Raises subprocess.CalledProcessError where it fails."""
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def start_sandbox() -> int:
    """Start the sandbox and return the exit status. It outlives the demo, so its folder for temporary files is one of its own."""
    temporary = Path(".cache", "tmp", "sandbox").resolve()
    temporary.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "sandbox", "up"]
    return subprocess.run(command, env={**os.environ, "TMPDIR": str(temporary)}, check=False).returncode


def play(turn: Turn) -> int:
    """Run site.yml and return its exit status. Raises subprocess.TimeoutExpired."""
    LOG.unlink(missing_ok=True)
    settings = {"ANSIBLE_LOG_PATH": str(LOG), "TMPDIR": str(turn.temporary)}
    ansible_playbook = str(Path(sys.executable).parent / "ansible-playbook")
    return subprocess.run(
        [ansible_playbook, "-i", "inventories/sandbox", "playbooks/site.yml"],
        env={**os.environ, **json.loads(sandbox("env", "--json")), **settings},
        check=False,
        timeout=PLAY_SECONDS,
        pass_fds=(turn.descriptor,),
    ).returncode


def answers(url: str) -> bool:
    """Wait for the app, which a sandbox that was started again starts in the background, and tell whether it came."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        try:
            with direct.open(f"{url}/health", timeout=5) as answer:
                if answer.status == http.HTTPStatus.OK:
                    return True
        except (OSError, http.client.HTTPException):
            pass  # it is not there yet
        time.sleep(0.5)
    return False


def changed() -> int:
    """Return how many tasks of the last play changed something."""
    recap = re.findall(r"changed=(\d+)", LOG.read_text(encoding="utf-8"))
    return int(recap[-1])


def summary() -> list[str]:
    """Return what somebody who tries it wants to know next, as lines."""
    lines = (OUTPUT / "client.env").read_text(encoding="utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if "=" in line)
    proof = json.loads((OUTPUT / "verified.json").read_text(encoding="utf-8"))
    restarted = ", and again after a restart" if proof["restarted"] else ""
    return [
        "",
        "Nothing changed: everything was as it should be." if changed() == 0 else "MLflow runs.",
        "",
        f"  In a browser        {sandbox('url', 'mlflow')}",
        f"  Tracking URI        {settings['MLFLOW_TRACKING_URI']}",
        f"  Client settings     {OUTPUT}/client.env",
        f"  Proven              {', '.join(proof['read_back'])}: written, read back and compared{restarted}",
        "",
        "  From a program      set -a; . .sandbox/env; . out/sandbox/client.env; set +a",
        "  Stop and remove     make down",
    ]


def demo(turn: Turn) -> int:
    """Run the demo and return the exit status."""
    status = start_sandbox()
    if status != 0:
        return status
    try:
        status = play(turn)
    except subprocess.TimeoutExpired:
        print(
            f"site.yml did not end within {PLAY_SECONDS} s and was stopped; {LOG} says how far it came.",
            file=sys.stderr,
        )
        return 1
    if status != 0:
        return status
    url = sandbox("url", "mlflow")
    if not answers(url):
        print(
            f"{url}/health did not answer within {ANSWER_SECONDS} s: `python -m sandbox logs mlflow` says why.",
            file=sys.stderr,
        )
        return 1
    print("\n".join(summary()))
    return 0


def main() -> int:
    """Run the demo, once nobody else does, and return the exit status."""
    try:
        with alone("demo", "the demo") as turn:
            return demo(turn)
    except TimeoutError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
