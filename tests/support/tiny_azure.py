# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource groups and tokens over HTTPS: the part of Azure that runs of Ansible need."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder: Path) -> tuple[Path, Path]:
    """Create a certificate for 127.0.0.1. Return the files of the certificate and the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


class TinyAzure:
    """A server for tokens and Resource Manager. tokens: the number of requested tokens. requests: (method, path)."""

    def __init__(self, folder: Path) -> None:
        self.certificate, key = certificate(folder)
        self.groups: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.tokens = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> TinyAzure:
        self._thread.start()
        return self

    def __exit__(self, *_rest: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path.endswith("/.well-known/openid-configuration"):
            tenant = f"{self.url}/tenant"
            return 200, {
                "token_endpoint": f"{tenant}/oauth2/v2.0/token",
                "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
                "issuer": f"{tenant}/v2.0",
            }
        if path.endswith("/oauth2/v2.0/token"):
            self.tokens += 1
            return 200, {"token_type": "Bearer", "expires_in": 3600, "access_token": f"token-{time.time()}"}
        self.requests.append((method, path))
        name = path.rpartition("/")[2]
        if name == "forbidden":
            return 403, {"error": {"code": "AuthorizationFailed", "message": "may not"}}
        if method == "PUT":
            self.groups[name] = {"id": path, "name": name, "type": "Microsoft.Resources/resourceGroups", **body}
            self.groups[name]["properties"] = {"provisioningState": "Succeeded"}
            return 200, self.groups[name]
        if name not in self.groups:
            return 404, {"error": {"code": "ResourceGroupNotFound", "message": f"'{name}' could not be found."}}
        if method == "PATCH":
            self.groups[name].update(body)
        if method == "DELETE":
            del self.groups[name]
            return 200, None
        return 200, self.groups[name]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        azure = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                content = self.rfile.read(length)
                is_json = "json" in (self.headers.get("Content-Type") or "")
                body = json.loads(content) if is_json and content else None
                status, reply = azure.answer(self.command, urlsplit(self.path).path, body)
                raw = b"" if reply is None else json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_PUT = do_PATCH = do_DELETE = do_POST = _serve  # noqa: N815

            def log_message(self, *_arguments: object) -> None:
                """Write no log."""

        return Handler
