# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images between a Docker engine and the registries: an archive of the engine becomes layers, configuration and manifest, and back.

Layers are kept as the engine hands them out. Source: https://github.com/opencontainers/image-spec, and `docker save`.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import tarfile
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import IO
from urllib.parse import quote

from sandbox.arm.resource_type import Json
from sandbox.host.docker_engine import Engine, EngineError, KeptImages, image_path
from sandbox.registry.content import DIGEST, Images

_CHUNK = 1 << 20


class DockerImages:
    """Moves images between an engine and the registries."""

    def __init__(self, engine: Engine, images: Images, kept: KeptImages) -> None:
        self._engine = engine
        self._images = images
        self._kept = kept
        self._loading = asyncio.Lock()

    def keep(self, name: str) -> None:
        """Writes down that the engine is to have an image for as long as there is this sandbox."""
        self._kept.add(name)

    async def drop(self, name: str) -> None:
        """Removes an image that was only for the while from the engine. Raises EngineError."""
        await self._kept.remove(self._engine, name)

    async def store(self, name: str, registry: str, references: Iterable[str]) -> str:
        """Puts an image of the engine into a registry, under `repository:tag`. Returns its manifest's digest. Raises EngineError."""
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
            (about,) = json.load(_member(tar, "manifest.json"))
            config = _member(tar, about["Config"]).read()
            layers = [self._images.keep_layer(_member(tar, name)) for name in about["Layers"]]
        return self._images.add_manifest(registry, references, config, layers)

    async def present(self, name: str, digest: str, manifest: Json, wanted: str | None = None) -> str:
        """Makes sure that the engine has an image of a registry. Returns the name by which it knows it.

        `wanted`: a tag that the image is to have in any case. Raises EngineError.
        """
        identifier, own = manifest["config"]["digest"], f"{name}:{digest.removeprefix('sha256:')[:16]}"
        async with self._loading:
            for known in (identifier, own) if wanted is None else ():
                if await self.has(known):
                    return str(known)
            tags = [own if wanted is None else f"{name}:{wanted}"]
            if wanted is None:
                self.keep(own)
            archive = self._temporary()
            try:
                await asyncio.to_thread(self._pack, archive, manifest, tags)
                async for _message in self._engine.messages("POST", "/images/load?quiet=1", archive):
                    pass
            finally:
                archive.unlink(missing_ok=True)
        return tags[0]

    async def has(self, name: str) -> bool:
        """Whether the engine has an image, by name or id. Raises EngineError."""
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
            if not re.fullmatch(DIGEST, digest):
                raise EngineError(0, f"the image's manifest names {digest!r}, which is no digest")
        described = f"{config.removeprefix('sha256:')}.json"
        layers = [names[str(layer["digest"])] for layer in manifest["layers"]]
        about = [{"Config": described, "RepoTags": tags, "Layers": layers}]
        with tarfile.open(archive, "w") as tar:
            for digest, name in names.items():
                tar.add(self._images.blob(digest), name, recursive=False)
            tar.add(self._images.blob(config), described, recursive=False)
            content = json.dumps(about).encode()
            entry = tarfile.TarInfo("manifest.json")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    found = tar.extractfile(name)
    if found is None:
        raise EngineError(0, f"the Docker engine's archive has no file {name}")
    return found
