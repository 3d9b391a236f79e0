# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Docker engine, a registry, and a base image that is built on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import docker
from tests.support.docker_registry import Registry, serving
from tests.support.image_server import BUILD_ARGUMENTS, CONTEXT

BASE = "mlflow-azure-test/base"
SERVER = "mlflow-azure-test/server"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """The API of the engine at DOCKER_HOST, or of the local engine."""
    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except docker.errors.DockerException as error:
        pytest.skip(f"no Docker engine is reachable ({error}): start one, or set DOCKER_HOST")
    yield client
    client.close()


@pytest.fixture(scope="session")
def registry(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with a token service like that of Azure, which the engine can reach."""
    executable = shutil.which("docker-registry")
    if executable is None:
        pytest.skip("there is no docker-registry (package docker-registry of Debian and Ubuntu)")
    with serving(executable, tmp_path_factory.mktemp("registry")) as running:
        yield running


def _debian(directory: Path) -> None:
    """Install Debian with Python in `directory`. It trusts the certificates that this machine trusts."""
    packages = "--include=python3,python3-venv,ca-certificates"
    subprocess.run(
        ["debootstrap", "--variant=minbase", packages, "bookworm", directory], check=True, stdout=subprocess.DEVNULL
    )
    shutil.copy(CERTIFICATES, directory / CERTIFICATES.relative_to("/"))


@pytest.fixture(scope="session")
def base_image(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a base image with the Python of Debian, because not every machine can pull images."""
    try:
        engine.images.get(BASE)
    except docker.errors.ImageNotFound:
        if os.geteuid() != 0 or shutil.which("debootstrap") is None:
            pytest.skip(f"there is no image {BASE}, and only root can make it, with debootstrap")
        directory = tmp_path_factory.mktemp("base")
        _debian(directory / "root")
        archive = directory / "root.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(directory / "root", arcname=".")
        shutil.rmtree(directory / "root")
        changes = [f"ENV PIP_CERT={CERTIFICATES}"]
        engine.api.import_image_from_file(str(archive), repository=BASE, tag="latest", changes=changes)
        archive.unlink()
    return BASE


@pytest.fixture(scope="session")
def server_image(engine: Any, base_image: str) -> Any:
    """The image of docker/mlflow. The cache of Docker builds it once for each content."""
    arguments = {**BUILD_ARGUMENTS, "BASE_IMAGE": base_image}
    image, _log = engine.images.build(
        path=str(CONTEXT), tag=SERVER, buildargs=arguments, network_mode="host", rm=True, forcerm=True
    )
    return image
