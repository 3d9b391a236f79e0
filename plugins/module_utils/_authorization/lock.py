# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.Authorization/locks."""

from __future__ import annotations

import re
from typing import Any

from .._core.api_versions import API_VERSIONS
from .._core.arguments import STATE, wait_options
from .._core.arm import ANY_RESOURCE, Json
from .._core.errors import InvalidOption
from .._core.module import AzureModule
from .._core.plan import CREATE, DELETE, ENUM, NONE, Plan, Rules, plan, whole_body
from .._core.resource import READ_ONLY

# The SDK package for locks exists as a pre-release only; the client of all resources takes any resource id.
_VERSION = API_VERSIONS["Microsoft.Authorization/locks"]
_RULES: Rules = {"properties.level": ENUM}
MAX_NOTES_LENGTH = 512
_NAME = re.compile(r"[^<>%&:\\?/]{0,259}[^<>%&:\\?/. ]")


class ManagementLock(AzureModule):
    """A management lock. Not a Resource: its address is a resource id of any scope, and writes are synchronous."""

    options = {
        "scope": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "level": {"type": "str", "choices": ["CanNotDelete", "ReadOnly"], "default": "CanNotDelete"},
        "notes": {"type": "str"},
        **STATE,
        **wait_options(300),
    }
    packages = {"azure.mgmt.resource.resources": "azure-mgmt-resource"}

    def validate(self) -> None:
        """Raise InvalidOption for the first option that Azure would refuse, before any request."""
        scope, name, notes = self.params["scope"], self.params["name"], self.params["notes"]
        if not scope.startswith("/"):
            raise InvalidOption("scope", scope, "write a resource id, as /subscriptions/.../resourceGroups/rg.")
        if not _NAME.fullmatch(name):
            rule = "1 to 260 characters, none of <>%&:\\?/, not ending with a dot or a space."
            raise InvalidOption("name", name, rule)
        if len(notes or "") > MAX_NOTES_LENGTH:
            raise InvalidOption("notes", notes, f"{MAX_NOTES_LENGTH} characters at most.")

    @property
    def id(self) -> str:
        """The resource id."""
        return f"{self.params['scope'].rstrip('/')}/providers/Microsoft.Authorization/locks/{self.params['name']}"

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Return C(changed), C(management_lock) ({} when absent) and C(diff). Raise ArmError and Failure."""
        self.validate()
        current = self._read()
        if self.params["state"] == "absent":
            if current is not None and not check_mode:
                self.arm.submit(ANY_RESOURCE, "begin_delete_by_id", self.id, api_version=_VERSION)
            return _result(Plan(NONE if current is None else DELETE, current or {}, {}, {}), {})
        desired = {"properties": {"level": self.params["level"], "notes": self.params["notes"]}}
        planned = plan(current, desired, _RULES, whole_body(READ_ONLY))
        prediction = {
            "id": self.id,
            "name": self.params["name"],
            "type": "Microsoft.Authorization/locks",
            **planned.after,
        }
        if planned.action == NONE or check_mode:
            return _result(planned, prediction if planned.action == CREATE else planned.after)
        # The write is synchronous; there is nothing to wait for.
        self.arm.submit(ANY_RESOURCE, "begin_create_or_update_by_id", self.id, body=planned.body, api_version=_VERSION)
        return _result(planned, self._read() or prediction)

    def _read(self) -> Json | None:
        return self.arm.get(ANY_RESOURCE, "get_by_id", self.id, api_version=_VERSION)


def _result(planned: Plan, lock: Json) -> dict[str, Any]:
    return {
        "changed": planned.changed,
        "management_lock": lock,
        "diff": {"before": planned.before, "after": planned.after},
    }
