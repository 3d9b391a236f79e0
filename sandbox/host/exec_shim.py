# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First stage of every program that the sandbox starts: read a command from standard input, and execute it.

The sandbox records this process before it sends the command. If the sandbox is killed in between, standard input closes before the
message is complete, and this process ends: no program runs unrecorded.
This file runs as a script and imports as little as possible, so that it starts fast.
"""

import json
import os
import sys


def main() -> None:
    """Read the command, the environment and the folder, and execute the command."""
    try:
        message = json.loads(sys.stdin.buffer.read())
    except ValueError:
        os._exit(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    command, environment = message["command"], message["environment"]
    try:
        os.chdir(message["folder"])
        os.execvpe(command[0], command, environment)
    except OSError as error:
        print(f"exec: {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


if __name__ == "__main__":
    main()
