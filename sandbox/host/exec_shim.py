# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program that the sandbox starts is at first: it waits to be told what to run, and becomes that.

The sandbox writes down this process before it tells. Where the sandbox is killed in between, its end of standard input
closes before the whole message has come, and this process ends: no program runs that nobody has written down.
Run as a file of its own, with nothing imported that is not needed.
"""

import json
import os
import sys


def main() -> None:
    told = sys.stdin.buffer.read()
    try:
        wanted = json.loads(told)
    except ValueError:
        os._exit(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    command, environment = wanted["command"], wanted["environment"]
    try:
        os.chdir(wanted["folder"])
        os.execvpe(command[0], command, environment)
    except OSError as error:
        print(f"exec: {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


if __name__ == "__main__":
    main()
