# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.image_server import CONTEXT, server_environment

# Its settings need nothing but Python, so their tests need no environment of their own.
sys.path.insert(0, str(CONTEXT / "server"))


@pytest.fixture(scope="session")
def server_bin() -> Path:
    """Where the image's console scripts are."""
    return server_environment()
