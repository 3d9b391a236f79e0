# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Artifacts in Blob Storage: downloads that can be resumed, and folders without blobs that can be deleted."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from mlflow_azure_server._downloads import UnsatisfiableRangeError, requested_range

from tests.support.blob_server import BlobServer, blob_server
from tests.support.image_server import CLONE, Server, free_port, running, settings

CONTENT = os.urandom(9 * 2**20 + 5)
PATH = "/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/weights.bin"


@pytest.fixture(scope="module")
def storage() -> Iterator[BlobServer]:
    with blob_server() as storage_server:
        yield storage_server


@pytest.fixture(scope="module")
def server(server_bin: Path, storage: BlobServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("server")
    env = settings(directory, free_port(), MLFLOW_WORKERS="1", TMPDIR=str(directory / "tmp"), **storage.settings)
    with running(server_bin / "mlflow-azure-server", env, directory / "log") as running_server:
        yield running_server


@pytest.fixture(autouse=True)
def blobs(storage: BlobServer) -> None:
    storage.blobs.clear()
    storage.requests.clear()
    storage.blobs["root/1/run/artifacts/weights.bin"] = CONTENT
    storage.blobs["root/1/run/artifacts/empty"] = b""


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes


def get(server: Server, path: str = PATH, method: str = "GET", **headers: str) -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    answer = Response(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    connection.close()
    return answer


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("bytes=0-", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("Bytes=10-", (10, 100)),
        ("bytes = 90 - 200", (90, 100)),
        ("bytes=99-99", (99, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-200", (0, 100)),
        ("bytes=-", None),
        ("bytes=20-10", None),
        ("bytes=0-9,20-29", None),
        ("lines=0-9", None),
        ("bytes=a-b", None),
        ("bytes=0x1-", None),
        ("bytes=9999999999999999999999-", None),
    ],
)
def test_the_requested_part_of_a_file(header: str | None, expected: tuple[int, int] | None) -> None:
    assert requested_range(header, 100) == expected


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=100-200", 100), ("bytes=-0", 100), ("bytes=0-", 0)]
)
def test_a_part_after_the_end_does_not_exist(header: str, size: int) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        requested_range(header, size)


def test_a_download_has_a_length_and_is_not_stored_on_the_server(server: Server, storage: BlobServer) -> None:
    answer = get(server)
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == "attachment; filename=weights.bin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    ranges = [requested for method, _blob, requested in storage.requests if method == "GET"]
    assert ranges == ["bytes=0-4194303", "bytes=4194304-8388607", f"bytes=8388608-{len(CONTENT) - 1}"]


def test_a_part_of_a_file(server: Server, storage: BlobServer) -> None:
    answer = get(server, Range="bytes=9000000-9000009")
    assert (answer.status, answer.body) == (206, CONTENT[9000000:9000010])
    assert answer.headers["content-range"] == f"bytes 9000000-9000009/{len(CONTENT)}"
    assert [requested for method, _blob, requested in storage.requests if method == "GET"] == ["bytes=9000000-9000009"]
    assert get(server, PATH.replace("/api/", "/ajax-api/"), Range="bytes=-5").body == CONTENT[-5:]


def test_a_part_after_the_end_is_refused(server: Server) -> None:
    answer = get(server, Range=f"bytes={len(CONTENT)}-")
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")


def test_a_part_of_another_version_is_not_returned(server: Server, storage: BlobServer) -> None:
    etag = get(server, method="HEAD").headers["etag"]
    assert get(server, Range="bytes=5-9", If_Range=etag).status == 206
    storage.blobs["root/1/run/artifacts/weights.bin"] = b"another version"
    answer = get(server, Range="bytes=5-9", If_Range=etag)
    assert (answer.status, answer.body) == (200, b"another version")


def test_the_head_of_a_download_reads_no_content(server: Server, storage: BlobServer) -> None:
    answer = get(server, method="HEAD")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, str(len(CONTENT)), b"")
    assert [method for method, _blob, _range in storage.requests] == ["HEAD"]


def test_an_empty_file(server: Server) -> None:
    path = PATH.replace("weights.bin", "empty")
    assert (get(server, path).status, get(server, path).body) == (200, b"")
    assert get(server, path, Range="bytes=0-").status == 416


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (PATH.replace("weights.bin", "missing"), 404),
        (PATH.removesuffix("/weights.bin"), 404),
        ("/api/2.0/mlflow-artifacts/artifacts/..%2Fsecret", 400),
        ("/api/2.0/mlflow-artifacts/artifacts/%2Fetc%2Fpasswd", 400),
    ],
)
def test_a_download_of_no_file_is_refused(server: Server, path: str, status: int) -> None:
    answer = get(server, path)
    assert answer.status == status, answer.body
    assert b"error_code" in answer.body


def test_a_file_that_is_replaced_during_a_download_is_not_mixed(server: Server, storage: BlobServer) -> None:
    large = bytes(64 * 2**20)
    storage.blobs["root/1/run/artifacts/weights.bin"] = large
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", PATH)
    response = connection.getresponse()
    assert response.read(10) == bytes(10)
    storage.blobs["root/1/run/artifacts/weights.bin"] = b"x" * len(large)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    connection.close()


def test_curl_resumes_a_download(server: Server, tmp_path: Path) -> None:
    """The command of docs/client-settings.md."""
    command = "curl --fail --location --continue-at - --retry 20 --retry-all-errors --output weights.bin"
    assert command in (CLONE / "docs" / "client-settings.md").read_text(encoding="utf-8")
    (tmp_path / "weights.bin").write_bytes(CONTENT[:1234567])
    subprocess.run([*command.split(), "--silent", "--show-error", f"{server.url}{PATH}"], cwd=tmp_path, check=True)
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT


def test_local_artifacts_are_answered_by_mlflow(server_bin: Path, tmp_path: Path) -> None:
    folder = tmp_path / "artifacts" / "1" / "run" / "artifacts"
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(CONTENT)
    env = settings(tmp_path, free_port(), MLFLOW_WORKERS="1")
    with running(server_bin / "mlflow-azure-server", env, tmp_path / "log") as local:
        assert get(local).body == CONTENT
        assert get(local, Range="bytes=5-9").body == CONTENT[5:10]


@pytest.mark.parametrize("path", ["1/run/artifacts", "1/run/artifacts/", "1/run/art", "2", "1/run/artifacts/missing"])
def test_the_deletion_of_a_folder_is_done_also_without_blobs(server: Server, storage: BlobServer, path: str) -> None:
    storage.blobs["root/1/run/artifacts-of-another"] = b"stays"
    answer = get(server, f"/api/2.0/mlflow-artifacts/artifacts/{path}", "DELETE")
    assert (answer.status, answer.body) == (200, b"{}")
    kept = [name for name in storage.blobs if name.startswith("root/1/run/artifacts/")]
    assert len(kept) == (0 if path.rstrip("/") == "1/run/artifacts" else 2)
    assert "root/1/run/artifacts-of-another" in storage.blobs


def test_all_parts_of_an_upload_have_block_ids_of_the_same_length(server: Server, storage: BlobServer) -> None:
    """Blob Storage refuses others."""

    def post(operation: str, **body: Any) -> dict[str, Any]:
        url = f"/api/2.0/mlflow-artifacts/mpu/{operation}/1/run/artifacts"
        answer = server.ask("POST", url, json.dumps({"path": "large.bin", **body}), Content_Type="application/json")
        assert answer.status == 200, answer.body
        return dict(json.loads(answer.body))

    created = post("create", num_parts=101)
    parts = created["credentials"]
    ids = [base64.b64decode(parse_qs(urlsplit(part["url"]).query)["blockid"][0]) for part in parts]
    assert [part["part_number"] for part in parts] == list(range(1, 102))
    assert (len(set(ids)), len({len(block) for block in ids})) == (101, 1)
    uploaded = [{"part_number": part["part_number"], "url": part["url"], "etag": ""} for part in parts]
    post("complete", upload_id=created.get("upload_id", ""), parts=uploaded)
    committed = re.findall(rb"<Latest>(.*?)</Latest>", storage.blobs["root/1/run/artifacts/large.bin"])
    assert [base64.b64decode(block) for block in committed] == ids


def test_the_deletion_of_one_file(server: Server, storage: BlobServer) -> None:
    assert get(server, PATH, "DELETE").status == 200
    assert get(server, PATH, "DELETE").status == 200
    assert list(storage.blobs) == ["root/1/run/artifacts/empty"]
