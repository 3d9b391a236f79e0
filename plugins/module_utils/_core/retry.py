# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a request is sent again: throttling, a busy resource, a server that stumbles, a broken connection."""

from __future__ import annotations

import re
from typing import Any

from .deadline import Deadline
from .errors import error_object

TRANSIENT = frozenset((408, 500, 502, 503, 504))
# How often a request is sent when the server stumbles or the connection breaks. Throttling and a busy resource are
# waited out to the deadline instead.
ATTEMPTS = 5
LONGEST_BACKOFF = 15.0
# Seconds for which a connection and an answer are waited for, as far as the deadline leaves them.
CONNECTION_TIMEOUT = 20
READ_TIMEOUT = 120
# What a new resource lies in may itself be on its way (wait: false), and Azure does not show an SQL server before it is
# ready: the slowest creation on record took 296 s. After this many seconds its absence is taken for a wrong name.
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


# The code of such a conflict may be no more than Conflict.
_BUSY_TEXT = re.compile(r"operation is (already )?in progress|is busy|being (deleted|purged|recovered)", re.IGNORECASE)


def is_busy(code: str, message: str = "") -> bool:
    """A conflict that ends by itself."""
    return code in BUSY or code.endswith("InProgress") or (code == "Conflict" and bool(_BUSY_TEXT.search(message)))


class DeadlineRetry:
    """A policy of azure-core's pipeline (duck-typed, so that this file needs no SDK to be imported).

    Options of a request: C(deadline), a Deadline.
    """

    def __init__(self) -> None:
        self.next: Any = None

    def send(self, request: Any) -> Any:
        from azure.core.exceptions import ServiceRequestError, ServiceResponseError

        deadline: Deadline = request.context.options.pop("deadline")
        repeatable = request.http_request.method != "POST"
        attempt = 0
        parent_grace = PARENT_GRACE
        while True:
            attempt += 1
            patience = max(1.0, deadline.remaining())
            request.context.options["connection_timeout"] = min(CONNECTION_TIMEOUT, patience)
            request.context.options["read_timeout"] = min(READ_TIMEOUT, patience)
            try:
                response = self.next.send(request)
            except (ServiceRequestError, ServiceResponseError) as error:
                # Without an answer a POST may have been done, unless no connection was made at all.
                again = attempt < ATTEMPTS and (repeatable or isinstance(error, ServiceRequestError))
                if not again or not _has_time(deadline, _backoff(attempt)):
                    raise
                continue
            delay = _delay(response.http_response, attempt, repeatable)
            if delay is None and _parent_missing(request.http_request, response.http_response) and parent_grace > 0:
                delay = _backoff(attempt)
                parent_grace -= delay
            if delay is None or not _has_time(deadline, delay):
                return response


def _has_time(deadline: Deadline, delay: float) -> bool:
    """Wait, unless the deadline comes first: then what is at hand is the result."""
    if deadline.remaining() < delay:
        return False
    deadline.pause(delay)
    return True


def _backoff(attempt: int) -> float:
    """1, 2, 4, 8, 15, 15 ... seconds."""
    return float(min(2.0 ** (attempt - 1), LONGEST_BACKOFF))


def _delay(response: Any, attempt: int, repeatable: bool) -> float | None:
    """Seconds until the request is sent again; None when the answer is final."""
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
    """Retry-After in seconds; 0 when it is absent or no number."""
    try:
        return float(response.headers.get("Retry-After") or 0)
    except ValueError:
        return 0.0


def _parent_missing(request: Any, response: Any) -> bool:
    """What is to be created is new, so a PUT's 404 speaks of what it lies in: a parent, or the scope of an assignment."""
    if request.method != "PUT" or response.status_code != 404:
        return False
    return _code_and_message(response)[0] in ("ParentResourceNotFound", "ResourceNotFound")


def _code_and_message(response: Any) -> tuple[str, str]:
    """Of an error answer; empty where it has none."""
    if hasattr(response, "read"):
        response.read()
    found = error_object(response.text())
    return str(found.get("code") or ""), str(found.get("message") or "")
