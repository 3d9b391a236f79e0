# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module key_vault_secret: versions, transient refusals, deleted secrets, and no value in any result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.auth import Connection, Credential, Token
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.clouds import CLOUDS
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import ArmError, Failure, InvalidOption
from azure.keyvault.secrets._shared.http_challenge_cache import clear

from tests.support.fake_azure import Exchange, FakeAzure, delete, get, patch, post, put, run

SECRET, KEPT = "/secrets/passphrase", "/deletedsecrets/passphrase"
ID = "https://kv-one.vault.azure.net/secrets/passphrase"
VALUE, OTHER = "correct horse battery", "staple gun"
OPTIONS: dict[str, Any] = {"vault": "kv-one", "name": "passphrase"}
TENANT = "https://login.microsoftonline.com/33333333-3333-3333-3333-333333333333"
CHALLENGE = {"WWW-Authenticate": f'Bearer authorization="{TENANT}", resource="https://vault.azure.net"'}
MISSING = {"error": {"code": "SecretNotFound", "message": "A secret with (name/id) passphrase was not found"}}


@pytest.fixture(autouse=True)
def _no_challenge_of_another_test() -> Iterator[None]:
    clear()
    yield
    clear()


def refused(inner: str, message: str = "Caller is not authorized to perform action on resource.\r\n") -> dict[str, Any]:
    return {"error": {"code": "Forbidden", "message": message, "innererror": {"code": inner}}}


def secret(value: str | None = VALUE, version: str = "v1", **rest: Any) -> dict[str, Any]:
    attributes = {"enabled": True, "created": 1, "updated": 1, "recoverableDays": 7, "recoveryLevel": "Purgeable"}
    found = {"id": f"{ID}/{version}", "attributes": {**attributes, **rest.pop("attributes", {})}, **rest}
    return found if value is None else {"value": value, **found}


def challenge(method: str = "GET", path: str = SECRET) -> Exchange:
    """Return the challenge: the first request has no token and no body."""
    return Exchange(method, path, 401, {"error": {"code": "Unauthorized"}}, CHALLENGE)


def vault(*script: Exchange, **options: Any) -> FakeAzure:
    return FakeAzure(challenge(), *script, **options)


def test_a_new_secret() -> None:
    sent = {
        "value": VALUE,
        "contentType": "text/plain",
        "attributes": {"enabled": True, "exp": 1893456000, "nbf": 1798675200},
        "tags": {"a": "b"},
    }
    with vault(get(SECRET, 404, MISSING), put(SECRET, 200, secret(tags={"a": "b"}), sent=sent)) as azure:
        result = run(
            "key_vault_secret",
            azure,
            value=VALUE,
            content_type="text/plain",
            expires_on="2030-01-01T00:00:00Z",
            not_before="2026-12-31T01:00:00+01:00",
            tags={"a": "b"},
            **OPTIONS,
        )
    assert result["changed"] is True
    assert result["key_vault_secret"] == secret(None, tags={"a": "b"})
    assert result["diff"]["after"]["value"] == "(hidden, changed)"
    assert VALUE not in json.dumps(result)


def test_requests_go_to_the_vault_with_a_pinned_version() -> None:
    with vault(get(SECRET, 200, secret(), query="api-version=7.4")) as azure:
        run("key_vault_secret", azure, **OPTIONS)
    assert {url.split("/")[2] for _method, url in azure.session.requests} == {"kv-one.vault.azure.net"}


@pytest.mark.parametrize(
    ("given", "current"),
    [
        ({}, secret()),
        ({"value": VALUE}, secret()),
        ({"value": VALUE, "content_type": ""}, secret()),
        ({"value": VALUE, "tags": {}}, secret()),
        ({"value": VALUE, "tags": {"a": "b", "year": 2026}}, secret(tags={"a": "b", "year": "2026"})),
        ({"expires_on": "2030-01-01T00:00:00Z"}, secret(attributes={"exp": 1893456000})),
    ],
)
def test_an_unchanged_secret_is_read_once_after_the_challenge(given: dict[str, Any], current: dict[str, Any]) -> None:
    with vault(get(SECRET, 200, current)) as azure:
        result = run("key_vault_secret", azure, **given, **OPTIONS)
    assert result["changed"] is False
    assert VALUE not in json.dumps(result)


def test_a_new_value_creates_a_version_and_keeps_other_properties() -> None:
    current = secret(contentType="text/plain", tags={"a": "b"}, attributes={"exp": 1893456000})
    sent = {
        "value": OTHER,
        "contentType": "text/plain",
        "tags": {"a": "b"},
        "attributes": {"enabled": True, "exp": 1893456000},
    }
    with vault(get(SECRET, 200, current), put(SECRET, 200, secret(OTHER, "v2"), sent=sent)) as azure:
        result = run("key_vault_secret", azure, value=OTHER, **OPTIONS)
    assert result["key_vault_secret"]["id"] == f"{ID}/v2"
    assert VALUE not in json.dumps(result)
    assert OTHER not in json.dumps(result)


@pytest.mark.parametrize("value", [None, VALUE])
def test_other_changes_update_the_current_version(value: str | None) -> None:
    sent = {"attributes": {"enabled": True, "nbf": 5}, "tags": {"a": "c"}}
    current = secret(tags={"a": "b"}, attributes={"nbf": 5})
    with vault(
        get(SECRET, 200, current), patch(f"{SECRET}/v1", 200, secret(None, tags={"a": "c"}), sent=sent)
    ) as azure:
        assert run("key_vault_secret", azure, value=value, tags={"a": "c"}, **OPTIONS)["changed"] is True


def test_check_mode_writes_nothing_and_shows_no_value() -> None:
    with vault(get(SECRET, 200, secret())) as azure:
        result = run("key_vault_secret", azure, check_mode=True, value=OTHER, **OPTIONS)
    assert result["changed"] is True
    assert result["diff"]["after"]["value"] == "(hidden, changed)"
    assert OTHER not in json.dumps(result)
    assert VALUE not in json.dumps(result)


def test_a_disabled_secret_is_written_completely_when_enabled() -> None:
    versions = {"value": [secret(None, "v1"), secret(None, "v2", attributes={"enabled": False, "created": 2})]}
    disabled = [
        get(SECRET, 403, refused("SecretDisabled", "Operation get is not allowed on a disabled secret.")),
        get(f"{SECRET}/versions", 200, {"value": versions["value"][:1], "nextLink": f"{ID}/versions?$skiptoken=x"}),
        get(f"{SECRET}/versions", 200, {"value": versions["value"][1:], "nextLink": None}, query="skiptoken"),
    ]
    sent = {"value": VALUE, "attributes": {"enabled": True}}
    with vault(*disabled, put(SECRET, 200, secret(VALUE, "v3"), sent=sent)) as azure:
        assert run("key_vault_secret", azure, value=VALUE, **OPTIONS)["changed"] is True
    clear()
    with vault(*disabled) as azure:
        assert run("key_vault_secret", azure, value=VALUE, enabled=False, **OPTIONS)["changed"] is False
    clear()
    with vault(*disabled, patch(f"{SECRET}/v2", 200, secret(None), sent={"attributes": {"enabled": True}})) as azure:
        assert run("key_vault_secret", azure, **OPTIONS)["changed"] is True


def test_a_new_secret_needs_a_value() -> None:
    with vault(get(SECRET, 404, MISSING)) as azure, pytest.raises(Failure, match="value is required"):
        run("key_vault_secret", azure, **OPTIONS)


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"name": "pass_phrase"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 128}, "name"),
        ({"vault": "https://kv-one.vault.azure.net"}, "vault"),
        ({"expires_on": "2030-01-01"}, "expires_on"),
        ({"expires_on": "2030-01-01T00:00:00"}, "expires_on"),
        ({"not_before": "tomorrow"}, "not_before"),
        ({"not_before": "2030-01-01T00:00:00Z", "expires_on": "2030-01-01T00:00:00Z"}, "expires_on"),
        ({"value": "x" * 25601}, "value"),
        ({"tags": {str(number): "x" for number in range(16)}}, "tags"),
    ],
)
def test_invalid_options_are_rejected_before_any_request(given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(Failure) as caught:
        run("key_vault_secret", azure, **{**OPTIONS, **given})
    assert caught.value.fields["option"] == option
    assert isinstance(caught.value, InvalidOption) or "xxx" not in caught.value.message


def test_a_new_role_assignment_is_retried_until_effective() -> None:
    with vault(
        get(SECRET, 403, refused("ForbiddenByRbac")),
        get(SECRET, 403, refused("ForbiddenByRbac")),
        get(SECRET, 200, secret()),
    ) as azure:
        assert run("key_vault_secret", azure, **OPTIONS)["changed"] is False
    assert azure.clock.pauses == [2.0, 4.0]


def test_a_missing_role_is_an_error_at_the_deadline() -> None:
    answers = [get(SECRET, 403, refused("ForbiddenByRbac")) for _attempt in range(4)]
    with (
        vault(*answers, wait_timeout=10) as azure,
        pytest.raises(ArmError, match="Key Vault Secrets Officer") as caught,
    ):
        run("key_vault_secret", azure, **OPTIONS)
    assert (caught.value.status, caught.value.code) == (403, "ForbiddenByRbac")


@pytest.mark.parametrize("given", [{"wait": False}, {"check_mode": True}])
def test_a_missing_role_is_not_retried_without_wait_or_in_check_mode(given: dict[str, Any]) -> None:
    with vault(get(SECRET, 403, refused("ForbiddenByRbac"))) as azure, pytest.raises(ArmError):
        run("key_vault_secret", azure, **given, **OPTIONS)
    assert azure.clock.pauses == []


@pytest.mark.parametrize(
    ("inner", "advice"),
    [
        ("ForbiddenByPolicy", "enable_rbac_authorization"),
        ("ForbiddenByFirewall", "Allow the address"),
        ("ForbiddenByConnection", "an allowed network"),
    ],
)
def test_a_permanent_refusal_is_an_error_at_once(inner: str, advice: str) -> None:
    with vault(get(SECRET, 403, refused(inner))) as azure, pytest.raises(ArmError, match=advice):
        run("key_vault_secret", azure, **OPTIONS)
    assert azure.clock.pauses == []


def test_a_response_that_is_not_from_a_vault_is_an_error() -> None:
    elsewhere = {"WWW-Authenticate": 'Bearer authorization="https://login.example/t", resource="https://example.com"'}
    with (
        FakeAzure(get(SECRET, 401, {}, headers=elsewhere)) as azure,
        pytest.raises(Failure, match="does not answer as a key vault does"),
    ):
        run("key_vault_secret", azure, **OPTIONS)


def nowhere() -> list[Exchange]:
    """Return an unknown host for every attempt."""
    unknown = requests.ConnectionError("Name or service not known")
    return [Exchange("GET", SECRET, 0, error=unknown) for _attempt in range(5)]


@pytest.mark.parametrize(("state", "changed"), [("present", True), ("absent", False)])
def test_check_mode_works_before_the_vault_exists(state: str, changed: bool) -> None:
    with FakeAzure(*nowhere()) as azure:
        result = run("key_vault_secret", azure, check_mode=True, value=VALUE, state=state, **OPTIONS)
    assert result["changed"] is changed
    assert VALUE not in json.dumps(result)


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_unreachable_vault_is_an_error(state: str) -> None:
    with FakeAzure(*nowhere()) as azure, pytest.raises(Failure, match="Check that there is a vault of that name"):
        run("key_vault_secret", azure, value=VALUE, state=state, **OPTIONS)


def conflict(inner: str) -> dict[str, Any]:
    text = "Secret passphrase is currently in a deleted but recoverable state, and its name cannot be reused"
    return {"error": {"code": "Conflict", "message": text, "innererror": {"code": inner}}}


def test_the_name_of_a_deleted_secret_is_an_error_with_remedies() -> None:
    with (
        vault(get(SECRET, 404, MISSING), put(SECRET, 409, conflict("ObjectIsDeletedButRecoverable"))) as azure,
        pytest.raises(ArmError, match="recover: true"),
    ):
        run("key_vault_secret", azure, value=VALUE, **OPTIONS)


@pytest.mark.parametrize("value", [VALUE, OTHER])
def test_a_deleted_secret_is_recovered_and_updated(value: str) -> None:
    script = [
        get(SECRET, 404, MISSING),
        put(SECRET, 409, conflict("ObjectIsDeletedButRecoverable")),
        post(f"{KEPT}/recover", 200, secret(None), sent=None),
        get(SECRET, 404, MISSING),
        get(SECRET, 200, secret()),
    ]
    if value == OTHER:
        script.append(put(SECRET, 200, secret(OTHER, "v2")))
    with vault(*script) as azure:
        assert run("key_vault_secret", azure, value=value, recover=True, **OPTIONS)["changed"] is True


def test_a_secret_in_deletion_is_retried() -> None:
    with vault(
        get(SECRET, 404, MISSING), put(SECRET, 409, conflict("ObjectIsBeingDeleted")), put(SECRET, 200, secret())
    ) as azure:
        assert run("key_vault_secret", azure, value=VALUE, **OPTIONS)["changed"] is True


def test_vaults_of_different_tenants_use_different_tokens() -> None:
    kept: dict[str, Token] = {}
    keys: list[str] = []

    def remember(key: str, _fetch: Any) -> Token:
        keys.append(key)
        return kept.setdefault(key, Token(f"token {len(kept)}", 4102444800))

    credential = Credential(Connection("s", CLOUDS["AzureCloud"]), remember)
    tenants = ["one", "two", "one", None]
    tokens = [credential.get_token("https://vault.azure.net/.default", tenant_id=tenant).token for tenant in tenants]
    assert tokens == ["token 0", "token 1", "token 0", "token 2"]
    assert len(keys) == 4


def test_absent_deletes_the_secret() -> None:
    with vault(
        get(SECRET, 200, secret()),
        delete(SECRET, 200, secret(None)),
        get(KEPT, 404, MISSING),
        get(KEPT, 200, secret(None)),
    ) as azure:
        result = run("key_vault_secret", azure, state="absent", **OPTIONS)
    assert (result["changed"], result["key_vault_secret"], result["diff"]["after"]) == (True, {}, {})
    assert VALUE not in json.dumps(result)


def test_absent_of_an_absent_secret_changes_nothing() -> None:
    with vault(get(SECRET, 404, MISSING)) as azure:
        assert run("key_vault_secret", azure, state="absent", **OPTIONS)["changed"] is False


def test_purge() -> None:
    with vault(
        get(SECRET, 200, secret()), delete(SECRET, 200), get(KEPT, 200, secret(None)), delete(KEPT, 204)
    ) as azure:
        assert run("key_vault_secret", azure, state="absent", purge=True, **OPTIONS)["changed"] is True


@pytest.mark.parametrize("kept", [True, False])
def test_purge_of_a_secret_deleted_before(kept: bool) -> None:
    script = [get(KEPT, 200, secret(None)), delete(KEPT, 204)] if kept else [get(KEPT, 404, MISSING)]
    with vault(get(SECRET, 404, MISSING), *script) as azure:
        assert run("key_vault_secret", azure, state="absent", purge=True, **OPTIONS)["changed"] is kept
