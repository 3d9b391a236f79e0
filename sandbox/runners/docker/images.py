# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfer of images between a Docker engine and the registries: an archive of the engine becomes layers, configuration and manifest, and back.

Layers are stored as the engine exports them. Source: https://github.com/opencontainers/image-spec, and `docker save`.
"""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import IO
from urllib.parse import quote

from sandbox.host.docker_engine import Engine, EngineError, ImageRecords, image_path
from sandbox.messages import Json
from sandbox.registry.content import Images
from sandbox.registry.paths import is_digest

_CHUNK = 1 << 20


class DockerImages:
    """Transfer of images between an engine and the registries."""

    def __init__(self, engine: Engine, images: Images, records: ImageRecords) -> None:
        self._engine = engine
        self._images = images
        self._records = records
        self._loading = asyncio.Lock()

    def keep(self, name: str) -> None:
        """Record an image that the engine has only for this sandbox."""
        self._records.add(name)

    async def drop(self, name: str) -> None:
        """Remove a recorded image from the engine. Raise EngineError."""
        await self._records.remove(self._engine, name)

    async def store(self, name: str, registry: str, references: Iterable[str]) -> str:
        """Store an image of the engine in a registry, under `repository:tag`. Return the digest of its manifest. Raise EngineError."""
        archive = self._temporary()
        try:
            async with self._engine.stream("GET", f"/images/{quote(name, safe='/:@')}/get") as reader:
                with archive.open("wb") as stream:
                    while chunk := await reader.read(_CHUNK):
                        await asyncio.to_thread(stream.write, chunk)
            return await asyncio.to_thread(self._unpack, archive, registry, list(references))
        finally:
            archive.unlink(missing_ok=True)

    def _temporary(self) -> Path:
        folder = self._images.folder / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / uuid.uuid4().hex

    def _unpack(self, archive: Path, registry: str, references: list[str]) -> str:
        with tarfile.open(archive) as tar:
            (entry,) = json.load(_member(tar, "manifest.json"))
            config = _member(tar, entry["Config"]).read()
            layers = [self._images.store_layer(_member(tar, name)) for name in entry["Layers"]]
        return self._images.add_manifest(registry, references, config, layers)

    async def load(self, name: str, digest: str, manifest: Json, tag: str | None = None) -> str:
        """Load an image of a registry into the engine, unless the engine has it. Return its name in the engine.

        `tag`: tag that the image gets in any case. Raise EngineError.
        """
        identifier, recorded = manifest["config"]["digest"], f"{name}:{digest.removeprefix('sha256:')[:16]}"
        async with self._loading:
            for candidate in (identifier, recorded) if tag is None else ():
                if await self.has(candidate):
                    return str(candidate)
            tags = [recorded if tag is None else f"{name}:{tag}"]
            if tag is None:
                self.keep(recorded)
            archive = self._temporary()
            try:
                await asyncio.to_thread(self._pack, archive, manifest, tags)
                async for _message in self._engine.messages("POST", "/images/load?quiet=1", archive):
                    pass
            finally:
                archive.unlink(missing_ok=True)
        return tags[0]

    async def has(self, name: str) -> bool:
        """Return whether the engine has an image, by name or id. Raise EngineError."""
        try:
            await self._engine.call("GET", f"{image_path(name)}/json")
        except EngineError as error:
            if error.status != 404:
                raise
            return False
        return True

    def _pack(self, archive: Path, manifest: Json, tags: list[str]) -> None:
        names = {
            str(layer["digest"]): f"{str(layer['digest']).removeprefix('sha256:')}.tar" for layer in manifest["layers"]
        }
        config = str(manifest["config"]["digest"])
        for digest in (*names, config):
            if not is_digest(digest):
                raise EngineError(0, f"the image's manifest contains {digest!r}, which is not a digest")
        config_name = f"{config.removeprefix('sha256:')}.json"
        layers = [names[str(layer["digest"])] for layer in manifest["layers"]]
        index = [{"Config": config_name, "RepoTags": tags, "Layers": layers}]
        with tarfile.open(archive, "w") as tar:
            for digest, name in names.items():
                tar.add(self._images.blob(digest), name, recursive=False)
            tar.add(self._images.blob(config), config_name, recursive=False)
            content = json.dumps(index).encode()
            entry = tarfile.TarInfo("manifest.json")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    member = tar.extractfile(name)
    if member is None:
        raise EngineError(0, f"the Docker engine's archive has no file {name}")
    return member
