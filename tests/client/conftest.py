# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.image_server import Server, free_port, running, server_environment, settings


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of the image with SQLite and a folder of artifacts."""
    directory = tmp_path_factory.mktemp("mlflow")
    executable = server_environment() / "mlflow-azure-server"
    with running(executable, settings(directory, free_port()), directory / "log") as running_server:
        yield running_server


@pytest.fixture(scope="session")
def artifacts(server: Server) -> Path:
    """The folder in which the server stores artifacts."""
    return server.log.parent / "artifacts"
