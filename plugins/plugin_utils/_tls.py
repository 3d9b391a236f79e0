# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CA certificates, loaded once for a play instead of once for each task.

Loading a bundle of about 150 root certificates takes 20 to 40 ms, more than the rest of a task without changes.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

from ..module_utils._core.retry import CONNECTION_TIMEOUT, READ_TIMEOUT

# Size of the shared memory in bytes. It contains the length of a path and the path.
SIZE = 8192
_LENGTH = 4


def bundle() -> str:
    """Return the path of the CA bundle that requests uses."""
    import certifi

    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()


class Trust:
    """TLS contexts of CA bundles. They are loaded before Ansible forks, so that every worker has them.

    The environment of a task may select a bundle that was not known before the fork. The worker then writes the path into
    memory that all processes of the play share, and the main process loads the bundle together with the next plugin.
    """

    def __init__(self) -> None:
        self._contexts: dict[tuple[str, int], Any] = {}
        self._requested = _shared()

    def load(self) -> None:
        """Load the current and the requested bundle, unless they are loaded. Raise ImportError if requests is not installed."""
        from urllib3.util.ssl_ import create_urllib3_context

        for path in (bundle(), self._requested_path()):
            key = _key(path)
            if key is not None and key not in self._contexts:
                context = create_urllib3_context()
                context.load_verify_locations(path)
                self._contexts[key] = context

    def transport(self) -> Any:
        """Return a transport for azure-core that trusts the current bundle, None if the bundle is not loaded."""
        path = bundle()
        key = _key(path)
        context = None if key is None else self._contexts.get(key)
        if context is None:
            self._request(path)
            return None
        import requests
        from azure.core.pipeline.transport import RequestsTransport

        session = requests.Session()
        session.mount("https://", _adapter(context))
        return RequestsTransport(
            session=session, session_owner=False, connection_timeout=CONNECTION_TIMEOUT, read_timeout=READ_TIMEOUT
        )

    def _request(self, path: str) -> None:
        encoded = os.fsencode(path)
        if len(encoded) + _LENGTH <= SIZE:
            self._requested[: len(encoded) + _LENGTH] = len(encoded).to_bytes(_LENGTH, "big") + encoded

    def _requested_path(self) -> str:
        # Two workers that write at the same time may leave an invalid path. Then no bundle is loaded.
        length = int.from_bytes(self._requested[:_LENGTH], "big")
        return os.fsdecode(bytes(self._requested[_LENGTH : _LENGTH + length]))


def _shared() -> mmap.mmap | bytearray:
    """Return memory that all forks share. If the system provides none, return private memory, so that requests have no effect."""
    try:
        return mmap.mmap(-1, SIZE)
    except (OSError, ValueError):
        return bytearray(SIZE)


def _key(path: str) -> tuple[str, int] | None:
    """Return the cache key of a bundle, which changes when the file is written again. Return None if there is no such file."""
    try:
        return (path, Path(path).stat().st_mtime_ns) if Path(path).is_file() else None
    except (OSError, ValueError):
        return None


def _adapter(context: Any) -> Any:
    from requests.adapters import HTTPAdapter

    class TrustingAdapter(HTTPAdapter):
        """Adapter that verifies with the loaded context. requests would load the bundle into a new context for each connection."""

        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, ssl_context=context, **options)

        def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
            return super().proxy_manager_for(*arguments, ssl_context=context, **options)

        def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
            return super().build_connection_pool_key_attributes(request, verify is not False, cert)

        def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
            conn.cert_reqs = "CERT_REQUIRED"

    return TrustingAdapter()


# Loaded with the first action plugin, before Ansible forks.
TRUST = Trust()
