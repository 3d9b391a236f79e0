# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A minimal Blob Storage in the process of a test: one container in memory, without authorization."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

ACCOUNT = "testaccount"
CONTAINER = "mlflow"
PROPERTIES = "<Content-Length>1</Content-Length><BlobType>BlockBlob</BlobType>"


@dataclass
class BlobServer:
    """The blobs of the container by name. requests: method, blob and range of the requests for blobs."""

    port: int
    blobs: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, str]:
        """Settings of a server of the image with this container as its artifact store, in the folder `root`."""
        endpoint = f"BlobEndpoint=http://127.0.0.1:{self.port}/{ACCOUNT}"
        return {
            "MLFLOW_ARTIFACTS_DESTINATION": f"wasbs://{CONTAINER}@{ACCOUNT}.blob.core.windows.net/root",
            "AZURE_STORAGE_CONNECTION_STRING": f"AccountName={ACCOUNT};AccountKey=a2V5;{endpoint}",
        }


@contextmanager
def blob_server() -> Iterator[BlobServer]:
    """Run a storage account with an empty container."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            storage.blobs[self.blob()] = self.rfile.read(int(self.headers["Content-Length"]))
            self.reply(201)

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            if query.get("comp") == ["list"]:
                self.list_blobs(query.get("prefix", [""])[0])
                return
            name = self.blob()
            storage.requests.append((self.command, name, self.headers.get("x-ms-range", "")))
            content = storage.blobs.get(name)
            if content is None:
                self.reply(404, code="BlobNotFound")
            elif self.headers.get("If-Match", self.etag(content)) != self.etag(content):
                self.reply(412, code="ConditionNotMet")
            else:
                part = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("x-ms-range", ""))
                start, end = (int(part[1]), min(int(part[2]) + 1, len(content))) if part else (0, len(content))
                headers = {"ETag": self.etag(content), "x-ms-blob-type": "BlockBlob"}
                if part:
                    headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
                self.reply(206 if part else 200, content[start:end], headers)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            storage.requests.append((self.command, self.blob(), ""))
            if storage.blobs.pop(self.blob(), None) is None:
                self.reply(404, code="BlobNotFound")
            else:
                self.reply(202)

        def list_blobs(self, prefix: str) -> None:
            names = [name for name in sorted(storage.blobs) if name.startswith(prefix)]
            blobs = "".join(
                f"<Blob><Name>{escape(name)}</Name><Properties>{PROPERTIES}</Properties></Blob>" for name in names
            )
            text = f'<?xml version="1.0"?><EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>'
            self.reply(200, text.encode(), {"Content-Type": "application/xml"})

        def blob(self) -> str:
            return unquote(urlsplit(self.path).path).removeprefix(f"/{ACCOUNT}/{CONTAINER}/")

        def etag(self, content: bytes) -> str:
            return f'"{hashlib.sha256(content).hexdigest()[:16]}"'

        def reply(
            self, status: int, body: bytes = b"", headers: dict[str, str] | None = None, code: str | None = None
        ) -> None:
            self.send_response(status)
            for name, value in {**(headers or {}), **({"x-ms-error-code": code} if code else {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Write no log."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        storage = BlobServer(server.server_address[1])
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield storage
        finally:
            server.shutdown()
            thread.join()
