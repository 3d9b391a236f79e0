# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data plane of a registry, https://<registry>.azurecr.io: HTTP requests of OCI clients, and skopeo unmodified."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from tests.support.sandbox_client import Client

SKOPEO = shutil.which("skopeo")
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass
class Registry:
    """Client of a registry that logs in with a name and a password."""

    sandbox: Client
    resource: str
    server: str
    user: str
    password: str

    def call(self, method: str, path: str, scope: str = "", **more: Any) -> requests.Response:
        """Send a request with a token for a scope. `more`: arguments of requests."""
        headers = more.pop("headers", {})
        if scope:
            headers = {**headers, "Authorization": f"Bearer {self.token(scope).json()['access_token']}"}
        url = path if path.startswith("https:") else f"https://{self.server}{path}"
        return self.sandbox.session.request(method, url, headers=headers, timeout=60, **more)

    def token(self, scope: str, password: str | None = None) -> requests.Response:
        return self.sandbox.session.get(
            f"https://{self.server}/oauth2/token",
            params={"service": self.server, "scope": scope},
            auth=(self.user, self.password if password is None else password),
            timeout=60,
        )

    def push_blob(self, repository: str, content: bytes) -> requests.Response:
        scope = f"repository:{repository}:pull,push"
        begun = self.call("POST", f"/v2/{repository}/blobs/uploads/", scope)
        assert begun.status_code == 202, begun.text
        half = len(content) // 2
        sent = self.call("PATCH", begun.headers["Location"], scope, data=content[:half])
        assert (sent.status_code, sent.headers["Range"]) == (202, f"0-{half - 1}")
        where = sent.headers["Location"]
        return self.call("PUT", where, scope, params={"digest": digest_of(content)}, data=content[half:])

    def push_image(self, repository: str, tag: str, layer: bytes) -> str:
        """Push an image. Return the digest of its manifest."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "mark": tag}).encode()
        for blob in (config, layer):
            assert self.push_blob(repository, blob).status_code == 201
        content = manifest(config, layer)
        put = self.call(
            "PUT",
            f"/v2/{repository}/manifests/{tag}",
            f"repository:{repository}:pull,push",
            data=content,
            headers={"Content-Type": MANIFEST},
        )
        assert put.status_code == 201, put.text
        return put.headers["Docker-Content-Digest"]


def manifest(config: bytes, layer: bytes) -> bytes:
    def part(kind: str, content: bytes) -> dict[str, Any]:
        media_type = f"application/vnd.oci.image.{kind}"
        return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}

    described = {"config": part("config.v1+json", config), "layers": [part("layer.v1.tar", layer)]}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, **described}).encode()


@pytest.fixture(scope="module")
def registry(sandbox: Client) -> Registry:
    """Registry whose client is Owner of the subscription, the sandbox's own service principal."""
    name = f"cr{uuid.uuid4().hex[:10]}"
    resource = f"{sandbox.group()}/providers/Microsoft.ContainerRegistry/registries/{name}"
    sandbox.put(
        resource, {"location": "westeurope", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": True}}
    )
    given = sandbox.environment
    return Registry(sandbox, resource, f"{name}.azurecr.io", given["AZURE_CLIENT_ID"], given["AZURE_CLIENT_SECRET"])


def test_an_image_is_pushed_listed_pulled_and_deleted(registry: Registry) -> None:
    layer = os.urandom(700_000)
    digest = registry.push_image("team/app", "v1", layer)
    pull = "repository:team/app:pull"
    assert registry.push_image("team/app", "v2", layer) != digest
    assert registry.call("GET", "/v2/team/app/tags/list", pull).json() == {"name": "team/app", "tags": ["v1", "v2"]}
    paged = registry.call("GET", "/v2/team/app/tags/list", pull, params={"n": 1})
    assert paged.json()["tags"] == ["v1"]
    assert 'rel="next"' in paged.headers["Link"]
    assert registry.call("GET", paged.links["next"]["url"], pull).json()["tags"] == ["v2"]
    head = registry.call("HEAD", "/v2/team/app/manifests/v1", pull)
    assert (head.headers["Docker-Content-Digest"], head.headers["Content-Type"]) == (digest, MANIFEST)
    got = registry.call("GET", f"/v2/team/app/manifests/{digest}", pull)
    assert int(head.headers["Content-Length"]) == len(got.content)
    assert registry.call("GET", f"/v2/team/app/blobs/{digest_of(layer)}", pull).content == layer
    some = registry.call("GET", f"/v2/team/app/blobs/{digest_of(layer)}", pull, headers={"Range": "bytes=10-19"})
    assert (some.status_code, some.content) == (206, layer[10:20])
    deleted = registry.call("DELETE", f"/v2/team/app/manifests/{digest}", "repository:team/app:delete")
    assert deleted.status_code == 202
    missing = registry.call("GET", "/v2/team/app/manifests/v1", pull)
    assert (missing.status_code, missing.json()["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert registry.call("GET", "/v2/team/app/tags/list", pull).json()["tags"] == ["v2"]


def test_requests_without_a_login_are_rejected(registry: Registry) -> None:
    refused = registry.call("GET", "/v2/")
    assert refused.status_code == 401
    assert refused.headers["Www-Authenticate"].startswith(f'Bearer realm="https://{registry.server}/oauth2/token"')
    assert refused.json()["errors"][0]["code"] == "UNAUTHORIZED"
    assert registry.token("repository:a:pull", password="wrong").status_code == 401
    for method, path in (("POST", "/v2/a/blobs/uploads/"), ("GET", f"/v2/a/blobs/{digest_of(b'')}")):
        answer = registry.call(method, path, data=b"x" * 100_000 if method == "POST" else None)
        assert answer.status_code == 401


def test_acr_pull_does_not_push_or_delete(registry: Registry) -> None:
    digest = registry.push_image("mine", "v1", os.urandom(1000))
    sandbox = registry.sandbox
    group = registry.resource.partition("/providers/")[0]
    other = sandbox.identity(group, "puller")["properties"]
    assert sandbox.assign(registry.resource, "AcrPull", other["principalId"]).status_code == 201
    # the token of the identity in an app; signed here, so that the test needs no app
    claims = {"oid": other["principalId"], "appid": other["clientId"], "aud": "https://containerregistry.azure.net"}
    key = (sandbox.home / "certificates" / "directory.key").read_text()
    entra = jwt.encode({**claims, "exp": int(time.time()) + 600}, key, "RS256")
    refresh = registry.call("POST", "/oauth2/exchange", data={"grant_type": "access_token", "access_token": entra})
    form = {"grant_type": "refresh_token", "refresh_token": refresh.json()["refresh_token"], "service": registry.server}
    for scope in ("repository:mine:pull,push,delete", "repository:mine:*"):
        token = registry.call("POST", "/oauth2/token", data={**form, "scope": scope}).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert registry.call("GET", "/v2/mine/manifests/v1", headers=headers).status_code == 200
        for method, path in (
            ("POST", "/v2/mine/blobs/uploads/"),
            ("PUT", "/v2/mine/manifests/v2"),
            ("DELETE", f"/v2/mine/manifests/{digest}"),
        ):
            refused = registry.call(method, path, headers=headers)
            assert refused.status_code == 401
            assert 'error="insufficient_scope"' in refused.headers["Www-Authenticate"]
            assert {one["Name"] for one in refused.json()["errors"][0]["detail"]} == {"mine"}
    assert registry.call("GET", "/v2/mine/manifests/v1", "repository:mine:pull").status_code == 200


def test_deleting_a_tag_leaves_the_others(registry: Registry) -> None:
    layer, scope = b"a layer of two tags", "repository:tagged:pull,push,delete"
    digest = registry.push_image("tagged", "v1", layer)
    content = registry.call("GET", "/v2/tagged/manifests/v1", scope).content
    for tag in ("v1b", "v1c"):
        put = registry.call(
            "PUT", f"/v2/tagged/manifests/{tag}", scope, data=content, headers={"Content-Type": MANIFEST}
        )
        assert put.headers["Docker-Content-Digest"] == digest
    assert registry.call("DELETE", "/v2/tagged/manifests/v1b", scope).status_code == 202
    assert registry.call("GET", "/v2/tagged/tags/list", scope).json()["tags"] == ["v1", "v1c"]
    assert registry.call("GET", f"/v2/tagged/manifests/{digest}", scope).content == content
    assert registry.call("DELETE", f"/v2/tagged/manifests/{digest}", scope).status_code == 202
    assert registry.call("GET", "/v2/tagged/tags/list", scope).status_code == 404
    assert registry.call("DELETE", "/v2/tagged/manifests/v1", scope).status_code == 404


def test_a_tag_that_looks_like_a_digest_is_a_tag(registry: Registry) -> None:
    """Signatures have such tags if they do not use the referrers API."""
    digest = registry.push_image("signed", "v1", b"what is signed")
    name = digest.replace(":", "-")
    other = registry.push_image("signed", name, b"a signature")
    assert other != digest
    pull = "repository:signed:pull"
    assert registry.call("GET", "/v2/signed/tags/list", pull).json()["tags"] == [name, "v1"]
    for reference, expected in ((digest, digest), ("v1", digest), (name, other), (other, other)):
        head = registry.call("HEAD", f"/v2/signed/manifests/{reference}", pull)
        assert head.headers["Docker-Content-Digest"] == expected


def test_a_nested_repository_and_a_tag_of_the_same_name(registry: Registry) -> None:
    first = registry.push_image("base", "tool", b"first")
    second = registry.push_image("base/tool", "v1", b"second")
    third = registry.push_image("base/tool/tags/x", "list", b"third")
    for repository, tag, digest in (
        ("base", "tool", first),
        ("base/tool", "v1", second),
        ("base/tool/tags/x", "list", third),
    ):
        pull = f"repository:{repository}:pull"
        head = registry.call("HEAD", f"/v2/{repository}/manifests/{tag}", pull)
        assert head.headers["Docker-Content-Digest"] == digest
        assert registry.call("GET", f"/v2/{repository}/tags/list", pull).json()["tags"] == [tag]
    catalog = registry.call("GET", "/v2/_catalog", "registry:catalog:*", params={"last": "base", "n": 2}).json()
    assert catalog == {"repositories": ["base/tool", "base/tool/tags/x"]}


def test_referrers_of_an_image(registry: Registry) -> None:
    scope = "repository:subject:pull,push"
    digest = registry.push_image("subject", "v1", b"the subject")
    assert registry.push_blob("subject", b"{}").status_code == 201
    assert registry.push_blob("subject", b"a bill of materials").status_code == 201
    content = json.loads(manifest(b"{}", b"a bill of materials"))
    size = len(registry.call("GET", "/v2/subject/manifests/v1", scope).content)
    content |= {
        "artifactType": "application/spdx+json",
        "annotations": {"made": "today"},
        "subject": {"mediaType": MANIFEST, "digest": digest, "size": size},
    }
    body = json.dumps(content).encode()
    put = registry.call(
        "PUT", f"/v2/subject/manifests/{digest_of(body)}", scope, data=body, headers={"Content-Type": MANIFEST}
    )
    assert (put.status_code, put.headers["OCI-Subject"]) == (201, digest)
    listed = registry.call("GET", f"/v2/subject/referrers/{digest}", scope)
    assert listed.headers["Content-Type"] == "application/vnd.oci.image.index.v1+json"
    expected = {"mediaType": MANIFEST, "size": len(body), "digest": digest_of(body)}
    expected |= {"artifactType": "application/spdx+json", "annotations": {"made": "today"}}
    assert listed.json()["manifests"] == [expected]
    for kind, count in (("application/spdx+json", 1), ("application/other", 0)):
        some = registry.call("GET", f"/v2/subject/referrers/{digest}", scope, params={"artifactType": kind})
        assert (len(some.json()["manifests"]), some.headers["OCI-Filters-Applied"]) == (count, "artifactType")
    none = registry.call("GET", f"/v2/subject/referrers/{digest_of(b'else')}", scope)
    assert (none.status_code, none.json()["manifests"]) == (200, [])
    assert registry.call("GET", "/v2/subject/referrers/v1", scope).json()["errors"][0]["code"] == "DIGEST_INVALID"


def test_invalid_pushes_are_rejected(registry: Registry) -> None:
    scope = "repository:bad:pull,push"
    begun = registry.call("POST", "/v2/bad/blobs/uploads/", scope)
    wrong = registry.call("PUT", begun.headers["Location"], scope, params={"digest": digest_of(b"else")}, data=b"this")
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (400, "DIGEST_INVALID")
    unknown = registry.call("PATCH", f"/v2/bad/blobs/uploads/{uuid.uuid4()}", scope, data=b"this")
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (404, "BLOB_UPLOAD_UNKNOWN")
    for content, code in (
        (manifest(b"never", b"pushed"), "MANIFEST_BLOB_UNKNOWN"),
        (b"no json", "MANIFEST_INVALID"),
        (b'{"schemaVersion": 2, "layers": 3}', "MANIFEST_INVALID"),
    ):
        refused = registry.call("PUT", "/v2/bad/manifests/v1", scope, data=content)
        assert (refused.status_code // 100, refused.json()["errors"][0]["code"]) == (4, code)
    names = registry.call("PUT", "/v2/Bad/manifests/v1", "repository:Bad:pull,push", data=b"{}")
    assert names.json()["errors"][0]["code"] == "NAME_INVALID"


def test_a_repository_name_does_not_lead_to_other_folders(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    for name in (str(tmp_path), f"/{tmp_path}", "x/../.."):
        scope = f"repository:{name}:pull,push,delete,metadata_read,metadata_write"
        for method, path in (
            ("GET", f"/v2/{name}/tags/list"),
            ("GET", f"/v2/{name}/manifests/mine.json"),
            ("DELETE", f"/acr/v1/{name}/_tags/mine.json"),
            ("DELETE", f"/acr/v1/{name}"),
        ):
            refused = registry.call(method, path, scope)
            assert refused.status_code >= 400, refused.text
            assert "mine.json" not in refused.text
    assert (tmp_path / "mine.json").exists()


def test_a_blob_of_another_registry_is_not_found(sandbox: Client, registry: Registry) -> None:
    secret = os.urandom(2000)
    assert registry.push_blob("private", secret).status_code == 201
    name = f"cr{uuid.uuid4().hex[:10]}"
    resource = f"{sandbox.group()}/providers/Microsoft.ContainerRegistry/registries/{name}"
    sandbox.put(resource, {"location": "westeurope", "sku": {"name": "Basic"}})
    other = Registry(sandbox, resource, f"{name}.azurecr.io", registry.user, registry.password)
    answer = other.call("GET", f"/v2/private/blobs/{digest_of(secret)}", "repository:private:pull")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "BLOB_UNKNOWN")


def test_a_token_without_a_scope_reads_no_blob(registry: Registry) -> None:
    content = os.urandom(2000)
    assert registry.push_blob("valid", content).status_code == 201
    headers = {"Authorization": f"Bearer {registry.token('').json()['access_token']}"}
    for method, path in (("GET", f"/v2/Invalid/blobs/{digest_of(content)}"), ("POST", "/v2/Invalid/blobs/uploads/")):
        response = registry.call(method, path, headers=headers)
        assert (response.status_code, response.json()["errors"][0]["code"]) == (400, "NAME_INVALID")
    response = registry.call("GET", f"/v2/valid/blobs/{digest_of(content)}/", headers=headers)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")


def test_the_admin_user_logs_in_while_enabled(sandbox: Client, registry: Registry) -> None:
    listed = sandbox.arm("POST", f"{registry.resource}/listCredentials").json()
    user, password = listed["username"], listed["passwords"][0]["value"]
    admin = Registry(sandbox, registry.resource, registry.server, user, password)
    admin.push_image("by-admin", "v1", b"layer")
    assert admin.token("repository:a:pull", password="wrong").status_code == 401


def run(*words: str, sandbox: Client, home: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
    return subprocess.run(
        [str(SKOPEO), *words],
        env={**kept, **sandbox.environment, "HOME": str(home), "REGISTRY_AUTH_FILE": str(home / "auth.json")},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.skipif(SKOPEO is None, reason="there is no skopeo on the PATH")
def test_skopeo(sandbox: Client, registry: Registry, tmp_path: Path) -> None:
    """Log in, push, list, inspect, pull and delete, with the variables of the sandbox's `env` file and no other setting."""

    def skopeo(*words: str, stdin: str | None = None) -> str:
        done = run(*words, sandbox=sandbox, home=tmp_path, stdin=stdin)
        assert done.returncode == 0, f"skopeo {' '.join(words)}: {done.stderr}"
        return done.stdout

    source, back = tmp_path / "source", tmp_path / "back"
    image_layout(source, os.urandom(3_000_000))
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    trust = ("--policy", str(policy))
    refused = run("login", registry.server, "-u", registry.user, "-p", "wrong", sandbox=sandbox, home=tmp_path)
    assert refused.returncode != 0
    assert "invalid username/password" in refused.stderr
    skopeo("login", registry.server, "-u", registry.user, "--password-stdin", stdin=registry.password)
    name = f"docker://{registry.server}/by/skopeo"
    skopeo(*trust, "copy", f"oci:{source}:v1", f"{name}:v1")
    assert json.loads(skopeo("list-tags", name))["Tags"] == ["v1"]
    digest = json.loads(skopeo("inspect", f"{name}:v1"))["Digest"]
    skopeo(*trust, "copy", f"{name}@{digest}", f"oci:{back}:v1")
    assert json.loads((back / "index.json").read_text())["manifests"][0]["digest"] == digest
    skopeo("delete", f"{name}@{digest}")
    assert run("inspect", f"{name}:v1", sandbox=sandbox, home=tmp_path).returncode != 0


def image_layout(folder: Path, content: bytes) -> None:
    """Write an image with one layer in OCI's layout."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    file = folder / "content"
    file.write_bytes(content)
    with tarfile.open(folder / "layer.tar", "w") as archive:
        archive.add(file, arcname="content")
    layer = (folder / "layer.tar").read_bytes()
    rootfs = {"type": "layers", "diff_ids": [digest_of(layer)]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    described = manifest(config, layer)
    for blob in (layer, config, described):
        (blobs / digest_of(blob).partition(":")[2]).write_bytes(blob)
    entry = {"mediaType": MANIFEST, "digest": digest_of(described), "size": len(described)}
    entry |= {"annotations": {"org.opencontainers.image.ref.name": "v1"}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
