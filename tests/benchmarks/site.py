# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long site.yml takes on the sandbox when there is nothing to do. Run ``make demo`` first, then ``make bench``."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 5


def main() -> int:
    """Print the seconds of each run and return the exit status."""
    command = [Path(sys.executable).parent / "ansible-playbook", "-i", "inventories/sandbox", "playbooks/site.yml"]
    seconds = []
    for number in range(1, RUNS + 1):
        started = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds.append(time.monotonic() - started)
        if done.returncode != 0 or "changed=0 " not in done.stdout:
            print(f"Run {number} changed something or failed: run `make demo` first.\n{done.stdout[-2000:]}{done.stderr}")
            return 1
        print(f"run {number}: {seconds[-1]:.1f} s")
    print(f"nothing to do: median {statistics.median(seconds):.1f} s, best {min(seconds):.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
