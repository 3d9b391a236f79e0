# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SDK client of Microsoft.App and its operation groups."""

from __future__ import annotations

from .._core.arm import Operations

_CLIENT = "azure.mgmt.appcontainers:ContainerAppsAPIClient"
PACKAGES = {"azure.mgmt.appcontainers": "azure-mgmt-appcontainers"}


def _group(name: str) -> Operations:
    return Operations(_CLIENT, name, "Microsoft.App")


APPS = _group("container_apps")
REVISIONS = _group("container_apps_revisions")
AUTH_CONFIGS = _group("container_apps_auth_configs")
JOBS = _group("jobs")
EXECUTIONS = _group("jobs_executions")
ENVIRONMENTS = _group("managed_environments")
STORAGES = _group("managed_environments_storages")
