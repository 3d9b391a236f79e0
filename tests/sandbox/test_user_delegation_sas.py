# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads in parts with a user-delegation SAS, as MLflow's client sends them, and the requests that such a SAS does not permit."""

from __future__ import annotations

import base64
import datetime
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient, UserDelegationKey, generate_blob_sas

from tests.support.sandbox_client import Client

STORAGE = "https://storage.azure.com/.default"
HOUR = datetime.timedelta(hours=1)
PARTS = [os.urandom(100_000), os.urandom(50_000)]


class Credential:
    """The credential of the caller for Azure's SDK."""

    def __init__(self, sandbox: Client) -> None:
        self.sandbox = sandbox

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(self.sandbox.token(STORAGE), 2**31)


@dataclass(frozen=True)
class Account:
    """A storage account with a container, files, in which the caller may write, and a user delegation key."""

    sandbox: Client
    account: dict[str, Any]
    assignment: str
    service: BlobServiceClient
    key: UserDelegationKey

    def url(self, blob: str, operation: str = "", **change: Any) -> str:
        options = {
            "permission": "rw",
            "expiry": now() + HOUR,
            "start": now() - HOUR,
            "user_delegation_key": self.key,
            "blob_name": blob,
            **change,
        }
        sas = generate_blob_sas(self.account["name"], "files", **options)
        return f"{self.service.url}files/{blob}?{operation}{sas}"

    def send(self, method: str, url: str, data: bytes | None = None) -> requests.Response:
        return self.sandbox.session.request(method, url, data=data, timeout=60)

    def refusal(self, method: str, url: str) -> tuple[int, str]:
        answer = self.send(method, url)
        return answer.status_code, answer.headers["x-ms-error-code"]


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def service_of(sandbox: Client, account: dict[str, Any]) -> BlobServiceClient:
    return BlobServiceClient(
        account["properties"]["primaryEndpoints"]["blob"],
        credential=Credential(sandbox),
        proxies=sandbox.session.proxies,
        connection_verify=sandbox.session.verify,
        retry_total=0,
    )


@pytest.fixture
def account(sandbox: Client) -> Account:
    made = sandbox.storage(sandbox.group(), allowSharedKeyAccess=False, allowBlobPublicAccess=False)
    assert sandbox.arm("PUT", f"{made['id']}/blobServices/default/containers/files", {}).status_code == 201
    assigned = sandbox.assign(made["id"], "Storage Blob Data Contributor", sandbox.me()).json()["id"]
    service = service_of(sandbox, made)
    key = service.get_user_delegation_key(now() - HOUR, now() + HOUR)
    return Account(sandbox, made, assigned, service, key)


def test_a_file_is_sent_in_parts_and_read_without_another_credential(account: Account) -> None:
    names = [f"part_{number}" for number in range(len(PARTS))]
    for name, part in zip(names, PARTS, strict=True):
        block = quote(base64.b64encode(name.encode()).decode(), safe="")
        sent = account.send(
            "PUT", account.url("a%20b/w.bin", f"comp=block&blockid={block}&", blob_name="a b/w.bin"), part
        )
        assert sent.status_code == 201, sent.text
    account.service.get_blob_client("files", "a b/w.bin").commit_block_list(names)  # type: ignore[arg-type]
    url = account.url("a%20b/w.bin", blob_name="a b/w.bin")
    assert account.send("GET", url).content == b"".join(PARTS)
    assert account.send("HEAD", url).headers["Content-Length"] == "150000"


@pytest.mark.parametrize(
    ("method", "change", "code"),
    [
        ("GET", {"expiry": "2026-01-01T00:00:00Z"}, "AuthenticationFailed"),
        ("GET", {"start": "2100-01-01T00:00:00Z", "expiry": "2100-01-02T00:00:00Z"}, "AuthenticationFailed"),
        ("GET", {"blob_name": "other"}, "AuthenticationFailed"),
        ("GET", {"ip": "10.0.0.1"}, "AuthorizationSourceIPMismatch"),
        ("PUT", {"permission": "r"}, "AuthorizationPermissionMismatch"),
        ("GET", {"permission": "w"}, "AuthorizationPermissionMismatch"),
        ("DELETE", {}, "AuthorizationPermissionMismatch"),
    ],
)
def test_a_signature_that_does_not_permit_a_request_is_refused(
    account: Account, method: str, change: dict[str, Any], code: str
) -> None:
    account.service.get_blob_client("files", "a.bin").upload_blob(b"x")
    assert account.refusal(method, account.url("a.bin", **change)) == (403, code)
    assert account.send("GET", account.url("a.bin")).content == b"x"


def test_a_changed_signature_is_refused(account: Account) -> None:
    url = account.url("a.bin")
    assert account.refusal("GET", url.replace("sp=rw", "sp=rwd")) == (403, "AuthenticationFailed")
    assert "AuthenticationErrorDetail" in account.send("GET", f"{url}A").text


def test_a_signature_permits_what_its_principal_may_do(account: Account) -> None:
    account.service.get_blob_client("files", "a.bin").upload_blob(b"x")
    assert account.send("GET", account.url("a.bin")).status_code == 200
    account.sandbox.arm("DELETE", account.assignment)
    assert account.refusal("GET", account.url("a.bin")) == (403, "AuthorizationPermissionMismatch")
    account.sandbox.assign(account.account["id"], "Storage Blob Data Reader", account.sandbox.me())
    assert account.send("GET", account.url("a.bin")).status_code == 200
    assert account.refusal("PUT", account.url("a.bin", "comp=block&blockid=YQ==&")) == (
        403,
        "AuthorizationPermissionMismatch",
    )


def test_a_revoked_key_is_refused_and_a_new_one_is_not(account: Account) -> None:
    account.service.get_blob_client("files", "a.bin").upload_blob(b"x")
    assert account.send("GET", account.url("a.bin")).status_code == 200
    assert account.sandbox.arm("POST", f"{account.account['id']}/revokeUserDelegationKeys").status_code == 200
    assert account.refusal("GET", account.url("a.bin")) == (403, "AuthenticationFailed")
    key = account.service.get_user_delegation_key(now() - HOUR, now() + HOUR)
    assert account.send("GET", account.url("a.bin", user_delegation_key=key)).status_code == 200


def test_a_key_of_another_account_is_refused(account: Account, sandbox: Client) -> None:
    other = sandbox.storage(sandbox.group())
    sandbox.assign(other["id"], "Storage Blob Data Contributor", sandbox.me())
    key = service_of(sandbox, other).get_user_delegation_key(now(), now() + HOUR)
    assert account.refusal("GET", account.url("a.bin", user_delegation_key=key)) == (403, "AuthenticationFailed")


def test_a_key_requires_a_token_and_a_valid_period(account: Account) -> None:
    with pytest.raises(HttpResponseError) as refused:
        account.service.get_user_delegation_key(now(), now() + 200 * HOUR)
    assert (refused.value.status_code, refused.value.error_code) == (400, "InvalidXmlNodeValue")
    url = f"{account.service.url}?restype=service&comp=userdelegationkey"
    assert account.refusal("POST", url) == (409, "PublicAccessNotPermitted")
