# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The retry policy of requests: throttling, a busy resource, server errors, a lost connection."""

from __future__ import annotations

import re
from typing import Any

from .deadline import Deadline
from .errors import error_object

TRANSIENT = frozenset((408, 500, 502, 503, 504))
# Attempts at a request after server errors and lost connections. Throttling and a busy resource are retried to the
# deadline instead.
ATTEMPTS = 5
LONGEST_BACKOFF = 15.0
# Timeouts of a connection and of a response in seconds; the deadline may shorten them.
CONNECTION_TIMEOUT = 20
READ_TIMEOUT = 120
# The parent of a new resource may still be in creation (wait: false), and Azure does not return an SQL server before it is
# ready: the slowest recorded creation took 296 s. An absence that lasts longer means a wrong name.
PARENT_GRACE = 300.0

BUSY = frozenset(
    (
        "AnotherOperationInProgress",
        "ConflictingDatabaseOperation",
        "ConflictingServerOperation",
        "ManagedEnvironmentNotProvisioned",
        "ReferencedResourceNotProvisioned",
        "ResourceGroupBeingDeleted",
        "RetryableError",
        "StorageAccountIsNotProvisioned",
    )
)


# Some of these conflicts have no better code than Conflict.
_BUSY_TEXT = re.compile(r"operation is (already )?in progress|is busy|being (deleted|purged|recovered)", re.IGNORECASE)


def is_busy(code: str, message: str = "") -> bool:
    """Return whether an error is a conflict that ends by itself."""
    return code in BUSY or code.endswith("InProgress") or (code == "Conflict" and bool(_BUSY_TEXT.search(message)))


class DeadlineRetry:
    """A policy of azure-core's pipeline (duck-typed, so that this file needs no SDK to be imported).

    Options of a request: C(deadline), a Deadline.
    """

    def __init__(self) -> None:
        self.next: Any = None

    def send(self, request: Any) -> Any:
        """Send a request, and return the last response. Raise azure-core's errors of the last attempt."""
        from azure.core.exceptions import ServiceRequestError, ServiceResponseError

        deadline: Deadline = request.context.options.pop("deadline")
        repeatable = request.http_request.method != "POST"
        attempt = 0
        parent_grace = PARENT_GRACE
        while True:
            attempt += 1
            timeout = max(1.0, deadline.remaining())
            request.context.options["connection_timeout"] = min(CONNECTION_TIMEOUT, timeout)
            request.context.options["read_timeout"] = min(READ_TIMEOUT, timeout)
            try:
                response = self.next.send(request)
            except (ServiceRequestError, ServiceResponseError) as error:
                # Without a response a POST may have taken effect, unless there was no connection at all.
                retry = attempt < ATTEMPTS and (repeatable or isinstance(error, ServiceRequestError))
                if not retry or not _pause(deadline, _backoff(attempt)):
                    raise
                continue
            delay = _delay(response.http_response, attempt, repeatable)
            if delay is None and _parent_missing(request.http_request, response.http_response) and parent_grace > 0:
                delay = _backoff(attempt)
                parent_grace -= delay
            if delay is None or not _pause(deadline, delay):
                return response


def _pause(deadline: Deadline, delay: float) -> bool:
    """Sleep. Return False at once when the deadline comes first: the last response is final then."""
    if deadline.remaining() < delay:
        return False
    deadline.pause(delay)
    return True


def _backoff(attempt: int) -> float:
    """Return the pause after an attempt: 1, 2, 4, 8, 15, 15 ... seconds."""
    return float(min(2.0 ** (attempt - 1), LONGEST_BACKOFF))


def _delay(response: Any, attempt: int, repeatable: bool) -> float | None:
    """Return the seconds before the next attempt; None when the response is final."""
    status = response.status_code
    if status < 400:
        return None
    wait = max(retry_after(response), _backoff(attempt))
    if status == 429:
        return wait
    if status in TRANSIENT:
        return wait if attempt < ATTEMPTS and (repeatable or status in (408, 503)) else None
    return wait if status in (400, 409) and is_busy(*_code_and_message(response)) else None


def retry_after(response: Any) -> float:
    """Return Retry-After in seconds; 0 when it is absent or not a number."""
    try:
        return float(response.headers.get("Retry-After") or 0)
    except ValueError:
        return 0.0


def _parent_missing(request: Any, response: Any) -> bool:
    """Return whether a PUT failed because its parent, or the scope of an assignment, is absent."""
    if request.method != "PUT" or response.status_code != 404:
        return False
    return _code_and_message(response)[0] in ("ParentResourceNotFound", "ResourceNotFound")


def _code_and_message(response: Any) -> tuple[str, str]:
    """Return code and message of an error response; empty strings without them."""
    if hasattr(response, "read"):
        response.read()
    error = error_object(response.text())
    return str(error.get("code") or ""), str(error.get("message") or "")
