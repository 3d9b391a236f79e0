# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User delegation keys and signatures: as Azure's SDK signs them, and everything that does not match is refused."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import quote

import pytest
from azure.storage.blob import ContainerSasPermissions, UserDelegationKey, generate_blob_sas, generate_container_sas

from sandbox.messages import Request
from sandbox.services.user_delegation import (
    DelegationKey,
    SasError,
    delegation_key,
    new_key,
    required_permissions,
    string_to_sign,
    validate,
    without_sas,
)

NOW = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
TENANT, PRINCIPAL, SECRET = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222", "s"
KEY = DelegationKey(PRINCIPAL, TENANT, "2026-11-30T11:55:00Z", "2026-11-30T13:00:00Z", "b", "2026-06-06")
ENDPOINT = "https://staccount.blob.core.windows.net/"


def sdk_key(key: DelegationKey = KEY, secret: str = SECRET) -> UserDelegationKey:
    result = UserDelegationKey()
    result.signed_oid, result.signed_tid, result.signed_start = key.object_id, key.tenant, key.start
    result.signed_expiry, result.signed_service, result.signed_version = key.expiry, key.service, key.version
    result.value = key.value(secret)
    return result


def sas(**change: Any) -> str:
    options: dict[str, Any] = {
        "account_name": "staccount",
        "container_name": "files",
        "blob_name": "a b/ü.bin",
        "permission": "rw",
        "start": NOW - HOUR,
        "expiry": NOW + HOUR,
        "user_delegation_key": sdk_key(),
    }
    return generate_blob_sas(**{**options, **change})


def request(token: str, method: str = "GET", blob: str = "a b/ü.bin", **headers: str) -> Request:
    return Request(method, f"{ENDPOINT}files/{quote(blob)}?{token}", headers)


def check(sent: Request, **change: Any) -> str:
    options = {"account": "staccount", "secret": SECRET, "tenant": TENANT, "peer": "127.0.0.1", "now": NOW, **change}
    return validate(sent, **options)


def refusal(sent: Request, **change: Any) -> SasError:
    with pytest.raises(SasError) as raised:
        check(sent, **change)
    return raised.value


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"start": None},
        {"permission": "racwdt"},
        {"ip": "127.0.0.1"},
        {"ip": "127.0.0.0-127.0.0.9"},
        {"protocol": "https"},
        {"encryption_scope": "scope"},
        {"cache_control": "no-store", "content_disposition": "inline", "content_type": "text/plain"},
        {"content_encoding": "gzip", "content_language": "de"},
        {"correlation_id": "33333333-3333-3333-3333-333333333333"},
        {"request_headers": {"x-ms-one": "1", "x-ms-two": "2"}},
        {"request_query_params": {"comp": "block", "blockid": "a="}},
    ],
)
def test_signatures_of_the_sdk_are_accepted(change: dict[str, Any]) -> None:
    signed: list[str] = []
    headers = {"x-ms-one": "1", "x-ms-two": "2"}
    sent = Request("PUT", f"{request(sas(**change, sts_hook=signed.append)).url}&comp=block&blockid=a%3D", headers)
    assert string_to_sign(sent, "staccount") == signed[0]
    assert check(sent) == PRINCIPAL


def test_a_signature_of_a_container_is_accepted_for_each_of_its_blobs() -> None:
    token = generate_container_sas(
        "staccount", "files", user_delegation_key=sdk_key(), permission=ContainerSasPermissions(True), expiry=NOW + HOUR
    )
    assert check(request(token, blob="other")) == PRINCIPAL
    other = Request("GET", f"{ENDPOINT}elsewhere/other?{token}")
    assert refusal(other).code == "AuthenticationFailed"


# The lines of the documentation: https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
START = ["r", "", "2026-11-30T13:00:00Z", "/blob/staccount/files/a", PRINCIPAL, TENANT, KEY.start, KEY.expiry, "b"]
END = ["", "", "", "", ""]


@pytest.mark.parametrize("version", ["2020-12-06", "2021-08-06", "2024-11-04", "2025-05-05"])
def test_the_string_to_sign_before_2025_07_05(version: str) -> None:
    expected = [*START, "2020-12-06", "", "", "", "", "https", version, "b", "", "", *END]
    assert string_to_sign(of_version(version), "staccount").split("\n") == expected


@pytest.mark.parametrize("version", ["2025-07-05", "2025-11-05", "2026-02-06"])
def test_the_string_to_sign_from_2025_07_05_on_names_the_delegated_user(version: str) -> None:
    expected = [*START, "2020-12-06", "", "", "", "", "", "", "https", version, "b", "", "", *END]
    assert string_to_sign(of_version(version), "staccount").split("\n") == expected


@pytest.mark.parametrize("version", ["2026-04-06", "2026-06-06", "2027-01-01"])
def test_the_string_to_sign_from_2026_04_06_on_has_headers_and_parameters(version: str) -> None:
    expected = [*START, "2020-12-06", "", "", "", "", "", "", "https", version, "b", "", "", "", "", *END]
    assert string_to_sign(of_version(version), "staccount").split("\n") == expected


def of_version(version: str) -> Request:
    query = (
        f"sp=r&se=2026-11-30T13:00:00Z&skoid={PRINCIPAL}&sktid={TENANT}&skt={KEY.start}&ske={KEY.expiry}&sks=b"
        f"&skv=2020-12-06&spr=https&sv={version}&sr=b&sig=x"
    )
    return Request("GET", f"{ENDPOINT}files/a?{query}")


@pytest.mark.parametrize("version", ["2018-11-09", "2020-02-10", "", "next"])
def test_another_version_is_refused(version: str) -> None:
    with pytest.raises(SasError, match="failed to authenticate"):
        string_to_sign(of_version(version), "staccount")


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"expiry": NOW}, "Signature not valid in the specified time frame"),
        ({"expiry": NOW - HOUR}, "Signature not valid in the specified time frame"),
        ({"start": NOW + HOUR / 60}, "Signature not valid in the specified time frame"),
        ({"expiry": "tomorrow"}, "not a valid time"),
        ({"user_delegation_key": sdk_key(secret="revoked")}, "Signature did not match"),
        ({"container_name": "other"}, "Signature did not match"),
        ({"blob_name": "other"}, "Signature did not match"),
        ({"account_name": "other"}, "Signature did not match"),
    ],
)
def test_a_signature_that_does_not_match_is_refused(change: dict[str, Any], detail: str) -> None:
    error = refusal(request(sas(**change)))
    assert (error.code, detail in error.detail) == ("AuthenticationFailed", True), error.detail


@pytest.mark.parametrize(
    "tampering",
    [
        ("sp=rw", "sp=rwd"),
        ("se=2026-11-30T13", "se=2026-11-30T14"),
        (f"skoid={PRINCIPAL}", f"skoid={TENANT}"),
        (f"sktid={TENANT}", f"sktid={PRINCIPAL}"),
        ("ske=2026-11-30T13", "ske=2026-12-30T13"),
        ("sks=b", "sks=q"),
        ("sr=b", "sr=c"),
        ("sr=b", "sr=d"),
        ("sig=", "sig=A"),
        ("sig=", "sig=%C3%BC"),
    ],
)
def test_a_changed_parameter_is_refused(tampering: tuple[str, str]) -> None:
    token = sas().replace("%3A", ":")
    assert tampering[0] in token
    assert refusal(request(token.replace(*tampering))).code == "AuthenticationFailed"


@pytest.mark.parametrize(
    "key", [("2026-11-30T10:00:00Z", "2026-11-30T11:00:00Z"), ("2026-12-01", "2026-12-02"), ("", "")]
)
def test_a_key_outside_of_its_period_is_refused(key: tuple[str, str]) -> None:
    other = DelegationKey(PRINCIPAL, TENANT, *key, "b", "2026-06-06")
    error = refusal(request(sas(user_delegation_key=sdk_key(other))))
    assert (error.code, "User delegation key" in error.detail) == ("AuthenticationFailed", True)


def test_a_signature_for_one_user_needs_the_token_of_the_user() -> None:
    token = sas(user_delegation_oid=PRINCIPAL)
    assert refusal(request(token)).code == "AuthenticationFailed"


@pytest.mark.parametrize("ip", ["10.0.0.1", "10.0.0.1-10.0.0.9", "x"])
def test_another_address_is_refused(ip: str) -> None:
    assert refusal(request(sas(ip=ip))).code == "AuthorizationSourceIPMismatch"


@pytest.mark.parametrize(
    ("permission", "method", "query"),
    [("r", "PUT", ""), ("r", "PUT", "&comp=block"), ("w", "GET", ""), ("rw", "DELETE", ""), ("rwd", "POST", "")],
)
def test_a_permission_that_is_missing_is_refused(permission: str, method: str, query: str) -> None:
    sent = request(sas(permission=permission) + query, method)
    assert refusal(sent).code == "AuthorizationPermissionMismatch"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "files/a", "r"),
        ("HEAD", "files/a", "r"),
        ("DELETE", "files/a", "d"),
        ("PUT", "files/a", "cw"),
        ("PUT", "files/a?comp=blocklist", "cw"),
        ("PUT", "files/a?comp=appendblock", "aw"),
        ("PUT", "files/a?comp=metadata", "w"),
        ("PUT", "files/a?comp=tags", "t"),
        ("POST", "files/a", ""),
        ("GET", "files?restype=container&comp=list", "l"),
        ("GET", "files?restype=container", ""),
        ("PUT", "files?restype=container", ""),
        ("DELETE", "files?restype=container", ""),
    ],
)
def test_the_permission_that_an_operation_requires(method: str, path: str, expected: str) -> None:
    assert required_permissions(Request(method, ENDPOINT + path)) == expected


def test_the_request_to_azurite_has_no_signature() -> None:
    sent = Request("PUT", f"{ENDPOINT}files/a%20b?comp=block&blockid=bWxm%3D&{sas()}&timeout=5")
    assert without_sas(sent.url) == "/files/a%20b?comp=block&blockid=bWxm%3D&timeout=5"
    assert without_sas(request(sas()).url) == "/files/a%20b/%C3%BC.bin"


def test_a_key_has_the_period_that_was_requested() -> None:
    body = b"<KeyInfo><Start>2026-11-30T11:55:00Z</Start><Expiry>2026-11-30T13:00:00Z</Expiry></KeyInfo>"
    key = new_key(body, PRINCIPAL, TENANT, "2026-06-06", NOW)
    assert key == KEY
    assert delegation_key(request(sas()).query) == KEY
    assert f"<Value>{KEY.value(SECRET)}</Value>".encode() in key.xml(SECRET)
    assert KEY.value(SECRET) != KEY.value("another")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "InvalidXmlDocument"),
        (b"<KeyInfo>", "InvalidXmlDocument"),
        (b"<KeyInfo/>", "InvalidXmlNodeValue"),
        (b"<KeyInfo><Expiry>soon</Expiry></KeyInfo>", "InvalidXmlNodeValue"),
        (b"<KeyInfo><Expiry>2026-11-30T11:00:00Z</Expiry></KeyInfo>", "InvalidXmlNodeValue"),
        (b"<KeyInfo><Expiry>2026-12-08</Expiry></KeyInfo>", "InvalidXmlNodeValue"),
        (b"<KeyInfo><Start>2026-12-02</Start><Expiry>2026-12-01</Expiry></KeyInfo>", "InvalidXmlNodeValue"),
    ],
)
def test_a_key_for_an_invalid_period_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(SasError) as raised:
        new_key(body, PRINCIPAL, TENANT, "2026-06-06", NOW)
    assert raised.value.code == code
