# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import exclusive


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty clone as the current directory, in which no process waits for a lock."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(exclusive, "WAIT_SECONDS", 0)
    return tmp_path
