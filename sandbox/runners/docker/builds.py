# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds by the Docker engine of this machine: what ACR Tasks build is an image that `--runtime docker` can run.

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

from sandbox.arm.resource_type import Json
from sandbox.host.docker_engine import EngineError, Owned
from sandbox.registry.builds import Build, BuildFailed
from sandbox.registry.content import REGISTRIES, Images, repository_and_reference
from sandbox.runners.docker.images import DockerImages
from sandbox.store import Resource, Store

_SUFFIX = ".azurecr.io"
_COPIED_FROM = re.compile(r"--from=(\S+)")


class DockerBuilds:
    """Builds contexts with an engine. Nothing of a build stays there: neither the image, once it is in its registry, nor what it was built of."""

    def __init__(self, store: Store, owned: Owned, images: Images, docker_images: DockerImages) -> None:
        self._store = store
        self._owned = owned
        self._images = images
        self._docker_images = docker_images

    async def build(self, registry: Resource, build: Build, log: IO[bytes]) -> str:
        """Builds a context, and puts the image into a registry. Returns its digest. Raises BuildFailed, or OSError."""
        text = await asyncio.to_thread(_dockerfile, build)
        image = f"{self._owned.network}-build:{registry.name.lower()}-{build.run}"
        self._docker_images.keep(image)
        only_here = [image]
        try:
            for name in sorted(_named_images(text, build.arguments)):
                only_here += await self._provide(registry, name, log)
            identifier = await self._execute(build, image, log)
            if not build.references:
                return identifier
            return await self._docker_images.store(image, registry.name, build.references)
        finally:
            for name in reversed(only_here):
                await asyncio.shield(self._docker_images.drop(name))

    async def _provide(self, registry: Resource, name: str, log: IO[bytes]) -> list[str]:
        """Gives the engine an image of the registry that a Dockerfile names: it cannot pull from there by itself.

        Returns the names that it did not have before.
        """
        server, _mark, rest = name.partition("/")
        if self._store.named(REGISTRIES, server.removesuffix(_SUFFIX)) is None:
            return []  # a registry elsewhere, or none
        if server != registry.properties["loginServer"]:
            raise BuildFailed(
                f"{name}: unauthorized: authentication required. The sandbox builds from the run's own registry"
            )
        repository, tag = repository_and_reference(rest)
        if ":" in tag:
            raise BuildFailed(f"{name}: an engine does not know digests of what it has not pulled. Name a tag")
        found = self._images.image(registry.name, repository, tag)
        if found is None or "sandbox" in found[2]:
            raise BuildFailed(f"manifest for {server}/{repository}:{tag} not found: manifest unknown: manifest unknown")
        digest, manifest, _config = found
        log.write(f"{tag}: Pulling from {repository}\nDigest: {digest}\n".encode())
        known = await self._docker_images.has(f"{server}/{repository}:{tag}")
        if not known:
            self._docker_images.keep(f"{server}/{repository}:{tag}")
        await self._docker_images.present(f"{server}/{repository}", digest, manifest, tag)
        return [] if known else [f"{server}/{repository}:{tag}"]

    async def _execute(self, build: Build, image: str, log: IO[bytes]) -> str:
        """Returns the id of the image that was built."""
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
    """The text of a context's Dockerfile. Raises BuildFailed."""
    try:
        with tarfile.open(build.context) as archive:
            for member in archive:
                if str(PurePosixPath(member.name)) == build.dockerfile and (content := archive.extractfile(member)):
                    return content.read().decode()
    except (tarfile.TarError, UnicodeDecodeError) as error:
        raise BuildFailed(f"the context cannot be read: {error}") from error
    raise BuildFailed(f"unable to find the Dockerfile '{build.dockerfile}' in the build context")


def _named_images(text: str, arguments: dict[str, str]) -> set[str]:
    """The images of Azure's registries that a Dockerfile names."""
    parser = DockerfileParser(fileobj=io.BytesIO(text.encode()), build_args=arguments)
    named = [str(name) for name in parser.parent_images if name]
    for entry in parser.structure:
        if entry["instruction"].upper() == "COPY":
            named += _COPIED_FROM.findall(entry["value"])
    return {name for name in named if name.partition("/")[0].endswith(_SUFFIX)}


def _line(message: dict[str, Any]) -> bytes:
    """What a message of the engine adds to the log."""
    if "stream" in message:
        return str(message["stream"]).encode()
    if "status" in message and "progress" not in message:
        return f"{message.get('id', '')}{': ' if message.get('id') else ''}{message['status']}\n".encode()
    return b""
