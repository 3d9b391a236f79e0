# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.Authorization/locks."""

from __future__ import annotations

from .._core import names
from .._core.arm import Json
from .._core.errors import InvalidOption
from .._core.generic_resource import ExtensionResource
from .._core.plan import ENUM

MAX_NOTES_LENGTH = 512


class ManagementLock(ExtensionResource):
    """A management lock."""

    name = "management_lock"
    type = "Microsoft.Authorization/locks"
    path = "/providers/Microsoft.Authorization/locks/{name}"
    address = ("scope", "name")
    wait_timeout = 300
    options = {
        "scope": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "level": {"type": "str", "choices": ["CanNotDelete", "ReadOnly"], "default": "CanNotDelete"},
        "notes": {"type": "str"},
    }
    rules = {"properties.level": ENUM}

    def validate(self) -> None:
        super().validate()
        names.check("name", self.params["name"], names.LOCK)
        notes = self.params["notes"]
        if len(notes or "") > MAX_NOTES_LENGTH:
            raise InvalidOption("notes", notes, f"{MAX_NOTES_LENGTH} characters at most.")

    def desired(self) -> dict[str, Json]:
        return {"properties": {"level": self.params["level"], "notes": self.params["notes"]}}
