# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The app of the image around MLflow's own."""

from __future__ import annotations

import asyncio
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from mlflow_azure_server import _app
from mlflow_azure_server._host_names import CanonicalHosts, canonical
from mlflow_azure_server._settings import settings

from tests.support.image_server import CONTEXT, bare

IN_THE_IMAGE = """
from mlflow_azure_server._app import MIDDLEWARE, create_app
app = create_app()
classes = [middleware.cls for middleware in app.user_middleware]
assert classes[:len(MIDDLEWARE)] == list(MIDDLEWARE), classes
from mlflow.server.fastapi_security import HostValidationMiddleware
assert HostValidationMiddleware in classes[len(MIDDLEWARE):], classes
"""


def test_the_command_names_the_entry_point_of_the_app() -> None:
    entry_points = tomllib.loads((CONTEXT / "server" / "pyproject.toml").read_text())["project"]["entry-points"]
    assert entry_points["mlflow.app"] == {_app.NAME: f"{_app.__name__}:{_app.create_app.__name__}"}
    env = {"MLFLOW_BACKEND_STORE_URI": "sqlite:////mlflow.db", "MLFLOW_ARTIFACTS_DESTINATION": "/artifacts"}
    argv = settings(env, "python").argv
    assert argv[argv.index("--app-name") + 1] == _app.NAME


def test_the_middleware_of_the_image_is_outside_that_of_mlflow(server_bin: Path, tmp_path: Path) -> None:
    env = bare(_MLFLOW_SERVER_FILE_STORE=f"sqlite:///{tmp_path}/mlflow.db")
    subprocess.run([str(server_bin / "python"), "-W", "ignore", "-c", IN_THE_IMAGE], env=env, timeout=120, check=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ml.example.org", "ml.example.org"),
        ("ML.Example.ORG", "ml.example.org"),
        ("ml.example.org.", "ml.example.org"),
        ("ml.example.org.:443", "ml.example.org:443"),
        ("ml.example.org..", "ml.example.org.."),
        ("[FD00::1]:5000", "[fd00::1]:5000"),
        ("https://ML.example.org.", "https://ml.example.org"),
        ("null", "null"),
        (".", "."),
        ("", ""),
    ],
)
def test_host_names_have_one_form(value: str, expected: str) -> None:
    assert canonical(value) == expected


def test_only_the_headers_with_host_names_change() -> None:
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    async def unused(*_arguments: Any) -> Any:
        raise AssertionError

    headers = [(b"host", b"ML.Example.org"), (b"x-name", b"Ada."), (b"host", b"\xff\xc0."), (b"origin", b"HTTPS://A.")]
    given = {"type": "http", "path": "/Path.", "headers": headers}
    asyncio.run(CanonicalHosts(app)(given, unused, unused))
    asyncio.run(CanonicalHosts(app)({"type": "lifespan"}, unused, unused))
    changed = [(b"host", b"ml.example.org"), (b"x-name", b"Ada."), (b"host", b"\xff\xe0."), (b"origin", b"https://a")]
    assert seen == [{**given, "headers": changed}, {"type": "lifespan"}]
    assert given["headers"] is headers
