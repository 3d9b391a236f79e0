# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands `status`, `logs`, `env` and `url`."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys

from sandbox.cli.errors import SandboxError
from sandbox.cli.state import count_resources, list_apps, portal_url, read_environment, server_pid
from sandbox.host.home import Home, read_json

NOT_RUNNING = 3


def status(home: Home, arguments: argparse.Namespace) -> int:
    """Print whether the sandbox runs, its resources and its apps."""
    pid = server_pid(home)
    ready = read_json(home.ready_file) if pid is not None else None
    resources, apps = count_resources(home), list_apps(home)
    report = {
        "running": bool(ready),
        "pid": pid,
        "proxy": f"http://127.0.0.1:{ready['port']}" if ready else None,
        "portal": portal_url(ready),
        "home": str(home.root),
        "resources": resources,
        "apps": apps,
    }
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        address = f" (process {pid}, proxy {report['proxy']}, portal {report['portal']})" if ready else ""
        print(f"The sandbox in {home.root} {'runs' if ready else 'does not run'}{address}.")
        for kind, count in resources.items():
            print(f"  {count:4d} {kind}")
        for app in apps:
            print(f"  app {app['name']}: {app['state']}, https://{app['fqdn']}, {app['url']}")
    return 0 if ready else NOT_RUNNING


def url(home: Home, arguments: argparse.Namespace) -> int:
    """Print the local URL of a container app."""
    apps = list_apps(home)
    for app in apps:
        if app["name"] == arguments.app and app["url"]:
            print(app["url"])
            return 0
    names = ", ".join(app["name"] for app in apps) or "none"
    raise SandboxError(f"no container app named '{arguments.app}' has an ingress here; there are: {names}")


def env(home: Home, arguments: argparse.Namespace) -> int:
    """Print the variables that point a client to the sandbox."""
    variables = read_environment(home)
    if arguments.json:
        print(json.dumps(variables, indent=2))
    else:
        print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()))
    return 0


def logs(home: Home, arguments: argparse.Namespace) -> int:
    """Print the sandbox's log, or the console logs of a container app or job."""
    if arguments.app is None:
        paths = [home.log]
    else:
        paths = sorted((home.root / "apps" / arguments.app).glob("*/*.log"), key=lambda path: path.stat().st_mtime)
    if not paths or not paths[0].exists():
        raise SandboxError(f"there is no log of {arguments.app or 'the sandbox'} yet")
    for path in paths:
        if len(paths) > 1:
            print(f"==> {path.parent.name} {path.stem}")
        shutil.copyfileobj(path.open(encoding="utf-8", errors="replace"), sys.stdout)
    return 0
