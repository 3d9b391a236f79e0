# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What turns a module's description into an Ansible module. The logic itself knows nothing of AnsibleModule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .arguments import AZURE, STATE, wait_options
from .arm import Arm
from .auth import Credential, Token, connection_from
from .deadline import Deadline
from .errors import ArmError, Failure
from .resource import Params, Resource, manage
from .sdk import require

Remember = Callable[[str, Callable[[], Token]], Token]


@dataclass(frozen=True)
class Module:
    """options: the whole argument spec. constraints: required_if and the like, as AnsibleModule takes them.

    packages: import name of each SDK package that the module needs, and the distribution that has it.
    execute: (params, arm, check_mode) to the result.
    """

    options: Mapping[str, Any]
    execute: Callable[[Params, Arm, bool], dict[str, Any]]
    packages: Mapping[str, str]
    constraints: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> None:
        """Import the SDK packages. Raises Failure that names the missing one."""
        require({"azure.identity": "azure-identity", "azure.mgmt.core": "azure-mgmt-core", **self.packages})

    def run(
        self, params: Params, check_mode: bool, remember: Remember | None = None, transport: Any = None
    ) -> dict[str, Any]:
        """The result of the task, failed ones included. remember: cache of tokens, see Credential; transport: see Arm."""
        try:
            self.load()
            connection = connection_from(params)
            arm = Arm(connection, Credential(connection, remember), Deadline(params["wait_timeout"]), transport)
            return self.execute(params, arm, check_mode)
        except ArmError as error:
            return {"failed": True, "msg": str(error), "error": error.as_dict()}
        except Failure as failure:
            return {"failed": True, "msg": failure.message, **failure.fields}


def resource_module(resource: Resource, packages: Mapping[str, str], wait_timeout: int, **constraints: Any) -> Module:
    """The module of a resource. wait_timeout: its default in seconds."""

    def execute(params: Params, arm: Arm, check_mode: bool) -> dict[str, Any]:
        return manage(resource, params, arm, check_mode)

    options = {**resource.options, **STATE, **wait_options(wait_timeout), **AZURE}
    return Module(options, execute, packages, constraints)


def main(module: Module) -> None:
    """Run as an Ansible module."""
    ansible = AnsibleModule(argument_spec=dict(module.options), supports_check_mode=True, **module.constraints)
    result = module.run(ansible.params, ansible.check_mode)
    if not ansible._diff:
        result.pop("diff", None)
    if result.get("failed"):
        ansible.fail_json(**result)
    ansible.exit_json(**result)
