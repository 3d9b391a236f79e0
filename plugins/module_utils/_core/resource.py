# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base class of resource types: read, plan, apply."""

from __future__ import annotations

from typing import Any, ClassVar

from .arguments import STATE, text_tags, wait_options
from .arm import Json, Operations, Submitted, is_absent, retry_while_busy
from .errors import ArmError, Failure
from .module import AzureModule
from .plan import (
    CREATE,
    DELETE,
    NONE,
    UPDATE,
    ImmutableChange,
    Plan,
    Rules,
    partial_body,
    plan,
    replan_full,
    whole_body,
)

_FAILED = frozenset(("failed", "canceled", "cancelled"))
_ENDED = _FAILED | {"succeeded", "ready", "provisioned"}
READ_ONLY = ("id", "name", "type", "systemData", "etag", "properties.provisioningState")
# For C(constraints) of a resource with a location.
NEEDS_LOCATION: dict[str, Any] = {"required_if": [("state", "present", ("location",))]}
# Azure has accepted the resource, but a read does not return it yet.
_NOT_READABLE_YET: Json = {}


def is_provisioning(resource: Json) -> bool:
    """Return whether the provisioning state says that an operation on the resource is running."""
    state = (resource.get("properties") or {}).get("provisioningState")
    return state is not None and str(state).lower() not in _ENDED


def provisioning_failed(resource: Json) -> bool:
    """Return whether the last operation on the resource failed or was canceled."""
    state = (resource.get("properties") or {}).get("provisioningState")
    return str(state).lower() in _FAILED


class Resource(AzureModule):
    """A resource of Azure Resource Manager, and the module that manages it.

    A subclass per resource type sets the attributes and overrides the methods in which the type differs.

    name: of the module, key of its result. type: Azure's resource type. path: of the resource id below the subscription, with option names
    in braces. address: options that the methods of the SDK take, in their order; the last one is the resource's name.
    operations: operation group of the SDK; get_method, create_method, update_method, delete_method: its methods. partial: whether an update
    sends only the properties that differ (PATCH). rules: how properties are compared; read_only: paths that a request must not contain.
    wait_timeout: default in seconds.
    """

    name: ClassVar[str]
    type: ClassVar[str]
    path: ClassVar[str]
    address: ClassVar[tuple[str, ...]]
    operations: ClassVar[Operations]
    get_method: ClassVar[str] = "get"
    create_method: ClassVar[str] = "begin_create_or_update"
    update_method: ClassVar[str] = "begin_create_or_update"
    delete_method: ClassVar[str] = "begin_delete"
    partial: ClassVar[bool] = False
    rules: ClassVar[Rules] = {}
    read_only: ClassVar[tuple[str, ...]] = READ_ONLY
    wait_timeout: ClassVar[int]

    @classmethod
    def argument_spec(cls) -> dict[str, Any]:
        return {**super().argument_spec(), **STATE, **wait_options(cls.wait_timeout)}

    # What a type must describe.

    def desired(self) -> dict[str, Json]:
        """Return the part of the resource that the options describe, as ARM JSON; None is "not set"."""
        raise NotImplementedError

    # What a type may override.

    def validate(self) -> None:
        """Raise InvalidOption for the first option that Azure would refuse, before any request."""

    def validate_create(self) -> None:
        """Raise InvalidOption for the first option that only a new resource needs or that Azure refuses only then."""

    def rules_for(self) -> Rules:
        """Return the rules of this task, where options change them."""
        return self.rules

    def always_write(self) -> bool:
        """Return whether to write although nothing differs, because Azure does not return what the options set."""
        return False

    def is_pending(self, resource: Json) -> bool:
        """Return whether an operation on the resource is running."""
        return is_provisioning(resource)

    def complete_read(self, current: Json) -> Json:
        """Return the current resource with what a GET leaves out, such as secrets."""
        return current

    def request_body(self, planned: Plan) -> Json:
        """Return the body of the write, after requests that must come first; {} when nothing is left to send."""
        return planned.body

    def wait_for_operation(self, submitted: Submitted, label: str) -> None:
        """Wait until the long-running operation of a write has ended. Raise ArmError when it fails, Failure at the deadline."""
        self.arm.wait(submitted, label)

    def finish(self, planned: Plan, resource: Json) -> Json:
        """Return the resource when everything that belongs to the task has ended, after a write or an unchanged read."""
        return resource

    def add_diagnostics(self, error: ArmError) -> ArmError:
        """Return the error of a failed write with the diagnostics of the resource."""
        return error

    def public(self, resource: Json) -> Json:
        """Return the resource without secrets, as the result shows it."""
        return resource

    def public_diff(self, before: Json, after: Json) -> tuple[Json, Json]:
        """Return both sides of the diff without secrets."""
        return before, after

    # What is the same for all types.

    @property
    def state(self) -> str:
        """The desired state: C(present) or C(absent)."""
        return str(self.params["state"])

    @property
    def tags(self) -> dict[str, str] | None:
        """The tags of the options as Azure keeps them."""
        return text_tags(self.params["tags"])

    @property
    def id(self) -> str:
        """The resource id."""
        return f"{self.arm.subscription}{self.path.format_map(dict(self.params))}"

    @property
    def label(self) -> str:
        """Type and name of the resource, for messages."""
        return f"{self.type} {self.params[self.address[-1]]}"

    def sdk_arguments(self) -> list[str]:
        """Return the arguments that name the resource in all methods of the SDK."""
        return [self.params[option] for option in self.address]

    def sdk_options(self) -> dict[str, Any]:
        """Return the keyword arguments of all methods of the SDK."""
        return {}

    def read(self) -> Json | None:
        """Return the resource, None when it is absent. Raise ArmError and Failure."""
        return self.arm.get(self.operations, self.get_method, *self.sdk_arguments(), **self.sdk_options())

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Reconcile the resource with the options.

        Return C(changed), the resource under C(name) ({} when absent) and C(diff). Raise ArmError and Failure.
        """
        self.validate()
        current = self.read()
        if self.state == "absent":
            return self._delete(current, check_mode)
        if current is not None and self.is_pending(current) and self.params["wait"] and not check_mode:
            # The operation of another client, or of a task with wait: false; in both cases its failure fails this task.
            current = self.arm.wait_until_settled(self.read, self.is_pending, self.label)
            if current is not None and provisioning_failed(current):
                raise self.add_diagnostics(self._provisioning_error(current))
        if current is not None:
            current = self.complete_read(current)
        planned = self._plan(current)
        if check_mode:
            return self._result(planned, self._prediction(planned))
        if planned.action == NONE:
            return self._result(
                planned, self.finish(planned, planned.before) if self.params["wait"] else planned.before
            )
        return self._result(planned, self._apply(planned))

    def _plan(self, current: Json | None) -> Plan:
        body_of_update = (partial_body if self.partial else whole_body)(self.read_only)
        desired, rules = self.desired(), self.rules_for()
        try:
            planned = plan(current, desired, rules, body_of_update)
        except ImmutableChange as change:
            raise Failure(
                f"{self.label}: {change}", option=change.option, current=change.current, desired=change.desired
            ) from change
        if planned.action == CREATE:
            self.validate_create()
        if provisioning_failed(planned.before):
            return replan_full(planned, desired, rules, self.read_only)
        if planned.action == NONE and self.always_write():
            return planned._replace(action=UPDATE)
        return planned

    def _apply(self, planned: Plan) -> Json:
        method = self.update_method
        if planned.action == CREATE or provisioning_failed(planned.before):
            method = self.create_method
        body = self.request_body(planned)

        def write() -> Json:
            if not body:
                return {}
            submitted = self.arm.submit(self.operations, method, *self.sdk_arguments(), body=body, **self.sdk_options())
            if self.params["wait"]:
                self.wait_for_operation(submitted, f"{planned.action} of {self.label}")
            return submitted.answer

        try:
            answer = retry_while_busy(self.arm.deadline, write)
        except ArmError as error:
            raise self.add_diagnostics(error) from error
        if not self.params["wait"]:
            return answer if answer.get("id") else self._prediction(planned)
        settled = self.arm.wait_until_settled(
            lambda: self.read() or _NOT_READABLE_YET,
            lambda resource: resource is _NOT_READABLE_YET or self.is_pending(resource),
            self.label,
        )
        settled = self.finish(planned, settled)
        if provisioning_failed(settled):
            raise self._provisioning_error(settled)
        return settled

    def _delete(self, current: Json | None, check_mode: bool) -> dict[str, Any]:
        if current is None:
            return self._result(Plan(NONE, {}, {}, {}), {})

        def delete() -> Json:
            submitted = self.arm.submit(
                self.operations, self.delete_method, *self.sdk_arguments(), **self.sdk_options()
            )
            if self.params["wait"]:
                self.wait_for_operation(submitted, f"delete of {self.label}")
            return {}

        if not check_mode:
            try:
                retry_while_busy(self.arm.deadline, delete)
            except ArmError as error:
                # A retried request meets the result of the first one.
                if not is_absent(error):
                    raise
        return self._result(Plan(DELETE, current, {}, {}), {})

    def _provisioning_error(self, resource: Json) -> ArmError:
        properties = resource.get("properties") or {}
        reason = properties.get("deploymentErrors") or "Azure gave no reason."
        return ArmError(
            code="ProvisioningFailed",
            message=f"{self.label} ended as {properties.get('provisioningState')}: {reason}",
            target=resource.get("id"),
        )

    def _prediction(self, planned: Plan) -> Json:
        """Return the resource that a write would produce."""
        if planned.action != CREATE:
            return planned.after
        return {"id": self.id, "name": str(self.params[self.address[-1]]), "type": self.type, **planned.after}

    def _result(self, planned: Plan, resource: Json) -> dict[str, Any]:
        before, after = planned.before, planned.after
        if planned.action == CREATE:
            after = {**after, "name": resource.get("name")}
        before, after = self.public_diff(before, after)
        return {
            "changed": planned.changed,
            self.name: self.public(resource),
            "diff": {"before": before, "after": after},
        }
