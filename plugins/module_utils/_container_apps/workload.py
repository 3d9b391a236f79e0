# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base class of container apps and jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from .._core import identity_option, names
from .._core.arguments import IN_GROUP, TAGS
from .._core.arm import Json
from .._core.errors import InvalidOption
from .._core.plan import ENUM, ID, LOCATION, WHOLE, immutable
from .._core.resource import NEEDS_LOCATION, READ_ONLY
from . import containers, registries, secrets, volumes
from .client import PACKAGES
from .options import each, text


class Workload(secrets.WithSecrets):
    """A resource that runs containers: a container app or a job.

    name_rule: of the resource's name.
    """

    address = ("resource_group", "name")
    packages = PACKAGES
    constraints = NEEDS_LOCATION
    name_rule: ClassVar[names.NameRule]
    options = {
        **IN_GROUP,
        "environment_id": text(),
        **identity_option.OPTION,
        **secrets.OPTIONS,
        **registries.OPTIONS,
        **containers.OPTIONS,
        **volumes.OPTIONS,
        "workload_profile_name": text(),
        **TAGS,
    }
    rules = {
        "location": immutable("location", LOCATION),
        **identity_option.RULES,
        "properties.environmentId": immutable("environment_id", ID),
        **registries.RULES,
        **secrets.RULES,
        **containers.RULES,
        **volumes.RULES,
        "properties.workloadProfileName": ENUM,
        "tags": WHOLE,
    }
    read_only: ClassVar[tuple[str, ...]] = (
        *READ_ONLY,
        *identity_option.READ_ONLY,
        *containers.READ_ONLY,
        "properties.delegatedIdentities",
        "properties.eventStreamEndpoint",
        "properties.outboundIpAddresses",
        "properties.runningStatus",
    )

    def configuration(self) -> dict[str, Any]:
        """Return the settings of the type in C(properties.configuration), as ARM JSON."""
        raise NotImplementedError

    def template(self) -> dict[str, Any]:
        """Return the settings of the type in C(properties.template), as ARM JSON."""
        return {}

    def validate_settings(self) -> None:
        """Raise InvalidOption for the first setting of the type that Azure would refuse."""
        raise NotImplementedError

    def validate(self) -> None:
        names.check("resource_group", self.params["resource_group"], names.RESOURCE_GROUP)
        names.check("name", self.params["name"], self.name_rule)
        if self.state == "absent":
            return
        identity_option.check(self.params)
        secrets.validate(self.params)
        registries.validate(self.params)
        containers.validate(self.params)
        volumes.validate(self.params)
        self.validate_settings()
        secrets.validate_references(self.params, self.secret_references())

    def validate_create(self) -> None:
        for option in ("environment_id", "containers"):
            if not self.params[option]:
                raise InvalidOption(option, self.params[option], "a new resource needs it.")
        containers.validate_create(self.params)

    def desired_without_secrets(self) -> dict[str, Any]:
        return {
            "location": self.params["location"],
            "identity": identity_option.desired(self.params),
            "properties": {
                "environmentId": self.params["environment_id"],
                "workloadProfileName": self.params["workload_profile_name"],
                "configuration": {"registries": registries.desired(self.params), **self.configuration()},
                "template": {
                    "containers": each(self.params["containers"], containers.desired),
                    "initContainers": each(self.params["init_containers"], containers.desired),
                    "volumes": volumes.desired(self.params),
                    **self.template(),
                },
            },
            "tags": self.tags,
        }

    def body_without_secrets(self, body: Json) -> Json:
        return identity_option.whole(body)

    def secret_references(self) -> Iterator[tuple[str, str]]:
        yield from containers.secret_references(self.params)
        yield from registries.secret_references(self.params)
        yield from volumes.secret_references(self.params)
