# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module sql_server: passwords, the Entra administrator, managed identities, invalid options."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure, InvalidOption

from tests.support.fake_azure import ACCEPTED, GROUP, NOT_FOUND, FakeAzure, get, patch, poll, put, run

SERVER = f"{GROUP}/providers/Microsoft.Sql/servers/s1"
PASSWORD = "Corr3ct-Horse"
OPTIONS: dict[str, Any] = {"resource_group": "rg", "name": "s1", "location": "westeurope"}
LOGIN = {"administrator_login": "mlflow", "administrator_password": PASSWORD}


def server(**properties: Any) -> dict[str, Any]:
    return {
        "id": SERVER,
        "name": "s1",
        "location": "westeurope",
        "properties": {"administratorLogin": "mlflow", "minimalTlsVersion": "1.2", "state": "Ready", **properties},
    }


def test_the_password_of_a_new_server_is_sent_and_not_in_the_result() -> None:
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
        result = run("sql_server", azure, **OPTIONS, **LOGIN)
    assert result["sql_server"] == server()
    assert PASSWORD not in str(result)


def test_without_waiting_the_server_is_predicted() -> None:
    with FakeAzure(
        get(SERVER, 404, NOT_FOUND), put(SERVER, 202, {"operation": "UpsertLogicalServer"}, headers=ACCEPTED)
    ) as azure:
        result = run("sql_server", azure, wait=False, **OPTIONS, **LOGIN)
    assert result["sql_server"]["id"] == SERVER
    assert PASSWORD not in str(result)


def test_the_password_of_an_existing_server_is_not_compared() -> None:
    with FakeAzure(get(SERVER, 200, server())) as azure:
        assert run("sql_server", azure, **OPTIONS, **LOGIN)["changed"] is False


def test_a_newer_tls_version_is_kept_without_the_option() -> None:
    with FakeAzure(get(SERVER, 200, server(minimalTlsVersion="1.3"))) as azure:
        assert run("sql_server", azure, **OPTIONS)["changed"] is False


def test_another_change_does_not_write_the_password() -> None:
    with FakeAzure(
        get(SERVER, 200, server()),
        patch(SERVER, 202, {}, headers=ACCEPTED, sent={"properties": {"publicNetworkAccess": "Disabled"}}),
        poll("Succeeded"),
        get(SERVER, 200, server(publicNetworkAccess="Disabled")),
    ) as azure:
        run("sql_server", azure, public_network_access="Disabled", **OPTIONS, **LOGIN)


def test_update_password_always_writes_the_password_on_every_run() -> None:
    with FakeAzure(
        get(SERVER, 200, server()),
        patch(SERVER, 202, {}, headers=ACCEPTED, sent={"properties": {"administratorLoginPassword": PASSWORD}}),
        poll("Succeeded"),
        get(SERVER, 200, server()),
    ) as azure:
        assert run("sql_server", azure, update_password="always", **OPTIONS, **LOGIN)["changed"] is True


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("given", [{}, {"administrator_login": "mlflow"}, {"administrator_password": PASSWORD}])
def test_a_new_server_without_a_login_is_rejected(given: dict[str, Any], check_mode: bool) -> None:
    with FakeAzure(get(SERVER, 404, NOT_FOUND)) as azure, pytest.raises(Failure, match="A new server needs"):
        run("sql_server", azure, check_mode=check_mode, **OPTIONS, **given)


def test_a_new_server_with_entra_only_authentication_needs_no_login() -> None:
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
        run("sql_server", azure, entra_administrator=entra, **OPTIONS)


def test_the_entra_administrator_of_an_existing_server_is_written_by_its_own_operations() -> None:
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
        assert run("sql_server", azure, entra_administrator=entra, **OPTIONS)["changed"] is True


def test_the_login_cannot_change() -> None:
    with FakeAzure(get(SERVER, 200, server())) as azure, pytest.raises(Failure, match="'mlflow' and cannot become"):
        run("sql_server", azure, administrator_login="other", **OPTIONS)


@pytest.mark.parametrize(
    "password",
    ["Sh0rt-x", "alllowercaseletters", "lowercase1234", "Mlflow-1234", "A1-" + "x" * 126, ""],
)
def test_a_weak_password_is_rejected_and_not_in_the_message(password: str) -> None:
    with FakeAzure() as azure, pytest.raises(Failure) as caught:
        run("sql_server", azure, administrator_login="mlflow", administrator_password=password, **OPTIONS)
    assert caught.value.fields["option"] == "administrator_password"
    assert not password or password not in caught.value.message


@pytest.mark.parametrize("login", ["sa", "Admin", "root"])
def test_a_reserved_login_is_rejected(login: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption, match="reserves"):
        run("sql_server", azure, administrator_login=login, administrator_password=PASSWORD, **OPTIONS)


IDENTITY = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one"


def test_an_identity_in_azures_spelling_is_no_change() -> None:
    folded = IDENTITY.replace("resourceGroups", "resourcegroups")
    identity = {"type": "UserAssigned", "userAssignedIdentities": {folded: {"principalId": "p", "clientId": "c"}}}
    current = {**server(primaryUserAssignedIdentityId=folded), "identity": identity}
    with FakeAzure(get(SERVER, 200, current)) as azure:
        given = {"type": "UserAssigned", "user_assigned_identities": [IDENTITY]}
        result = run("sql_server", azure, identity=given, primary_user_assigned_identity=IDENTITY, **OPTIONS)
    assert result["changed"] is False


def test_an_identity_is_removed_with_null() -> None:
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
        run("sql_server", azure, identity={"type": "UserAssigned", "user_assigned_identities": [IDENTITY]}, **OPTIONS)


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
def test_invalid_identities_are_rejected(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("sql_server", azure, **given, **OPTIONS)
    assert caught.value.fields["option"] == option


def test_the_principal_type_of_the_entra_administrator_is_not_compared() -> None:
    administrators = {"administratorType": "ActiveDirectory", "login": "id-mlflow", "principalType": "User", "sid": "S"}
    entra = {"login": "id-mlflow", "sid": "s", "principal_type": "Application"}
    with FakeAzure(get(SERVER, 200, server(administrators=administrators))) as azure:
        assert run("sql_server", azure, entra_administrator=entra, **OPTIONS)["changed"] is False
