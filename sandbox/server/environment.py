# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment variables: of clients, containers and programs; and the certificates that clients trust."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

import certifi
from mitmproxy.certs import CertStore

from sandbox.host.docker_engine import api_socket
from sandbox.host.home import Home, write_private
from sandbox.runners.docker.containers import CERTIFICATES
from sandbox.store import Store

_BUNDLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
# variables of the sandbox's own `env` file that its programs must not inherit
_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", *_BUNDLES)


def plain_environment(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the server without the variables that point to a sandbox and without credentials."""
    # true in a shell that has sourced the sandbox's own `env` file
    points_here = str(home.ca_bundle) in {environ.get(name, "") for name in _BUNDLES}
    return {
        name: value
        for name, value in environ.items()
        if not (points_here and name.upper() in _PROXY_VARIABLES)
        and not name.startswith(("AZURE_", "SANDBOX_", "MLFLOW_", "ANSIBLE_"))
    }


def client_environment(home: Home, store: Store, tenant: str, port: int, *, docker: bool) -> dict[str, str]:
    """Return the variables that point a client to the sandbox. `port` is that of the proxy."""
    bundle = str(home.ca_bundle)
    proxy = f"http://127.0.0.1:{port}"
    client_id = store.setting("client_id") or ""
    caller = store.principal(client_id)
    secret = (caller.secret if caller else "") or ""
    return {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        **dict.fromkeys(_BUNDLES, bundle),
        "AZURE_TENANT_ID": tenant,
        "AZURE_CLIENT_ID": client_id,
        "AZURE_CLIENT_SECRET": secret,
        "AZURE_SUBSCRIPTION_ID": store.setting("subscription_id") or "",
        # names of the collection azure.azcollection
        "AZURE_TENANT": tenant,
        "AZURE_SECRET": secret,
        **({"DOCKER_HOST": f"unix://{api_socket(home)}"} if docker else {}),
    }


def app_environment(client: Mapping[str, str]) -> dict[str, str]:
    """Return the client's variables that apps and jobs get: all but credentials and the Docker API."""
    return {name: value for name, value in client.items() if not name.startswith(("AZURE_", "DOCKER_"))}


def container_environment(environment: Mapping[str, str], host: str, port: int) -> dict[str, str]:
    """Return the variables that point a Docker container to the sandbox. `host`: address of this machine in the containers' network."""
    return {
        **environment,
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), f"http://{host}:{port}"),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), f"127.0.0.1,localhost,{host}"),
        **dict.fromkeys(_BUNDLES, CERTIFICATES),
    }


def write_certificates(home: Home, environ: Mapping[str, str]) -> None:
    """Write the certificate authority of the proxy, and the bundle for clients: the system's roots and this authority."""
    CertStore.from_store(home.certificates, "mitmproxy", 2048)
    authority = (home.certificates / "mitmproxy-ca-cert.pem").read_text(encoding="utf-8")
    configured = environ.get("REQUESTS_CA_BUNDLE") or environ.get("SSL_CERT_FILE") or ""
    roots = Path(ssl.get_default_verify_paths().cafile or certifi.where())
    if configured and Path(configured).exists() and Path(configured) != home.ca_bundle:
        roots = Path(configured)
    write_private(home.ca_bundle, roots.read_text(encoding="utf-8") + "\n" + authority)
    for path in home.certificates.iterdir():
        path.chmod(0o600)
