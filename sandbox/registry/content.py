# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Content of the registries, on disk: blobs, manifests, tags and repositories."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from pathlib import Path
from typing import IO

from sandbox.arm.resource_type import utc_now
from sandbox.host.home import read_json, write_private
from sandbox.messages import Json
from sandbox.registry.paths import is_digest, is_repository, is_tag

REGISTRIES = "microsoft.containerregistry/registries"
RUNS = "microsoft.containerregistry/registries/runs"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
OCI_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_CHUNK = 1 << 20


class Images:
    """Images of the registries: blobs by digest, shared by all registries, and the manifests and tags of each repository.

    No segment of a repository name begins with `_`, so the folder `a/_tags` never collides with a repository.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def blob(self, digest: str) -> Path:
        """Return the path of the blob with a digest."""
        return self.folder / "blobs" / _file_name(digest)

    def _repositories(self, registry: str) -> Path:
        return self.folder / "repositories" / registry.lower()

    def _tags(self, registry: str, repository: str) -> Path:
        return self._repositories(registry) / repository / "_tags"

    def _manifests(self, registry: str, repository: str) -> Path:
        return self._repositories(registry) / repository / "_manifests"

    def _record(self, registry: str, repository: str, reference: str, entry: Json) -> None:
        """Record a manifest, and let the tag point to it if the reference is a tag."""
        manifests, tags = self._manifests(registry, repository), self._tags(registry, repository)
        manifests.mkdir(parents=True, exist_ok=True)
        write_private(manifests / _file_name(entry["digest"]), json.dumps(entry))
        if not is_digest(reference):
            tags.mkdir(exist_ok=True)
            write_private(tags / reference, json.dumps(entry))

    def add(self, registry: str, references: list[str], config: Json) -> str:
        """Store an image without layers under `repository:tag` references. Return the digest of its manifest."""
        return self.add_manifest(registry, references, json.dumps(config, sort_keys=True).encode(), [])

    def add_manifest(self, registry: str, references: list[str], config: bytes, layers: list[Json]) -> str:
        """Store an image whose layers exist already (see `store_layer`). Return the digest of its manifest."""
        config_digest, size = self._write_blob(config)
        descriptor = {"mediaType": CONFIG_TYPE, "size": size, "digest": config_digest}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": descriptor, "layers": layers}
        digest, _size = self._write_blob(json.dumps(manifest, sort_keys=True).encode())
        for reference in references:
            repository, _mark, tag = reference.partition(":")
            self._record(registry, repository, tag or "latest", {"digest": digest, "time": utc_now()})
        return digest

    def _write_blob(self, content: bytes) -> tuple[str, int]:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        path = self.blob(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, content.decode())
        return digest, len(content)

    def store_layer(self, content: IO[bytes]) -> Json:
        """Store a layer. Return its descriptor: {mediaType, size, digest}."""
        (self.folder / "blobs").mkdir(parents=True, exist_ok=True)
        partial = self.folder / "blobs" / f"{uuid.uuid4().hex}.partial"
        sha256, size, media_type = hashlib.sha256(), 0, LAYER_TYPE
        try:
            with partial.open("wb") as stream:
                while chunk := content.read(_CHUNK):
                    if size == 0 and chunk[:2] == b"\x1f\x8b":
                        media_type = f"{LAYER_TYPE}.gzip"
                    sha256.update(chunk)
                    stream.write(chunk)
                    size += len(chunk)
            digest = f"sha256:{sha256.hexdigest()}"
            partial.replace(self.blob(digest))
        finally:
            partial.unlink(missing_ok=True)
        return {"mediaType": media_type, "size": size, "digest": digest}

    def find(self, registry: str, repository: str, reference: str) -> Json | None:
        """Return the record of a tag or a digest in a repository: {digest, time, kind?}; None if there is none."""
        path = self._record_path(registry, repository, reference)
        return None if path is None else read_json(path)

    def _record_path(self, registry: str, repository: str, reference: str) -> Path | None:
        """Return the path of the record of a tag or a digest; None for an invalid repository or reference."""
        if not is_repository(repository):
            return None
        if is_digest(reference):
            return self._manifests(registry, repository) / _file_name(reference)
        return self._tags(registry, repository) / reference if is_tag(reference) else None

    def content(self, digest: str) -> bytes | None:
        """Return the bytes of a blob; None if it does not exist."""
        path = self.blob(digest)
        return path.read_bytes() if path.exists() else None

    def image(self, registry: str, repository: str, reference: str) -> tuple[str, Json, Json] | None:
        """Return the digest, the manifest and the configuration of an image for linux/amd64; None if there is none."""
        record = self.find(registry, repository, reference)
        content = self.content(record["digest"]) if record else None
        if record is None or content is None:
            return None
        manifest = json.loads(content)
        if "manifests" in manifest:  # an index: Container Apps runs linux/amd64 only
            for entry in manifest["manifests"]:
                platform = entry.get("platform") or {}
                if (platform.get("os"), platform.get("architecture")) == ("linux", "amd64"):
                    return self.image(registry, repository, entry["digest"])
            return None
        config = self.content(manifest["config"]["digest"])
        return (record["digest"], manifest, json.loads(config)) if config else None

    def remove_registry(self, registry: str) -> None:
        """Remove the content of a deleted registry. Blobs stay: other registries may share them."""
        shutil.rmtree(self._repositories(registry), ignore_errors=True)
        shutil.rmtree(self.folder / "pushed" / registry.lower(), ignore_errors=True)

    # pushes by clients

    def _push_marker(self, registry: str, digest: str) -> Path:
        """Return the marker file of a blob that a client has pushed to a registry."""
        return self.folder / "pushed" / registry.lower() / _file_name(digest)

    def has_blob(self, registry: str, digest: str) -> bool:
        """Return whether a registry has a blob: pushed to it, or referenced by one of its manifests."""
        if not is_digest(digest) or not self.blob(digest).exists():
            return False
        return self._push_marker(registry, digest).exists() or digest in self._referenced_blobs(registry)

    def _referenced_blobs(self, registry: str) -> set[str]:
        digests = set()
        for path in self._repositories(registry).rglob("_manifests/sha256-*"):
            content = self.content(_digest(path.name))
            digests |= {digest for group in manifest_parts(json.loads(content or b"{}")) or () for digest in group}
        return digests

    def stored_bytes(self, registry: str) -> int:
        """Return the size of a registry: its pushed blobs and the blobs of its images, each counted once."""
        pushed = {_digest(path.name) for path in (self.folder / "pushed" / registry.lower()).glob("sha256-*")}
        blobs = [self.blob(digest) for digest in pushed | self._referenced_blobs(registry)]
        return sum(blob.stat().st_size for blob in blobs if blob.exists())

    def commit_upload(self, registry: str, upload: Path, digest: str) -> None:
        """Turn the file of a complete upload into a blob of a registry."""
        marker = self._push_marker(registry, digest)
        marker.parent.mkdir(parents=True, exist_ok=True)
        self.blob(digest).parent.mkdir(parents=True, exist_ok=True)
        upload.replace(self.blob(digest))
        marker.touch()

    def put_manifest(self, registry: str, repository: str, reference: str, content: bytes, kind: str) -> None:
        """Store a manifest of media type `kind`, and let the tag point to it if the reference is a tag."""
        digest, _size = self._write_blob(content)
        self._record(registry, repository, reference, {"digest": digest, "time": utc_now(), "kind": kind})

    def repositories(self, registry: str) -> list[str]:
        """Return the names of the repositories that have a manifest."""
        base = self._repositories(registry)
        return sorted({str(path.parent.parent.relative_to(base)) for path in base.rglob("_manifests/sha256-*")})

    def tags(self, registry: str, repository: str) -> list[str]:
        """Return the tags of a repository."""
        return sorted(path.name for path in self._tags(registry, repository).glob("*") if is_tag(path.name))

    def manifests(self, registry: str, repository: str) -> list[str]:
        """Return the digests of the manifests of a repository, oldest first."""
        files = self._manifests(registry, repository).glob("sha256-*")
        return [_digest(path.name) for path in sorted(files, key=lambda path: path.stat().st_mtime)]

    def referrers(self, registry: str, repository: str, digest: str) -> list[Json]:
        """Return the descriptors of the manifests whose subject has a digest."""
        descriptors = []
        for candidate in self.manifests(registry, repository):
            content = self.content(candidate) or b"{}"
            manifest = json.loads(content)
            if (manifest.get("subject") or {}).get("digest") == digest:
                config = manifest.get("config") or {}
                record = self.find(registry, repository, candidate) or {}
                descriptor = {
                    "mediaType": record.get("kind", MANIFEST_TYPE),
                    "size": len(content),
                    "digest": candidate,
                    "artifactType": manifest.get("artifactType") or config.get("mediaType"),
                }
                if "annotations" in manifest:
                    descriptor["annotations"] = manifest["annotations"]
                descriptors.append(descriptor)
        return descriptors

    def tags_of(self, registry: str, repository: str, digest: str) -> list[str]:
        """Return the tags that point to a manifest."""
        return [
            tag
            for tag in self.tags(registry, repository)
            if (self.find(registry, repository, tag) or {}).get("digest") == digest
        ]

    def remove(self, registry: str, repository: str, reference: str) -> bool:
        """Remove a tag, or a manifest with all its tags. Return whether it existed."""
        path = self._record_path(registry, repository, reference)
        if path is None or not path.exists():
            return False
        if is_digest(reference):
            for tag in self.tags_of(registry, repository, reference):
                (self._tags(registry, repository) / tag).unlink()
        path.unlink()
        return True


def manifest_parts(manifest: Json) -> tuple[list[str], list[str]] | None:
    """Return the digests of the (blobs, manifests) that a manifest or an index refers to; None for other JSON."""
    try:
        if "manifests" in manifest:
            return [], [str(entry["digest"]) for entry in manifest["manifests"]]
        # a layer with URLs of its own is stored elsewhere
        layers = [str(layer["digest"]) for layer in manifest["layers"] if not layer.get("urls")]
        return [str(manifest["config"]["digest"]), *layers], []
    except (KeyError, TypeError, AttributeError):
        return None


def _file_name(digest: str) -> str:
    return digest.replace(":", "-")


def _digest(file_name: str) -> str:
    return file_name.replace("-", ":", 1)
