# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The console script `mlflow-azure-health`: exits with status 0 if the server of this container is healthy."""

from __future__ import annotations

import http.client
import os
import sys

from mlflow_azure_server._settings import SettingError, address, without_blanks


def main() -> int:
    """Request /health of the server and return the exit status. /health uses neither database nor storage, so the database can pause."""
    env = without_blanks(os.environ)
    try:
        host, port = address(env)
    except SettingError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    connection = http.client.HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, timeout=4)
    try:
        connection.request("GET", env.get("MLFLOW_STATIC_PREFIX", "") + "/health")
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()
