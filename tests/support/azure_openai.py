# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small stand-in for the HTTP API of Azure OpenAI: one response for every request with the key.

Source: https://learn.microsoft.com/azure/ai-services/openai/reference#chat-completions
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKENS = {"prompt_tokens": 11, "completion_tokens": 6, "total_tokens": 17}


@dataclass
class AzureOpenAI:
    """The response, and the requests that were received. deployment, key: the ones that are accepted."""

    deployment: str
    key: str
    answer: str
    url: str = ""
    prompts: list[str] = field(default_factory=list)

    def reply(self, path: str, key: str | None, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of the response."""
        url = urlsplit(path)
        if key != self.key:
            return 401, {"error": {"code": "401", "message": "Access denied due to invalid subscription key."}}
        if url.path != f"/openai/deployments/{self.deployment}/chat/completions":
            return 404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}
        if not parse_qs(url.query).get("api-version"):
            return 404, {"error": {"code": "404", "message": "Resource not found"}}
        self.prompts += [message["content"] for message in body["messages"]]
        message = {"role": "assistant", "content": self.answer, "refusal": None}
        return 200, {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1760000000,
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}],
            "usage": TOKENS,
        }


@contextmanager
def serving(service: AzureOpenAI) -> Iterator[AzureOpenAI]:
    """Serve the service at a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, response = service.reply(self.path, self.headers["api-key"], body)
            content = json.dumps(response).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Write no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
