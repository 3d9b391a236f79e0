# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup retention of a database: two child resources of the database.

Here they are two more keys of the database, so that they are compared and returned with it. Each is read only where an
option sets it.
"""

from __future__ import annotations

import re
from typing import Any

from .._core.arm import Arm, Json
from .._core.errors import InvalidOption
from .._core.module import Params
from .._core.plan import CREATE, NUMBER, UPDATE, Plan, Rule, without
from .client import sql_operations

SHORT_TERM, LONG_TERM = "backupShortTermRetentionPolicy", "backupLongTermRetentionPolicy"
_POLICIES = {
    SHORT_TERM: sql_operations("backup_short_term_retention_policies"),
    LONG_TERM: sql_operations("long_term_retention_policies"),
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
    """Return the length of a period; None for an invalid one. P1Y is P12M, P1W is P7D, PT0S and an unset period are zero."""
    match = _PERIOD.fullmatch(str(period or "PT0S"))
    if match is None:
        return None
    years, months, weeks, days = (int(match[unit] or 0) for unit in "YMWD")
    return 12 * years + months, 7 * weeks + days


_AS_PERIOD = Rule(compare=lambda desired, current: _months_and_days(desired) == _months_and_days(current))
RULES = {
    f"{SHORT_TERM}.diffBackupIntervalInHours": NUMBER,
    f"{SHORT_TERM}.retentionDays": NUMBER,
    f"{LONG_TERM}.monthlyRetention": _AS_PERIOD,
    f"{LONG_TERM}.weekOfYear": NUMBER,
    f"{LONG_TERM}.weeklyRetention": _AS_PERIOD,
    f"{LONG_TERM}.yearlyRetention": _AS_PERIOD,
}


class Retention:
    """The retention policies of the database that the options name."""

    def __init__(self, params: Params, arm: Arm) -> None:
        self._params = params
        self._arm = arm

    def validate(self) -> None:
        """Raise InvalidOption for the first option that Azure would refuse."""
        params = self._params
        short, long = params["short_term_retention"] or {}, params["long_term_retention"] or {}
        days, most = short.get("retention_days"), 7 if (params["sku"] or "").lower() == "basic" else 35
        if days is not None and not 1 <= days <= most:
            raise InvalidOption("short_term_retention.retention_days", days, f"use 1 to {most} days.")
        periods = {option: long.get(option) for option in ("weekly_retention", "monthly_retention", "yearly_retention")}
        for option, period in periods.items():
            if _months_and_days(period) is None:
                rule = "write a period as P4W, P12M or P5Y, or PT0S for none."
                raise InvalidOption(f"long_term_retention.{option}", period, rule)
        week = long.get("week_of_year")
        if week is not None and not 1 <= week <= 52:
            raise InvalidOption("long_term_retention.week_of_year", week, "use 1 to 52.")
        if periods["yearly_retention"] not in (None, "PT0S") and week is None:
            raise InvalidOption("long_term_retention.week_of_year", week, "yearly_retention needs it.")
        delay = params["auto_pause_delay"]
        if delay is not None and delay != -1 and set(periods.values()) - {None, "PT0S"}:
            raise InvalidOption("auto_pause_delay", delay, "a database with long_term_retention cannot pause: use -1.")

    def desired(self) -> dict[str, Any]:
        """Return both policies as ARM JSON, None for one that no option sets."""
        short, long = self._params["short_term_retention"], self._params["long_term_retention"]
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

    def read(self) -> Json:
        """Return the current policies that options set, by their key."""
        return {key: self._read(key) for key, policy in self.desired().items() if policy is not None}

    def request_body(self, planned: Plan) -> Json:
        """Return the body for the database itself; {} when only policies differ, which this method then writes."""
        if planned.action != CREATE and self._policies_first(planned):
            self._write(planned.before, planned.after)
        return without(planned.body, _POLICIES)

    def finish(self, planned: Plan) -> Json:
        """Return the policies of the task by their key, after writing those that request_body has not written."""
        if planned.action == CREATE or (planned.action == UPDATE and not self._policies_first(planned)):
            self._write(planned.before, planned.after)
        return {key: planned.after[key] for key in _POLICIES if key in planned.after}

    def _policies_first(self, planned: Plan) -> bool:
        """Return whether the policies are written before the database.

        Basic keeps 7 days at most, and a database that pauses has no long-term retention: the policies must fit before
        the database changes to one of these. With C(wait: false) nothing follows the write of the database.
        """
        database = without(planned.body, _POLICIES)
        sku = str((database.get("sku") or {}).get("name") or "").lower()
        delay = (database.get("properties") or {}).get("autoPauseDelay")
        return not database or not self._params["wait"] or sku == "basic" or delay not in (None, -1)

    def _read(self, key: str) -> Json:
        policy = self._arm.get(_POLICIES[key], "get", *self._address()) or {}
        return policy.get("properties") or {}

    def _write(self, before: Json, after: Json) -> None:
        for key, operations in _POLICIES.items():
            if key in after and after[key] != before.get(key):
                body = {"properties": after[key]}
                submitted = self._arm.submit(operations, "begin_create_or_update", *self._address(), body=body)
                if self._params["wait"]:
                    self._arm.wait(submitted, f"change of {key} of database {self._params['name']}")

    def _address(self) -> tuple[str, str, str, str]:
        params = self._params
        return params["resource_group"], params["server"], params["name"], "default"
