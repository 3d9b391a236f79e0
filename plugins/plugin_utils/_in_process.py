# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the code of a module inside the Ansible process instead of a separate Python process.

The code and the options are the same, so the results are the same. This saves the start of an interpreter and the import of
an SDK for every task. A task that needs another machine, interpreter or user, or async, runs as an ordinary module.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from ansible import constants
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.json import Direction, get_module_encoder
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader, test_loader

from ..module_utils._core.errors import Failure
from ..module_utils._core.module import AzureModule
from ._tls import TRUST
from ._tokens import TOKENS

_AUTO = frozenset(("auto", "auto_silent", "auto_legacy", "auto_legacy_silent"))


class InProcessAction(ActionBase):
    """Base class of the action plugins. A subclass sets ``module``."""

    _supports_check_mode = True
    _supports_async = True
    module: ClassVar[type[AzureModule]]

    def __init_subclass__(cls) -> None:
        """Import the SDK. Ansible loads the class before it forks, so all workers share the imported modules."""
        super().__init_subclass__()
        try:
            with _outside_garbage_collection():
                cls.module.load()
                TRUST.load()
                # The templates of each task need Ansible's filters and tests. Otherwise each worker would load them again.
                filter_loader.get("ansible.builtin.default")
                test_loader.get("ansible.builtin.defined")
        except (Failure, ImportError):
            # The task reports the error when it runs.
            return

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, variables)
        if not self._runs_here(variables):
            return {**result, **self._execute_module(task_vars=variables, wrap_async=self._task.async_val)}
        environment: dict[str, str] = {}
        self._compute_environment_string(environment)  # type: ignore[no-untyped-call]
        with _environment(environment):
            return {**result, **self._run_here(variables)}

    def _runs_here(self, variables: Mapping[str, Any]) -> bool:
        if self._connection.transport != "local" or self._task.async_val or self._connection.become is not None:
            return False
        return self._interpreter(variables) in (*_AUTO, sys.executable)

    def _interpreter(self, variables: Mapping[str, Any]) -> str:
        """Return ansible_python_interpreter of the task's host, else the configured default."""
        if self._task.delegate_to:
            variables = variables.get("ansible_delegated_vars", {}).get(self._task.delegate_to, variables)
        interpreter = variables.get("ansible_python_interpreter")
        if interpreter is None:
            interpreter = constants.config.get_config_value("INTERPRETER_PYTHON", variables=dict(variables))
        return str(self._templar.template(interpreter))

    def _run_here(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        arguments = _plain(self._task.args)
        checked = ArgumentSpecValidator(self.module.argument_spec(), **self.module.constraints).validate(arguments)
        parameters = checked.validated_parameters
        if checked.error_messages:
            result: dict[str, Any] = {"failed": True, "msg": self._message(checked.errors[0])}
        else:
            result = self.module.run(parameters, bool(self._task.check_mode), TOKENS.remember, TRUST.transport())
        if not self._task.diff:
            result.pop("diff", None)
        result = {"changed": False, **result}
        if _shows_invocation(variables):
            result["invocation"] = {"module_args": parameters}
        plain: dict[str, Any] = _plain(remove_values(result, checked._no_log_values))
        return plain

    def _message(self, error: Any) -> str:
        """Return the message of AnsibleModule for an invalid argument."""
        if isinstance(error, UnsupportedError):
            return f"Unsupported parameters for ({self._task.action}) module: {error.msg}"
        return str(error.msg)


def _shows_invocation(variables: Mapping[str, Any]) -> bool:
    """Return whether results contain the invocation. Since ansible-core 2.21 a setting decides, before that they always do."""
    if "INJECT_INVOCATION" not in constants.config.get_configuration_definitions():
        return True
    return bool(constants.config.get_config_value("INJECT_INVOCATION", variables=dict(variables)))


def _plain(value: Any) -> Any:
    """Return the value as it arrives after a transfer to or from a module: plain JSON without Ansible's data tags."""
    return json.loads(json.dumps(value, cls=get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)))


@contextmanager
def _outside_garbage_collection() -> Iterator[None]:
    """Exclude all objects that exist at the end of the block from garbage collection. They live for the whole play.

    Otherwise the collector of this process and of each forked worker would traverse the SDK's 100,000 objects repeatedly.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Apply the environment of the task while it runs in this (forked) process."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
