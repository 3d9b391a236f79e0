# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read, plan, apply: what every resource module does, written once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .arguments import with_text_tags
from .arm import Arm, Json, Operations, is_absent, retry_while_busy
from .errors import ArmError, Failure
from .plan import (
    CREATE,
    DELETE,
    NONE,
    UPDATE,
    ImmutableChange,
    Plan,
    Rules,
    again,
    partial_body,
    plan,
    whole_body,
)

Params = Mapping[str, Any]

_ENDED_BADLY = frozenset(("failed", "canceled", "cancelled"))
_ENDED = _ENDED_BADLY | {"succeeded", "ready", "provisioned"}
READ_ONLY = ("id", "name", "type", "systemData", "etag", "properties.provisioningState")


def in_between(resource: Json) -> bool:
    """Whether an operation on the resource is under way."""
    state = (resource.get("properties") or {}).get("provisioningState")
    return state is not None and str(state).lower() not in _ENDED


def ended_badly(resource: Json) -> bool:
    state = (resource.get("properties") or {}).get("provisioningState")
    return str(state).lower() in _ENDED_BADLY


def _no_check(_params: Params) -> None:
    return None


def _as_it_is(_arm: Arm, _params: Params, current: Json) -> Json:
    return current


def _body_as_planned(_arm: Arm, _params: Params, planned: Plan) -> Json:
    return planned.body


def _same_rules(_params: Params, rules: Rules) -> Rules:
    return rules


def _never(_params: Params) -> bool:
    return False


def _no_finish(_arm: Arm, _params: Params, _plan: Plan, settled: Json) -> Json:
    return settled


def _public(resource: Json) -> Json:
    return resource


def _public_diff(before: Json, after: Json) -> tuple[Json, Json]:
    return before, after


def _no_explanation(_arm: Arm, _params: Params, error: ArmError) -> ArmError:
    return error


@dataclass(frozen=True)
class Resource:
    """A type of Azure resource, as far as its module differs from the others.

    name: of the module, key of the result. type: Azure's. path: of the id below the subscription, with option names in
    braces. address: options that the SDK's methods take, in their order. options: argument spec of the module's own options.
    desired: the part of the resource that the options describe. rules: how it is compared; adjust: changes them as the
    options say. check: raises InvalidOption for what Azure would refuse;
    check_create: the same for what only a new resource needs. forced: whether to write though nothing differs.
    read_only: paths that a request must not have. get, create, update, delete: method names of the operation group;
    C(partial) says that update takes only what differs. pending: whether an operation is under way.
    observe: completes what GET gives (secrets). prepare: the body of the request (with keys), after requests that must come
    first; {} when nothing is left to send. finish: what has to happen after a write or a read before the task may end.
    explain: adds to the error of a failed write. public: the resource without secrets; public_diff: both sides of a diff.
    """

    name: str
    type: str
    path: str
    operations: Operations
    address: tuple[str, ...]
    options: dict[str, Any]
    desired: Callable[[Params], dict[str, Json]]
    rules: Rules = field(default_factory=dict)
    adjust: Callable[[Params, Rules], Rules] = _same_rules
    check: Callable[[Params], None] = _no_check
    check_create: Callable[[Params], None] = _no_check
    forced: Callable[[Params], bool] = _never
    read_only: tuple[str, ...] = READ_ONLY
    get: str = "get"
    create: str = "begin_create_or_update"
    update: str = "begin_create_or_update"
    partial: bool = False
    delete: str = "begin_delete"
    pending: Callable[[Json], bool] = in_between
    observe: Callable[[Arm, Params, Json], Json] = _as_it_is
    prepare: Callable[[Arm, Params, Plan], Json] = _body_as_planned
    finish: Callable[[Arm, Params, Plan, Json], Json] = _no_finish
    explain: Callable[[Arm, Params, ArmError], ArmError] = _no_explanation
    public: Callable[[Json], Json] = _public
    public_diff: Callable[[Json, Json], tuple[Json, Json]] = _public_diff

    def id(self, arm: Arm, params: Params) -> str:
        return f"{arm.subscription}{self.path.format_map(dict(params))}"

    def what(self, params: Params) -> str:
        """What messages call it: its type and its name."""
        return f"{self.type} {params[self.address[-1]]}"


def manage(resource: Resource, params: Params, arm: Arm, check_mode: bool) -> dict[str, Any]:
    """Bring the resource into the desired state.

    Returns C(changed), the resource under its own name ({} when absent) and C(diff). Raises ArmError and Failure.
    """
    params = with_text_tags(params)
    resource.check(params)
    arguments = [params[option] for option in resource.address]

    def read() -> Json | None:
        return arm.get(resource.operations, resource.get, *arguments)

    current = read()
    if params["state"] == "absent":
        return _absent(resource, params, arm, check_mode, current, read)
    if current is not None and resource.pending(current) and params["wait"] and not check_mode:
        # Somebody's operation, or one of this task's own with wait: false: its failure is this task's.
        current = arm.settle(read, resource.pending, resource.what(params))
        if current is not None and ended_badly(current):
            raise resource.explain(arm, params, _ended_badly(resource, params, current))
    if current is not None:
        current = resource.observe(arm, params, current)
    planned = _plan(resource, params, current)
    if check_mode:
        return _result(resource, planned, _predicted(resource, params, arm, planned))
    if planned.action == NONE:
        settled = resource.finish(arm, params, planned, planned.before) if params["wait"] else planned.before
        return _result(resource, planned, settled)
    return _result(resource, planned, _apply(resource, params, arm, planned, arguments, read))


def _plan(resource: Resource, params: Params, current: Json | None) -> Plan:
    body = (partial_body if resource.partial else whole_body)(resource.read_only)
    desired = resource.desired(params)
    rules = resource.adjust(params, resource.rules)
    try:
        planned = plan(current, desired, rules, body)
    except ImmutableChange as change:
        raise Failure(
            f"{resource.what(params)}: {change}",
            option=change.option,
            current=change.current,
            desired=change.desired,
        ) from change
    if planned.action == CREATE:
        resource.check_create(params)
    if ended_badly(planned.before):
        return again(planned, desired, rules, resource.read_only)
    if planned.action == NONE and resource.forced(params):
        return planned._replace(action=UPDATE)
    return planned


def _apply(
    resource: Resource,
    params: Params,
    arm: Arm,
    planned: Plan,
    arguments: list[str],
    read: Callable[[], Json | None],
) -> Json:
    anew = planned.action == CREATE or ended_badly(planned.before)
    method = resource.create if anew else resource.update
    body = resource.prepare(arm, params, planned)

    def write() -> Json:
        if not body:
            return {}
        submitted = arm.submit(resource.operations, method, *arguments, body=body)
        if params["wait"]:
            arm.wait(submitted, f"{planned.action} of {resource.what(params)}")
        return submitted.answer

    def pending(found: Json) -> bool:
        return found is _ABSENT_YET or resource.pending(found)

    try:
        answer = retry_while_busy(arm.deadline, write)
    except ArmError as error:
        raise resource.explain(arm, params, error) from error
    if not params["wait"]:
        return answer if answer.get("id") else _predicted(resource, params, arm, planned)
    settled = arm.settle(lambda: read() or _ABSENT_YET, pending, resource.what(params))
    settled = resource.finish(arm, params, planned, settled)
    if ended_badly(settled):
        raise _ended_badly(resource, params, settled)
    return settled


# Azure has accepted the resource, but a read does not show it yet.
_ABSENT_YET: Json = {}


def _ended_badly(resource: Resource, params: Params, settled: Json) -> ArmError:
    properties = settled.get("properties") or {}
    reason = properties.get("deploymentErrors") or "Azure gave no reason."
    return ArmError(
        code="ProvisioningFailed",
        message=f"{resource.what(params)} ended as {properties.get('provisioningState')}: {reason}",
        target=settled.get("id"),
    )


def _absent(
    resource: Resource,
    params: Params,
    arm: Arm,
    check_mode: bool,
    current: Json | None,
    read: Callable[[], Json | None],
) -> dict[str, Any]:
    if current is None:
        return _result(resource, Plan(NONE, {}, {}, {}), {})

    def delete() -> Json:
        submitted = arm.submit(resource.operations, resource.delete, *[params[option] for option in resource.address])
        if params["wait"]:
            arm.wait(submitted, f"delete of {resource.what(params)}")
        return {}

    if not check_mode:
        try:
            retry_while_busy(arm.deadline, delete)
        except ArmError as error:
            # A repeated request meets what the first one did.
            if not is_absent(error):
                raise
    return _result(resource, Plan(DELETE, current, {}, {}), {})


def _predicted(resource: Resource, params: Params, arm: Arm, planned: Plan) -> Json:
    if planned.action != CREATE:
        return planned.after
    name = str(params[resource.address[-1]])
    return {"id": resource.id(arm, params), "name": name, "type": resource.type, **planned.after}


def _result(resource: Resource, planned: Plan, shown: Json) -> dict[str, Any]:
    before, after = planned.before, planned.after
    if planned.action == CREATE:
        after = {**after, "name": shown.get("name")}
    before, after = resource.public_diff(before, after)
    return {
        "changed": planned.changed,
        resource.name: resource.public(shown),
        "diff": {"before": before, "after": after},
    }
