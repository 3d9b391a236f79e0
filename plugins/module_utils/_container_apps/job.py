# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module container_app_job wants of Microsoft.App/jobs: options, request bodies, rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .._core import names as _names
from .._core.arguments import IN_GROUP, TAGS
from .._core.arm import Operations
from .._core.errors import InvalidOption
from .._core.plan import ENUM, NUMBER, WHOLE_BY_NAME, Rule
from .._core.resource import Params
from . import template as shared
from .template import CONFIGURATION, NAME, NUMBER_OPTION, SCALER, check_unique, each, group, items, text

JOBS = Operations(shared.CLIENT, "jobs", "Microsoft.App")

OPTIONS: dict[str, Any] = {
    **IN_GROUP,
    **shared.OPTIONS,
    "trigger_type": text(choices=["Manual", "Schedule", "Event"]),
    "cron_expression": text(),
    "parallelism": NUMBER_OPTION,
    "replica_completion_count": NUMBER_OPTION,
    "replica_timeout": NUMBER_OPTION,
    "replica_retry_limit": NUMBER_OPTION,
    "event_scale": group(
        min_executions=NUMBER_OPTION,
        max_executions=NUMBER_OPTION,
        polling_interval=NUMBER_OPTION,
        rules=items(name=NAME, type=text(required=True), **SCALER),
    ),
    **TAGS,
}
_TRIGGERS = {"Manual": "manualTriggerConfig", "Schedule": "scheduleTriggerConfig", "Event": "eventTriggerConfig"}
RULES = {
    **shared.RULES,
    CONFIGURATION: Rule(exclusive=tuple(_TRIGGERS.values())),
    f"{CONFIGURATION}.triggerType": ENUM,
    f"{CONFIGURATION}.replicaTimeout": NUMBER,
    f"{CONFIGURATION}.replicaRetryLimit": NUMBER,
    f"{CONFIGURATION}.eventTriggerConfig.scale.rules": WHOLE_BY_NAME,
}
READ_ONLY = (*shared.READ_ONLY, "properties.delegatedIdentities")


def desired(params: Params) -> dict[str, Any]:
    """ARM JSON of what the options say."""
    return {
        "location": params["location"],
        "identity": shared.identity(params),
        "properties": {
            "environmentId": params["environment_id"],
            "workloadProfileName": params["workload_profile_name"],
            "configuration": {
                **shared.configuration(params),
                "triggerType": params["trigger_type"],
                "replicaTimeout": params["replica_timeout"],
                "replicaRetryLimit": params["replica_retry_limit"],
                **_trigger(params),
            },
            "template": shared.template(params),
        },
        "tags": params["tags"],
    }


def _trigger(params: Params) -> dict[str, Any]:
    if params["trigger_type"] is None:
        return {}
    settings = {
        "parallelism": params["parallelism"],
        "replicaCompletionCount": params["replica_completion_count"],
        "cronExpression": params["cron_expression"],
        "scale": _event_scale(params["event_scale"]),
    }
    return {_TRIGGERS[params["trigger_type"]]: settings}


def _event_scale(scale: dict[str, Any] | None) -> dict[str, Any] | None:
    if scale is None:
        return None
    return {
        "minExecutions": scale["min_executions"],
        "maxExecutions": scale["max_executions"],
        "pollingInterval": scale["polling_interval"],
        "rules": each(scale["rules"], lambda rule: {"name": rule["name"], **shared.trigger(rule)}),
    }


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("name", params["name"], _names.CONTAINER_APP_JOB)
    if params["state"] == "absent":
        return
    shared.check(params)
    _check_trigger(params)
    _check_event_scale(params, params["event_scale"] or {})
    shared.check_references(params, _references(params))


def _check_trigger(params: Params) -> None:
    trigger = params["trigger_type"]
    for option, belongs in (("cron_expression", ("Schedule",)), ("event_scale", ("Event",))):
        if params[option] is not None and trigger not in belongs:
            raise InvalidOption(option, params[option], f"it needs trigger_type {belongs[0]}, not {trigger}.")
    for option in ("parallelism", "replica_completion_count"):
        if params[option] is not None and trigger is None:
            raise InvalidOption(option, params[option], "it belongs to the trigger: say trigger_type too.")
    for option, least in _LEAST.items():
        if params[option] is not None and params[option] < least:
            raise InvalidOption(option, params[option], f"use at least {least}.")
    replicas, completions = params["parallelism"], params["replica_completion_count"]
    if replicas is not None and completions is not None and completions > replicas:
        raise InvalidOption(
            "replica_completion_count", completions, f"no more replicas can complete than run (parallelism {replicas})."
        )
    if trigger == "Schedule":
        check_cron("cron_expression", params["cron_expression"])


_LEAST = {"parallelism": 1, "replica_completion_count": 1, "replica_timeout": 1, "replica_retry_limit": 0}
_CRON_FIELDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
_CRON_NAMES = {
    "month": "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(),
    "weekday": "SUN MON TUE WED THU FRI SAT".split(),
}
_CRON_ITEM = re.compile(r"(\*|(\d+)(?:-(\d+))?)(?:/(\d+))?")
_CRON_RULE = "write five fields, minute, hour, day, month and weekday, in UTC, as 0 3 * * 1-5."


def check_cron(option: str, expression: str | None) -> None:
    """Raises InvalidOption, unless the expression is five fields of numbers, names, ranges, steps and lists."""
    fields = (expression or "").split()
    if len(fields) != len(_CRON_FIELDS):
        raise InvalidOption(option, expression, _CRON_RULE)
    for field, (name, (least, most)) in zip(fields, _CRON_FIELDS.items(), strict=True):
        for item in _in_numbers(field, name, least).split(","):
            found = _CRON_ITEM.fullmatch(item)
            bounds = [int(bound) for bound in found.groups()[1:3] if bound is not None] if found else []
            if found is None or bounds != sorted(bounds) or not all(least <= bound <= most for bound in bounds):
                raise InvalidOption(
                    option, expression, f"its {name} is {field!r}, not within {least} to {most}; {_CRON_RULE}"
                )
            if found[4] is not None and int(found[4]) < 1:
                raise InvalidOption(option, expression, f"its {name} has a step of 0; {_CRON_RULE}")


def _in_numbers(field: str, name: str, least: int) -> str:
    """MON-FRI as 1-5."""
    for number, word in enumerate(_CRON_NAMES.get(name, []), least):
        field = re.sub(rf"\b{word}\b", str(number), field, flags=re.IGNORECASE)
    return field


def _check_event_scale(params: Params, scale: dict[str, Any]) -> None:
    least, most = scale.get("min_executions"), scale.get("max_executions")
    if least is not None and most is not None and least > most:
        raise InvalidOption(
            "event_scale.min_executions", least, f"it is more than event_scale.max_executions ({most})."
        )
    for rule in scale.get("rules") or []:
        _names.check("event_scale.rules.name", rule["name"], _names.SCALE_RULE)
        shared.check_identity(params, f"event_scale.rules[{rule['name']}].identity", rule["identity"])
    check_unique("event_scale.rules.name", [rule["name"] for rule in scale.get("rules") or []])


def check_create(params: Params) -> None:
    """What only a new job needs. Raises InvalidOption."""
    shared.check_create(params)
    for option in ("trigger_type", "replica_timeout"):
        if params[option] is None:
            raise InvalidOption(option, None, "a new job needs it.")
    if params["trigger_type"] == "Event" and not (params["event_scale"] or {}).get("rules"):
        raise InvalidOption("event_scale.rules", None, "a new job with trigger_type Event needs at least one rule.")


def _references(params: Params) -> Iterator[tuple[str, str]]:
    """Option and name of every secret that is referred to."""
    yield from shared.references(params)
    for rule in (params["event_scale"] or {}).get("rules") or []:
        yield from shared.trigger_references(f"event_scale.rules[{rule['name']}]", rule)
