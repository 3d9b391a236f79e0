# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MLflow app `mlflow-azure`: MLflow's FastAPI application with the changes of this image.

`mlflow server --app-name mlflow-azure` finds it by the entry point `mlflow.app`. The module imports MLflow only in functions,
because the process that starts the workers imports it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_azure_server._unavailable import report_unavailability

if TYPE_CHECKING:
    from fastapi import FastAPI


def create_app() -> FastAPI:
    """Return the application of a worker."""
    from mlflow.server.fastapi_app import create_fastapi_app

    return report_unavailability(create_fastapi_app())
