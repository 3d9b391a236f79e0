# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure SQL: passwords, the Entra administrator, names of skus."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure, InvalidOption
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._sql.database import same_sku

from tests.support.fake_azure import ACCEPTED, GROUP, NOT_FOUND, FakeAzure, get, patch, poll, put, run

SERVER = f"{GROUP}/providers/Microsoft.Sql/servers/s1"
DATABASE = f"{SERVER}/databases/d1"
PASSWORD = "Corr3ct-Horse"
WANTED: dict[str, Any] = {"resource_group": "rg", "name": "s1", "location": "westeurope"}
LOGIN = {"administrator_login": "mlflow", "administrator_password": PASSWORD}


def server(**properties: Any) -> dict[str, Any]:
    return {
        "id": SERVER,
        "name": "s1",
        "location": "westeurope",
        "properties": {"administratorLogin": "mlflow", "minimalTlsVersion": "1.2", "state": "Ready", **properties},
    }


def test_a_new_server_gets_the_password_and_no_result_shows_it() -> None:
    body = {
        "location": "westeurope",
        "properties": {
            "administratorLogin": "mlflow",
            "administratorLoginPassword": PASSWORD,
            "minimalTlsVersion": "1.2",
        },
    }
    with FakeAzure(
        get(SERVER, 404, NOT_FOUND),
        put(SERVER, 202, {"operation": "UpsertLogicalServer"}, headers=ACCEPTED, sent=body),
        poll("Succeeded"),
        get(SERVER, 200, server(state="Creating")),
        get(SERVER, 200, server()),
    ) as azure:
        result = run("sql_server", azure, **WANTED, **LOGIN)
    assert result["sql_server"] == server()
    assert PASSWORD not in str(result)


def test_without_waiting_the_server_is_predicted() -> None:
    with FakeAzure(
        get(SERVER, 404, NOT_FOUND), put(SERVER, 202, {"operation": "UpsertLogicalServer"}, headers=ACCEPTED)
    ) as azure:
        result = run("sql_server", azure, wait=False, **WANTED, **LOGIN)
    assert result["sql_server"]["id"] == SERVER
    assert PASSWORD not in str(result)


def test_the_password_of_a_standing_server_is_left_alone() -> None:
    with FakeAzure(get(SERVER, 200, server())) as azure:
        assert run("sql_server", azure, **WANTED, **LOGIN)["changed"] is False


def test_a_newer_tls_that_nobody_asked_for_is_left_alone() -> None:
    with FakeAzure(get(SERVER, 200, server(minimalTlsVersion="1.3"))) as azure:
        assert run("sql_server", azure, **WANTED)["changed"] is False


def test_a_change_of_something_else_does_not_write_the_password() -> None:
    with FakeAzure(
        get(SERVER, 200, server()),
        patch(SERVER, 202, {}, headers=ACCEPTED, sent={"properties": {"publicNetworkAccess": "Disabled"}}),
        poll("Succeeded"),
        get(SERVER, 200, server(publicNetworkAccess="Disabled")),
    ) as azure:
        run("sql_server", azure, public_network_access="Disabled", **WANTED, **LOGIN)


def test_update_password_always_writes_it_on_every_run() -> None:
    with FakeAzure(
        get(SERVER, 200, server()),
        patch(SERVER, 202, {}, headers=ACCEPTED, sent={"properties": {"administratorLoginPassword": PASSWORD}}),
        poll("Succeeded"),
        get(SERVER, 200, server()),
    ) as azure:
        assert run("sql_server", azure, update_password="always", **WANTED, **LOGIN)["changed"] is True


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("given", [{}, {"administrator_login": "mlflow"}, {"administrator_password": PASSWORD}])
def test_a_new_server_without_a_login_is_refused(given: dict[str, Any], check_mode: bool) -> None:
    with FakeAzure(get(SERVER, 404, NOT_FOUND)) as azure, pytest.raises(Failure, match="A new server needs"):
        run("sql_server", azure, check_mode=check_mode, **WANTED, **given)


def test_a_new_server_for_entra_alone_needs_no_login() -> None:
    entra = {"login": "id-mlflow", "sid": "S", "principal_type": "Application", "entra_only": True}
    sent = {
        "location": "westeurope",
        "properties": {
            "administrators": {
                "administratorType": "ActiveDirectory",
                "azureADOnlyAuthentication": True,
                "login": "id-mlflow",
                "principalType": "Application",
                "sid": "S",
            },
            "minimalTlsVersion": "1.2",
        },
    }
    with FakeAzure(
        get(SERVER, 404, NOT_FOUND),
        put(SERVER, 202, {}, headers=ACCEPTED, sent=sent),
        poll("Succeeded"),
        get(SERVER, 200, server(administrators=sent["properties"]["administrators"])),
    ) as azure:
        run("sql_server", azure, entra_administrator=entra, **WANTED)


def test_the_entra_administrator_of_a_standing_server_has_operations_of_its_own() -> None:
    entra = {"login": "id-mlflow", "sid": "S", "tenant_id": "T", "entra_only": True}
    administrator = {"administratorType": "ActiveDirectory", "login": "id-mlflow", "sid": "S", "tenantId": "T"}
    with FakeAzure(
        get(SERVER, 200, server()),
        put(f"{SERVER}/administrators/ActiveDirectory", 202, {}, headers=ACCEPTED, sent={"properties": administrator}),
        poll("Succeeded"),
        put(
            f"{SERVER}/azureADOnlyAuthentications/Default",
            202,
            {},
            headers=ACCEPTED,
            sent={"properties": {"azureADOnlyAuthentication": True}},
        ),
        poll("Succeeded"),
        get(SERVER, 200, server(administrators={**administrator, "azureADOnlyAuthentication": True})),
    ) as azure:
        assert run("sql_server", azure, entra_administrator=entra, **WANTED)["changed"] is True


def test_the_login_cannot_change() -> None:
    with FakeAzure(get(SERVER, 200, server())) as azure, pytest.raises(Failure, match="'mlflow' and cannot become"):
        run("sql_server", azure, administrator_login="other", **WANTED)


@pytest.mark.parametrize(
    "password",
    ["Sh0rt-x", "alllowercaseletters", "lowercase1234", "Mlflow-1234", "A1-" + "x" * 126, ""],
)
def test_a_password_that_azure_would_refuse(password: str) -> None:
    with FakeAzure() as azure, pytest.raises(Failure) as caught:
        run("sql_server", azure, administrator_login="mlflow", administrator_password=password, **WANTED)
    assert caught.value.fields["option"] == "administrator_password"
    assert not password or password not in caught.value.message


@pytest.mark.parametrize("login", ["sa", "Admin", "root"])
def test_a_login_that_azure_reserves(login: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption, match="reserves"):
        run("sql_server", azure, administrator_login=login, administrator_password=PASSWORD, **WANTED)


@pytest.mark.parametrize(
    ("wanted", "current", "equal"),
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
def test_skus(wanted: str, current: Any, equal: bool) -> None:
    assert same_sku({"name": wanted}, current) is equal


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
def test_databases_that_azure_would_refuse(given: dict[str, Any], option: str) -> None:
    wanted = {"resource_group": "rg", "server": "s1", "name": "d1", "location": "westeurope", **given}
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("sql_database", azure, **wanted)
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


def test_a_database_as_azure_shows_it_is_left_alone_after_one_read() -> None:
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


def test_an_update_of_a_database_is_one_patch_of_what_differs() -> None:
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


def test_a_new_database_gets_its_retention_when_it_is_there() -> None:
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


def test_retention_is_read_only_where_it_is_asked_for() -> None:
    with FakeAzure(get(DATABASE, 200, database()), get(SHORT_TERM, 200, {"properties": TWO_WEEKS})) as azure:
        result = run("sql_database", azure, short_term_retention={"retention_days": 14}, **DATABASE_WANTED)
    assert result["changed"] is False
    assert result["sql_database"]["backupShortTermRetentionPolicy"] == TWO_WEEKS


def test_other_retention_leaves_the_database_itself_alone_and_keeps_the_rest_of_the_policy() -> None:
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


def test_more_retention_follows_the_larger_sku_that_it_needs() -> None:
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


def test_less_retention_comes_before_the_smaller_sku_that_needs_it() -> None:
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
def test_retention_and_free_offers_that_azure_would_refuse(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("sql_database", azure, **{**DATABASE_WANTED, **given})
    assert caught.value.fields["option"] == option


IDENTITY = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one"


def test_an_identity_in_azures_spelling_is_no_change() -> None:
    folded = IDENTITY.replace("resourceGroups", "resourcegroups")
    identity = {"type": "UserAssigned", "userAssignedIdentities": {folded: {"principalId": "p", "clientId": "c"}}}
    standing = {**server(primaryUserAssignedIdentityId=folded), "identity": identity}
    with FakeAzure(get(SERVER, 200, standing)) as azure:
        given = {"type": "UserAssigned", "user_assigned_identities": [IDENTITY]}
        result = run("sql_server", azure, identity=given, primary_user_assigned_identity=IDENTITY, **WANTED)
    assert result["changed"] is False


def test_an_identity_goes_away_by_name() -> None:
    identity = {
        "type": "UserAssigned",
        "principalId": "p",
        "userAssignedIdentities": {f"{IDENTITY}/x": {"clientId": "c"}},
    }
    sent = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}, f"{IDENTITY}/x": None}}}
    with FakeAzure(
        get(SERVER, 200, {**server(), "identity": identity}),
        patch(SERVER, 202, {}, headers=ACCEPTED, sent=sent),
        poll("Succeeded"),
        get(SERVER, 200, server()),
    ) as azure:
        run("sql_server", azure, identity={"type": "UserAssigned", "user_assigned_identities": [IDENTITY]}, **WANTED)


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"identity": {"type": "UserAssigned"}}, "identity.user_assigned_identities"),
        (
            {"identity": {"type": "SystemAssigned", "user_assigned_identities": [IDENTITY]}},
            "identity.user_assigned_identities",
        ),
        (
            {
                "identity": {"type": "UserAssigned", "user_assigned_identities": [IDENTITY]},
                "primary_user_assigned_identity": f"{IDENTITY}/x",
            },
            "primary_user_assigned_identity",
        ),
    ],
)
def test_identities_that_azure_would_refuse(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("sql_server", azure, **given, **WANTED)
    assert caught.value.fields["option"] == option


def test_the_kind_of_the_entra_administrator_counts_only_for_a_new_server() -> None:
    administrators = {"administratorType": "ActiveDirectory", "login": "id-mlflow", "principalType": "User", "sid": "S"}
    entra = {"login": "id-mlflow", "sid": "s", "principal_type": "Application"}
    with FakeAzure(get(SERVER, 200, server(administrators=administrators))) as azure:
        assert run("sql_server", azure, entra_administrator=entra, **WANTED)["changed"] is False
