# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image of docker/mlflow, built and run by a real Docker engine."""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import docker
from tests.support.image_server import BUILD_ARGUMENTS, CONTAINER_SETTINGS, CONTEXT

pytestmark = pytest.mark.slow

HEALTHY_SECONDS = 180
# Files in which tools store credentials, and the patterns of such secrets.
CREDENTIAL_FILES = re.compile(
    r"(^|/)(\.netrc|\.pypirc|\.git-credentials|\.env|id_(rsa|ecdsa|ed25519)|\.docker/config\.json)$"
)
SECRET = re.compile(
    rb"-----BEGIN (RSA |EC |OPENSSH )?PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{200}|AccountKey=[A-Za-z0-9+/]{40}|\bgh[ps]_[A-Za-z0-9]{36}\b"
)


@pytest.fixture
def volume(engine: Any) -> Iterator[str]:
    found = engine.volumes.create(f"mlflow-azure-test-{uuid.uuid4()}")
    yield found.name
    found.remove(force=True)


@contextmanager
def container(engine: Any, image: Any, **options: Any) -> Iterator[Any]:
    """Run a container with a read-only file system, except /tmp and the mounts of `options`."""
    found = engine.containers.run(
        image.id,
        detach=True,
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        **options,
    )
    try:
        yield found
    finally:
        found.remove(force=True)


def until_healthy(found: Any) -> None:
    """Wait for the image's own HEALTHCHECK."""
    deadline = time.monotonic() + HEALTHY_SECONDS
    while time.monotonic() < deadline:
        found.reload()
        if found.status == "exited" or found.attrs["State"].get("Health", {}).get("Status") == "healthy":
            break
        time.sleep(0.5)
    assert found.attrs["State"].get("Health", {}).get("Status") == "healthy", found.logs().decode()


def inside(found: Any, script: str) -> str:
    """Return the output of a shell in the container."""
    status, output = found.exec_run(["/bin/sh", "-c", script])
    assert status == 0, output.decode()
    text: str = output.decode()
    return text


def mlflow_api(found: Any, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the response of MLflow to a client in the container."""
    script = (
        "import json,sys,urllib.request as u;"
        f"r=u.Request('http://127.0.0.1:5000/api/2.0/mlflow/{path}',{json.dumps(body).encode()!r},"
        "{'Content-Type':'application/json'});print(u.urlopen(r).read().decode())"
    )
    status, output = found.exec_run(["python", "-c", script])
    assert status == 0, output.decode()
    answer: dict[str, Any] = json.loads(output)
    return answer


def test_the_server_serves_persists_and_stops_on_a_signal(engine: Any, server_image: Any, volume: str) -> None:
    mounts = {volume: {"bind": "/home/mlflow", "mode": "rw"}}
    # A shorter interval than that of the image, so that the test does not wait.
    healthcheck = {"test": server_image.attrs["Config"]["Healthcheck"]["Test"], "interval": 1_000_000_000}
    options = {"environment": CONTAINER_SETTINGS, "volumes": mounts, "healthcheck": healthcheck}
    with container(engine, server_image, **options) as first:
        until_healthy(first)
        assert inside(first, "id -u; id -g").split() == ["10001", "10001"]
        assert inside(first, "tr '\\0' ' ' </proc/1/cmdline").startswith("/usr/bin/tini -- ")
        experiment = mlflow_api(first, "experiments/create", {"name": "kept"})["experiment_id"]
        begun = time.monotonic()
        first.stop(timeout=30)
        assert time.monotonic() - begun < 20
        first.reload()
        assert first.attrs["State"]["ExitCode"] in (0, 143)
    with container(engine, server_image, **options) as second:
        until_healthy(second)
        found = mlflow_api(second, "experiments/search", {"max_results": 10})["experiments"]
        assert experiment in [one["experiment_id"] for one in found]


def test_the_content_of_the_image(engine: Any, server_image: Any) -> None:
    labels = server_image.labels
    assert (labels["org.opencontainers.image.version"], labels["org.opencontainers.image.revision"]) == ("1.2.3", "abc")
    assert server_image.attrs["Config"]["User"] == "10001:10001"
    with container(engine, server_image, entrypoint=["sleep", "600"], environment=CONTAINER_SETTINGS) as found:
        for absent in ("gcc", "cc", "make", "pip", "git"):
            assert inside(found, f"command -v {absent} || echo none") == "none\n"
        assert inside(found, "ls -A /var/lib/apt/lists") == ""
        assert inside(found, "head -c 1 /opt/mlflow/sbom.cdx.json") == "{"
        # The server cannot change the files that it runs.
        assert inside(found, "find /opt/mlflow -writable ! -type l") == ""


@pytest.mark.parametrize(
    "uri",
    [
        "mssql+mssqlpython://me:SECRET@127.0.0.1:9/mlflow",
        "mssql+pyodbc://me:SECRET@127.0.0.1:9/mlflow?driver=ODBC+Driver+18+for+SQL+Server",
    ],
)
def test_the_odbc_driver_is_installed(engine: Any, server_image: Any, uri: str) -> None:
    """No server listens at the address, so the error comes from the driver."""
    # Without a volume only /tmp is writable.
    places = {"MLFLOW_BACKEND_STORE_URI": uri, "MLFLOW_ARTIFACTS_DESTINATION": "/tmp/artifacts"}
    settings = {**CONTAINER_SETTINGS, **places, "MLFLOW_AZURE_DATABASE_TIMEOUT": "1"}
    with container(engine, server_image, environment=settings) as found:
        assert found.wait(timeout=120)["StatusCode"] == 78
        log = found.logs().decode()
    assert "did not answer in time" in log
    assert "[Microsoft]" in log
    assert "SECRET" not in log


ASK = """
import importlib, os, pathlib, sys
from mlflow_azure_server import _odbc
host, _mark, port = os.environ["SERVER"].rpartition(":")
login = "UID=" + os.environ["LOGIN"] + ";PWD={" + os.environ["PASSWORD"].replace("}", "}}") + "};"
options = f"Server={host},{port};Encrypt=yes;TrustServerCertificate=yes;" + login
driver = importlib.import_module(sys.argv[1])
if sys.argv[1] == "pyodbc":
    wheel = pathlib.Path(importlib.import_module("mssql_python_odbc").__file__).parent
    options = f"Driver={_odbc.driver_file(wheel, *_odbc.this_machine())};" + options
try:
    print("ANSWER", driver.connect(options).cursor().execute("SELECT 40 + 2").fetchone()[0])
except driver.Error as error:
    print("REFUSED", error)
"""


@pytest.mark.parametrize("driver", ["pyodbc", "mssql_python"])
def test_the_driver_connects_to_sql_server_over_tls(engine: Any, server_image: Any, driver: str) -> None:
    """SANDBOX_SQL_SERVER is the address (host:port); without it no server listens, and the driver reports that. TLS is required."""
    server = os.environ.get("SANDBOX_SQL_SERVER", "")
    settings = {
        "SERVER": server or "127.0.0.1:9",
        "LOGIN": os.environ.get("SANDBOX_SQL_USER", "sa"),
        "PASSWORD": os.environ.get("SANDBOX_SQL_PASSWORD", "none"),
    }
    program = {"entrypoint": ["python3", "-c", ASK, driver], "environment": settings, "network_mode": "host"}
    with container(engine, server_image, **program) as found:
        assert found.wait(timeout=180)["StatusCode"] == 0
        log = found.logs().decode()
    assert ("ANSWER 42" in log) if server else ("REFUSED" in log and "[Microsoft]" in log), log


def test_the_build_fails_without_the_licence_argument(engine: Any, base_image: str) -> None:
    with pytest.raises(docker.errors.BuildError) as caught:
        engine.images.build(path=str(CONTEXT), buildargs={"BASE_IMAGE": base_image}, rm=True, forcerm=True)
    assert "https://aka.ms/odbc18eula" in "".join(str(line.get("stream", "")) for line in caught.value.build_log)


def layers(image: Any) -> Iterator[tarfile.TarFile]:
    """Return all layers of an image, also those whose files a later layer hides."""
    with tempfile.TemporaryFile() as file:
        for part in image.save():
            file.write(part)
        file.seek(0)
        with tarfile.open(fileobj=file) as saved:
            manifest = saved.extractfile("manifest.json")
            assert manifest
            for name in json.load(manifest)[0]["Layers"]:
                with tarfile.open(fileobj=saved.extractfile(name)) as layer:
                    yield layer


def secrets(image: Any) -> tuple[list[str], int]:
    """Return the files of any layer that are or contain a secret, and the number of files that were searched."""
    found, searched = [], 0
    for layer in layers(image):
        for member in layer:
            searched += 1
            content = layer.extractfile(member) if member.isfile() and member.size < 1_000_000 else None
            if CREDENTIAL_FILES.search(member.name) or (content and SECRET.search(content.read())):
                found.append(member.name)
    return found, searched


def test_no_layer_contains_a_secret(server_image: Any) -> None:
    history = json.dumps(server_image.history())
    for word in ("PASSWORD", "TOKEN", "SECRET"):
        assert word not in history.upper().replace("MLFLOW_AZURE", "")
    found, searched = secrets(server_image)
    assert searched > 5000
    assert not found


def test_a_secret_that_a_later_layer_removes_is_detected(engine: Any, base_image: str) -> None:
    """The search of the test above works."""
    lines = [
        f"FROM {base_image}",
        "RUN mkdir /x && echo machine > /x/.netrc && printf AccountKey=%048d 0 > /x/k",
        "RUN rm -r /x",
    ]
    built, _log = engine.images.build(fileobj=io.BytesIO("\n".join(lines).encode()), rm=True, forcerm=True)
    try:
        assert secrets(built)[0] == ["x/.netrc", "x/k"]
    finally:
        engine.images.remove(built.id, force=True)


@pytest.mark.long
def test_a_base_image_that_contains_mlflow(engine: Any, base_image: str) -> None:
    """The published images of MLflow are such bases: the image runs the MLflow of its lock file all the same."""
    tag = f"mlflow-azure-test/published:{uuid.uuid4().hex}"
    dockerfile = (
        f"FROM {base_image}\n"
        'RUN packages=$(python3 -c \'import sysconfig; print(sysconfig.get_paths("posix_local")["purelib"])\') '
        "&& mkdir -p $packages/mlflow && echo 'raise ImportError(\"the MLflow of the base\")' > $packages/mlflow/__init__.py "
        "&& printf '#!/bin/sh\\nexit 9\\n' > /usr/local/bin/mlflow && chmod +x /usr/local/bin/mlflow "
        "&& ! python3 -c 'import mlflow'\nWORKDIR /app\nENTRYPOINT []\n"
    )
    engine.images.build(fileobj=io.BytesIO(dockerfile.encode()), tag=tag, rm=True, forcerm=True)
    try:
        arguments = {**BUILD_ARGUMENTS, "BASE_IMAGE": tag}
        image, _log = engine.images.build(
            path=str(CONTEXT), buildargs=arguments, network_mode="host", rm=True, forcerm=True
        )
        healthcheck = {"test": image.attrs["Config"]["Healthcheck"]["Test"], "interval": 1_000_000_000}
        settings = {
            **CONTAINER_SETTINGS,
            "MLFLOW_BACKEND_STORE_URI": "sqlite:////tmp/a.db",
            "MLFLOW_ARTIFACTS_DESTINATION": "/tmp/a",
        }
        with container(engine, image, environment=settings, healthcheck=healthcheck) as found:
            until_healthy(found)
            locked = re.search(r"^mlflow==(\S+)", (CONTEXT / "requirements.lock").read_text(), re.MULTILINE)
            assert locked is not None
            assert inside(found, "mlflow --version").split()[-1] == locked[1]
        engine.images.remove(image.id, force=True)
    finally:
        engine.images.remove(tag, force=True)
