# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m sandbox.server --home FOLDER`: runs the server until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys

from sandbox.host.home import locate
from sandbox.host.ports import PortTaken
from sandbox.host.processes import Processes
from sandbox.server.options import read_options
from sandbox.server.sandbox import EngineUnusable, Sandbox


def main() -> int:
    """Run the server. Return the exit code."""
    parser = argparse.ArgumentParser(prog="sandbox.server")
    parser.add_argument("--home", required=True)
    home = locate(parser.parse_args().home)
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("mitmproxy").setLevel(logging.WARNING)
    # first, and by the server itself: the command that started it may have been killed
    Processes(home.root / "server").add(os.getpid(), "server")
    sandbox = Sandbox(home, read_options(home), os.environ)
    try:
        sandbox.open()
        asyncio.run(sandbox.run())
    except (PortTaken, EngineUnusable) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
