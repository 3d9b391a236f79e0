# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long Azure SQL keeps the backups of a database: two resources of their own below the database.

Here they are two more keys of the database, so that they are compared and shown with it. Each is read only where an
option asks for it.
"""

from __future__ import annotations

import re
from typing import Any

from .._core.arm import Arm, Json, Operations
from .._core.errors import InvalidOption
from .._core.plan import CREATE, NUMBER, UPDATE, Plan, Rule, without
from .._core.resource import Params

_CLIENT = "azure.mgmt.sql:SqlManagementClient"
SHORT_TERM, LONG_TERM = "backupShortTermRetentionPolicy", "backupLongTermRetentionPolicy"
_POLICIES = {
    SHORT_TERM: Operations(_CLIENT, "backup_short_term_retention_policies", "Microsoft.Sql"),
    LONG_TERM: Operations(_CLIENT, "long_term_retention_policies", "Microsoft.Sql"),
}
OPTIONS: dict[str, Any] = {
    "short_term_retention": {
        "type": "dict",
        "options": {
            "retention_days": {"type": "int"},
            "differential_backup_interval_in_hours": {"type": "int", "choices": [12, 24]},
        },
    },
    "long_term_retention": {
        "type": "dict",
        "options": {
            "weekly_retention": {"type": "str"},
            "monthly_retention": {"type": "str"},
            "yearly_retention": {"type": "str"},
            "week_of_year": {"type": "int"},
        },
    },
}
_PERIOD = re.compile(r"PT0S|P(?=\d)((?P<Y>\d+)Y)?((?P<M>\d+)M)?((?P<W>\d+)W)?((?P<D>\d+)D)?")


def _months_and_days(period: Json) -> tuple[int, int] | None:
    """P1Y is P12M, P1W is P7D, PT0S (and nothing) is no time at all; None for what is no such period."""
    found = _PERIOD.fullmatch(str(period or "PT0S"))
    if found is None:
        return None
    years, months, weeks, days = (int(found[unit] or 0) for unit in "YMWD")
    return 12 * years + months, 7 * weeks + days


_AS_PERIOD = Rule(compare=lambda wanted, current: _months_and_days(wanted) == _months_and_days(current))
RULES = {
    f"{SHORT_TERM}.diffBackupIntervalInHours": NUMBER,
    f"{SHORT_TERM}.retentionDays": NUMBER,
    f"{LONG_TERM}.monthlyRetention": _AS_PERIOD,
    f"{LONG_TERM}.weekOfYear": NUMBER,
    f"{LONG_TERM}.weeklyRetention": _AS_PERIOD,
    f"{LONG_TERM}.yearlyRetention": _AS_PERIOD,
}


def check(params: Params) -> None:
    """Raises InvalidOption."""
    short, long, sku = params["short_term_retention"] or {}, params["long_term_retention"] or {}, params["sku"] or ""
    days, most = short.get("retention_days"), 7 if sku.lower() == "basic" else 35
    if days is not None and not 1 <= days <= most:
        raise InvalidOption("short_term_retention.retention_days", days, f"use 1 to {most} days.")
    periods = {option: long.get(option) for option in ("weekly_retention", "monthly_retention", "yearly_retention")}
    for option, period in periods.items():
        if _months_and_days(period) is None:
            raise InvalidOption(
                f"long_term_retention.{option}", period, "write a period as P4W, P12M or P5Y, or PT0S for none."
            )
    week = long.get("week_of_year")
    if week is not None and not 1 <= week <= 52:
        raise InvalidOption("long_term_retention.week_of_year", week, "use 1 to 52.")
    if periods["yearly_retention"] not in (None, "PT0S") and week is None:
        raise InvalidOption("long_term_retention.week_of_year", week, "yearly_retention needs it.")
    delay = params["auto_pause_delay"]
    if delay is not None and delay != -1 and set(periods.values()) - {None, "PT0S"}:
        raise InvalidOption("auto_pause_delay", delay, "a database with long_term_retention cannot pause: use -1.")


def desired(params: Params) -> dict[str, Any]:
    """JSON of both policies, as far as the options ask for them."""
    short, long = params["short_term_retention"], params["long_term_retention"]
    return {
        SHORT_TERM: None
        if short is None
        else {
            "retentionDays": short["retention_days"],
            "diffBackupIntervalInHours": short["differential_backup_interval_in_hours"],
        },
        LONG_TERM: None
        if long is None
        else {
            "weeklyRetention": long["weekly_retention"],
            "monthlyRetention": long["monthly_retention"],
            "yearlyRetention": long["yearly_retention"],
            "weekOfYear": long["week_of_year"],
        },
    }


def observe(arm: Arm, params: Params, database: Json) -> Json:
    """The database with the policies that the options ask for."""
    asked = [key for key, policy in desired(params).items() if policy is not None]
    return {**database, **{key: _read(arm, params, key) for key in asked}}


def _read(arm: Arm, params: Params, key: str) -> Json:
    found = arm.get(_POLICIES[key], "get", *_address(params)) or {}
    return found.get("properties") or {}


def _address(params: Params) -> tuple[str, str, str, str]:
    return params["resource_group"], params["server"], params["name"], "default"


def body(arm: Arm, params: Params, planned: Plan) -> Json:
    """The request for the database itself: {} when only policies differ, which are then written here."""
    if planned.action != CREATE and _policies_first(params, planned):
        _write(arm, params, planned.before, planned.after)
    return without(planned.body, _POLICIES)


def _policies_first(params: Params, planned: Plan) -> bool:
    """Basic keeps 7 days at most, and what pauses has no long-term retention: policies make way for these, and follow all else.

    Nobody waits for the database with C(wait: false), so what can be written is written before.
    """
    database = without(planned.body, _POLICIES)
    sku = str((database.get("sku") or {}).get("name") or "").lower()
    delay = (database.get("properties") or {}).get("autoPauseDelay")
    return not database or not params["wait"] or sku == "basic" or delay not in (None, -1)


def finish(arm: Arm, params: Params, planned: Plan, settled: Json) -> Json:
    """The settled database with its policies, which are written now unless they were before."""
    if planned.action == CREATE or (planned.action == UPDATE and not _policies_first(params, planned)):
        _write(arm, params, planned.before, planned.after)
    return {**settled, **{key: planned.after[key] for key in _POLICIES if key in planned.after}}


def _write(arm: Arm, params: Params, before: Json, after: Json) -> None:
    for key, operations in _POLICIES.items():
        if key in after and after[key] != before.get(key):
            submitted = arm.submit(
                operations, "begin_create_or_update", *_address(params), body={"properties": after[key]}
            )
            if params["wait"]:
                arm.wait(submitted, f"change of {key} of database {params['name']}")
