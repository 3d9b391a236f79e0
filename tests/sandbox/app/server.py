# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app for the tests: says over HTTP what it was started with, and ends when asked to."""

import http.server
import json
import os
import pathlib
import signal
import sys
import time
import urllib.request

ADDRESS = sys.argv[1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == "/exit":
            os._exit(3)
        action, _mark, file = self.path[1:].partition("/")
        if action == "hold":  # answers when the file is there
            until = time.monotonic() + 60
            while not pathlib.Path("/", file).exists() and time.monotonic() < until:
                time.sleep(0.02)
        if action == "health":  # well for as long as the file is not there
            self.answer({}, 503 if pathlib.Path("/", file).exists() else 200)
            return
        if self.path == "/token":
            url = f"{os.environ['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource=https://storage.azure.com&client_id={os.environ['ID']}"
            request = urllib.request.Request(url, headers={"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]})
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
                self.answer(json.loads(answer.read()))
            return
        self.answer(
            {
                "environment": dict(os.environ),
                "headers": dict(self.headers),
                "arguments": sys.argv[1:],
                "pid": os.getpid(),
            }
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({"length": len(body)})

    def answer(self, content: dict, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:
        print(format % values, flush=True)


if "--fail" in sys.argv:
    sys.exit("the settings are wrong")
if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # does nothing to the first process of a container
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
print("listening on", ADDRESS, flush=True)
http.server.ThreadingHTTPServer((ADDRESS, 8080), Handler).serve_forever()
