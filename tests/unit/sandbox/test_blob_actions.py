# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role actions that requests to a blob endpoint require."""

from __future__ import annotations

import pytest

from sandbox.messages import Request
from sandbox.services.blob_storage import required_action

CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
BLOBS = f"{CONTAINERS}/blobs"


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        # account
        ("GET", "/?comp=list", {}, (f"{CONTAINERS}/read", False)),
        ("GET", "/?comp=blobs", {}, (f"{BLOBS}/filter/action", True)),
        ("POST", "/?comp=batch", {}, (f"{BLOBS}/delete", True)),
        (
            "POST",
            "/?restype=service&comp=userdelegationkey",
            {},
            ("Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action", False),
        ),
        # container
        ("GET", "/c?restype=container", {}, (f"{CONTAINERS}/read", False)),
        ("PUT", "/c?restype=container", {}, (f"{CONTAINERS}/write", False)),
        ("DELETE", "/c?restype=container", {}, (f"{CONTAINERS}/delete", False)),
        ("GET", "/c?restype=container&comp=list", {}, (f"{BLOBS}/read", True)),
        ("GET", "/c?restype=container&comp=blobs", {}, (f"{BLOBS}/filter/action", True)),
        # blob
        ("GET", "/c/b", {}, (f"{BLOBS}/read", True)),
        ("HEAD", "/c/b", {}, (f"{BLOBS}/read", True)),
        ("PUT", "/c/b", {"x-ms-blob-type": "BlockBlob"}, (f"{BLOBS}/write", True)),
        ("DELETE", "/c/b", {}, (f"{BLOBS}/delete", True)),
        ("GET", "/c/b?comp=tags", {}, (f"{BLOBS}/tags/read", True)),
        ("PUT", "/c/b?comp=tags", {}, (f"{BLOBS}/tags/write", True)),
        # `comp` and `restype` do not lower the requirement of a write, or of a path that names a blob
        ("PUT", "/c/b?comp=tags", {"x-ms-blob-type": "BlockBlob"}, (f"{BLOBS}/write", True)),
        ("PUT", "/c/b?comp=tags", {"x-ms-copy-source": "https://x"}, (f"{BLOBS}/write", True)),
        ("GET", "/c/b?restype=container", {}, (f"{BLOBS}/read", True)),
        ("POST", "/c/b?comp=userdelegationkey", {}, (f"{BLOBS}/write", True)),
        ("GET", "/c/b?comp=blobs", {}, (f"{BLOBS}/read", True)),
    ],
)
def test_required_action(method: str, path: str, headers: dict[str, str], expected: tuple[str, bool]) -> None:
    assert required_action(Request(method, f"https://account.blob.core.windows.net{path}", headers)) == expected
