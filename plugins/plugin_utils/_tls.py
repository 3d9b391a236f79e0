# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trusted certificates, loaded once for a play instead of once for each task.

Reading a bundle of some 150 roots takes about 40 ms, more than all else that a task without changes does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..module_utils._retry import CONNECTION_TIMEOUT, READ_TIMEOUT


def bundle() -> str:
    """Path of the certificates that requests would trust."""
    import certifi

    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()


class Trust:
    """The certificates of a bundle. Loaded before Ansible forks, they are there in every worker."""

    def __init__(self) -> None:
        self._path = ""
        self._context: Any = None

    def load(self) -> None:
        """Load the bundle that is named now, unless it is loaded. Raises ImportError where there is no requests."""
        from urllib3.util.ssl_ import create_urllib3_context

        path = bundle()
        if path == self._path or not Path(path).is_file():
            return
        context = create_urllib3_context()
        context.load_verify_locations(path)
        self._path, self._context = path, context

    def transport(self) -> Any:
        """A transport for azure-core that trusts them; None when something else is to be trusted by now."""
        if self._context is None or bundle() != self._path:
            return None
        import requests
        from azure.core.pipeline.transport import RequestsTransport

        session = requests.Session()
        session.mount("https://", _adapter(self._context))
        return RequestsTransport(
            session=session, session_owner=False, connection_timeout=CONNECTION_TIMEOUT, read_timeout=READ_TIMEOUT
        )


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
