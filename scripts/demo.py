# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the sandbox, run site.yml on it, log the example experiment and print a summary.

`make demo` runs this with Ansible's own Python.
"""

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

from scripts.exclusive import Lock, exclusive

OUTPUT = Path("out/sandbox")
LOG = Path(".ansible/demo.log")
EXAMPLE = Path("examples/example_experiment.py")
PLAY_SECONDS = 1800
HEALTH_SECONDS = 60
EXAMPLE_SECONDS = 120


def sandbox(*arguments: str) -> str:
    """Run a command of the sandbox and return its output. Raises subprocess.CalledProcessError."""
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def start_sandbox() -> int:
    """Start the sandbox and return the exit status.

    The sandbox outlives the demo, so it has its own folder for temporary files.
    """
    temporary = Path(".cache", "tmp", "sandbox").resolve()
    temporary.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "sandbox", "up"]
    return subprocess.run(command, env={**os.environ, "TMPDIR": str(temporary)}, check=False).returncode


def sandbox_environment() -> dict[str, str]:
    """Return the environment of a program that uses the sandbox as Azure."""
    return {**os.environ, **json.loads(sandbox("env", "--json"))}


def play(lock: Lock) -> int:
    """Run site.yml and return its exit status. Raises subprocess.TimeoutExpired."""
    LOG.unlink(missing_ok=True)
    settings = {"ANSIBLE_LOG_PATH": str(LOG), "TMPDIR": str(lock.temporary)}
    ansible_playbook = str(Path(sys.executable).parent / "ansible-playbook")
    return subprocess.run(
        [ansible_playbook, "-i", "inventories/sandbox", "playbooks/site.yml"],
        env={**sandbox_environment(), **settings},
        check=False,
        timeout=PLAY_SECONDS,
        pass_fds=(lock.descriptor,),
    ).returncode


def healthy(url: str) -> bool:
    """Wait until the app answers its health check, and return whether it did.

    A sandbox that was started again starts its apps in the background.
    """
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + HEALTH_SECONDS
    while time.monotonic() < deadline:
        try:
            with direct.open(f"{url}/health", timeout=5) as response:
                if response.status == http.HTTPStatus.OK:
                    return True
        except (OSError, http.client.HTTPException):
            pass  # not ready yet
        time.sleep(0.5)
    return False


def client_settings() -> dict[str, str]:
    """Return the variables of client.env."""
    lines = (OUTPUT / "client.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def log_example(lock: Lock) -> str:
    """Run the example program and return its output: the address of the experiment, or nothing if it is not the program's.

    Raises subprocess.CalledProcessError, subprocess.TimeoutExpired.
    """
    others = {name: value for name, value in sandbox_environment().items() if not name.startswith("MLFLOW_")}
    # MLflow's own messages contain addresses that only a client of the sandbox can open; its usage reports leave this machine.
    quiet = {
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    return subprocess.run(
        [sys.executable, EXAMPLE],
        env={**others, **client_settings(), **quiet, "TMPDIR": str(lock.temporary)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=EXAMPLE_SECONDS,
        pass_fds=(lock.descriptor,),
    ).stdout.strip()


def changed() -> int:
    """Return how many tasks of the last play changed something."""
    recap = re.findall(r"changed=(\d+)", LOG.read_text(encoding="utf-8"))
    return int(recap[-1])


def summary(url: str, example: str) -> list[str]:
    """Return the lines that show the user how to continue.

    url: the app's address for a browser. example: the address of the example experiment for a client, or nothing.
    """
    proof = json.loads((OUTPUT / "verified.json").read_text(encoding="utf-8"))
    restarted = ", and again after a restart" if proof["restarted"] else ""
    page = example.partition("/#/")[2]
    return [
        "",
        "Nothing changed: the deployment is up to date." if changed() == 0 else "MLflow runs.",
        "",
        f"  In a browser        {url}",
        *([f"  Example experiment  {url}/#/{page}", f"                      written by {EXAMPLE}"] if page else []),
        f"  Tracking URI        {client_settings()['MLFLOW_TRACKING_URI']}",
        f"  Client settings     {OUTPUT}/client.env",
        f"  Verified            {', '.join(proof['read_back'])}: written, read back and compared{restarted}",
        "",
        "  From a program      set -a; . .sandbox/env; . out/sandbox/client.env; set +a",
        "  Stop and remove     make down",
    ]


def demo(lock: Lock) -> int:
    """Run the demo and return the exit status."""
    status = start_sandbox()
    if status != 0:
        return status
    try:
        status = play(lock)
    except subprocess.TimeoutExpired:
        print(f"site.yml did not finish within {PLAY_SECONDS} s and was stopped. Its log is {LOG}.", file=sys.stderr)
        return 1
    if status != 0:
        return status
    url = sandbox("url", "mlflow")
    if not healthy(url):
        print(
            f"{url}/health did not answer within {HEALTH_SECONDS} s. See the app's log: `python -m sandbox logs mlflow`.",
            file=sys.stderr,
        )
        return 1
    try:
        example = log_example(lock)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        failure = str(error).rstrip(".")
        print(
            f"MLflow runs at {url}, but its example experiment is not complete: {failure}. Try again.", file=sys.stderr
        )
        return 1
    print("\n".join(summary(url, example)))
    return 0


def main() -> int:
    """Run the demo while no other process does, and return the exit status."""
    try:
        with exclusive("demo", "the demo") as lock:
            return demo(lock)
    except TimeoutError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
