# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module's logic inside the Ansible process instead of a Python process of its own.

It is the same logic on the same options, so results are the same; what is saved is the start of an interpreter and the
import of an SDK for every task. Whatever the process at hand cannot do as the module would (another machine, another
interpreter, another user, async) is handed over to the module.
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
    """Base of the action plugins. A subclass sets module."""

    _supports_check_mode = True
    _supports_async = True
    module: ClassVar[type[AzureModule]]

    def __init_subclass__(cls) -> None:
        """Import the SDK now: Ansible loads the class before it forks, so all workers share what is loaded here."""
        super().__init_subclass__()
        try:
            with _uncollected():
                cls.module.load()
                TRUST.load()
                # Each task's templates need Ansible's filters and tests, and each worker would load them all anew.
                filter_loader.get("ansible.builtin.default")
                test_loader.get("ansible.builtin.defined")
        except (Failure, ImportError):
            # The task says so, when there is one.
            return

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, variables)
        if not self._runs_here(variables):
            handed_over = self._execute_module(task_vars=variables, wrap_async=self._task.async_val)
            return {**result, **handed_over}
        environment: dict[str, str] = {}
        self._compute_environment_string(environment)  # type: ignore[no-untyped-call]
        with _environment(environment):
            return {**result, **self._run_here(variables)}

    def _runs_here(self, variables: Mapping[str, Any]) -> bool:
        if self._connection.transport != "local" or self._task.async_val or self._connection.become is not None:
            return False
        return self._interpreter(variables) in (*_AUTO, sys.executable)

    def _interpreter(self, variables: Mapping[str, Any]) -> str:
        """What ansible_python_interpreter is for the host of the task, else the configured default."""
        if self._task.delegate_to:
            variables = variables.get("ansible_delegated_vars", {}).get(self._task.delegate_to, variables)
        given = variables.get("ansible_python_interpreter")
        if given is None:
            given = constants.config.get_config_value("INTERPRETER_PYTHON", variables=dict(variables))
        return str(self._templar.template(given))

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
        """What AnsibleModule says about a wrong argument."""
        if isinstance(error, UnsupportedError):
            return f"Unsupported parameters for ({self._task.action}) module: {error.msg}"
        return str(error.msg)


def _shows_invocation(variables: Mapping[str, Any]) -> bool:
    """Since ansible-core 2.21 a setting decides; before, modules always show how they were called."""
    if "INJECT_INVOCATION" not in constants.config.get_configuration_definitions():
        return True
    return bool(constants.config.get_config_value("INJECT_INVOCATION", variables=dict(variables)))


def _plain(value: Any) -> Any:
    """What is left of a value on its way to a module or back: JSON, without Ansible's tags."""
    return json.loads(json.dumps(value, cls=get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Spares the garbage collector what is loaded meanwhile, and all that stands by then: it stays for the whole play.

    Otherwise this process, and each worker after its fork, looks through the SDK's hundred thousand objects again and again.
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
    """The task's environment, for as long as the task runs in this (forked) process."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
