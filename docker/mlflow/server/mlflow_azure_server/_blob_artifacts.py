# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MLflow's artifact repository for `wasbs://` with the changes of this image: an entry point `mlflow.artifact_repository`."""

from __future__ import annotations

import base64
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from azure.core import MatchConditions
from azure.core.exceptions import ResourceNotFoundError
from mlflow.entities.multipart_upload import CreateMultipartUploadResponse
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.artifact.azure_blob_artifact_repo import AzureBlobArtifactRepository

# One request to the storage account per block. A download holds one block in memory.
_BLOCK_BYTES = 4 * 2**20
_BLOCK_ID = re.compile(r"([?&]blockid=)[^&]*")


@dataclass(frozen=True)
class Blob:
    """A version of a blob. Reading fails after another version has replaced it."""

    client: Any
    size: int
    etag: str

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `end` in blocks."""
        for offset in range(start, end, _BLOCK_BYTES):
            length = min(_BLOCK_BYTES, end - offset)
            stream = self.client.download_blob(
                offset, length, etag=self.etag, match_condition=MatchConditions.IfNotModified, max_concurrency=1
            )
            yield stream.readall()


def with_block_id(url: str, number: int) -> str:
    """Return the URL of Put Block with a block id of the same length for each number.

    MLflow numbers the blocks from `mlflow_block_1` on. Blob Storage refuses block ids of different lengths, so every file of ten
    parts and more would fail: https://learn.microsoft.com/rest/api/storageservices/put-block, `blockid`.
    """
    block_id = base64.b64encode(f"mlflow_block_{number:06d}".encode()).decode()
    return _BLOCK_ID.sub(lambda match: match[1] + quote(block_id, safe=""), url, count=1)


class BlobArtifacts(AzureBlobArtifactRepository):
    """Artifacts in a container of Blob Storage.

    Parts of a file can be read, a file of any number of parts can be uploaded, and a folder without files can be deleted.
    """

    def create_multipart_upload(
        self, local_file: str, num_parts: int = 1, artifact_path: str | None = None
    ) -> CreateMultipartUploadResponse:
        """Return the URLs of the parts of an upload, with block ids of the same length."""
        upload: CreateMultipartUploadResponse = super().create_multipart_upload(  # type: ignore[no-untyped-call]
            local_file, num_parts, artifact_path
        )
        credentials = [replace(part, url=with_block_id(part.url, part.part_number)) for part in upload.credentials]
        return replace(upload, credentials=credentials)

    def open_blob(self, artifact_path: str) -> Blob:
        """Return the current version of the blob of an artifact. Raise MlflowException if there is no such blob."""
        container, root = self._location()
        client = self.client.get_blob_client(container, posixpath.join(root, artifact_path))
        try:
            properties = client.get_blob_properties()
        except ResourceNotFoundError:
            raise MlflowException(f"No such artifact: '{artifact_path}'", error_code=RESOURCE_DOES_NOT_EXIST) from None
        return Blob(client, properties.size, properties.etag)

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Delete all blobs of an artifact or a folder. MLflow's own method reports an error if there are none."""
        container, root = self._location()
        path = posixpath.join(root, artifact_path) if artifact_path else root
        client = self.client.get_container_client(container)
        folder = path if path.endswith("/") or not path else f"{path}/"
        for blob in client.list_blobs(name_starts_with=path):
            if blob.name != path and not blob.name.startswith(folder):
                continue
            try:
                client.delete_blob(blob.name)
            except ResourceNotFoundError:
                # Another request has deleted it.
                continue

    def _location(self) -> tuple[str, str]:
        """Return the name of the container, and the path in it."""
        container, _account, root, _suffix = self.parse_wasbs_uri(self.artifact_uri)  # type: ignore[no-untyped-call]
        return container, root
