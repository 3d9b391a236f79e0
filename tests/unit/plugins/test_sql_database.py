# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module sql_database: names of skus, backup retention, invalid options."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure, InvalidOption
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._sql.database import same_sku

from tests.support.fake_azure import ACCEPTED, GROUP, NOT_FOUND, FakeAzure, get, patch, poll, put, run

SERVER = f"{GROUP}/providers/Microsoft.Sql/servers/s1"
DATABASE = f"{SERVER}/databases/d1"


@pytest.mark.parametrize(
    ("desired", "current", "equal"),
    [
        ("GP_S_Gen5_1", {"name": "GP_S_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 1}, True),
        ("gp_s_gen5_1", {"name": "GP_S_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 1}, True),
        ("GP_S_Gen5_2", {"name": "GP_S_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 1}, False),
        ("GP_Gen5_1", {"name": "GP_S_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 1}, False),
        ("S0", {"name": "Standard", "tier": "Standard", "capacity": 10}, True),
        ("S1", {"name": "Standard", "tier": "Standard", "capacity": 10}, False),
        ("P1", {"name": "Premium", "tier": "Premium", "capacity": 125}, True),
        ("Basic", {"name": "Basic", "tier": "Basic", "capacity": 5}, True),
        ("HS_Gen5_2", {"name": "HS_Gen5", "tier": "Hyperscale", "family": "Gen5", "capacity": 2}, True),
        ("S0", None, False),
    ],
)
def test_skus_are_compared_by_service_objective(desired: str, current: Any, equal: bool) -> None:
    assert same_sku({"name": desired}, current) is equal


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"sku": "GP_S_Gen5_1", "auto_pause_delay": 5}, "auto_pause_delay"),
        ({"sku": "GP_Gen5_2", "auto_pause_delay": 60}, "auto_pause_delay"),
        ({"sku": "S0", "min_capacity": 0.5}, "min_capacity"),
        ({"sku": "GP_S_Gen5_1", "min_capacity": 2}, "min_capacity"),
        ({"sku": "GP_S_Gen5"}, "sku"),
        ({"name": "d."}, "name"),
        ({"server": "S_1"}, "server"),
    ],
)
def test_invalid_options_are_rejected_before_any_request(given: dict[str, Any], option: str) -> None:
    desired = {"resource_group": "rg", "server": "s1", "name": "d1", "location": "westeurope", **given}
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("sql_database", azure, **desired)
    assert caught.value.fields["option"] == option


def test_the_collation_cannot_change() -> None:
    standing = {"id": DATABASE, "location": "westeurope", "properties": {"collation": "A_CI", "status": "Online"}}
    with FakeAzure(get(DATABASE, 200, standing)) as azure, pytest.raises(Failure, match="collation"):
        run(
            "sql_database",
            azure,
            resource_group="rg",
            server="s1",
            name="d1",
            location="westeurope",
            collation="B_CI",
        )


DATABASE_WANTED: dict[str, Any] = {"resource_group": "rg", "server": "s1", "name": "d1", "location": "westeurope"}
SHORT_TERM = f"{DATABASE}/backupShortTermRetentionPolicies/default"
LONG_TERM = f"{DATABASE}/backupLongTermRetentionPolicies/default"
FOREVER = {"weeklyRetention": "PT0S", "monthlyRetention": "P1Y", "yearlyRetention": "P5Y", "weekOfYear": 3}
TWO_WEEKS = {"retentionDays": 14, "diffBackupIntervalInHours": 12}


def database(**properties: Any) -> dict[str, Any]:
    return {
        "id": DATABASE,
        "name": "d1",
        "location": "westeurope",
        "sku": {"name": "GP_S_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 2},
        "properties": {"collation": "SQL_Latin1_General_CP1_CI_AS", "status": "Online", **properties},
    }


def test_an_unchanged_database_is_read_once() -> None:
    standing = database(
        autoPauseDelay=60, minCapacity=0.5, requestedBackupStorageRedundancy="Local", zoneRedundant=False
    )
    with FakeAzure(get(DATABASE, 200, standing)) as azure:
        result = run(
            "sql_database",
            azure,
            **{**DATABASE_WANTED, "location": "West Europe"},
            sku="gp_s_gen5_2",
            auto_pause_delay=60,
            min_capacity=0.5,
            backup_storage_redundancy="Local",
            zone_redundant=False,
            use_free_limit=False,
        )
    assert result["changed"] is False


def test_an_update_is_one_patch_of_differing_properties() -> None:
    sent = {"sku": {"name": "GP_S_Gen5_4"}, "properties": {"freeLimitExhaustionBehavior": "BillOverUsage"}}
    with FakeAzure(
        get(DATABASE, 200, database(freeLimitExhaustionBehavior="AutoPause", useFreeLimit=True)),
        patch(DATABASE, 202, {}, headers=ACCEPTED, sent=sent),
        poll("Succeeded"),
        get(DATABASE, 200, database(status="Scaling")),
        get(DATABASE, 200, database()),
    ) as azure:
        given = {"sku": "GP_S_Gen5_4", "free_limit_exhaustion_behavior": "BillOverUsage"}
        assert run("sql_database", azure, **given, **DATABASE_WANTED)["changed"] is True


def test_retention_of_a_new_database_is_written_after_its_creation() -> None:
    new = {
        "location": "westeurope",
        "sku": {"name": "GP_S_Gen5_2"},
        "properties": {"freeLimitExhaustionBehavior": "AutoPause", "useFreeLimit": True},
    }
    with FakeAzure(
        get(DATABASE, 404, NOT_FOUND),
        put(DATABASE, 202, {}, headers=ACCEPTED, sent=new),
        poll("Succeeded"),
        get(DATABASE, 200, database()),
        put(SHORT_TERM, 202, {}, headers=ACCEPTED, sent={"properties": {"retentionDays": 14}}),
        poll("Succeeded"),
    ) as azure:
        given = {"sku": "GP_S_Gen5_2", "use_free_limit": True, "free_limit_exhaustion_behavior": "AutoPause"}
        result = run("sql_database", azure, short_term_retention={"retention_days": 14}, **given, **DATABASE_WANTED)
    assert result["sql_database"] == {**database(), "backupShortTermRetentionPolicy": {"retentionDays": 14}}


def test_retention_is_read_only_when_an_option_sets_it() -> None:
    with FakeAzure(get(DATABASE, 200, database()), get(SHORT_TERM, 200, {"properties": TWO_WEEKS})) as azure:
        result = run("sql_database", azure, short_term_retention={"retention_days": 14}, **DATABASE_WANTED)
    assert result["changed"] is False
    assert result["sql_database"]["backupShortTermRetentionPolicy"] == TWO_WEEKS


def test_a_change_of_retention_does_not_write_the_database() -> None:
    with FakeAzure(
        get(DATABASE, 200, database()),
        get(SHORT_TERM, 200, {"properties": TWO_WEEKS}),
        get(LONG_TERM, 200, {"properties": FOREVER}),
        put(SHORT_TERM, 202, {}, headers=ACCEPTED, sent={"properties": {**TWO_WEEKS, "retentionDays": 7}}),
        poll("Succeeded"),
        put(LONG_TERM, 202, {}, headers=ACCEPTED, sent={"properties": {**FOREVER, "weeklyRetention": "P4W"}}),
        poll("Succeeded"),
        get(DATABASE, 200, database()),
    ) as azure:
        result = run(
            "sql_database",
            azure,
            short_term_retention={"retention_days": 7},
            long_term_retention={"weekly_retention": "P4W", "monthly_retention": "P12M"},
            **DATABASE_WANTED,
        )
    assert result["changed"] is True
    assert result["diff"]["before"]["backupShortTermRetentionPolicy"]["retentionDays"] == 14
    assert result["sql_database"]["backupLongTermRetentionPolicy"]["weeklyRetention"] == "P4W"


def test_longer_retention_is_written_after_the_larger_sku() -> None:
    basic = database()
    basic["sku"] = {"name": "Basic", "tier": "Basic", "capacity": 5}
    with FakeAzure(
        get(DATABASE, 200, basic),
        get(SHORT_TERM, 200, {"properties": {"retentionDays": 7}}),
        patch(DATABASE, 202, {}, headers=ACCEPTED, sent={"sku": {"name": "S0"}}),
        poll("Succeeded"),
        get(DATABASE, 200, database()),
        put(SHORT_TERM, 202, {}, headers=ACCEPTED, sent={"properties": {"retentionDays": 35}}),
        poll("Succeeded"),
    ) as azure:
        given = {"sku": "S0", "short_term_retention": {"retention_days": 35}}
        assert run("sql_database", azure, **given, **DATABASE_WANTED)["changed"] is True


def test_shorter_retention_is_written_before_the_smaller_sku() -> None:
    with FakeAzure(
        get(DATABASE, 200, database()),
        get(SHORT_TERM, 200, {"properties": {"retentionDays": 35}}),
        put(SHORT_TERM, 202, {}, headers=ACCEPTED, sent={"properties": {"retentionDays": 7}}),
        poll("Succeeded"),
        patch(DATABASE, 202, {}, headers=ACCEPTED, sent={"sku": {"name": "Basic"}}),
        poll("Succeeded"),
        get(DATABASE, 200, database()),
    ) as azure:
        given = {"sku": "Basic", "short_term_retention": {"retention_days": 7}}
        assert run("sql_database", azure, **given, **DATABASE_WANTED)["changed"] is True


def test_check_mode_of_retention() -> None:
    with FakeAzure(get(DATABASE, 200, database()), get(SHORT_TERM, 200, {"properties": TWO_WEEKS})) as azure:
        given = {"short_term_retention": {"retention_days": 7}}
        result = run("sql_database", azure, check_mode=True, **given, **DATABASE_WANTED)
    assert result["sql_database"]["backupShortTermRetentionPolicy"]["retentionDays"] == 7


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"sku": "GP_Gen5_2", "use_free_limit": True}, "use_free_limit"),
        ({"sku": "S0", "free_limit_exhaustion_behavior": "AutoPause"}, "free_limit_exhaustion_behavior"),
        ({"min_capacity": 0.0}, "min_capacity"),
        ({"short_term_retention": {"retention_days": 0}}, "short_term_retention.retention_days"),
        ({"short_term_retention": {"retention_days": 36}}, "short_term_retention.retention_days"),
        ({"sku": "Basic", "short_term_retention": {"retention_days": 8}}, "short_term_retention.retention_days"),
        ({"long_term_retention": {"weekly_retention": "4 weeks"}}, "long_term_retention.weekly_retention"),
        ({"long_term_retention": {"monthly_retention": "P"}}, "long_term_retention.monthly_retention"),
        ({"long_term_retention": {"yearly_retention": "P1Y"}}, "long_term_retention.week_of_year"),
        (
            {"long_term_retention": {"yearly_retention": "P1Y", "week_of_year": 53}},
            "long_term_retention.week_of_year",
        ),
        ({"auto_pause_delay": 60, "long_term_retention": {"weekly_retention": "P4W"}}, "auto_pause_delay"),
    ],
)
def test_invalid_retention_and_free_offers_are_rejected(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("sql_database", azure, **{**DATABASE_WANTED, **given})
    assert caught.value.fields["option"] == option
