# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that this machine has what the demo needs. Print one line for each problem; exit status 1 if there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

NODE_MAJOR = 20
FIRST_RUN_GB = 3.0
LATER_RUN_GB = 0.5


def node_problem() -> str:
    """Return the problem with Node.js and npm, or an empty string."""
    remedy = (
        f"Install Node.js {NODE_MAJOR} or later with npm (https://nodejs.org); the sandbox's blob storage runs on it."
    )
    node = shutil.which("node")
    if node is None:
        return f"node is not on the PATH. {remedy}"
    ended = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False)
    version = re.match(r"v(\d+)\.", ended.stdout)
    if version is None:
        return f"{node} --version prints {(ended.stdout or ended.stderr).strip()!r} instead of a version. {remedy}"
    if int(version[1]) < NODE_MAJOR:
        return f"{node} is {ended.stdout.strip()}, too old. {remedy}"
    if shutil.which("npm") is None:
        return f"npm is not on the PATH, though node is. {remedy}"
    return ""


def disk_problem(clone: Path) -> str:
    """Return the problem with the free disk space of the clone, or an empty string."""
    set_up = (clone / ".sandbox").exists() and (clone / ".venv").exists()
    needed = LATER_RUN_GB if set_up else FIRST_RUN_GB
    free = shutil.disk_usage(clone).free / 1e9
    if free >= needed:
        return ""
    return f"{clone} has {free:.1f} GB free, but {needed:.1f} GB are needed. Free some space, or clone to another disk."


def main() -> int:
    """Print the problems and return the exit status."""
    problems = [line for line in (node_problem(), disk_problem(Path.cwd())) if line]
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
