# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""site.yml with the image of the server: Docker builds and pushes it, and the container app runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.image_server import BUILD_ARGUMENTS
from tests.support.site_copy import Site, make_site

pytestmark = pytest.mark.slow

LABEL = "io.github.mlops-mlflow-azure.sandbox"


@pytest.fixture(scope="module")
def site(engine: Any, server_image: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A copy of the project, with a sandbox that runs containers. `server_image` has filled the build cache of the engine."""
    copy = make_site(tmp_path_factory.mktemp("site"))
    copy.sandbox("up", "--runtime", "docker")
    yield copy
    copy.sandbox("down", "--purge")


def containers(engine: Any, owner: str) -> list[Any]:
    listed: list[Any] = engine.containers.list(all=True, ignore_removed=True, filters={"label": f"{LABEL}={owner}"})
    return listed


def test_site_with_docker(engine: Any, site: Site, base_image: str) -> None:
    settings = {"image_builder": "docker", "image_build_args": {**BUILD_ARGUMENTS, "BASE_IMAGE": base_image}}
    first = site.play("site.yml", "-e", json.dumps(settings))
    assert first.code == 0, first.output[-6000:]
    owner = json.loads((site.clone / ".sandbox" / "engine.json").read_text())["owner"]

    (app,) = site.resources("Microsoft.App/containerApps")
    (server,) = containers(engine, owner)
    image = app["properties"]["template"]["containers"][0]["image"]
    assert "@sha256:" in image
    assert server.image.id in {found.id for found in engine.images.list(name=image.partition("@")[0])}
    assert server.attrs["Config"]["User"] == "10001:10001"
    assert not any(server.ports.values())
    assert "is the SQLite file" in site.sandbox("logs", app["id"].rpartition("/")[2])
    visible = json.dumps([server.attrs["Path"], server.attrs["Args"], server.attrs["Config"]["Labels"], server.top()])
    assert not [secret for secret in site.secrets() if secret in visible or secret in first.output]

    pushed = site.clone / ".sandbox" / "registry" / "repositories"
    before = {path: path.stat().st_mtime_ns for path in pushed.rglob("*") if path.is_file()}
    assert before
    writes = site.writes()
    second = site.play("site.yml", "-e", json.dumps(settings))
    assert second.code == 0, second.output[-6000:]
    assert second.changed == 0, second.output[-6000:]
    assert site.writes() == writes
    # The image is neither built nor pushed again, and the container is the same.
    assert {path: path.stat().st_mtime_ns for path in pushed.rglob("*") if path.is_file()} == before
    assert [found.id for found in containers(engine, owner)] == [server.id]

    site.sandbox("down")
    assert not containers(engine, owner)
    assert not engine.networks.list(filters={"label": f"{LABEL}={owner}"})


def test_site_with_acr_tasks(engine: Any, site: Site, base_image: str) -> None:
    """A second deployment: the registry builds its image with the engine, and the play pushes nothing."""
    settings = {"image_builder": "acr", "image_build_args": {**BUILD_ARGUMENTS, "BASE_IMAGE": base_image}}
    arguments = ("-e", json.dumps(settings), "-e", "deployment=acr")
    first = site.play("site.yml", *arguments)
    assert first.code == 0, first.output[-6000:]
    (build,) = site.resources("Microsoft.ContainerRegistry/registries/runs", "/rg-mlflow-acr/")
    assert build["properties"]["status"] == "Succeeded"
    (app,) = site.resources("Microsoft.App/containerApps", "/rg-mlflow-acr/")
    image = app["properties"]["template"]["containers"][0]["image"]
    assert image.endswith(build["properties"]["outputImages"][0]["digest"])
    owner = json.loads((site.clone / ".sandbox" / "engine.json").read_text())["owner"]
    revision = f"CONTAINER_APP_REVISION={app['properties']['latestRevisionName']}"
    (server,) = [found for found in containers(engine, owner) if revision in found.attrs["Config"]["Env"]]
    assert server.attrs["Config"]["User"] == "10001:10001"
    second = site.play("site.yml", *arguments)
    assert (second.code, second.changed) == (0, 0), second.output[-6000:]
