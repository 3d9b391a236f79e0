# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Azurite that ends by itself is restarted; until then its clients get 503."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import requests

from tests.support.sandbox_client import Client

STORAGE = "https://storage.azure.com/.default"


def record(sandbox: Client, account: str) -> Path | None:
    """Return the record of the Azurite of an account."""
    for path in (sandbox.home / "processes").glob("*.json"):
        if f"azurite {account}" in path.read_text():
            return path
    return None


def until_taken(sandbox: Client, put: Callable[[], requests.Response]) -> list[int]:
    """Repeat a PUT until it succeeds. Return every status."""
    seen: list[int] = []

    def taken() -> bool:
        seen.append(put().status_code)
        return seen[-1] == 201

    sandbox.until(taken, "the container takes blobs again")
    return seen


def test_an_azurite_that_ends_is_restarted(sandbox: Client) -> None:
    account = sandbox.storage(sandbox.group())
    assert sandbox.assign(account["id"], "Storage Blob Data Contributor", sandbox.me()).status_code == 201
    made = sandbox.arm("PUT", f"{account['id']}/blobServices/default/containers/things", {"properties": {}})
    assert made.status_code == 201
    url = f"{account['properties']['primaryEndpoints']['blob']}things/one"
    headers = {
        "Authorization": f"Bearer {sandbox.token(STORAGE)}",
        "x-ms-version": "2023-11-03",
        "x-ms-blob-type": "BlockBlob",
    }

    def put() -> requests.Response:
        return sandbox.session.put(url, data=b"content", headers=headers, timeout=60)

    assert put().status_code == 201
    for sign in (signal.SIGTERM, signal.SIGKILL):
        before = record(sandbox, account["name"])
        assert before is not None
        os.kill(json.loads(before.read_text())["pid"], sign)
        sandbox.until(lambda before=before: not before.exists(), "the end was noticed")
        seen = until_taken(sandbox, put)
        assert set(seen[:-1]) <= {503}
        assert sandbox.session.get(url, headers=headers, timeout=60).content == b"content"
