# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options C(containers) and C(init_containers)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from .._core import names
from .._core.errors import InvalidOption
from .._core.module import Params
from .._core.plan import BY_NAME, NUMBER, QUANTITY, WHOLE_BY_NAME, Rule, Rules, quantity_in_bytes
from . import probes
from .options import NAME, STRINGS, Spec, check_unique, each, items, text

_GIB = 2**30
# Of a container without settings of its own.
_DEFAULT_CPU, _DEFAULT_MEMORY = "0.5", "1Gi"

# The settings that an execution of a job may replace.
PROCESS: dict[str, Spec] = {
    "name": NAME,
    "image": text(),
    "command": STRINGS,
    "args": STRINGS,
    "env": items(name=NAME, value=text(), secret_ref=text(no_log=False)),
    "cpu": {"type": "float"},
    "memory": text(),
}
_INIT_CONTAINER: dict[str, Spec] = {
    **PROCESS,
    "volume_mounts": items(volume_name=NAME, mount_path=text(required=True), sub_path=text()),
}
OPTIONS: dict[str, Spec] = {
    "containers": items(**_INIT_CONTAINER, probes=probes.SPEC),
    "init_containers": items(**_INIT_CONTAINER),
}


def _rules(path: str) -> dict[str, Rule]:
    return {
        path: BY_NAME,
        f"{path}[].env": WHOLE_BY_NAME,
        **probes.rules(f"{path}[].probes"),
        f"{path}[].resources.cpu": NUMBER,
        f"{path}[].resources.memory": QUANTITY,
        f"{path}[].volumeMounts": Rule(key="mountPath", whole=True),
    }


RULES: Rules = {**_rules("properties.template.containers"), **_rules("properties.template.initContainers")}
READ_ONLY = (
    "properties.template.containers[].imageType",
    "properties.template.containers[].resources.ephemeralStorage",
    "properties.template.initContainers[].imageType",
    "properties.template.initContainers[].resources.ephemeralStorage",
)


def all_containers(params: Params) -> list[dict[str, Any]]:
    """Return the containers and the init containers of the options."""
    return [*(params["containers"] or []), *(params["init_containers"] or [])]


def desired(container: dict[str, Any]) -> dict[str, Any]:
    """Return a container as ARM JSON."""
    resources = {"cpu": container["cpu"], "memory": container["memory"]}
    return {
        "name": container["name"],
        "image": container["image"],
        "command": container["command"],
        "args": container["args"],
        "env": each(container["env"], _variable),
        "resources": resources if any(value is not None for value in resources.values()) else None,
        "probes": each(container.get("probes"), probes.desired),
        "volumeMounts": each(container.get("volume_mounts"), _volume_mount),
    }


def _variable(variable: dict[str, Any]) -> dict[str, Any]:
    if variable["secret_ref"] is None and variable["value"] is None:
        return {"name": variable["name"], "value": ""}
    return {"name": variable["name"], "value": variable["value"], "secretRef": variable["secret_ref"]}


def _volume_mount(mount: dict[str, Any]) -> dict[str, Any]:
    return {"volumeName": mount["volume_name"], "mountPath": mount["mount_path"], "subPath": mount["sub_path"]}


def validate(params: Params) -> None:
    """Raise InvalidOption for the first setting that Azure would refuse."""
    validate_containers(all_containers(params))
    if params["workload_profile_name"] == "Consumption":
        _check_size(params["containers"] or [])


def validate_create(params: Params) -> None:
    """Raise InvalidOption for a new container without an image or with a size that the Consumption profile does not have."""
    for container in params["containers"]:
        if not container["image"]:
            raise InvalidOption(f"containers[{container['name']}].image", None, "a new container needs it.")
    if params["workload_profile_name"] is None:
        # An existing workload may be on any profile; a new one without a profile is on Consumption.
        _check_size(params["containers"])


def validate_containers(containers: list[dict[str, Any]]) -> None:
    """Raise InvalidOption for the first setting of these containers that Azure would refuse."""
    check_unique("containers.name", [container["name"] for container in containers])
    for container in containers:
        name = container["name"]
        names.check("containers.name", name, names.CONTAINER)
        variables = container["env"] or []
        check_unique(f"containers[{name}].env.name", [variable["name"] for variable in variables])
        for variable in variables:
            if variable["value"] is not None and variable["secret_ref"] is not None:
                raise InvalidOption(
                    f"containers[{name}].env.name", variable["name"], "a variable has either a value or a secret_ref."
                )
        probes.validate(name, container.get("probes") or [])
        for mount in container.get("volume_mounts") or []:
            if not mount["mount_path"].startswith("/"):
                raise InvalidOption(
                    f"containers[{name}].volume_mounts.mount_path",
                    mount["mount_path"],
                    "use an absolute path, which begins with /.",
                )


def _check_size(containers: list[dict[str, Any]]) -> None:
    """Raise InvalidOption unless the containers of a replica together have a size of the Consumption profile."""
    sized = [container for container in containers if container["cpu"] is not None or container["memory"] is not None]
    if not sized:
        return
    for container in sized:
        if container["cpu"] is None or container["memory"] is None:
            raise InvalidOption(
                f"containers[{container['name']}]", container["cpu"] or container["memory"], "set both cpu and memory."
            )
    cpu = sum((Decimal(str(container["cpu"] or _DEFAULT_CPU)) for container in containers), Decimal(0))
    memory = sum((_memory_in_bytes(container) for container in containers), Decimal(0))
    if cpu % Decimal("0.25") or not Decimal("0.25") <= cpu <= 4 or memory != cpu * 2 * _GIB:
        raise InvalidOption(
            "containers",
            f"{cpu} cores and {memory / _GIB:g}Gi",
            "the containers of an app on the Consumption profile have together 0.25 to 4 cores, in steps of 0.25, and "
            f"twice as many Gi of memory (such as 0.5 and 1Gi). For these cores set memory to {cpu * 2:g}Gi.",
        )


def _memory_in_bytes(container: dict[str, Any]) -> Decimal:
    memory = container["memory"] or _DEFAULT_MEMORY
    size = quantity_in_bytes(memory)
    if size is None:
        raise InvalidOption(f"containers[{container['name']}].memory", memory, "use gibibytes, such as 1Gi or 0.5Gi.")
    return size


def secret_references(params: Params) -> Iterator[tuple[str, str]]:
    """Yield option and secret name of each reference to a secret."""
    for container in all_containers(params):
        for variable in container["env"] or []:
            if variable["secret_ref"] is not None:
                yield f"containers[{container['name']}].env[{variable['name']}].secret_ref", variable["secret_ref"]
