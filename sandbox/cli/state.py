# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""State of a sandbox, running or not, as its files and its database have it."""

from __future__ import annotations

import json
import shlex
import sqlite3
from typing import Any

from sandbox.cli.errors import NOT_STARTED, SandboxError
from sandbox.host.home import Home
from sandbox.host.processes import Processes, started_at


def server_pid(home: Home) -> int | None:
    """Return the process id of the running server; None if it does not run."""
    for pid, label, started in Processes(home.root / "server").entries():
        if label == "server" and started_at(pid) == started and started is not None:
            return pid
    return None


def portal_url(ready: dict[str, Any] | None) -> str | None:
    """Return the URL of the portal of a running server. `ready`: content of its ready file."""
    return f"http://127.0.0.1:{ready['portal']}/" if ready and "portal" in ready else None


def read_environment(home: Home) -> dict[str, str]:
    """Return the variables that the `env` file exports. Raise SandboxError."""
    if not home.env_file.exists():
        raise SandboxError(NOT_STARTED)
    words = shlex.split(home.env_file.read_text(encoding="utf-8"))
    return dict(word.partition("=")[::2] for word in words if word != "export")


def count_resources(home: Home) -> dict[str, int]:
    """Return the number of resources of each type."""
    rows = _rows(home, "SELECT type, count(*) AS n FROM resources GROUP BY type ORDER BY type")
    return {row["type"]: row["n"] for row in rows}


def list_apps(home: Home) -> list[dict[str, Any]]:
    """Return name, provisioning state, host name, local URL and latest ready revision of each container app."""
    rows = _rows(
        home,
        "SELECT name, state, body, private FROM resources WHERE type = 'microsoft.app/containerapps' ORDER BY name",
    )
    return [_app(row) for row in rows]


def _app(row: sqlite3.Row) -> dict[str, Any]:
    properties, port = json.loads(row["body"])["properties"], json.loads(row["private"]).get("front_port")
    ingress = properties["configuration"].get("ingress") or {}
    return {
        "name": row["name"],
        "state": row["state"],
        "fqdn": ingress.get("fqdn"),
        "url": f"http://127.0.0.1:{port}" if port else None,
        "revision": properties.get("latestReadyRevisionName"),
    }


def _rows(home: Home, query: str) -> list[sqlite3.Row]:
    if not home.database.exists():
        return []
    connection = sqlite3.connect(f"file:{home.database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
