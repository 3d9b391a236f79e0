# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error responses of Resource Manager."""

from __future__ import annotations

from typing import Any

from sandbox.messages import Response, json_response


class ArmError(Exception):
    """An error response of Resource Manager. `cause` is the value of x-ms-failure-cause; the header is absent where it is empty."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        cause: str = "gateway",
        details: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.cause = cause
        self.details = details

    def response(self) -> Response:
        """Return the HTTP response that carries the error."""
        headers = {"x-ms-failure-cause": self.cause} if self.cause else {}
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        return json_response(self.status, {"error": error}, headers)


class BareError(ArmError):
    """An error response of Microsoft.Insights: code and message without "error" around them."""

    def response(self) -> Response:
        return json_response(self.status, {"code": self.code, "message": self.message})
