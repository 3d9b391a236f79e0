# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses while the database is unavailable: HTTP 503 with Retry-After, so that clients retry and no data is lost.

MLflow returns HTTP 503 for an OperationalError within a session of its store. Outside of one, for example when a worker opens
its first connection, the response would be 500, and 422 for traces (mlflow/server/otel_api.py).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mlflow_azure_server._asgi import App, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from fastapi import FastAPI

# Seconds. MLflow's clients wait this long between their 7 retries, so an interruption of 100 seconds loses nothing.
RETRY_AFTER = 15
# The form of MLflow's errors.
_BODY = {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "The database is unavailable. Retry the request."}


class RetryAfter:
    """ASGI middleware that adds the header Retry-After to each response with status 503."""

    def __init__(self, app: App) -> None:
        """Wrap the application `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or connection."""

        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 503:
                headers = list(message.get("headers", ()))
                if not any(name.lower() == b"retry-after" for name, _value in headers):
                    headers.append((b"retry-after", str(RETRY_AFTER).encode()))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_with_header)


def report_unavailability(app: FastAPI) -> None:
    """Let MLflow's application `app` return HTTP 503 while the database is unavailable."""
    # The process that starts the workers must not import MLflow.
    from fastapi import HTTPException, Request
    from fastapi.exception_handlers import http_exception_handler
    from fastapi.responses import JSONResponse, Response
    from mlflow.server import app as flask_app
    from mlflow.store.db import utils as database
    from sqlalchemy.exc import OperationalError

    log = logging.getLogger(__name__)

    def operational_error(error: Exception) -> tuple[dict[str, str], int]:
        log.error("The database is unavailable: %s", error)
        return _BODY, 503

    async def fastapi_operational_error(_request: Request, error: Exception) -> Response:
        return JSONResponse(*operational_error(error))

    async def http_exception(request: Request, error: Exception) -> Response:
        # otel_api.py raises an HTTPException with status 422 for each error of the store that it does not expect.
        if isinstance(error.__cause__, OperationalError):
            return await fastapi_operational_error(request, error.__cause__)
        assert isinstance(error, HTTPException)
        return await http_exception_handler(request, error)

    # A worker opens its store at its first request. MLflow's 10 attempts would block the worker for 100 seconds.
    database.MAX_RETRY_COUNT = 1
    app.add_exception_handler(OperationalError, fastapi_operational_error)
    app.add_exception_handler(HTTPException, http_exception)
    flask_app.register_error_handler(OperationalError, operational_error)
