# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the sandbox, run site.yml on it and say what came out. ``make demo`` runs this with Ansible's own Python."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

OUTPUT = Path("out/sandbox")
LOG = Path(".ansible/demo.log")
PLAY_SECONDS = 1800
ANSWER_SECONDS = 120


def sandbox(*arguments: str) -> str:
    """Run a command of the sandbox and return what it prints. Raises subprocess.CalledProcessError where it fails."""
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def play() -> int:
    """Run site.yml and return its exit status."""
    LOG.unlink(missing_ok=True)
    # What a play that is killed was working on stays inside the clone.
    temporary = Path(".cache", "tmp").resolve()
    temporary.mkdir(parents=True, exist_ok=True)
    ansible_playbook = str(Path(sys.executable).parent / "ansible-playbook")
    return subprocess.run(
        [ansible_playbook, "-i", "inventories/sandbox", "playbooks/site.yml"],
        env={**os.environ, **json.loads(sandbox("env", "--json")), "ANSIBLE_LOG_PATH": str(LOG), "TMPDIR": str(temporary)},
        check=False,
        timeout=PLAY_SECONDS,
    ).returncode


def answers(url: str) -> bool:
    """Wait for the app, which a sandbox that was started again starts in the background, and tell whether it came."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        try:
            with direct.open(f"{url}/health", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
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


def main() -> int:
    """Run the demo and return the exit status."""
    if subprocess.run([sys.executable, "-m", "sandbox", "up"], check=False).returncode != 0:
        return 1
    try:
        status = play()
    except subprocess.TimeoutExpired:
        print(f"site.yml did not end within {PLAY_SECONDS} s; {LOG} says how far it came.", file=sys.stderr)
        return 1
    if status != 0:
        return status
    if not answers(sandbox("url", "mlflow")):
        print("The app does not answer: `python -m sandbox logs mlflow` says why.", file=sys.stderr)
        return 1
    print("\n".join(summary()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
