# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app that replaces MLflow in tests of everything else: it answers the health check as MLflow does."""

from __future__ import annotations

from pathlib import Path

SERVER = """
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

http.server.ThreadingHTTPServer((sys.argv[1], 5000), Handler).serve_forever()
"""
DOCKERFILE = """
FROM python:3.12-slim-bookworm
WORKDIR /srv
COPY server.py ./
USER 10001
ENTRYPOINT ["python", "/srv/server.py"]
CMD ["0.0.0.0"]
"""


def quick_arguments(folder: Path) -> tuple[str, ...]:
    """Write the build context of the app into a folder. Return the arguments of site.yml, which then verifies nothing."""
    folder.mkdir()
    (folder / "server.py").write_text(SERVER, encoding="utf-8")
    (folder / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    return ("-e", f"image_context={folder}", "-e", "verify_due=false")
