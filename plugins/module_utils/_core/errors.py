# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of Azure Resource Manager as structured fields, and as one message with a remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .error_remedies import Remedy, remedy


class Failure(Exception):
    """The failure of a task: a message for people and fields for programs.

    fields: further keys of the failed result; JSON values only, never a secret.
    """

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class InvalidOption(Failure):
    """An option that Azure would refuse; raised before anything is written. value is never a secret."""

    def __init__(self, option: str, value: Any, rule: str) -> None:
        super().__init__(f"{option}: {value!r} is not valid: {rule}", option=option)


@dataclass
class ArmError(Exception):
    """A refused request or a failed operation.

    code, message, target, details: as Azure Resource Manager returns them. status: HTTP status, 0 without a response.
    request_id: x-ms-request-id of the response. url: without signatures and other secret parameters.
    """

    code: str
    message: str
    status: int = 0
    target: str | None = None
    details: list[dict[str, Any]] = field(default_factory=list)
    request_id: str | None = None
    method: str = ""
    url: str = ""

    def __str__(self) -> str:
        parts = [f"{self.code}: {self.message}" if self.message else self.code]
        parts += [f"{d.get('code')}: {d.get('message')}" for d in self.details if d.get("message")]
        targets = dict.fromkeys(str(t) for t in (self.target, *(d.get("target") for d in self.details)) if t)
        where = ([f"target {', '.join(targets)}"] if targets else []) + (
            [f"{self.method} {self.url}"] if self.url else []
        )
        text = " ".join(part.strip() for part in parts)
        return f"{text}{' (' + '; '.join(where) + ')' if where else ''} {self.remedy()}"

    def remedy(self) -> Remedy:
        """Return what the error means and what the user can do about it."""
        codes = [str(detail.get("code")) for detail in self.details] + [self.code]
        messages = [self.message, *(str(detail.get("message") or "") for detail in self.details)]
        return remedy(self.status, codes, " ".join(messages))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for the result of the task."""
        return asdict(self)


_SECRET_PARAMETERS = {"sig", "s", "c", "h", "t", "code", "token", "access_token"}


def public_url(url: str) -> str:
    """Return the URL without the values of parameters that sign or authorize."""
    parts = urlsplit(url)
    query = [(key, "..." if key.lower() in _SECRET_PARAMETERS else value) for key, value in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(query=urlencode(query, safe="/:,.$'-")))


def arm_error(status: int, text: str, headers: Mapping[str, str], method: str, url: str) -> ArmError:
    """Return the error of an error response, see error_object."""
    error = error_object(text)
    message = str(error.get("message") or "").strip()
    if not error:
        message = re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)).strip()[:300]
    return ArmError(
        code=str(error.get("code") or f"HTTP {status}"),
        message=message,
        status=status,
        target=error.get("target"),
        details=_details(error),
        request_id=headers.get("x-ms-request-id") or headers.get("x-ms-correlation-request-id"),
        method=method,
        url=public_url(url),
    )


def error_object(text: str) -> dict[str, Any]:
    """Return the error in a response, with keys C(code), C(message), C(target), C(details); {} without an error.

    Supported are ARM's {"error": {...}}, the bare {"code", "message"} of some providers in either case, OData's form, an error
    that is JSON in the message of another one, and the XML of data planes.
    """
    if text.lstrip().startswith("<"):
        fields = {key.lower(): value for key, value in re.findall(r"<(Code|Message)>(.*?)</\1>", text, re.DOTALL)}
        return fields if "code" in fields else {}
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return _error_in(body)


def _error_in(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        return {}
    for candidate in (body.get("error"), body.get("odata.error"), body):
        if not isinstance(candidate, dict):
            continue
        error = {key.lower(): value for key, value in candidate.items()}
        if "code" not in error and "message" not in error:
            continue
        message = error.get("message")
        if isinstance(message, dict):
            message = message.get("value")
        inner = _wrapped(message)
        return inner if inner.get("message") else {**error, "message": message}
    return {}


def _wrapped(message: Any) -> dict[str, Any]:
    return error_object(message) if isinstance(message, str) and message.lstrip().startswith("{") else {}


def _details(error: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the inner errors: the details, and the innererror of Key Vault and others."""
    details = error.get("details") if isinstance(error.get("details"), list) else []
    items = [item for item in [error.get("innererror"), *(details or [])] if isinstance(item, dict)]
    unwrapped = [{**item, **_wrapped(item.get("message"))} for item in items]
    kept = ("code", "message", "target")
    return [{key: item[key] for key in kept if item.get(key) is not None} for item in unwrapped]
