# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry with a token service, as Azure Container Registry has one."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt

from tests.support.image_server import free_port

SERVICE = "registry"
# The user name with which registries of Azure accept a refresh token as the password.
USER = "00000000-0000-0000-0000-000000000000"


@dataclass
class Registry:
    """A registry on this machine. accepted: the refresh tokens that it accepts as a password."""

    port: int
    key: str
    certificate: str
    accepted: set[str] = field(default_factory=set)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def access_token(self, scopes: list[str]) -> str:
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":", 2)
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        claims = {"iss": "tests", "sub": USER, "aud": SERVICE, "nbf": now - 60, "iat": now, "exp": now + 600}
        claims |= {"jti": str(uuid.uuid4()), "access": access}
        der = "".join(line for line in self.certificate.splitlines() if "CERTIFICATE" not in line)
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"x5c": [der]})

    def digest(self, repository: str, tag: str) -> str | None:
        """Return the digest of the manifest of a tag."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            token = self.access_token([f"repository:{repository}:pull"])
            kinds = ("manifest.v2+json", "manifest.list.v2+json")
            accept = ", ".join(f"application/vnd.docker.distribution.{kind}" for kind in kinds)
            headers = {"Authorization": f"Bearer {token}", "Accept": accept}
            connection.request("HEAD", f"/v2/{repository}/manifests/{tag}", headers=headers)
            return connection.getresponse().getheader("Docker-Content-Digest")


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Tokens(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, _space, given = self.headers.get("Authorization", "").partition(" ")
            user, _colon, password = (
                base64.b64decode(given).decode().partition(":") if kind == "Basic" else ("", "", "")
            )
            scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
            known = user == USER and password in registry.accepted
            body: dict[str, Any] = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
            if known:
                body = {"token": registry.access_token(scopes)}
            content = json.dumps(body).encode()
            self.send_response(200 if known else 401)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Tokens


@contextlib.contextmanager
def serving(executable: str, directory: Path) -> Iterator[Registry]:
    """Run a registry that stores its images in `directory`."""
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tests"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    registry = Registry(free_port(), key.read_text(), certificate.read_text())
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(registry)) as tokens:
        threading.Thread(target=tokens.serve_forever, daemon=True).start()
        configuration = {
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": str(directory / "images")}},
            "http": {"addr": registry.host},
            "auth": {
                "token": {
                    "realm": f"http://127.0.0.1:{tokens.server_port}/oauth2/token",
                    "service": SERVICE,
                    "issuer": "tests",
                    "rootcertbundle": str(certificate),
                }
            },
        }
        # JSON is also YAML.
        (directory / "config.yml").write_text(json.dumps(configuration))
        log = (directory / "log").open("w")
        with log, subprocess.Popen([executable, "serve", directory / "config.yml"], stdout=log, stderr=log) as process:
            try:
                _until_it_listens(registry.port, directory / "log")
                yield registry
            finally:
                process.terminate()
                tokens.shutdown()


def _until_it_listens(port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/v2/")
                connection.getresponse()
            except OSError:
                time.sleep(0.05)
                continue
        return
    raise AssertionError(f"The registry did not come up:\n{log.read_text()}")
