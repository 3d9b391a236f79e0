# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MLflow app `mlflow-azure`: MLflow's FastAPI application with the changes of this image.

`mlflow server --app-name mlflow-azure` finds it by the entry point `mlflow.app`. The module imports MLflow only in functions,
because the process that starts the workers imports it too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlflow_azure_server import _downloads, _webhooks
from mlflow_azure_server._flask_bridge import FlaskBridge
from mlflow_azure_server._host_names import CanonicalHosts
from mlflow_azure_server._unavailable import RetryAfter, report_unavailability

if TYPE_CHECKING:
    from fastapi import FastAPI

    from mlflow_azure_server._asgi import App

NAME = "mlflow-azure"
# ASGI middleware around MLflow's own. A request passes it from the first to the last.
MIDDLEWARE: tuple[Callable[[App], App], ...] = (RetryAfter, CanonicalHosts)


def create_app() -> FastAPI:
    """Return the application of a worker."""
    import mlflow.server
    from mlflow.server.fastapi_app import create_fastapi_app

    app: FastAPI = create_fastapi_app()
    _webhooks.protect(mlflow.server.app)
    app.router.routes[:0] = _downloads.routes()
    _replace_flask_mount(app)
    report_unavailability(app)
    for middleware in reversed(MIDDLEWARE):
        app.add_middleware(middleware)
    return app


def _replace_flask_mount(app: FastAPI) -> None:
    """Put the bridge of this image between `app` and MLflow's Flask application."""
    import mlflow.server
    from starlette.routing import Mount

    last = app.router.routes[-1]
    wrapped: Any = getattr(last.app, "app", None) if isinstance(last, Mount) and not last.path else None
    if wrapped is None or wrapped is not mlflow.server.app:
        raise RuntimeError("MLflow does not mount its Flask application as the last route")
    app.router.routes[-1] = Mount("/", app=FlaskBridge(wrapped))
