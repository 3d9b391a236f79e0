# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trusted certificates, loaded once for a play instead of once for each task.

Reading a bundle of some 150 roots takes 20 to 40 ms, more than all else that a task without changes does.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

from ..module_utils._core.retry import CONNECTION_TIMEOUT, READ_TIMEOUT

# Bytes of shared memory: the length of a path, and the path.
SIZE = 8192
_LENGTH = 4


def bundle() -> str:
    """Path of the certificates that requests would trust."""
    import certifi

    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()


class Trust:
    """The certificates of bundles. Loaded before Ansible forks, they are there in every worker.

    A task's own environment may name another bundle than the one that is known before the fork. The worker then writes its path
    into memory that all processes of the play share, and it is loaded with the next plugin.
    """

    def __init__(self) -> None:
        self._contexts: dict[tuple[str, int], Any] = {}
        self._asked = _shared()

    def load(self) -> None:
        """Load the bundles that are named now, unless they are loaded. Raises ImportError where there is no requests."""
        from urllib3.util.ssl_ import create_urllib3_context

        for path in (bundle(), self._path_asked_for()):
            key = _key(path)
            if key is not None and key not in self._contexts:
                context = create_urllib3_context()
                context.load_verify_locations(path)
                self._contexts[key] = context

    def transport(self) -> Any:
        """A transport for azure-core that trusts what is to be trusted by now; None when that is not loaded."""
        path = bundle()
        key = _key(path)
        context = None if key is None else self._contexts.get(key)
        if context is None:
            self._ask_for(path)
            return None
        import requests
        from azure.core.pipeline.transport import RequestsTransport

        session = requests.Session()
        session.mount("https://", _adapter(context))
        return RequestsTransport(
            session=session, session_owner=False, connection_timeout=CONNECTION_TIMEOUT, read_timeout=READ_TIMEOUT
        )

    def _ask_for(self, path: str) -> None:
        written = os.fsencode(path)
        if len(written) + _LENGTH <= SIZE:
            self._asked[: len(written) + _LENGTH] = len(written).to_bytes(_LENGTH, "big") + written

    def _path_asked_for(self) -> str:
        # Two workers that write at a time may leave a path that is none: then nothing is loaded.
        length = int.from_bytes(self._asked[:_LENGTH], "big")
        return os.fsdecode(bytes(self._asked[_LENGTH : _LENGTH + length]))


def _shared() -> mmap.mmap | bytearray:
    """Memory that is the same in all forks; where it cannot be had, memory of one's own, in which nobody is asked."""
    try:
        return mmap.mmap(-1, SIZE)
    except (OSError, ValueError):
        return bytearray(SIZE)


def _key(path: str) -> tuple[str, int] | None:
    """What tells a bundle from others, and from itself when it has been written anew; None where there is no such file."""
    try:
        return (path, Path(path).stat().st_mtime_ns) if Path(path).is_file() else None
    except (OSError, ValueError):
        return None


def _adapter(context: Any) -> Any:
    from requests.adapters import HTTPAdapter

    class TrustingAdapter(HTTPAdapter):
        """Verifies by the given context, where requests would load its bundle into a new one for each connection."""

        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, ssl_context=context, **options)

        def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
            return super().proxy_manager_for(*arguments, ssl_context=context, **options)

        def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
            return super().build_connection_pool_key_attributes(request, verify is not False, cert)

        def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
            conn.cert_reqs = "CERT_REQUIRED"

    return TrustingAdapter()


# Filled when Ansible loads the first action plugin, which is before it forks.
TRUST = Trust()
