# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module container_image does."""

from __future__ import annotations

import re
from typing import Any

from .._core import names as _names
from .._core.arm import Arm, Operations
from .._core.errors import Failure, InvalidOption
from .._core.resource import Params
from .build_context import content_tag, read_context
from .image_build import Build, with_acr, with_docker
from .image_registry import ImageRegistry, platform_tag

_REGISTRIES = Operations(
    "azure.mgmt.containerregistry:ContainerRegistryManagementClient", "registries", "Microsoft.ContainerRegistry"
)
_PLATFORM = re.compile(r"[a-z]+/[a-z0-9_]+(/[a-z0-9]+)?")


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("registry", params["registry"], _names.REGISTRY)
    _names.check("repository", params["repository"], _names.REPOSITORY)
    if params["tag"] is not None:
        _names.check("tag", params["tag"], _names.TAG)
    for platform in params["platform"]:
        if not _PLATFORM.fullmatch(platform):
            raise InvalidOption(
                "platform", platform, "write os/architecture, as linux/amd64, or with a variant linux/arm64/v8."
            )
    if len(params["platform"]) != len(set(params["platform"])) or not params["platform"]:
        raise InvalidOption("platform", params["platform"], "name each platform once, and one at least.")
    if len(params["platform"]) > 1 and not params["wait"] and params["state"] == "present":
        raise InvalidOption(
            "platform", params["platform"], "several are joined once all are built: this needs wait: true."
        )


def execute(params: Params, arm: Arm, check_mode: bool) -> dict[str, Any]:
    """Returns C(changed), C(container_image) ({} when absent) and C(diff)."""
    check(params)
    build = _build(params)
    login_server = _login_server(params, arm)
    if login_server is None and not check_mode and params["state"] == "present":
        raise Failure(
            f"registry: resource group {params['resource_group']} has no registry {params['registry']}: create it first "
            "(mlops.mlflow_azure.container_registry).",
            option="registry",
        )
    host = login_server or f"{params['registry'].lower()}.{arm.connection.cloud.registry_suffix}"
    images = ImageRegistry(arm, host)
    digest = None if login_server is None else images.digest(build.repository, build.tag)
    if params["state"] == "absent":
        if digest is not None and not check_mode:
            images.delete(build.repository, build.tag, digest)
        return _result(build, host, digest is not None, digest, None)
    if digest is not None or check_mode:
        return _result(build, host, digest is None, digest, digest)
    one_by_one = _one_by_one(build, params["platform"])
    for one in one_by_one.values():
        if params["builder"] == "acr":
            with_acr(arm, one, images, params["wait"])
        else:
            with_docker(one, images, arm.deadline)
    if len(one_by_one) > 1:
        images.join(build.repository, build.tag, {platform: one.tag for platform, one in one_by_one.items()})
    pushed = images.digest(build.repository, build.tag)
    if pushed is None and params["wait"]:
        raise Failure(f"The build ended well, but {host} has no {build.repository}:{build.tag}. Run the task again.")
    return _result(build, host, True, None, pushed)


def _build(params: Params) -> Build:
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


def _one_by_one(build: Build, platforms: list[str]) -> dict[str, Build]:
    """The build of each platform. Where there are several each has a tag of its own, which says which it is."""
    if len(platforms) == 1:
        return {platforms[0]: build}
    return {
        platform: build._replace(platform=platform, tag=platform_tag(build.tag, platform)) for platform in platforms
    }


def _login_server(params: Params, arm: Arm) -> str | None:
    registry = arm.get(_REGISTRIES, "get", params["resource_group"], params["registry"])
    return None if registry is None else str(registry["properties"]["loginServer"])


def _result(build: Build, host: str, changed: bool, before: str | None, after: str | None) -> dict[str, Any]:
    name = f"{host}/{build.repository}"
    absent = after is None and (before is not None or not changed)
    shown = {
        "registry": host,
        "repository": build.repository,
        "tag": build.tag,
        "digest": after,
        # Without a digest (check mode, wait: false) the tag has to do.
        "reference": f"{name}@{after}" if after else f"{name}:{build.tag}",
    }
    return {
        "changed": changed,
        "container_image": {} if absent else shown,
        "diff": {"before": _side(build, name, before), "after": {} if absent else _side(build, name, after or "new")},
    }


def _side(build: Build, name: str, digest: str | None) -> dict[str, Any]:
    return {} if digest is None else {"image": f"{name}:{build.tag}", "digest": digest}
