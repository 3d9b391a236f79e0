# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``status_report``: the lines of status.yml."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: status_report
short_description: Return the status of a deployment
version_added: 0.4.0
author: mlops.mlflow_azure contributors (@mlops)
description:
  - Takes the results of the info modules that read a deployment, and returns lines for people.
options:
  _input:
    description: The result of M(mlops.mlflow_azure.container_app_info) for the app, with its revisions.
    type: dict
    required: true
  deployment:
    description: The name of the deployment.
    type: str
    required: true
  resource_group:
    description: The resource group of the deployment.
    type: str
    required: true
  server:
    description: The name of the SQL server.
    type: str
    required: true
  databases:
    description: The result of M(mlops.mlflow_azure.sql_database_info).
    type: dict
    required: true
  version:
    description: The result of M(ansible.builtin.uri) for C(/version) of the server.
    type: dict
    required: true
  sandbox:
    description: Whether the deployment is in the sandbox, whose portal has another address.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the status
  ansible.builtin.debug:
    msg: "{{ app | mlops.mlflow_azure.status_report(deployment='dev', resource_group='rg-mlflow-dev', server='sql-mlflow-dev',
      databases=databases, version=version) }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

# MLflow responds with the bare version. Any other response is not from MLflow.
_VERSION = re.compile(r"[0-9]+\.[0-9]+[0-9A-Za-z.]*")


def status_report(
    apps: Mapping[str, Any],
    *,
    deployment: str,
    resource_group: str,
    server: str,
    databases: Mapping[str, Any],
    version: Mapping[str, Any],
    sandbox: bool = False,
) -> list[str]:
    """Return the lines about the app, its revisions, the version of MLflow and the database."""
    lines = [f"Deployment: {deployment} in {resource_group}"]
    app = next(iter(apps.get("container_apps") or []), None)
    database_lines = _database_lines(server, databases)
    if app is None:
        return [*lines, "App: there is none. Run site.yml to create it.", *database_lines]
    return [
        *lines,
        f"App: {app['name']}, {app['properties']['provisioningState']}",
        f"Image: {app['properties']['template']['containers'][0]['image']}",
        *_revision_lines(apps.get("container_app_revisions") or []),
        *_version_lines(version),
        *database_lines,
        f"Tracking URI and UI: {_tracking_uri(app)}",
        f"Portal: {'run python -m sandbox status' if sandbox else 'https://portal.azure.com/#resource' + app['id']}",
    ]


def _revision_lines(revisions: list[Mapping[str, Any]]) -> list[str]:
    return [
        f"Revision {revision['name']}: {properties.get('runningState', 'unknown')}, replicas: {properties.get('replicas', 0)}, "
        f"traffic: {properties.get('trafficWeight') or 0} %"
        for revision, properties in ((revision, revision["properties"]) for revision in revisions)
        if properties.get("active")
    ]


def _version_lines(version: Mapping[str, Any]) -> list[str]:
    number = str(version.get("content") or "").strip()
    if _VERSION.fullmatch(number):
        return [f"MLflow: {number}", f"Schema of the database: that of MLflow {number}: the server starts on no other"]
    status = version.get("status", "-")
    return [
        "MLflow: unknown",
        f"Schema of the database: unknown, because the server does not respond to this machine (HTTP {status})",
    ]


def _database_lines(server: str, databases: Mapping[str, Any]) -> list[str]:
    lines = [
        f"Database: {server}/{database['name']}, {database['properties'].get('status', 'unknown')}, "
        f"{database['properties'].get('currentServiceObjectiveName', '')}"
        for database in databases.get("sql_databases") or []
    ]
    return lines or ["Database: there is none"]


def _tracking_uri(app: Mapping[str, Any]) -> str:
    ingress = app["properties"].get("configuration", {}).get("ingress") or {}
    return f"https://{ingress['fqdn']}" if ingress.get("fqdn") else "none"


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file by name."""
        return {"status_report": status_report}
