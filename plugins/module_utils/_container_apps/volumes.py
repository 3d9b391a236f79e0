# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Option C(volumes), and the mounts of containers that refer to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._core import names
from .._core.errors import InvalidOption
from .._core.module import Params
from .._core.plan import ENUM, WHOLE_BY_NAME, Rules
from .containers import all_containers
from .options import NAME, Spec, check_unique, each, items, text

OPTIONS: dict[str, Spec] = {
    "volumes": items(
        name=NAME,
        storage_type=text(choices=["EmptyDir", "AzureFile", "NfsAzureFile", "Secret"], required=True),
        storage_name=text(),
        mount_options=text(),
        secrets={**items(secret_ref=text(required=True, no_log=False), path=text()), "no_log": False},
    )
}
RULES: Rules = {
    "properties.template.volumes": WHOLE_BY_NAME,
    "properties.template.volumes[].storageType": ENUM,
}


def desired(params: Params) -> list[Any] | None:
    """Return the volumes as ARM JSON."""
    return each(
        params["volumes"],
        lambda volume: {
            "name": volume["name"],
            "storageType": volume["storage_type"],
            "storageName": volume["storage_name"],
            "mountOptions": volume["mount_options"],
            "secrets": each(
                volume["secrets"], lambda secret: {"secretRef": secret["secret_ref"], "path": secret["path"]}
            ),
        },
    )


def validate(params: Params) -> None:
    """Raise InvalidOption for the first setting that Azure would refuse."""
    volumes = params["volumes"]
    if volumes is None:
        return
    check_unique("volumes.name", [volume["name"] for volume in volumes])
    for volume in volumes:
        _validate(volume)
    _validate_mounts(params, {volume["name"] for volume in volumes})


def _validate(volume: dict[str, Any]) -> None:
    name, storage_type = volume["name"], volume["storage_type"]
    names.check("volumes.name", name, names.CONTAINER)
    if (storage_type in ("AzureFile", "NfsAzureFile")) != bool(volume["storage_name"]):
        raise InvalidOption(
            f"volumes[{name}].storage_name",
            volume["storage_name"],
            f"a volume of storage_type {storage_type} "
            + ("has none." if volume["storage_name"] else "needs the name of a storage of the environment."),
        )
    if volume["secrets"] and storage_type != "Secret":
        raise InvalidOption(f"volumes[{name}].storage_type", storage_type, "only a Secret volume has secrets.")


def _validate_mounts(params: Params, defined: set[str]) -> None:
    for container in all_containers(params):
        option = f"containers[{container['name']}].volume_mounts"
        mounts = container["volume_mounts"] or []
        check_unique(f"{option}.mount_path", [mount["mount_path"] for mount in mounts])
        for mount in mounts:
            if mount["volume_name"] not in defined:
                raise InvalidOption(
                    f"{option}.volume_name",
                    mount["volume_name"],
                    f"volumes defines no such volume, only {', '.join(sorted(defined)) or 'none'}.",
                )


def secret_references(params: Params) -> Iterator[tuple[str, str]]:
    """Yield option and secret name of each reference to a secret."""
    for volume in params["volumes"] or []:
        for secret in volume["secrets"] or []:
            yield f"volumes[{volume['name']}].secrets.secret_ref", secret["secret_ref"]
