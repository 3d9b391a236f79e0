# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of `python -m sandbox up`, as the server reads them."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.host.home import Home, read_json


@dataclass(frozen=True)
class ServerOptions:
    """Options of the server."""

    latency: float
    seed: int
    role_propagation: float
    entra_replication: float
    port: int | None
    sql_server: str | None
    strict: bool
    runtime: str


def read_options(home: Home) -> ServerOptions:
    """Return the options in the sandbox's folder."""
    options = read_json(home.options_file) or {}
    return ServerOptions(
        latency=float(options.get("latency", 0)),
        seed=int(options.get("seed", 0)),
        role_propagation=float(options.get("role_propagation", 0)),
        entra_replication=float(options.get("entra_replication", 0)),
        port=options.get("port"),
        sql_server=options.get("sql_server"),
        strict=bool(options.get("strict", False)),
        runtime=str(options.get("runtime", "process")),
    )
