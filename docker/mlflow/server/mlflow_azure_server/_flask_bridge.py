# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bridge from ASGI to MLflow's Flask application, which needs little memory for bodies of any size.

Starlette's bridge, which MLflow uses, reads a response as fast as it can into an unbounded queue, so the server holds a file
that its client reads slowly. This bridge reads the next part after the client's connection has accepted the previous one. A slow
client occupies no thread. Large bodies of requests are spooled to a file in TMPDIR.
"""

from __future__ import annotations

import contextvars
import functools
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, TypeVar

import anyio
import anyio.to_thread

from mlflow_azure_server._asgi import Message, Receive, Scope, Send

# Bodies of requests up to this size stay in memory.
_SPOOL_BYTES = 2**20
_Result = TypeVar("_Result")


class FlaskBridge:
    """ASGI application that calls a WSGI application in threads."""

    def __init__(self, wsgi: Callable[..., Iterable[bytes]]) -> None:
        """Wrap the WSGI application `wsgi`."""
        self._wsgi = wsgi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request. Refuse a web socket, which WSGI does not have."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        if scope["type"] != "http":
            return
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as body:
            if await _receive_body(receive, body):
                await self._respond(scope, body, receive, send)

    async def _respond(self, scope: Scope, body: IO[bytes], receive: Receive, send: Send) -> None:
        """Call the WSGI application and send its response until it is complete or the client disconnects."""
        from starlette.middleware.wsgi import build_environ

        # All calls for one request run in the same context, because Flask sets and resets context variables.
        in_thread = functools.partial(_in_thread, contextvars.copy_context())
        response = _Response()
        environ = {**build_environ(scope, b""), "wsgi.input": body}
        parts = await in_thread(lambda: self._wsgi(environ, response.start))
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_after_disconnect, receive, tasks.cancel_scope)
                iterator = iter(parts)
                while (part := await in_thread(lambda: _next(iterator))) is not None:
                    await response.send(send, part)
                await response.send(send, b"", complete=True)
                tasks.cancel_scope.cancel()
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                with anyio.CancelScope(shield=True):
                    await in_thread(close)


class _Response:
    """Status and headers of a WSGI response, which are sent before the first part of its body."""

    def __init__(self) -> None:
        self._head: Message | None = None
        self._is_sent = False

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        """Store status and headers: `start_response` of WSGI."""
        if exc_info is not None and self._is_sent:
            raise exc_info[1].with_traceback(exc_info[2])
        self._head = {
            "type": "http.response.start",
            "status": int(status.partition(" ")[0]),
            "headers": [
                (name.strip().lower().encode("ascii"), value.strip().encode("latin-1")) for name, value in headers
            ],
        }

    async def send(self, send: Send, part: bytes, *, complete: bool = False) -> None:
        """Send a part of the body, after the head if this is the first."""
        if not self._is_sent:
            if self._head is None:
                raise RuntimeError("the WSGI application returned a body without a status")
            self._is_sent = True
            await send(self._head)
        await send({"type": "http.response.body", "body": part, "more_body": not complete})


async def _receive_body(receive: Receive, body: IO[bytes]) -> bool:
    """Write the body of a request to the file `body`. Return whether it is complete."""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return False
        part = message.get("body", b"")
        size += len(part)
        if size > _SPOOL_BYTES:
            await anyio.to_thread.run_sync(body.write, part)
        else:
            body.write(part)
        if not message.get("more_body", False):
            body.seek(0)
            return True


async def _cancel_after_disconnect(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _in_thread(context: contextvars.Context, call: Callable[[], _Result]) -> _Result:
    return await anyio.to_thread.run_sync(context.run, call)


def _next(parts: Iterator[bytes]) -> bytes | None:
    """Return the next part. Unlike `next`, return None at the end, because a coroutine cannot raise StopIteration."""
    return next(parts, None)
