# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Option C(scale) of a container app: numbers of replicas and scale rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._core import names
from .._core.arm import Json
from .._core.errors import InvalidOption
from .._core.module import Params
from .._core.plan import WHOLE_BY_NAME, Rule, Rules, defaults_to, equal_whole, same_number
from . import identity_reference, scaler
from .options import INTEGER, NAME, Spec, check_between, check_unique, each, group, items, text

OPTIONS: dict[str, Spec] = {
    "scale": group(
        min_replicas=INTEGER,
        max_replicas=INTEGER,
        cooldown_period=INTEGER,
        polling_interval=INTEGER,
        rules=items(
            name=NAME,
            http=group(**scaler.OPTIONS),
            tcp=group(**scaler.OPTIONS),
            custom=group(type=text(required=True), **scaler.OPTIONS),
        ),
    )
}
_KINDS = ("http", "tcp", "custom")
_MOST_REPLICAS = 1000


def _custom_form(rule: Json) -> Json:
    """Return a rule with C(azureQueue), the form in which Azure returns a custom rule of type azure-queue, as that custom rule."""
    queue = rule.get("azureQueue")
    if not queue:
        return rule
    metadata = {key: str(queue[key]) for key in ("accountName", "queueName", "queueLength") if queue.get(key)}
    custom = {"type": "azure-queue", "metadata": metadata, "auth": queue.get("auth"), "identity": queue.get("identity")}
    return {**rule, "azureQueue": None, "custom": custom}


RULES: Rules = {
    # Azure returns null for 0.
    "properties.template.scale.minReplicas": defaults_to(0, same_number),
    "properties.template.scale.rules": WHOLE_BY_NAME,
    "properties.template.scale.rules[]": Rule(
        compare=lambda desired, current: equal_whole(desired, _custom_form(current))
    ),
}


def desired(params: Params) -> dict[str, Any] | None:
    """Return the scale as ARM JSON."""
    scale = params["scale"]
    if scale is None:
        return None
    return {
        "minReplicas": scale["min_replicas"],
        "maxReplicas": scale["max_replicas"],
        "cooldownPeriod": scale["cooldown_period"],
        "pollingInterval": scale["polling_interval"],
        "rules": each(scale["rules"], _rule),
    }


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    return {"name": rule["name"], **{kind: rule[kind] and scaler.desired(rule[kind]) for kind in _KINDS}}


def validate(params: Params) -> None:
    """Raise InvalidOption for the first setting that Azure would refuse."""
    scale = params["scale"]
    if scale is None:
        return
    least, most = scale["min_replicas"], scale["max_replicas"]
    check_between("scale.min_replicas", least, 0, _MOST_REPLICAS)
    check_between("scale.max_replicas", most, 1, _MOST_REPLICAS)
    for option in ("cooldown_period", "polling_interval"):
        if scale[option] is not None and scale[option] < 1:
            raise InvalidOption(f"scale.{option}", scale[option], "use at least 1 second.")
    if least is not None and most is not None and least > most:
        raise InvalidOption("scale.min_replicas", least, f"it is more than scale.max_replicas ({most}).")
    for rule in scale["rules"] or []:
        _validate_rule(params, rule)
    check_unique("scale.rules.name", [rule["name"] for rule in scale["rules"] or []])


def _validate_rule(params: Params, rule: dict[str, Any]) -> None:
    names.check("scale.rules.name", rule["name"], names.SCALE_RULE)
    kinds = [kind for kind in _KINDS if rule[kind] is not None]
    for kind in kinds:
        identity_reference.check(params, f"scale.rules[{rule['name']}].{kind}.identity", rule[kind]["identity"])
    if len(kinds) != 1:
        raise InvalidOption("scale.rules.name", rule["name"], "a rule has exactly one of http, tcp and custom.")


def secret_references(params: Params) -> Iterator[tuple[str, str]]:
    """Yield option and secret name of each reference to a secret."""
    for rule in (params["scale"] or {}).get("rules") or []:
        for kind in _KINDS:
            yield from scaler.secret_references(f"scale.rules[{rule['name']}].{kind}", rule[kind])
