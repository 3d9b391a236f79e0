# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provides MLflow clients with client.env, and environments with the package mlflow-azure-auth."""

from __future__ import annotations

import re

import jinja2

from tests.support.image_server import CLONE, CONTEXT, environment

PACKAGE = CLONE / "clients" / "mlflow-azure-auth"
TEMPLATE = CLONE / "roles" / "mlflow_app" / "templates" / "client.env.j2"


def client_settings(url: str) -> dict[str, str]:
    """Return the variables of client.env for the server at this URL, as the role writes them."""
    text = jinja2.Template(TEMPLATE.read_text()).render(mlflow_app_tracking_uri=url)
    return dict(line.split("=", 1) for line in text.splitlines())


def client_with_hooks(*packages: str) -> str:
    """Return the Python of an environment with these packages and mlflow-azure-auth."""
    name = re.sub(r"[^a-z0-9.]+", "-", f"hooks-{packages[0]}")
    build = ["--no-deps", "--require-hashes", "-r", str(CONTEXT / "build.lock")]
    wheel = ["--no-deps", "--no-build-isolation", str(PACKAGE)]
    return str(environment(name, [*packages], build, wheel) / "python")
