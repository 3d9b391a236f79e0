# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base class of info modules: read, and change nothing."""

from __future__ import annotations

from typing import Any, ClassVar

from .arguments import WAIT_TIMEOUT
from .arm import Arm, Json, Operations
from .errors import ArmError
from .module import AzureModule

_PARENT_ABSENT = frozenset(("ResourceGroupNotFound", "ResourceNotFound", "ParentResourceNotFound"))


class InfoModule(AzureModule):
    """An info module: its own options and the time for which Azure is read."""

    @classmethod
    def argument_spec(cls) -> dict[str, Any]:
        return {**super().argument_spec(), **WAIT_TIMEOUT}


class ResourceInfo(InfoModule):
    """The info module of a resource type.

    name: plural noun, key of the result. operations, get_method, address: as those of Resource; the last option of
    C(address) is the resource's name. lists: from the narrowest to the widest, the name of a list method and the options
    that it takes, in its order.
    """

    name: ClassVar[str]
    operations: ClassVar[Operations]
    address: ClassVar[tuple[str, ...]]
    lists: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]]
    get_method: ClassVar[str] = "get"

    def public(self, resource: Json) -> Json:
        """Return the resource without secrets."""
        return resource

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Return the resources under their name: one, all that the options select, or none.

        The resources of an absent parent are none; a read that is refused is an error.
        """
        return {"changed": False, self.name: [self.public(resource) for resource in self._read()]}

    def _read(self) -> list[Json]:
        if self._are_set(self.address):
            resource = self.arm.get(self.operations, self.get_method, *self._values(self.address))
            return [] if resource is None else [resource]
        method, options = next(entry for entry in self.lists if self._are_set(entry[1]))
        return list_all(self.arm, self.operations, method, *self._values(options))

    def _are_set(self, options: tuple[str, ...]) -> bool:
        return all(self.params[option] is not None for option in options)

    def _values(self, options: tuple[str, ...]) -> list[str]:
        return [self.params[option] for option in options]


def list_all(arm: Arm, operations: Operations, method: str, *arguments: str, **options: Any) -> list[Json]:
    """Return the items of a list, none where the parent is absent. Raise ArmError and Failure."""
    try:
        return arm.call_all(operations, method, *arguments, **options)
    except ArmError as error:
        if error.status == 404 and error.code in _PARENT_ABSENT:
            return []
        raise
