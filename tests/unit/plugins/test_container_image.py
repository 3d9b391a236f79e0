# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module container_image: the build context, its hash, the two builders."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
import types
from pathlib import Path
from typing import Any

import pytest
import requests
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import Failure, InvalidOption
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._registry import image_build
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._registry.build_context import (
    archive,
    content_tag,
    read_context,
)

from tests.support.fake_azure import GROUP, NOT_FOUND, Exchange, FakeAzure, get, module, post, put, run

REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/cr123"
CURRENT = {"id": REGISTRY, "properties": {"loginServer": "cr123.azurecr.io"}}
DIGEST = "sha256:" + "a" * 64
OPTIONS: dict[str, Any] = {"resource_group": "rg", "registry": "cr123", "repository": "mlflow", "tag": "t1"}
CHALLENGE = {
    "WWW-Authenticate": 'Bearer realm="https://cr123.azurecr.io/oauth2/token",service="cr123.azurecr.io",'
    'scope="repository:mlflow:metadata_read"'
}
# A token that expires in 2100; azure-containerregistry decodes it.
JWT = "e30.eyJleHAiOjQxMDI0NDQ4MDB9.e30"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "server").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "server" / "main.py").write_text("print()\n")
    (folder / "server" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "server" / "run.sh").chmod(0o744)
    return folder


def names(folder: Path, dockerfile: str = "Dockerfile") -> list[str]:
    return [entry.name for entry in read_context(str(folder), dockerfile).entries]


def tag_of(folder: Path, args: dict[str, str] | None = None, platform: str = "linux/amd64") -> str:
    return content_tag(read_context(str(folder), "Dockerfile"), args or {}, platform.split())


def test_the_archive_depends_on_the_content_alone(context: Path) -> None:
    first, tag = archive(read_context(str(context), "Dockerfile")), tag_of(context)
    os.utime(context / "Dockerfile", (1, 1))
    (context / "server" / "main.py").chmod(0o600)
    assert archive(read_context(str(context), "Dockerfile")) == first
    assert tag_of(context) == tag
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        members = {member.name: (member.mode, member.uid, member.gid, member.uname) for member in tar}
    assert members == {
        "Dockerfile": (0o644, 0, 0, ""),
        "server/main.py": (0o644, 0, 0, ""),
        "server/run.sh": (0o755, 0, 0, ""),
    }


def test_the_tag_depends_on_content_names_modes_arguments_and_platform(context: Path) -> None:
    tags = {
        tag_of(context),
        tag_of(context, {"A": "1"}),
        tag_of(context, {"A": "2"}),
        tag_of(context, platform="linux/arm64"),
        tag_of(context, platform="linux/amd64 linux/arm64"),
    }
    assert tag_of(context, platform="linux/arm64 linux/amd64") in tags
    (context / "server" / "main.py").write_text("other")
    tags.add(tag_of(context))
    (context / "server" / "main.py").rename(context / "server" / "other.py")
    tags.add(tag_of(context))
    (context / "server" / "other.py").chmod(0o755)
    tags.add(tag_of(context))
    (context / "link").symlink_to("Dockerfile")
    tags.add(tag_of(context))
    (context / "empty").mkdir()
    tags.add(tag_of(context))
    assert len(tags) == 10
    assert all(len(tag) == 16 and int(tag, 16) >= 0 for tag in tags)


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        ("", ["a.txt", "b/c.md", "b/d/e.pyc", "f.pyc"]),
        ("# comment\n\n*.txt\n", ["b/c.md", "b/d/e.pyc", "f.pyc"]),
        ("*.pyc\n", ["a.txt", "b/c.md", "b/d/e.pyc"]),
        ("**/*.pyc\n", ["a.txt", "b/c.md"]),
        ("b\n", ["a.txt", "f.pyc"]),
        ("/b/\n", ["a.txt", "f.pyc"]),
        ("b/**\n!b/c.md\n", ["a.txt", "b/c.md", "f.pyc"]),
        ("*\n!a.txt\n", ["a.txt"]),
        ("?.txt\n[f]*\n", ["b/c.md", "b/d/e.pyc"]),
        ("b/*/e.pyc\n", ["a.txt", "b/c.md", "f.pyc"]),
        # A comment begins at the very beginning of a line.
        (" # a.txt\n", ["a.txt", "b/c.md", "b/d/e.pyc", "f.pyc"]),
        ("\ufeffa.txt\r\nb\r\n", ["f.pyc"]),
        ("./a.txt\n b/../f.pyc \n/\n.\n", ["b/c.md", "b/d/e.pyc"]),
        ("**\n! b/c.md\n", ["b/c.md"]),
        ("**/d\n", ["a.txt", "b/c.md", "f.pyc"]),
        ("**.pyc\n", ["a.txt", "b/c.md"]),
        ("b/**/*.pyc\n", ["a.txt", "b/c.md", "f.pyc"]),
        ("**/**\n!f.pyc\n", ["f.pyc"]),
        ("[a-b]*\n", ["f.pyc"]),
        ("[^a]*\n", ["a.txt"]),
        ("\\a.txt\n", ["b/c.md", "b/d/e.pyc", "f.pyc"]),
        ("[\\a].tx[s-t]\n", ["b/c.md", "b/d/e.pyc", "f.pyc"]),
        ("a+txt\na.tx\n.txt\n", ["a.txt", "b/c.md", "b/d/e.pyc", "f.pyc"]),
        ("../a.txt\n", ["a.txt", "b/c.md", "b/d/e.pyc", "f.pyc"]),
    ],
)
def test_dockerignore(tmp_path: Path, ignore: str, left: list[str]) -> None:
    for name in ("a.txt", "b/c.md", "b/d/e.pyc", "f.pyc", "Dockerfile"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".dockerignore").write_text(ignore)
    assert names(tmp_path) == sorted(["Dockerfile", ".dockerignore", *left])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\n!\n", "line 2 of its .dockerignore, '!'"),
        (b"[ab\n", "line 1 of its .dockerignore, '[ab'"),
        (b"a[]\n", "no pattern"),
        (b"[-a]\n", "no pattern"),
        (b"[z-a]\n", "no pattern"),
        (b"a\\\n", "nothing follows the last backslash"),
        (b"\xff\xfe\n", ".dockerignore in it is not UTF-8"),
    ],
)
def test_an_invalid_dockerignore_is_an_error(context: Path, content: bytes, message: str) -> None:
    (context / ".dockerignore").write_bytes(content)
    with pytest.raises(InvalidOption) as caught:
        names(context)
    assert caught.value.fields["option"] == "context"
    assert message in caught.value.message


def test_empty_folders_are_in_the_archive(context: Path) -> None:
    for folder in ("empty", "server/data/deep", "ignored/empty"):
        (context / folder).mkdir(parents=True)
    (context / ".dockerignore").write_text("ignored\n")
    with tarfile.open(fileobj=io.BytesIO(archive(read_context(str(context), "Dockerfile")))) as tar:
        folders = {member.name: member.mode for member in tar if member.isdir()}
    assert folders == {"empty": 0o755, "server/data/deep": 0o755}


@pytest.mark.parametrize("dockerfile", ["./Dockerfile", "server/../Dockerfile", ".//Dockerfile"])
def test_the_path_of_the_dockerfile_is_normalized(context: Path, dockerfile: str) -> None:
    (context / ".dockerignore").write_text("*\n")
    tag_properties = read_context(str(context), dockerfile)
    assert (tag_properties.dockerfile, [entry.name for entry in tag_properties.entries]) == (
        "Dockerfile",
        [".dockerignore", "Dockerfile"],
    )
    assert content_tag(tag_properties, {}, ["linux/amd64"]) == tag_of(context)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_an_unreadable_file_is_named_in_the_error(context: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may read everything, so the errors are those of another user.
    if kind == "file":
        closed = context / "server" / "main.py"
        monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != closed)
    else:
        closed, scandir = context / "server", os.scandir

        def refuse(path: Any) -> Any:
            if Path(path) == closed:
                raise PermissionError(13, "Permission denied", str(closed))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InvalidOption, match="cannot be read: Permission denied") as caught:
        names(context)
    assert str(closed) in caught.value.message


def test_a_dockerfile_can_have_its_own_ignore_file(context: Path) -> None:
    (context / "Other").write_text("FROM scratch\n")
    (context / "Other.dockerignore").write_text("server\n")
    assert names(context, "Other") == ["Dockerfile", "Other", "Other.dockerignore"]


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"context": "/nowhere"}, "context"),
        ({"dockerfile": "Nofile"}, "dockerfile"),
        ({"repository": "Upper"}, "repository"),
        ({"tag": "-x"}, "tag"),
        ({"registry": "my-registry"}, "registry"),
        ({"platform": "linux"}, "platform"),
        ({"platform": "linux/"}, "platform"),
        ({"platform": "/amd64"}, "platform"),
        ({"platform": "linux/amd64/"}, "platform"),
        ({"platform": "Linux/amd64"}, "platform"),
        ({"dockerfile": "../Dockerfile"}, "dockerfile"),
        ({"dockerfile": "/etc/hostname"}, "dockerfile"),
        ({"platform": []}, "platform"),
        ({"platform": ["linux/amd64", "linux/amd64"]}, "platform"),
        ({"platform": ["linux/amd64", "linux/arm64"], "wait": False}, "platform"),
    ],
)
def test_invalid_options_are_rejected_before_any_request(context: Path, given: dict[str, Any], option: str) -> None:
    with FakeAzure() as azure, pytest.raises(InvalidOption) as caught:
        run("container_image", azure, **{**OPTIONS, "context": str(context), **given})
    assert caught.value.fields["option"] == option


TAG_PATH = "/acr/v1/mlflow/_tags/t1"


def signed_in() -> list[Exchange]:
    """Return the requests with which azure-containerregistry gets a registry token."""
    return [
        get(TAG_PATH, 401, {}, headers=CHALLENGE),
        post("/oauth2/exchange", 200, {"refresh_token": JWT}),
        post("/oauth2/token", 200, {"access_token": JWT}),
    ]


def tagged() -> Exchange:
    tag_properties = {"name": "t1", "digest": DIGEST, "changeableAttributes": {"deleteEnabled": True}}
    return get(TAG_PATH, 200, {"imageName": "mlflow", "tag": tag_properties})


def no_tag() -> Exchange:
    return get(TAG_PATH, 404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "no"}]})


# The SDK sends forms, not JSON; the fake compares JSON bodies only where a test sets them.
def test_an_existing_image_is_not_built(context: Path) -> None:
    with FakeAzure(get(REGISTRY, 200, CURRENT), *signed_in(), tagged()) as azure:
        result = run("container_image", azure, context=str(context), **OPTIONS)
    assert result["changed"] is False
    assert result["container_image"] == {
        "registry": "cr123.azurecr.io",
        "repository": "mlflow",
        "tag": "t1",
        "digest": DIGEST,
        "reference": f"cr123.azurecr.io/mlflow@{DIGEST}",
    }


@pytest.mark.parametrize("registry", [get(REGISTRY, 404, NOT_FOUND), None])
def test_check_mode_reads_the_registry_and_builds_nothing(context: Path, registry: Exchange | None) -> None:
    script = [registry] if registry else [get(REGISTRY, 200, CURRENT), *signed_in(), no_tag()]
    with FakeAzure(*script) as azure:
        result = run("container_image", azure, check_mode=True, context=str(context), **OPTIONS)
    assert result["changed"] is True
    assert result["container_image"]["reference"] == "cr123.azurecr.io/mlflow:t1"


def test_without_a_registry_nothing_is_built(context: Path) -> None:
    with FakeAzure(get(REGISTRY, 404, NOT_FOUND)) as azure, pytest.raises(Failure, match="create it first"):
        run("container_image", azure, context=str(context), **OPTIONS)


RUN = f"{REGISTRY}/runs/ca1"


def a_run(status: str, **properties: Any) -> dict[str, Any]:
    return {"name": "ca1", "properties": {"runId": "ca1", "status": status, **properties}}


def build_script(*runs: Exchange, platform: dict[str, str] | None = None) -> list[Exchange]:
    request = {
        "type": "DockerBuildRequest",
        "imageNames": ["mlflow:t1"],
        "isPushEnabled": True,
        "sourceLocation": "tasks/source.tar.gz",
        "dockerFilePath": "Dockerfile",
        "platform": platform or {"os": "linux", "architecture": "amd64"},
        "arguments": [{"name": "A", "value": "1", "isSecret": False}],
        "timeout": 600,
    }
    upload = {"uploadUrl": "https://acrtasks.blob.core.windows.net/src/x?sig=s", "relativePath": "tasks/source.tar.gz"}
    return [
        get(REGISTRY, 200, CURRENT),
        *signed_in(),
        no_tag(),
        post(f"{REGISTRY}/listBuildSourceUploadUrl", 200, upload),
        put("/src/x", 201, headers={"ETag": '"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}),
        post(f"{REGISTRY}/scheduleRun", 200, a_run("Queued"), sent=request),
        *runs,
    ]


def test_acr_builds_and_pushes(context: Path) -> None:
    with FakeAzure(
        *build_script(get(RUN, 200, a_run("Running")), get(RUN, 200, a_run("Succeeded"))), tagged()
    ) as azure:
        result = run("container_image", azure, context=str(context), build_args={"A": 1}, **OPTIONS)
    assert (result["changed"], result["container_image"]["digest"]) == (True, DIGEST)
    assert result["diff"] == {
        "before": {},
        "after": {"image": "cr123.azurecr.io/mlflow:t1", "digest": DIGEST},
    }


def test_the_request_to_acr_has_the_variant_of_the_platform(context: Path) -> None:
    script = build_script(
        get(RUN, 200, a_run("Succeeded")), platform={"os": "linux", "architecture": "arm64", "variant": "v8"}
    )
    with FakeAzure(*script, tagged()) as azure:
        run("container_image", azure, context=str(context), build_args={"A": 1}, platform="linux/arm64/v8", **OPTIONS)


def test_a_failed_build_returns_the_end_of_its_log(context: Path) -> None:
    log = "\n".join(f"line {number}" for number in range(100))
    with (
        FakeAzure(
            *build_script(get(RUN, 200, a_run("Failed", runErrorMessage="exit 1"))),
            post(f"{RUN}/listLogSasUrl", 200, {"logLink": "https://acrtasks.blob.core.windows.net/log/y?sig=s"}),
            get("/log/y", 200, log),
        ) as azure,
        pytest.raises(Failure, match="ended as Failed") as caught,
    ):
        run("container_image", azure, context=str(context), build_args={"A": 1}, **OPTIONS)
    assert caught.value.fields["log"][-1] == "line 99"
    assert len(caught.value.fields["log"]) == 40
    assert "exit 1" in caught.value.message


def test_an_unreadable_log_does_not_hide_the_failure(context: Path) -> None:
    with (
        FakeAzure(
            *build_script(get(RUN, 200, a_run("Canceled"))),
            post(f"{RUN}/listLogSasUrl", 404, NOT_FOUND),
        ) as azure,
        pytest.raises(Failure, match="ended as Canceled"),
    ):
        run("container_image", azure, context=str(context), build_args={"A": 1}, **OPTIONS)


def test_an_unfinished_build_fails_at_the_deadline(context: Path) -> None:
    azure = FakeAzure(*build_script(*[get(RUN, 200, a_run("Running"))] * 400))
    with pytest.raises(Failure, match="wait_timeout"):
        run("container_image", azure, context=str(context), build_args={"A": 1}, **OPTIONS)
    assert azure.clock.now == pytest.approx(600)


def test_a_refused_registry_request_names_the_role(context: Path) -> None:
    refused = get(TAG_PATH, 403, {"errors": [{"code": "DENIED", "message": "requested access is denied"}]})
    with (
        FakeAzure(get(REGISTRY, 200, CURRENT), *signed_in(), refused) as azure,
        pytest.raises(Exception, match="AcrPush"),
    ):
        run("container_image", azure, context=str(context), **OPTIONS)


def signed_in_for(method: str, path: str) -> list[Exchange]:
    return [
        Exchange(method, path, 401, {}, headers=CHALLENGE),
        post("/oauth2/exchange", 200, {"refresh_token": JWT}),
        post("/oauth2/token", 200, {"access_token": JWT}),
    ]


def stored(manifest: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Return the digest of a manifest, the manifest, and the headers of its response."""
    content = json.dumps(manifest).encode()
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    return (
        digest,
        manifest,
        {"Docker-Content-Digest": digest, "Content-Type": kind, "Content-Length": str(len(content))},
    )


def tag_read(tag: str, digest: str) -> Exchange:
    tag_properties = {"name": tag, "digest": digest, "changeableAttributes": {"deleteEnabled": True}}
    return get(f"/acr/v1/mlflow/_tags/{tag}", 200, {"imageName": "mlflow", "tag": tag_properties})


def test_absent_deletes_the_manifest() -> None:
    digest, manifest, headers = stored({"schemaVersion": 2, "config": {}, "layers": []})
    path = f"/v2/mlflow/manifests/{digest}"
    with FakeAzure(
        get(REGISTRY, 200, CURRENT),
        *signed_in(),
        tag_read("t1", digest),
        *signed_in_for("GET", path),
        get(path, 200, manifest, headers=headers),
        *signed_in_for("DELETE", path),
        Exchange("DELETE", path, 202),
    ) as azure:
        result = run("container_image", azure, state="absent", **OPTIONS)
    assert (result["changed"], result["container_image"]) == (True, {})


def test_absent_deletes_the_tags_of_the_platforms() -> None:
    """Only tags that still point at manifests of the index are deleted."""
    mine, newer = "sha256:" + "b" * 64, "sha256:" + "c" * 64
    entries = [
        {"digest": mine, "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": mine, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {"digest": mine, "platform": {"os": "linux", "architecture": "s390x"}},
    ]
    digest, manifest, headers = stored({"schemaVersion": 2, "manifests": entries})
    path = f"/v2/mlflow/manifests/{digest}"
    with FakeAzure(
        get(REGISTRY, 200, CURRENT),
        *signed_in(),
        tag_read("t1", digest),
        *signed_in_for("GET", path),
        get(path, 200, manifest, headers=headers),
        *signed_in_for("GET", "/acr/v1/mlflow/_tags/t1-linux-amd64"),
        tag_read("t1-linux-amd64", mine),
        *signed_in_for("DELETE", "/acr/v1/mlflow/_tags/t1-linux-amd64"),
        Exchange("DELETE", "/acr/v1/mlflow/_tags/t1-linux-amd64", 202),
        *signed_in_for("GET", "/acr/v1/mlflow/_tags/t1-linux-arm64-v8"),
        tag_read("t1-linux-arm64-v8", newer),
        get("/acr/v1/mlflow/_tags/t1-linux-s390x", 404, {"errors": [{"code": "TAG_UNKNOWN", "message": "no"}]}),
        *signed_in_for("DELETE", path),
        Exchange("DELETE", path, 202),
    ) as azure:
        result = run("container_image", azure, state="absent", **OPTIONS)
    assert (result["changed"], result["container_image"]) == (True, {})


class FakeEngine:
    """A fake of docker's APIClient."""

    def __init__(self, built: list[dict[str, Any]], pushed: list[dict[str, Any]]) -> None:
        self.built, self.pushed = built, pushed
        self.calls: list[dict[str, Any]] = []
        self.architectures = ["amd64"]

    def inspect_image(self, _name: str) -> dict[str, Any]:
        return {"Os": "linux", "Architecture": self.architectures.pop(0)}

    def build(self, **options: Any) -> list[dict[str, Any]]:
        self.calls.append(options)
        return self.built

    def push(self, name: str, **options: Any) -> list[dict[str, Any]]:
        self.calls.append({"name": name, **options})
        return self.pushed


class FakeDockerError(Exception):
    pass


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine([{"stream": "Step 1\n"}, {"aux": {"ID": "x"}}], [{"status": "Pushed"}])
    docker: Any = types.ModuleType("docker")
    docker.errors = types.SimpleNamespace(DockerException=FakeDockerError)
    docker.from_env = lambda timeout: types.SimpleNamespace(api=fake)
    monkeypatch.setitem(sys.modules, "docker", docker)
    return fake


def docker_build(context: Path, azure: FakeAzure) -> None:
    parameters = {**OPTIONS, "context": str(context), "dockerfile": "Dockerfile", "build_args": {"A": "1"}}
    image = module("container_image")({**parameters, "platform": ["linux/amd64"], "state": "present"}, azure.arm)
    build = image._build()
    image_build.build_with_docker(build, image_build.ImageRegistry(azure.arm, "cr123.azurecr.io"), azure.arm.deadline)


def test_docker_builds_and_pushes_with_a_token(context: Path, engine: FakeEngine) -> None:
    with FakeAzure(post("/oauth2/exchange", 200, {"refresh_token": "refresh"})) as azure:
        docker_build(context, azure)
    build, push = engine.calls
    assert build["tag"] == "cr123.azurecr.io/mlflow:t1"
    assert build["buildargs"] == {"A": "1"}
    assert build["timeout"] == 600
    assert push["auth_config"]["password"] == "refresh"


def test_a_cached_image_of_another_platform_is_built_again(context: Path, engine: FakeEngine) -> None:
    engine.architectures = ["arm64", "amd64"]
    with FakeAzure(post("/oauth2/exchange", 200, {"refresh_token": "refresh"})) as azure:
        docker_build(context, azure)
    assert [call.get("nocache") for call in engine.calls] == [False, True, None]


def test_an_image_of_another_platform_is_not_pushed(context: Path, engine: FakeEngine) -> None:
    engine.architectures = ["arm64", "arm64"]
    with FakeAzure() as azure, pytest.raises(Failure, match="for linux/arm64, not for linux/amd64"):
        docker_build(context, azure)


def test_an_error_message_of_the_build_fails_the_task_without_a_push(context: Path, engine: FakeEngine) -> None:
    engine.built = [{"stream": "Step 1\n"}, {"errorDetail": {"message": "exit code 2"}, "error": "exit code 2"}]
    with FakeAzure() as azure, pytest.raises(Failure, match="exit code 2") as caught:
        docker_build(context, azure)
    assert caught.value.fields["log"] == ["Step 1"]
    assert len(engine.calls) == 1


def test_an_error_message_of_the_push_fails_the_task(context: Path, engine: FakeEngine) -> None:
    engine.pushed = [{"status": "Preparing"}, {"errorDetail": {"message": "denied"}}]
    with (
        FakeAzure(post("/oauth2/exchange", 200, {"refresh_token": "r"})) as azure,
        pytest.raises(Failure, match="denied"),
    ):
        docker_build(context, azure)


def test_an_absent_docker_engine_is_a_failure(context: Path, engine: FakeEngine) -> None:
    def refuse(**_options: Any) -> Any:
        raise FakeDockerError("connection refused")

    engine.build = refuse  # type: ignore[method-assign]
    with FakeAzure() as azure, pytest.raises(Failure, match="builder: acr"):
        docker_build(context, azure)


def test_a_silent_docker_engine_fails_at_the_deadline(context: Path, engine: FakeEngine) -> None:
    def silent(**_options: Any) -> Any:
        raise requests.exceptions.ReadTimeout("Read timed out")

    engine.build = silent  # type: ignore[method-assign]
    with FakeAzure() as azure, pytest.raises(Failure, match="Read timed out"):
        docker_build(context, azure)


def test_an_unfinished_docker_build_fails_at_the_deadline(context: Path, engine: FakeEngine) -> None:
    with FakeAzure() as azure:

        def endless(**_options: Any) -> Any:
            while True:
                azure.clock.sleep(100)
                yield {"stream": "Step 1\n"}

        engine.build = endless  # type: ignore[method-assign]
        with pytest.raises(Failure, match="raise wait_timeout") as caught:
            docker_build(context, azure)
    assert azure.clock.now == 600
    assert caught.value.fields["log"] == ["Step 1"] * 6


def test_an_ignore_file_may_begin_with_a_byte_order_mark(context: Path) -> None:
    (context / ".dockerignore").write_bytes(b"\xef\xbb\xbfserver\n")
    assert names(context) == [".dockerignore", "Dockerfile"]


def test_the_tag_ignores_the_order_of_arguments_and_platforms(context: Path) -> None:
    assert tag_of(context, {"A": "1", "B": "2"}) == tag_of(context, json.loads('{"B": "2", "A": "1"}'))
