# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say in one line each what the demo needs and this machine lacks. Exit status 1 if it lacks anything."""

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
    """Return what is wrong with Node.js, or an empty string."""
    remedy = f"Install Node.js {NODE_MAJOR} or later with npm (https://nodejs.org); it runs the sandbox's blob storage."
    node = shutil.which("node")
    if node is None:
        return f"node is not on the PATH. {remedy}"
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False)
    version = re.match(r"v(\d+)\.", answer.stdout)
    if version is None:
        return f"{node} --version answers {(answer.stdout or answer.stderr).strip()!r}. {remedy}"
    if int(version[1]) < NODE_MAJOR:
        return f"{node} is {answer.stdout.strip()}, too old. {remedy}"
    if shutil.which("npm") is None:
        return f"npm is not on the PATH, though node is. {remedy}"
    return ""


def disk_problem(clone: Path) -> str:
    """Return what is wrong with the free space where the clone is, or an empty string."""
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
