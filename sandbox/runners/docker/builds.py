# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds of ACR Tasks in the Docker engine of this machine, for `--runtime docker`.

Source: https://docs.docker.com/reference/api/engine/, POST /build.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import tarfile
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import urlencode

from dockerfile_parse import DockerfileParser

from sandbox.host.docker_engine import EngineError, Owned
from sandbox.messages import Json
from sandbox.registry.builds import Build, BuildFailed
from sandbox.registry.content import REGISTRIES, Images
from sandbox.registry.paths import repository_and_reference
from sandbox.runners.docker.images import DockerImages
from sandbox.store import Resource, Store

_SUFFIX = ".azurecr.io"
_COPIED_FROM = re.compile(r"--from=(\S+)")


class DockerBuilds:
    """Builder that uses an engine. After a build the engine keeps neither the image nor the base images that the build has loaded."""

    def __init__(self, store: Store, owned: Owned, images: Images, docker_images: DockerImages) -> None:
        self._store = store
        self._owned = owned
        self._images = images
        self._docker_images = docker_images

    async def build(self, registry: Resource, build: Build, log: IO[bytes]) -> str:
        """Build a context and store the image. Return the digest of its manifest. Raise BuildFailed or OSError."""
        text = await asyncio.to_thread(_dockerfile, build)
        image = f"{self._owned.network}-build:{registry.name.lower()}-{build.run}"
        self._docker_images.keep(image)
        temporary = [image]
        try:
            for name in sorted(_registry_images(text, build.arguments)):
                temporary += await self._load(registry, name, log)
            identifier = await self._execute(build, image, log)
            if not build.references:
                return identifier
            return await self._docker_images.store(image, registry.name, build.references)
        finally:
            for name in reversed(temporary):
                await asyncio.shield(self._docker_images.drop(name))

    async def _load(self, registry: Resource, name: str, log: IO[bytes]) -> list[str]:
        """Load an image of the registry into the engine, which cannot pull from the sandbox by itself.

        Return the names that the engine did not have before.
        """
        server, _mark, rest = name.partition("/")
        if self._store.named(REGISTRIES, server.removesuffix(_SUFFIX)) is None:
            return []  # not a registry of the sandbox
        if server != registry.properties["loginServer"]:
            raise BuildFailed(
                f"{name}: unauthorized: authentication required. The sandbox builds from the run's own registry"
            )
        repository, tag = repository_and_reference(rest)
        if ":" in tag:
            raise BuildFailed(f"{name}: the engine has no digests of images that it has not pulled. Use a tag")
        image = self._images.image(registry.name, repository, tag)
        if image is None or "sandbox" in image[2]:
            raise BuildFailed(f"manifest for {server}/{repository}:{tag} not found: manifest unknown: manifest unknown")
        digest, manifest, _config = image
        log.write(f"{tag}: Pulling from {repository}\nDigest: {digest}\n".encode())
        present = await self._docker_images.has(f"{server}/{repository}:{tag}")
        if not present:
            self._docker_images.keep(f"{server}/{repository}:{tag}")
        await self._docker_images.load(f"{server}/{repository}", digest, manifest, tag)
        return [] if present else [f"{server}/{repository}:{tag}"]

    async def _execute(self, build: Build, image: str, log: IO[bytes]) -> str:
        """Run the build. Return the id of the image."""
        query: Json = {
            "dockerfile": build.dockerfile,
            "t": image,
            "buildargs": json.dumps(build.arguments),
            "rm": "1",
            "forcerm": "1",
        }
        if build.platform != "linux/amd64":
            query["platform"] = build.platform
        identifier = ""
        try:
            async for message in self._owned.engine.messages("POST", f"/build?{urlencode(query)}", build.context):
                log.write(_line(message))
                identifier = str((message.get("aux") or {}).get("ID", identifier))
        except EngineError as error:
            raise BuildFailed(str(error)) from error
        return identifier


def _dockerfile(build: Build) -> str:
    """Return the Dockerfile of a context. Raise BuildFailed."""
    try:
        with tarfile.open(build.context) as archive:
            for member in archive:
                if str(PurePosixPath(member.name)) == build.dockerfile and (content := archive.extractfile(member)):
                    return content.read().decode()
    except (tarfile.TarError, UnicodeDecodeError) as error:
        raise BuildFailed(f"the context cannot be read: {error}") from error
    raise BuildFailed(f"unable to find the Dockerfile '{build.dockerfile}' in the build context")


def _registry_images(text: str, arguments: dict[str, str]) -> set[str]:
    """Return the images of Azure registries in a Dockerfile."""
    parser = DockerfileParser(fileobj=io.BytesIO(text.encode()), build_args=arguments)
    names = [str(name) for name in parser.parent_images if name]
    for entry in parser.structure:
        if entry["instruction"].upper() == "COPY":
            names += _COPIED_FROM.findall(entry["value"])
    return {name for name in names if name.partition("/")[0].endswith(_SUFFIX)}


def _line(message: dict[str, Any]) -> bytes:
    """Return the log output of a message of the engine."""
    if "stream" in message:
        return str(message["stream"]).encode()
    if "status" in message and "progress" not in message:
        return f"{message.get('id', '')}{': ' if message.get('id') else ''}{message['status']}\n".encode()
    return b""
