# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of a container registry, identified by the content that they are built from."""

from __future__ import annotations

import re
from typing import Any

from .._core import names
from .._core.arguments import STATE, wait_options
from .._core.errors import Failure, InvalidOption
from .._core.module import AzureModule
from .build_context import content_tag, read_context
from .image_build import Build, build_with_acr, build_with_docker
from .image_registry import ImageRegistry, platform_tag
from .registry import REGISTRIES

_PLATFORM = re.compile(r"[a-z]+/[a-z0-9_]+(/[a-z0-9]+)?")


class ContainerImage(AzureModule):
    """An image in a container registry, built where the registry does not have it."""

    options = {
        "resource_group": {"type": "str", "required": True},
        "registry": {"type": "str", "required": True},
        "repository": {"type": "str", "required": True},
        "tag": {"type": "str"},
        "context": {"type": "path"},
        "dockerfile": {"type": "str", "default": "Dockerfile"},
        "build_args": {"type": "dict"},
        "platform": {"type": "list", "elements": "str", "default": ["linux/amd64"]},
        "builder": {"type": "str", "choices": ["acr", "docker"], "default": "acr"},
        **STATE,
        **wait_options(1800),
    }
    packages = {
        "azure.containerregistry": "azure-containerregistry",
        "azure.mgmt.containerregistry": "azure-mgmt-containerregistry",
    }
    constraints = {
        "required_if": [("state", "present", ("context",)), ("state", "absent", ("context", "tag"), True)],
    }

    def validate(self) -> None:
        """Raise InvalidOption for the first option that cannot be valid, before any request."""
        params = self.params
        names.check("resource_group", params["resource_group"], names.RESOURCE_GROUP)
        names.check("registry", params["registry"], names.REGISTRY)
        names.check("repository", params["repository"], names.REPOSITORY)
        if params["tag"] is not None:
            names.check("tag", params["tag"], names.TAG)
        platforms = params["platform"]
        for platform in platforms:
            if not _PLATFORM.fullmatch(platform):
                rule = "write os/architecture, as linux/amd64, or with a variant linux/arm64/v8."
                raise InvalidOption("platform", platform, rule)
        if len(platforms) != len(set(platforms)) or not platforms:
            raise InvalidOption("platform", platforms, "name each platform once, and one at least.")
        if len(platforms) > 1 and not params["wait"] and params["state"] == "present":
            rule = "several are joined once all are built: this needs wait: true."
            raise InvalidOption("platform", platforms, rule)

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Return C(changed), C(container_image) ({} when absent) and C(diff). Raise ArmError and Failure."""
        self.validate()
        params, build = self.params, self._build()
        login_server = self._login_server()
        if login_server is None and not check_mode and params["state"] == "present":
            raise Failure(
                f"registry: resource group {params['resource_group']} has no registry {params['registry']}: create it first "
                "(mlops.mlflow_azure.container_registry).",
                option="registry",
            )
        host = login_server or f"{params['registry'].lower()}.{self.arm.connection.cloud.registry_suffix}"
        images = ImageRegistry(self.arm, host)
        digest = None if login_server is None else images.digest(build.repository, build.tag)
        if params["state"] == "absent":
            if digest is not None and not check_mode:
                images.delete(build.repository, build.tag, digest)
            return _result(build, host, digest is not None, digest, None)
        if digest is not None or check_mode:
            return _result(build, host, digest is None, digest, digest)
        return _result(build, host, True, None, self._push(build, images))

    def _push(self, build: Build, images: ImageRegistry) -> str | None:
        """Build and push the image for all platforms. Return its digest, None for a build that has not ended."""
        builds = _builds_by_platform(build, self.params["platform"])
        for one in builds.values():
            if self.params["builder"] == "acr":
                build_with_acr(self.arm, one, images, self.params["wait"])
            else:
                build_with_docker(one, images, self.arm.deadline)
        if len(builds) > 1:
            images.join(build.repository, build.tag, {platform: one.tag for platform, one in builds.items()})
        digest = images.digest(build.repository, build.tag)
        if digest is None and self.params["wait"]:
            raise Failure(
                f"The build succeeded, but {images.login_server} has no {build.repository}:{build.tag}. Run the task again."
            )
        return digest

    def _build(self) -> Build:
        params = self.params
        build_args = {str(key): str(value) for key, value in (params["build_args"] or {}).items()}
        if params["context"] is None:
            context, tag = None, params["tag"]
        else:
            context = read_context(params["context"], params["dockerfile"])
            tag = params["tag"] or content_tag(context, build_args, params["platform"])
        if tag is None or (context is None and params["state"] == "present"):
            raise Failure("context is required, or for state absent tag.", option="context")
        return Build(
            resource_group=params["resource_group"],
            registry=params["registry"],
            repository=params["repository"],
            tag=tag,
            context=context,  # type: ignore[arg-type]  # only a state that builds reads it
            build_args=build_args,
            platform=params["platform"][0],
        )

    def _login_server(self) -> str | None:
        registry = self.arm.get(REGISTRIES, "get", self.params["resource_group"], self.params["registry"])
        return None if registry is None else str(registry["properties"]["loginServer"])


def _builds_by_platform(build: Build, platforms: list[str]) -> dict[str, Build]:
    """Return the build of each platform. Of several, each has a tag of its own that names the platform."""
    if len(platforms) == 1:
        return {platforms[0]: build}
    return {
        platform: build._replace(platform=platform, tag=platform_tag(build.tag, platform)) for platform in platforms
    }


def _result(build: Build, host: str, changed: bool, before: str | None, after: str | None) -> dict[str, Any]:
    name = f"{host}/{build.repository}"
    absent = after is None and (before is not None or not changed)
    image = {
        "registry": host,
        "repository": build.repository,
        "tag": build.tag,
        "digest": after,
        # Without a digest (check mode, wait: false) only the tag identifies the image.
        "reference": f"{name}@{after}" if after else f"{name}:{build.tag}",
    }
    return {
        "changed": changed,
        "container_image": {} if absent else image,
        "diff": {"before": _side(build, name, before), "after": {} if absent else _side(build, name, after or "new")},
    }


def _side(build: Build, name: str, digest: str | None) -> dict[str, Any]:
    return {} if digest is None else {"image": f"{name}:{build.tag}", "digest": digest}
