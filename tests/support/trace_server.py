# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that accepts the traces of MLflow's client and counts them. It is faster than MLflow's, or does not respond."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class TraceServer(ThreadingHTTPServer):
    """The server. traces: the ids of the accepted traces. span_requests: the number of accepted requests with spans."""

    daemon_threads = True
    # A burst opens many connections at once.
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.traces: set[str] = set()
        self.span_requests = 0
        self.available = threading.Event()
        self.available.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: TraceServer

    def do_GET(self) -> None:
        if self.path == "/version":
            # The client sends spans to servers of 3.4 and later.
            self._send("text/plain", b"3.17.2")
            return
        self._respond({"experiment": {"experiment_id": "1", "name": "burst", "lifecycle_stage": "active"}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.available.wait()
        if self.path == "/v1/traces":
            self.server.span_requests += 1
            self._respond({})
            return
        trace: dict[str, Any] = json.loads(body)["trace"]
        self.server.traces.add(trace["trace_info"]["trace_id"])
        # As a server that stores spans in its database.
        trace["trace_info"].setdefault("tags", {})["mlflow.trace.spansLocation"] = "TRACKING_STORE"
        self._respond({"trace": trace})

    def _respond(self, content: object) -> None:
        self._send("application/json", json.dumps(content).encode())

    def _send(self, content_type: str, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def trace_server() -> Iterator[TraceServer]:
    """Run a server in a thread of this process."""
    with TraceServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.available.set()
            server.shutdown()
            thread.join()
