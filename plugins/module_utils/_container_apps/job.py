# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft.App/jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._core import names
from .._core.errors import InvalidOption
from .._core.plan import ENUM, NUMBER, WHOLE_BY_NAME, Rule
from . import cron, identity_reference, scaler
from .client import JOBS
from .options import INTEGER, NAME, check_unique, each, group, items, text
from .workload import Workload

_TRIGGERS = {"Manual": "manualTriggerConfig", "Schedule": "scheduleTriggerConfig", "Event": "eventTriggerConfig"}
_LEAST = {"parallelism": 1, "replica_completion_count": 1, "replica_timeout": 1, "replica_retry_limit": 0}


class ContainerAppJob(Workload):
    """A job of Azure Container Apps."""

    name = "container_app_job"
    type = "Microsoft.App/jobs"
    path = "/resourceGroups/{resource_group}/providers/Microsoft.App/jobs/{name}"
    operations = JOBS
    wait_timeout = 600
    name_rule = names.CONTAINER_APP_JOB
    options = {
        **Workload.options,
        "trigger_type": text(choices=list(_TRIGGERS)),
        "cron_expression": text(),
        "parallelism": INTEGER,
        "replica_completion_count": INTEGER,
        "replica_timeout": INTEGER,
        "replica_retry_limit": INTEGER,
        "event_scale": group(
            min_executions=INTEGER,
            max_executions=INTEGER,
            polling_interval=INTEGER,
            rules=items(name=NAME, type=text(required=True), **scaler.OPTIONS),
        ),
    }
    rules = {
        **Workload.rules,
        "properties.configuration": Rule(exclusive=tuple(_TRIGGERS.values())),
        "properties.configuration.triggerType": ENUM,
        "properties.configuration.replicaTimeout": NUMBER,
        "properties.configuration.replicaRetryLimit": NUMBER,
        "properties.configuration.eventTriggerConfig.scale.rules": WHOLE_BY_NAME,
    }

    def configuration(self) -> dict[str, Any]:
        return {
            "triggerType": self.params["trigger_type"],
            "replicaTimeout": self.params["replica_timeout"],
            "replicaRetryLimit": self.params["replica_retry_limit"],
            **self._trigger(),
        }

    def _trigger(self) -> dict[str, Any]:
        if self.params["trigger_type"] is None:
            return {}
        settings = {
            "parallelism": self.params["parallelism"],
            "replicaCompletionCount": self.params["replica_completion_count"],
            "cronExpression": self.params["cron_expression"],
            "scale": _event_scale(self.params["event_scale"]),
        }
        return {_TRIGGERS[self.params["trigger_type"]]: settings}

    def validate_settings(self) -> None:
        self._validate_trigger()
        self._validate_event_scale()

    def _validate_trigger(self) -> None:
        params, trigger = self.params, self.params["trigger_type"]
        for option, needed in (("cron_expression", "Schedule"), ("event_scale", "Event")):
            if params[option] is not None and trigger != needed:
                raise InvalidOption(option, params[option], f"it needs trigger_type {needed}, not {trigger}.")
        for option in ("parallelism", "replica_completion_count"):
            if params[option] is not None and trigger is None:
                raise InvalidOption(option, params[option], "it belongs to the trigger: set trigger_type too.")
        for option, least in _LEAST.items():
            if params[option] is not None and params[option] < least:
                raise InvalidOption(option, params[option], f"use at least {least}.")
        replicas, completions = params["parallelism"], params["replica_completion_count"]
        if replicas is not None and completions is not None and completions > replicas:
            raise InvalidOption(
                "replica_completion_count",
                completions,
                f"no more replicas can complete than run (parallelism {replicas}).",
            )
        if trigger == "Schedule":
            cron.check("cron_expression", params["cron_expression"])

    def _validate_event_scale(self) -> None:
        scale = self.params["event_scale"] or {}
        least, most = scale.get("min_executions"), scale.get("max_executions")
        if least is not None and most is not None and least > most:
            raise InvalidOption(
                "event_scale.min_executions", least, f"it is more than event_scale.max_executions ({most})."
            )
        scale_rules = scale.get("rules") or []
        for rule in scale_rules:
            names.check("event_scale.rules.name", rule["name"], names.SCALE_RULE)
            identity_reference.check(self.params, f"event_scale.rules[{rule['name']}].identity", rule["identity"])
        check_unique("event_scale.rules.name", [rule["name"] for rule in scale_rules])

    def validate_create(self) -> None:
        super().validate_create()
        for option in ("trigger_type", "replica_timeout"):
            if self.params[option] is None:
                raise InvalidOption(option, None, "a new job needs it.")
        if self.params["trigger_type"] == "Event" and not (self.params["event_scale"] or {}).get("rules"):
            raise InvalidOption("event_scale.rules", None, "a new job with trigger_type Event needs at least one rule.")

    def secret_references(self) -> Iterator[tuple[str, str]]:
        yield from super().secret_references()
        for rule in (self.params["event_scale"] or {}).get("rules") or []:
            yield from scaler.secret_references(f"event_scale.rules[{rule['name']}]", rule)


def _event_scale(scale: dict[str, Any] | None) -> dict[str, Any] | None:
    if scale is None:
        return None
    return {
        "minExecutions": scale["min_executions"],
        "maxExecutions": scale["max_executions"],
        "pollingInterval": scale["polling_interval"],
        "rules": each(scale["rules"], lambda rule: {"name": rule["name"], **scaler.desired(rule)}),
    }
