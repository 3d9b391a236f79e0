# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.image_server import server_environment


@pytest.fixture(scope="session")
def server_bin() -> Path:
    """The folder of the console scripts of the image."""
    return server_environment()
