# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data planes of Blob Storage and Container Registry: authorization by role, tokens, keys, and builds."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.sandbox_client import APP, Client, Platform

STORAGE = "https://storage.azure.com/.default"


def blob(
    sandbox: Client, method: str, url: str, token: str | None, data: bytes | None = None, **headers: str
) -> requests.Response:
    sent = {"x-ms-version": "2023-11-03", "x-ms-date": "Sun, 22 Nov 2026 12:00:00 GMT", **headers}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    if method == "PUT" and "restype" not in url and "x-ms-copy-source" not in headers:
        sent["x-ms-blob-type"] = "BlockBlob"
    return sandbox.session.request(method, url, data=data, headers=sent, timeout=60)


@pytest.fixture
def account(sandbox: Client) -> dict:
    group = sandbox.group()
    made = sandbox.storage(group, allowSharedKeyAccess=False, allowBlobPublicAccess=False)
    container = sandbox.arm("PUT", f"{made['id']}/blobServices/default/containers/files", {})
    assert container.status_code == 201
    return made


def test_blob_requests_require_a_role_with_the_data_action(sandbox: Client, account: dict) -> None:
    url = account["properties"]["primaryEndpoints"]["blob"] + "files/a.bin"
    token = sandbox.token(STORAGE)
    refused = blob(sandbox, "PUT", url, token, b"x")
    assert (refused.status_code, refused.headers["x-ms-error-code"]) == (403, "AuthorizationPermissionMismatch")
    assert "not authorized to perform this operation using this permission" in refused.text
    made = sandbox.assign(account["id"], "Storage Blob Data Contributor", sandbox.me())
    content = os.urandom(3_000_000)
    assert blob(sandbox, "PUT", url, token, content).status_code == 201
    read = blob(sandbox, "GET", url, token)
    assert hashlib.sha256(read.content).digest() == hashlib.sha256(content).digest()
    sandbox.arm("DELETE", made.json()["id"])
    assert blob(sandbox, "GET", url, token).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "files/a.bin?restype=container"),
        ("GET", "files/a.bin?comp=userdelegationkey"),
        ("PUT", "files/b.bin?restype=container"),
        ("DELETE", "files/a.bin?restype=container"),
        ("POST", "files?restype=container&comp=batch"),
        ("POST", "?comp=batch"),
    ],
)
def test_query_parameters_do_not_bypass_the_authorization_of_blobs(
    sandbox: Client, account: dict, method: str, path: str
) -> None:
    url = account["properties"]["primaryEndpoints"]["blob"] + path
    refused = blob(sandbox, method, url, sandbox.token(STORAGE), b"x" if method != "GET" else None)
    assert (refused.status_code, refused.headers["x-ms-error-code"]) == (403, "AuthorizationPermissionMismatch")


def test_a_copy_requires_read_access_to_its_source(sandbox: Client, account: dict) -> None:
    containers = f"{account['id']}/blobServices/default/containers"
    assert sandbox.arm("PUT", f"{containers}/mine", {}).status_code == 201
    token, base = sandbox.token(STORAGE), account["properties"]["primaryEndpoints"]["blob"]
    mine = sandbox.assign(f"{containers}/mine", "Storage Blob Data Contributor", sandbox.me())
    assert mine.status_code == 201
    copy = {"x-ms-copy-source": f"{base}files/a.bin"}
    assert blob(sandbox, "PUT", f"{base}mine/copy", token, **copy).status_code == 403
    sandbox.assign(f"{containers}/files", "Storage Blob Data Contributor", sandbox.me())
    assert blob(sandbox, "PUT", f"{base}files/a.bin", token, b"x").status_code == 201
    assert blob(sandbox, "PUT", f"{base}mine/copy", token, **copy).status_code == 202


def test_blob_tags_require_a_data_owner(sandbox: Client) -> None:
    account = sandbox.storage(sandbox.group())
    base, token = account["properties"]["primaryEndpoints"]["blob"], sandbox.token(STORAGE)
    assert sandbox.assign(account["id"], "Storage Blob Data Contributor", sandbox.me()).status_code == 201
    assert blob(sandbox, "PUT", f"{base}files?restype=container", token).status_code == 201
    assert blob(sandbox, "PUT", f"{base}files/a.bin", token, b"x").status_code == 201
    assert blob(sandbox, "GET", f"{base}files/a.bin?comp=tags", token).status_code == 403
    assert sandbox.assign(account["id"], "Storage Blob Data Owner", sandbox.me()).status_code == 201
    tags = b"<Tags><TagSet><Tag><Key>stage</Key><Value>test</Value></Tag></TagSet></Tags>"
    headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2023-11-03"}
    written = sandbox.session.put(f"{base}files/a.bin?comp=tags", data=tags, headers=headers, timeout=60)
    assert written.status_code == 204
    assert b"<Value>test</Value>" in blob(sandbox, "GET", f"{base}files/a.bin?comp=tags", token).content


def test_an_account_that_is_created_again_at_once_is_empty_and_works(sandbox: Client) -> None:
    group = sandbox.group()
    made = sandbox.storage(group)
    body = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}
    for _time in range(2):
        assert sandbox.arm("PUT", f"{made['id']}/blobServices/default/containers/files", {}).status_code == 201
        assert sandbox.arm("DELETE", made["id"]).status_code == 200
        sandbox.put(made["id"], body)
        containers = sandbox.arm("GET", f"{made['id']}/blobServices/default/containers").json()["value"]
        assert containers == []


@pytest.mark.parametrize(
    ("authorization", "expected", "status"),
    [
        (None, "PublicAccessNotPermitted", 409),
        ("SharedKey name:c2lnbmF0dXJl", "KeyBasedAuthenticationNotPermitted", 403),
        ("Bearer nonsense", "InvalidAuthenticationInfo", 401),
    ],
)
def test_other_credentials_are_rejected(
    sandbox: Client, account: dict, authorization: str | None, expected: str, status: int
) -> None:
    url = account["properties"]["primaryEndpoints"]["blob"] + "files/a.bin"
    headers = {"Authorization": authorization} if authorization else {}
    refused = blob(sandbox, "GET", url, None, **headers)
    assert (refused.status_code, refused.headers["x-ms-error-code"]) == (status, expected)


def test_a_token_for_resource_manager_is_rejected(sandbox: Client, account: dict) -> None:
    sandbox.assign(account["id"], "Storage Blob Data Contributor", sandbox.me())
    url = account["properties"]["primaryEndpoints"]["blob"] + "files/a.bin"
    assert blob(sandbox, "GET", url, sandbox.token()).status_code == 401


def test_public_containers_require_an_account_that_permits_them(sandbox: Client, account: dict) -> None:
    refused = sandbox.arm(
        "PUT", f"{account['id']}/blobServices/default/containers/open", {"properties": {"publicAccess": "Blob"}}
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "PublicAccessNotPermitted")


def test_an_account_is_patched_property_by_property(sandbox: Client, account: dict) -> None:
    patched = sandbox.arm("PATCH", account["id"], {"properties": {"accessTier": "Cool"}, "tags": {"a": "b"}})
    assert patched.status_code == 200
    after = sandbox.arm("GET", account["id"]).json()
    assert after["properties"].pop("accessTier") == "Cool"
    assert after.pop("tags") == {"a": "b"}
    before = {**account, "properties": {k: v for k, v in account["properties"].items() if k != "accessTier"}}
    before.pop("tags")
    assert after == before


def test_a_container_is_patched_property_by_property(sandbox: Client, account: dict) -> None:
    path = f"{account['id']}/blobServices/default/containers/files"
    before = sandbox.arm("GET", path).json()
    patched = sandbox.arm("PATCH", path, {"properties": {"metadata": {"team": "vision"}}})
    assert patched.status_code == 200
    assert patched.json()["properties"]["metadata"] == {"team": "vision"}
    after = sandbox.arm("GET", path).json()
    assert after["properties"].pop("metadata") == {"team": "vision"}
    for body in (before, after):
        body.pop("etag")
        body["properties"].pop("lastModifiedTime")
    assert after == before
    refused = sandbox.arm("PATCH", path, {"properties": {"publicAccess": "Blob"}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "PublicAccessNotPermitted")
    missing = sandbox.arm("PATCH", f"{path}-of-nobody", {})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "ContainerNotFound")


# the registry


def registry_token(sandbox: Client, server: str, scope: str) -> str:
    """Exchange an Entra token for a token of the registry, as ACR documents it."""
    refresh = sandbox.session.post(
        f"https://{server}/oauth2/exchange",
        data={"grant_type": "access_token", "service": server, "access_token": sandbox.token()},
        timeout=30,
    )
    assert refresh.status_code == 200, refresh.text
    access = sandbox.session.post(
        f"https://{server}/oauth2/token",
        data={
            "grant_type": "refresh_token",
            "service": server,
            "scope": scope,
            "refresh_token": refresh.json()["refresh_token"],
        },
        timeout=30,
    )
    return str(access.json()["access_token"])


def test_the_registry_responds_with_a_challenge_and_accepts_its_token(sandbox: Client, platform: Platform) -> None:
    url = f"https://{platform.server}/v2/probe/manifests/1"
    challenge = sandbox.session.get(url, timeout=30)
    assert challenge.status_code == 401
    match = re.search(r'realm="([^"]+)",service="([^"]+)",scope="([^"]+)"', challenge.headers["Www-Authenticate"])
    assert match is not None
    assert match.groups() == (f"https://{platform.server}/oauth2/token", platform.server, "repository:probe:pull")
    other = registry_token(sandbox, platform.server, "repository:other:pull")
    assert sandbox.session.get(url, headers={"Authorization": f"Bearer {other}"}, timeout=30).status_code == 401
    token = registry_token(sandbox, platform.server, match[3])
    manifest = sandbox.session.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert manifest.status_code == 200
    digest = "sha256:" + hashlib.sha256(manifest.content).hexdigest()
    assert manifest.headers["Docker-Content-Digest"] == digest
    missing = sandbox.session.get(url.replace("/1", "/2"), headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert missing.json()["errors"][0]["code"] == "MANIFEST_UNKNOWN"


def test_a_registry_without_an_admin_user_has_no_password(sandbox: Client, platform: Platform) -> None:
    refused = sandbox.arm("POST", f"{platform.registry}/listCredentials")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "UnAuthorizedForCredentialOperations")


# builds


def test_the_same_context_has_the_same_digest(sandbox: Client, platform: Platform) -> None:
    first = sandbox.build(platform.registry, "again:1")
    second = sandbox.build(platform.registry, "again:2")
    digests = [run["properties"]["outputImages"][0]["digest"] for run in (first, second)]
    assert digests[0] == digests[1]
    assert "again:1: digest: " + digests[0] in sandbox.log(platform.registry, first)


@pytest.mark.parametrize(
    ("dockerfile", "message"),
    [
        ("FROM x\nCOPY missing.txt /\n", 'COPY failed: file not found in build context: "missing.txt"'),
        ("FROM x\nRUN pip install --no-index nothing-of-this-name\n", "returned a non-zero code"),
        ("FROM x\nRUN pip install --target /x y\n", "own environment only"),
        ("ENV A=b\n", "the Dockerfile has no FROM"),
    ],
)
def test_the_log_of_a_failed_build_has_the_reason(
    sandbox: Client, platform: Platform, tmp_path: Path, dockerfile: str, message: str
) -> None:
    (tmp_path / "Dockerfile").write_text(dockerfile)
    run = sandbox.build(platform.registry, "bad:1", context=tmp_path)
    assert run["properties"]["status"] == "Failed"
    assert message in sandbox.log(platform.registry, run)


def test_a_build_without_a_dockerfile(sandbox: Client, platform: Platform) -> None:
    run = sandbox.build(platform.registry, "bad:2", dockerfile="None.Dockerfile", context=APP)
    assert "unable to find the Dockerfile 'None.Dockerfile'" in sandbox.log(platform.registry, run)


def request_of(sandbox: Client, platform: Platform, **changes: Any) -> dict[str, Any]:
    """Return a DockerBuildRequest for an uploaded context."""
    upload = sandbox.arm("POST", f"{platform.registry}/listBuildSourceUploadUrl").json()
    sent = sandbox.session.put(upload["uploadUrl"], data=b"no tar", headers={"x-ms-blob-type": "BlockBlob"}, timeout=30)
    assert sent.status_code == 201
    body = {"type": "DockerBuildRequest", "imageNames": ["app:1"], "sourceLocation": upload["relativePath"]}
    return {**body, "dockerFilePath": "Dockerfile", "platform": {"os": "Linux"}, **changes}


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"sourceLocation": None}, "InvalidSourceLocation", "The source location ''"),
        ({"sourceLocation": "/etc/passwd"}, "InvalidSourceLocation", "/etc/passwd"),
        ({"sourceLocation": "source/../../state.db"}, "InvalidSourceLocation", "source/../../state.db"),
        ({"sourceLocation": "https://github.com/a/b.git"}, "InvalidSourceLocation", "b.git"),
        ({"sourceLocation": f"source/20260101000000/{'0' * 32}.tar.gz"}, "InvalidSourceLocation", "not a context"),
        ({"imageNames": ["../../../outside:1"]}, "InvalidRunRequest", "../../../outside:1"),
        ({"imageNames": ["app:1", "app:../x"]}, "InvalidRunRequest", "app:../x"),
        ({"imageNames": ["App"]}, "InvalidRunRequest", "App"),
        ({"imageNames": ["app:{{.Run.Commit}}"]}, "InvalidRunRequest", "Run.Commit"),
        ({"dockerFilePath": "/etc/passwd"}, "InvalidRunRequest", "/etc/passwd"),
        ({"dockerFilePath": "a/../../Dockerfile"}, "InvalidRunRequest", "a/../../Dockerfile"),
        ({"timeout": 299}, "InvalidRunRequest", "timeout 299"),
        ({"timeout": "soon"}, "InvalidRunRequest", "timeout soon"),
        ({"type": "FileTaskRunRequest"}, "InvalidRunRequest", "FileTaskRunRequest"),
    ],
)
def test_invalid_runs_are_rejected(
    sandbox: Client, platform: Platform, changes: dict[str, Any], code: str, message: str
) -> None:
    before = len(sandbox.arm("GET", f"{platform.registry}/runs").json()["value"])
    refused = sandbox.arm("POST", f"{platform.registry}/scheduleRun", request_of(sandbox, platform, **changes))
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], message in error["message"]) == (400, code, True), error
    assert len(sandbox.arm("GET", f"{platform.registry}/runs").json()["value"]) == before


def ended_run(sandbox: Client, platform: Platform, request: dict[str, Any]) -> dict[str, Any]:
    run = sandbox.arm("POST", f"{platform.registry}/scheduleRun", request).json()["properties"]["runId"]

    def ended() -> dict[str, Any] | None:
        current: dict[str, Any] = sandbox.arm("GET", f"{platform.registry}/runs/{run}").json()
        return current if current["properties"]["status"] not in ("Queued", "Running") else None

    result: dict[str, Any] = sandbox.until(ended, "the end of the run")
    return result


def test_a_context_that_is_not_an_archive(sandbox: Client, platform: Platform) -> None:
    run = ended_run(sandbox, platform, request_of(sandbox, platform))
    assert run["properties"]["status"] == "Failed"
    assert "error: " in sandbox.log(platform.registry, run)


def test_image_names_with_variables_and_a_build_without_push(sandbox: Client, platform: Platform) -> None:
    run = sandbox.build(platform.registry, "named:{{.Run.ID}}-{{ .Run.OS }}")
    (output,) = run["properties"]["outputImages"]
    assert (output["repository"], output["tag"]) == ("named", f"{run['name']}-linux")
    upload = sandbox.arm("POST", f"{platform.registry}/listBuildSourceUploadUrl").json()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(APP, arcname=".")
    sandbox.session.put(upload["uploadUrl"], data=packed.getvalue(), timeout=60).raise_for_status()
    request = request_of(sandbox, platform, sourceLocation=upload["relativePath"])
    only_built = ended_run(sandbox, platform, {**request, "imageNames": ["never-pushed:1"], "isPushEnabled": False})
    assert (only_built["properties"]["status"], only_built["properties"]["outputImages"]) == ("Succeeded", [])
    token = registry_token(sandbox, platform.server, "repository:never-pushed:pull")
    listed = sandbox.session.get(
        f"https://{platform.server}/v2/never-pushed/tags/list", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    assert listed.status_code == 404


def test_uploads_require_their_signature(sandbox: Client, platform: Platform) -> None:
    url = sandbox.arm("POST", f"{platform.registry}/listBuildSourceUploadUrl").json()["uploadUrl"]
    other = url.replace("source/", f"source/{uuid.uuid4().hex}/")
    assert sandbox.session.put(other, data=b"x", headers={"x-ms-blob-type": "BlockBlob"}, timeout=30).status_code == 403


def test_a_build_log_does_not_expand_arguments(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        "FROM x\nARG TOKEN\nRUN pip install --retries 0 --no-index --find-links https://u:${TOKEN}@127.0.0.1:1/ none\n"
    )
    run = sandbox.build(platform.registry, "bad:3", context=tmp_path, TOKEN="t0p-secret")
    log = sandbox.log(platform.registry, run)
    assert "RUN pip install --retries 0 --no-index --find-links https://u:${TOKEN}@127.0.0.1:1/ none" in log
    assert "t0p-secret" not in log


def test_a_registry_that_is_created_again_is_empty(sandbox: Client) -> None:
    registry = f"{sandbox.group()}/providers/Microsoft.ContainerRegistry/registries/cr{uuid.uuid4().hex[:10]}"
    body = {"location": "westeurope", "sku": {"name": "Basic"}}
    server = sandbox.put(registry, body)["properties"]["loginServer"]
    assert sandbox.build(registry, "kept:1")["properties"]["status"] == "Succeeded"
    sandbox.wait(sandbox.arm("DELETE", registry))
    sandbox.put(registry, body)
    token = registry_token(sandbox, server, "registry:catalog:*")
    catalog = sandbox.session.get(
        f"https://{server}/acr/v1/_catalog", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    assert catalog.json() == {"repositories": []}
