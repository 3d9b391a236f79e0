# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base class of all modules. Only C(main) uses AnsibleModule, so the same class runs inside the Ansible process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ansible.module_utils.basic import AnsibleModule

from .arguments import AZURE
from .arm import Arm
from .auth import Credential, Token, connection_from
from .deadline import Deadline
from .errors import ArmError, Failure
from .sdk import require

Params = Mapping[str, Any]
Remember = Callable[[str, Callable[[], Token]], Token]


class AzureModule(ABC):
    """One task of a module: the options of the task, and the connection to Azure Resource Manager.

    A subclass sets C(options), the argument spec of the module's own options; C(packages), the import name of each SDK
    package that it needs and the distribution that contains it; C(constraints), C(required_if) and the like as
    AnsibleModule takes them.
    """

    options: ClassVar[Mapping[str, Any]]
    packages: ClassVar[Mapping[str, str]] = {}
    constraints: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, params: Params, arm: Arm) -> None:
        self.params = params
        self.arm = arm

    @classmethod
    def argument_spec(cls) -> dict[str, Any]:
        """Return the whole argument spec: the module's own options and those of the action group."""
        return {**cls.options, **AZURE}

    @classmethod
    def load(cls) -> None:
        """Import the SDK packages. Raise Failure that names the missing distribution."""
        require({"azure.identity": "azure-identity", "azure.mgmt.core": "azure-mgmt-core", **cls.packages})

    @classmethod
    def run(
        cls, params: Params, check_mode: bool, remember: Remember | None = None, transport: Any = None
    ) -> dict[str, Any]:
        """Return the result of a task; a failure is a result as well.

        remember: cache of tokens, see Credential. transport: of azure-core, None for the network.
        """
        try:
            cls.load()
            connection = connection_from(params)
            arm = Arm(connection, Credential(connection, remember), Deadline(params["wait_timeout"]), transport)
            return cls(params, arm).execute(check_mode)
        except ArmError as error:
            return {"failed": True, "msg": str(error), "error": error.as_dict()}
        except Failure as failure:
            return {"failed": True, "msg": failure.message, **failure.fields}

    @abstractmethod
    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Return the result of the task. Raise ArmError and Failure."""


def main(module: type[AzureModule]) -> None:
    """Run as an Ansible module."""
    ansible = AnsibleModule(argument_spec=module.argument_spec(), supports_check_mode=True, **module.constraints)
    result = module.run(ansible.params, ansible.check_mode)
    if not ansible._diff:
        result.pop("diff", None)
    if result.get("failed"):
        ansible.fail_json(**result)
    ansible.exit_json(**result)
